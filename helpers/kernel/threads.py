"""What the operating system knows: the state of a thread, and the processor time it got.

Plan: ask the kernel, not Python. On Linux a thread's state and the system call it waits
in stand in /proc/self/task/TID (proc(5)), readable without root; a `ThreadSampler` samples
them from a thread of its own while the watched thread runs, blocks or sleeps. Elsewhere
it samples the watched thread's Python stack instead, which tells where the thread is,
not whether it sleeps. `LIMITS` says in one line what this platform cannot tell.

Left out: anything that needs root, `ss`, ptrace, or a module that is not Python's own.
"""

from __future__ import annotations

import platform
import sys
import threading
import time
from collections import Counter
from pathlib import Path

HAS_PROC = Path(f"/proc/self/task/{threading.get_native_id()}/stat").exists()

LIMITS: dict[str, str] = (
    {}
    if HAS_PROC
    else {"linux": "this system has no /proc: the state of a thread cannot be read here"}
)

# The system calls in which the threads of this course wait, by the name of their manual
# page: the numbers and the variant the C library takes (ppoll, accept4) differ by machine.
_CALLS = {
    "x86_64": {
        0: "read",
        7: "poll",
        23: "select",
        35: "sleep",
        42: "connect",
        43: "accept",
        44: "sendto",
        45: "recvfrom",
        202: "futex",
        230: "sleep",
        232: "epoll_wait",
        271: "poll",
        281: "epoll_wait",
        288: "accept",
    },
    "aarch64": {
        22: "epoll_wait",
        63: "read",
        72: "select",
        73: "poll",
        98: "futex",
        101: "sleep",
        115: "sleep",
        202: "accept",
        203: "connect",
        206: "sendto",
        207: "recvfrom",
        242: "accept",
    },
}.get(platform.machine(), {})


def _read(path: str) -> str:
    with open(path) as file:  # noqa: PTH123 (a thousand times a second: the short way)
        return file.read()


def thread_state(thread: int) -> str:
    """Return the state letter of a thread (native id) of this process; source: proc(5).

    A ProcessLookupError if there is no such thread, an OSError without /proc.
    """
    try:
        text = _read(f"/proc/self/task/{thread}/stat")
    except FileNotFoundError:
        if not HAS_PROC:
            raise OSError(LIMITS["linux"]) from None
        raise ProcessLookupError(f"no thread {thread} in this process") from None
    # The name before the state is in brackets and may itself hold brackets and blanks.
    return text[text.rindex(")") + 2]


def thread_call(thread: int) -> str:
    """Return the system call a thread waits in, or "" while it runs; source: proc(5).

    A call outside the course's short list comes back as its number.
    """
    try:
        word = _read(f"/proc/self/task/{thread}/syscall").split()[0]
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return ""
    if word == "running":
        return ""
    return _CALLS.get(int(word), word)


class ThreadSampler:
    """A context manager that watches the thread it is entered in, from outside of it.

    `samples` holds (time_s, state, call): the state letter of proc(5), or "?" where the
    system does not tell; the system call the thread waits in, or without /proc the
    innermost Python function. `cpu_s` and `wall_s` are the processor time the thread got
    and the time that passed, both known after the block.
    """

    def __init__(self, every_s: float = 0.002):
        if not every_s > 0:
            raise ValueError(f"every_s={every_s!r}: samples need a time above 0 between them")
        self.every_s = every_s
        self.samples: list[tuple[float, str, str]] = []
        self.cpu_s = self.wall_s = 0.0

    def __enter__(self) -> ThreadSampler:
        self._thread, self._ident = threading.get_native_id(), threading.get_ident()
        self._done = threading.Event()
        self._sampler = threading.Thread(target=self._sample, name="sampler", daemon=True)
        self._sampler.start()
        self._start = time.perf_counter(), time.thread_time()
        return self

    def __exit__(self, *_) -> None:
        self.wall_s = time.perf_counter() - self._start[0]
        self.cpu_s = time.thread_time() - self._start[1]
        self._done.set()
        self._sampler.join()

    def _sample(self) -> None:
        look = self._look_into_proc if HAS_PROC else self._look_at_stack
        while not self._done.wait(self.every_s):
            self.samples.append((time.perf_counter(), *look()))

    def _look_into_proc(self) -> tuple[str, str]:
        state = thread_state(self._thread)
        return state, thread_call(self._thread) if state != "R" else ""

    def _look_at_stack(self) -> tuple[str, str]:
        frame = sys._current_frames().get(self._ident)
        return "?", frame.f_code.co_name if frame else ""

    def share(self, state: str) -> float:
        """Return which part (0 to 1) of the samples found the thread in this state."""
        if not self.samples:
            raise ValueError("no samples: the block was shorter than the time between two")
        return sum(s[1] == state for s in self.samples) / len(self.samples)

    def calls(self) -> Counter[str]:
        """Return how many samples found the thread in which call."""
        return Counter(call for _, _, call in self.samples if call)
