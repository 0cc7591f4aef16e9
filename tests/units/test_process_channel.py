"""The channel to a child: values and exceptions arrive whole, and no child outlives its kernel."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from helpers.hosting.process_call import call_in_process
from helpers.hosting.process_channel import ChannelClosed, ChildProcess

TIMEOUT_S = 30


def raised_by(function):
    """Return what the function raises in a process of its own."""
    with pytest.raises(BaseException) as caught:
        asyncio.run(call_in_process(function))
    return caught.value


# --- values


@pytest.fixture
def echoing():
    # By value: a child cannot import this file.
    def function(channel):
        while True:
            channel.send(channel.receive())

    child = ChildProcess(function)
    yield child
    child.kill()


def test_what_is_sent_comes_back_also_a_class_of_a_cell(echoing):
    class Tea:
        def __init__(self, kind):
            self.kind = kind

    for value in (None, 1.5, "text", b"x" * 1_000_000, {"a": [1, (2,)]}, ValueError("no")):
        echoing.send(value)
        assert repr(echoing.receive()) == repr(value)
    echoing.send(Tea("green"))
    tea = echoing.receive()
    assert type(tea) is Tea and tea.kind == "green"
    echoing.send(lambda n: n + 1)
    assert echoing.receive()(1) == 2


def test_a_child_that_ends_closes_the_channel_and_closing_twice_does_nothing(echoing):
    assert echoing.close() == 0
    assert echoing.close() == 0
    with pytest.raises(ChannelClosed):
        echoing.send(1)
    with pytest.raises(ChannelClosed):
        echoing.receive()
    assert psutil.Process().children(recursive=True) == []


# --- exceptions


def test_an_exception_made_in_a_cell_comes_back_whole():
    class Spilt(Exception):
        def __init__(self, cup, how_much):
            super().__init__(f"{how_much} ml of {cup}")
            self.cup = cup
            self.how_much = how_much

    def spill():
        error = Spilt("tea", 20)
        error.add_note("on the table")
        raise error from LookupError("no saucer")

    error = raised_by(spill)
    assert type(error) is Spilt
    assert (str(error), error.cup, error.how_much) == ("20 ml of tea", "tea", 20)
    assert error.__notes__[0] == "on the table"
    assert "Raised in another process" in error.__notes__[1]
    assert "in spill" in error.__notes__[1]
    assert repr(error.__cause__) == "LookupError('no saucer')"


def test_a_group_and_the_errors_in_it_come_back_whole():
    class Two(Exception):
        def __init__(self, a, b):
            super().__init__(a + b)
            self.a = a

    def both():
        raise ExceptionGroup("both", [Two(1, 2), OSError(2, "gone", "file.txt")])

    error = raised_by(both)
    first, second = error.exceptions
    assert type(first) is Two and first.a == 1 and first.args == (3,)
    assert type(second) is FileNotFoundError
    assert (second.errno, second.filename) == (2, "file.txt")


@pytest.mark.parametrize(
    "error",
    [
        OSError(98, "in use"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no start byte"),
        KeyError("x"),
        ImportError("no", name="x", path="y"),
        TimeoutError(),
        EOFError("the function's own"),
        SyntaxError("bad", ("file", 1, 2, "text")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_builtin_exceptions_come_back_as_they_were(error):
    def fail():
        raise error

    again = raised_by(fail)
    assert type(again) is type(error)
    assert (again.args, str(again)) == (error.args, str(error))
    for name in ("errno", "start", "name", "path", "filename", "lineno", "text"):
        assert getattr(again, name, None) == getattr(error, name, None)


def test_what_led_to_an_error_and_cannot_travel_is_left_behind():
    def fail():
        try:
            raise LookupError(n for n in "ab")
        except LookupError:
            raise ValueError("after it")  # noqa: B904

    error = raised_by(fail)
    assert type(error) is ValueError and error.__context__ is None


def test_an_exception_that_cannot_travel_arrives_in_words():
    def fail():
        raise LookupError("with a generator", (n for n in "ab"))

    error = raised_by(fail)
    assert type(error) is RuntimeError
    assert str(error).startswith("LookupError: ('with a generator', <generator")
    assert "in fail" in error.__notes__[0]


def test_a_result_that_cannot_travel_says_so():
    with pytest.raises(TypeError, match="pickle"):
        asyncio.run(call_in_process(lambda: (n for n in "ab")))


# --- the end of the kernel

# What a kernel may be doing with its child when it is killed, and what the child does then.
WORK = {
    "one long call into C": "sum(range(10**11))",
    "a loop in Python": "exec('while True: pass')",
    "sleeping": "__import__('time').sleep(600)",
    "deaf to signals": "[signal(n, 1) for n in range(1, 32) if n not in (9, 19)] "
    "and sum(range(10**11))",
}
CALL = """
    import asyncio, sys
    from helpers.hosting.process_call import call_in_process

    def work():
        import os, sys
        from signal import signal
        print(os.getpid(), file=open({file!r}, "w"), flush=True)
        {work}

    asyncio.run(call_in_process(work))
"""
SERVE = """
    import asyncio, sys, urllib.request
    from aiohttp import web
    from helpers.servers import serve

    async def handler(request):
        import os, sys
        from signal import signal
        print(os.getpid(), file=open({file!r}, "w"), flush=True)
        {work}

    server = serve("server", [web.get("/", handler)], process=True)
    urllib.request.urlopen(server.url)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(
    ("how", "work"),
    # A handler is not on the main thread, where alone signals can be turned off.
    [(CALL, work) for work in WORK] + [(SERVE, work) for work in list(WORK)[:-1]],
    ids=lambda value: "call" if value is CALL else "server" if value is SERVE else value,
)
def test_a_child_ends_when_its_kernel_is_killed_whatever_it_does(how, work, tmp_path):
    file = tmp_path / "pid"
    script = textwrap.dedent(how).format(file=str(file), work=WORK[work])
    kernel = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: file.exists() and file.read_text().endswith("\n"))
        family = [psutil.Process(kernel.pid), *psutil.Process(kernel.pid).children()]
        assert len(family) == 3, "the kernel, the child, and its guard"
        assert int(file.read_text()) in [process.pid for process in family]
        os.kill(kernel.pid, signal.SIGKILL)
    finally:
        kernel.kill()
        kernel.wait()
    wait_until(lambda: not any(alive(process) for process in family))


def alive(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(true):
    for _ in range(TIMEOUT_S * 50):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it never came true")


def test_a_child_started_in_a_thread_outlives_the_thread(another_thread):
    def function(channel):
        channel.send(channel.receive())

    started = []
    another_thread(lambda: started.append(ChildProcess(function))).join()
    [child] = started
    try:
        child.send("hello")
        assert child.receive() == "hello"
    finally:
        child.kill()
