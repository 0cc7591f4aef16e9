"""Stop ends whatever a cell is doing, in a real kernel, and the next cell runs."""

import time

import pytest
from kernel import Kernel

pytestmark = pytest.mark.alone  # its waits are short

SETUP = """
import asyncio, ctypes, hashlib, select, socket, threading, time
from helpers import lesson
from helpers.instruments import record
lesson.begin("10")
"""
CELLS = {
    "awaits an event": "await asyncio.Event().wait()",
    "awaits a sleep": "await asyncio.sleep(60)",
    "awaits a thread": "await asyncio.to_thread(threading.Event().wait, 3)",
    "sleeps, no await in the cell": "time.sleep(60)",
    "is busy, no await in the cell": "while True: pass",
    "is busy": "await asyncio.sleep(0)\nwhile True: pass",
    "sleeps": "await asyncio.sleep(0)\ntime.sleep(60)",
    "receives": "await asyncio.sleep(0)\none, other = socket.socketpair()\none.recv(1)",
    "waits in epoll": "select.epoll().poll()",
    "waits in a function of C": "ctypes.CDLL(None).poll(None, 0, -1)",
    "sleeps under the instruments": "async with record() as ledger:\n    time.sleep(60)",
    "gathers a busy task": (
        "async def busy():\n    while True: pass\nawait asyncio.gather(busy(), asyncio.sleep(60))"
    ),
    "has a busy task in a group": (
        "async def busy():\n    while True: pass\n"
        "async with asyncio.TaskGroup() as group:\n"
        "    group.create_task(busy())\n    group.create_task(asyncio.sleep(60))"
    ),
    "catches every Exception": (
        "await asyncio.sleep(0)\nwhile True:\n    try: time.sleep(0.1)\n    except Exception: pass"
    ),
    "is an exercise's check": (
        "async def attempt():\n    while True: pass\nawait lesson.check('Exercise 1', attempt)"
    ),
}
LONG_CALL = "hashlib.pbkdf2_hmac('sha256', b'a', b'b', 20_000_000)"


@pytest.fixture(scope="module")
def kernel():
    with Kernel(attended=True) as kernel:
        assert kernel.run(SETUP).status == "ok"
        yield kernel


@pytest.mark.parametrize("code", CELLS.values(), ids=CELLS)
def test_stop_ends_the_cell_and_the_kernel_goes_on(kernel, code):
    id = kernel.send(code)
    time.sleep(0.7)
    stopped = time.monotonic()
    kernel.interrupt()
    # The promise is one second, and two on a loaded machine; the wait is bounded by that.
    [reply] = kernel.gather([id], 2.0 - (time.monotonic() - stopped))
    assert reply.status == "error", "the cell did not end within two seconds of Stop"
    assert kernel.run("print(6 * 7)").text.strip() == "42"


def test_what_the_cell_has_running_in_a_thread_ends_with_it(kernel):
    """It would compute on, beside whatever is measured next."""
    code = (
        "over, ended = threading.Event(), threading.Event()\n"
        "def busy():\n    try:\n        while not over.is_set(): pass\n"
        "    finally: ended.set()\n"
        "await asyncio.to_thread(busy)"
    )
    id = kernel.send(code)
    time.sleep(0.7)
    kernel.interrupt()
    assert kernel.gather([id], 10)[0].status == "error"
    said = kernel.run("print(ended.wait(20))\nover.set()")
    assert said.text.strip() == "True"


@pytest.mark.parametrize("first", ["", "await asyncio.sleep(0)\n"], ids=["plain", "awaits"])
def test_a_call_that_cannot_be_interrupted_is_said_to_be_one(kernel, first):
    id = kernel.send(first + LONG_CALL)
    time.sleep(0.5)
    kernel.interrupt()
    [reply] = kernel.gather([id], 60)
    assert reply.text.count("Choose Kernel → Restart Kernel to end it.") == 1
    assert kernel.run("print(6 * 7)").text.strip() == "42"


def test_a_cell_that_catches_everything_is_told_how_to_end_it(kernel):
    id = kernel.send(
        "await asyncio.sleep(0)\nend_s = time.monotonic() + 5\nwhile time.monotonic() < end_s:\n"
        "    try: time.sleep(0.1)\n    except: pass"
    )
    time.sleep(0.5)
    kernel.interrupt()
    [reply] = kernel.gather([id], 30)
    assert "it catches every exception" in reply.text


def test_without_begin_stop_does_not_end_such_cells():
    """Show that the cure is what cures: if this fails, it is not needed any more."""
    for code in ("await asyncio.Event().wait()", "await asyncio.sleep(0)\nwhile True: pass"):
        with Kernel(attended=True) as bare:
            assert bare.run("import asyncio").status == "ok"
            id = bare.send(code)
            time.sleep(1)
            bare.interrupt()
            assert bare.gather([id], 2.0)[0].status == "never ended"
