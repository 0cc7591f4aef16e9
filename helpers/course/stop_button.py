"""The Stop button: it ends a cell that waits, one that is busy, and one that is stuck in a call.

Plan: the button sends SIGINT. In a cell without await, Python raises KeyboardInterrupt. In
one that awaits, the kernel cancels the cell's task on its loop, which reaches only a loop
that gets to run. So a thread learns of every signal at once, through Python's wake-up file
descriptor, and does three things. It wakes a loop asleep in its selector (ipykernel issue
881). Where the loop is still held up a moment later, by busy code or by a blocking call that
Python takes up again after a signal (PEP 475), it has the cancellation raised in the code
that holds it up, by a signal of its own: CancelledError, because KeyboardInterrupt would
leave the loop and end the kernel. And where even that does not help, it says in one line why,
and what to do. What the cell has running in a thread of its loop (`asyncio.to_thread`) is
ended with it, or it would compute on for nobody.

Left out: anything that patches the kernel or its loop. A call into C that keeps the
interpreter's lock (a sum over a huge range) can't be ended from inside of Python, and while
it lasts nothing can be said either.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import ctypes
import signal
import socket
import sys
import threading
from collections.abc import Iterator

from helpers.course import notebook

PATIENCE_S = 0.3  # a loop that gets to run has done within it what it was told
SAY_S = 2.0  # a cell that goes on so long after Stop gets the line that says why
STUCK = (
    "Stop was pressed, but this cell goes on: it is inside one long call that Python can't "
    "interrupt, or it catches every exception. Choose Kernel → Restart Kernel to end it."
)
RAISE = getattr(signal, "SIGUSR2", None)  # raises in the main thread what `raise_in` was given
_KERNEL = {"ipykernel", "tornado", "zmq"}


class _Cell:
    """The cell that runs now: whether it has ended, and its loop if it awaits."""

    def __init__(self):
        self.ended, self.stopped = threading.Event(), threading.Event()
        plain = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        self.loop = None if plain else _loop()
        self.context = contextvars.copy_context()  # what is printed in it belongs to this cell


_cell: _Cell | None = None
_wakes: socket.socket | None = None  # Python writes the number of every signal to it
_to_raise: list[BaseException] = []


def install() -> None:
    """Let the Stop button end the cell that runs now, and each later one."""
    global _wakes
    if not _in_main_thread():
        return
    if _wakes is None:
        heard, _wakes = socket.socketpair()
        _wakes.setblocking(False)
        threading.Thread(target=_listen, args=[heard], name="stop button", daemon=True).start()
    if RAISE is not None:
        signal.signal(RAISE, _raise)
    ip = notebook.shell()
    if ip is not None and _cell_begins not in ip.events.callbacks["pre_run_cell"]:
        ip.events.register("pre_run_cell", _cell_begins)
        ip.events.register("post_execute", _cell_ends)
    _cell_begins()


def was_pressed() -> bool:
    """Tell whether Stop was pressed in the cell that runs now."""
    return _cell is not None and _cell.stopped.is_set() and not _cell.ended.is_set()


@contextlib.contextmanager
def limit(seconds: float) -> Iterator[threading.Event]:
    """Cancel the code that holds up the running loop, once `seconds` have gone by.

    It yields an event that is set if that was necessary. A loop that gets to run is left
    alone: for that one asyncio.timeout does what is needed.
    """
    before = signal.signal(RAISE, _raise) if RAISE is not None and _in_main_thread() else None
    loop, thread = asyncio.get_running_loop(), threading.get_ident()
    over, necessary = threading.Event(), threading.Event()

    def watch() -> None:
        if not over.wait(seconds) and _held_up(loop, over):
            necessary.set()
            raise_in(thread, asyncio.CancelledError("the time was over"))

    threading.Thread(target=watch, name="limit", daemon=True).start()
    try:
        yield necessary
    finally:
        over.set()
        if before is not None:
            signal.signal(RAISE, before)


def insist(loop: asyncio.AbstractEventLoop, thread: int, over: threading.Event) -> None:
    """Cancel the code that holds up a loop in its thread a moment from now, unless it is over."""

    def watch() -> None:
        if _held_up(loop, over):
            raise_in(thread, asyncio.CancelledError("stopped"))

    threading.Thread(target=watch, name="insist", daemon=True).start()


def end_calls_in_threads(loop: asyncio.AbstractEventLoop) -> None:
    """Raise in each call of `asyncio.to_thread` on this loop that is in a cell's code.

    A blocking call there has to end first.
    """
    frames = sys._current_frames()
    pool = getattr(loop, "_default_executor", None)  # nothing else tells whose threads they are
    for thread in list(getattr(pool, "_threads", ())):
        if notebook.runs_a_cells_code(frames.get(thread.ident)):
            raise_in(thread.ident, asyncio.CancelledError("stopped"))


def raise_in(thread: int, error: BaseException) -> None:
    """Raise an exception in a thread: the main one, even in a call, or another's next line."""
    if thread == threading.main_thread().ident and RAISE is not None:
        _to_raise.append(error)
        signal.pthread_kill(thread, RAISE)
    else:
        kind = ctypes.py_object(type(error))
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), kind)


def _raise(_number: int, frame) -> None:
    error = _to_raise.pop() if _to_raise else None
    if error is not None and _may_end(frame):
        raise error


def _listen(heard: socket.socket) -> None:
    """For every press of Stop: see to it that the cell ends, or say why it does not."""
    while numbers := heard.recv(4096):
        cell = _cell
        if signal.SIGINT in numbers and cell is not None and not cell.ended.is_set():
            cell.stopped.set()
            if cell.loop is not None and _held_up(cell.loop, cell.ended):
                raise_in(threading.main_thread().ident, asyncio.CancelledError("stopped"))
            if not cell.ended.wait(SAY_S):
                cell.context.run(print, STUCK, flush=True)


def _held_up(loop: asyncio.AbstractEventLoop, over: threading.Event) -> bool:
    """Wake a loop, and tell whether it does not get to run, unless what it ran is over."""
    runs = threading.Event()
    try:
        loop.call_soon_threadsafe(runs.set)
    except RuntimeError:
        return False  # closed
    return not runs.wait(PATIENCE_S) and not over.is_set()


def _cell_begins(*_) -> None:
    global _cell
    if _in_main_thread():
        _cell = _Cell()
        # Anew for every cell: a loop with signal handlers of its own has put in its own.
        signal.set_wakeup_fd(_wakes.fileno(), warn_on_full_buffer=False)


def _cell_ends(*_) -> None:
    if _in_main_thread() and _cell is not None:
        _cell.ended.set()
        if _cell.stopped.is_set() and _cell.loop is not None:
            end_calls_in_threads(_cell.loop)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _may_end(frame) -> bool:
    """Tell whether the code under way is somebody's task or callback, not the kernel's own."""
    task = asyncio.current_task() if _loop() else None
    if task is not None:
        its = getattr(task.get_coro(), "cr_frame", None)
        return its is None or its.f_globals.get("__name__", "").split(".")[0] not in _KERNEL
    while frame is not None:
        if frame.f_code.co_name == "_run" and frame.f_globals.get("__name__") == "asyncio.events":
            return True  # a callback: its loop takes what it raises, and goes on
        frame = frame.f_back
    return False
