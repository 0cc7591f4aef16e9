"""The instruments that write to the ledger: what blocks, what beats, what is served.

Plan: each instrument is a context manager around the code it watches, writes spans or
marks and changes nothing else. Blocking is seen where it happens, at the blocking call
(socket methods, sleep, name look-up), on the one thread watched; a free loop is seen at
the one place where a loop waits, its selector; being able to do something else is shown
by a task that does something else, the heartbeat. `record` puts them together around
one experiment.

Left out: locks and queues of threads, files, processes. What they block is seen as
silence of the heartbeat, and by the operating system (`kernel/threads.py`), not by name here.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from itertools import groupby, pairwise

from helpers.kernel import threads
from helpers.ledger import (
    CALLER,
    HEARD,
    HEARTBEAT,
    SYSTEM_CPU,
    SYSTEM_STATE,
    Ledger,
    now_s,
)

# --- the heartbeat: is the caller's loop free to do something else?


@contextlib.asynccontextmanager
async def heartbeat(
    ledger: Ledger, every_s: float = 0.01, margin_s: float = 0.06, lane: str = HEARTBEAT
) -> AsyncIterator[None]:
    """Mark a beat every `every_s` seconds on the running loop, as long as the loop is free.

    The beat goes on `margin_s` after the block and starts half as long before it, so that a
    silence as long as the whole block has beats on either side. (After it is also when a
    server writes down that it has answered.)
    """
    if not every_s > 0:
        raise ValueError(f"every_s={every_s!r}: a heartbeat needs a time above 0")

    every = f"every {every_s * 1000:g} ms"

    async def beat() -> None:
        while True:
            ledger.mark(lane, "beat", every)
            await asyncio.sleep(every_s)

    task = asyncio.create_task(beat())
    try:
        await asyncio.sleep(margin_s / 2)
        yield
        await asyncio.sleep(margin_s)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


# --- the blocking calls of one thread

# The calls by the names of their manual pages: socket methods of Python on the left.
_SOCKET_CALLS = {
    "connect": "connect",
    "connect_ex": "connect",
    "accept": "accept",
    "recv": "recv",
    "recv_into": "recv",
    "recvfrom": "recvfrom",
    "recvfrom_into": "recvfrom",
    "recvmsg": "recvmsg",
    "recvmsg_into": "recvmsg",
    "send": "send",
    "sendall": "send",
    "sendto": "sendto",
    "sendmsg": "sendmsg",
}
_watched: dict[int, tuple[Ledger, str]] = {}
_patch_lock = threading.Lock()
_originals: list[tuple[object, str, object]] = []
_MISSING = object()


def _timed(call: Callable, label: str, *, of_socket: bool) -> Callable:
    """Return the call, recording a span of kind "blocked" on a watched thread."""

    def watched(*args, **kwargs):
        watch = _watched.get(threading.get_ident())
        # A socket in non-blocking mode (every socket of a loop) never blocks its thread.
        if watch is None or (of_socket and args[0].gettimeout() == 0):
            return call(*args, **kwargs)
        start_s = now_s()
        try:
            return call(*args, **kwargs)
        finally:
            end_s = now_s()
            watch[0].add(watch[1], "blocked", start_s, end_s, label)

    return watched


def _patch() -> None:
    for name, label in _SOCKET_CALLS.items():
        if not hasattr(socket.socket, name):
            continue  # Windows has no sendmsg
        _originals.append((socket.socket, name, socket.socket.__dict__.get(name, _MISSING)))
        original = getattr(socket.socket, name)
        setattr(socket.socket, name, _timed(original, label, of_socket=True))
    for module, name in ((time, "sleep"), (socket, "getaddrinfo")):
        original = getattr(module, name)
        _originals.append((module, name, original))
        setattr(module, name, _timed(original, name, of_socket=False))


def _unpatch() -> None:
    while _originals:
        owner, name, original = _originals.pop()
        if original is _MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, original)


@contextlib.contextmanager
def blocking_calls(ledger: Ledger, lane: str = CALLER) -> Iterator[None]:
    """Record every blocking call of this thread: socket methods, time.sleep, getaddrinfo.

    Other threads are left alone. A RuntimeError if this thread is watched already.
    Code that took its own reference beforehand (`from time import sleep`) is not seen,
    nor are sockets with TLS, which have methods of their own.
    """
    thread = threading.get_ident()
    with _patch_lock:
        if thread in _watched:
            raise RuntimeError("the blocking calls of this thread are being recorded already")
        if not _watched:
            _patch()
        _watched[thread] = (ledger, lane)
    try:
        yield
    finally:
        with _patch_lock:
            del _watched[thread]
            if not _watched:
                _unpatch()


# --- the idle time of a loop


@contextlib.contextmanager
def loop_idle(ledger: Ledger, lane: str = CALLER) -> Iterator[None]:
    """Record when the running loop has nothing to do: spans of kind "free" in its selector.

    asyncio keeps the selector in `_selector` (3.11 to 3.14); a loop without one, such as
    uvloop's, raises a RuntimeError.
    """
    selector = getattr(asyncio.get_running_loop(), "_selector", None)
    if selector is None:
        raise RuntimeError("this loop has no selector to watch; use asyncio's SelectorEventLoop")
    select, replaced = selector.select, selector.__dict__.get("select")

    def watched(timeout: float | None = None) -> list:
        start_s = now_s()
        events = select(timeout)
        ledger.add(lane, "free", start_s, now_s())
        return events

    selector.select = watched
    try:
        yield
    finally:
        if replaced is None:
            del selector.select
        else:
            selector.select = replaced


# --- the hook of aiohttp


def server_middleware(record: Callable[[float, float, str], None]) -> Callable:
    """Return an aiohttp middleware that calls record(start_s, end_s, label) per request.

    The label is the request's query string `n`, if any, else its path: the lessons
    number their requests with `?n=1`.
    """
    from aiohttp import web

    @web.middleware
    async def serving(request: web.Request, handler: Callable) -> web.StreamResponse:
        start_s = now_s()
        try:
            return await handler(request)
        finally:
            record(start_s, now_s(), request.query.get("n", request.path))

    return serving


# --- the operating system's word


@contextlib.contextmanager
def sample_thread(ledger: Ledger, every_s: float = 0.002) -> Iterator[threads.ThreadSampler]:
    """Record what the operating system says of this thread, sampled every `every_s` seconds.

    One lane gets its state: spans of kind "asleep", labelled with the system call, and
    "running". Another gets one span as long as the processor time that the thread got.
    """
    start_s = now_s()
    with threads.ThreadSampler(every_s) as sampler:
        yield sampler
    ledger.add(SYSTEM_CPU, "running", start_s, start_s + sampler.cpu_s)
    # Equal samples in a row are one stretch; a stretch lasts until the next one begins.
    runs = [next(same) for _, same in groupby(sampler.samples, key=lambda sample: sample[1:])]
    runs.append((start_s + sampler.wall_s, "", ""))
    for (time_s, state, call), (end_s, _, _) in pairwise(runs):
        kind = "running" if state == "R" else "asleep"
        ledger.add(SYSTEM_STATE, kind, time_s, max(time_s, end_s), call)


# --- all of them around one experiment

_experiment = threading.Lock()


@contextlib.asynccontextmanager
async def record(
    *servers,
    expect: Mapping[str, int] | None = None,
    every_s: float = 0.01,
    wait_s: float = 30.0,
) -> AsyncIterator[Ledger]:
    """Record one experiment, from the caller's side and from the servers'; yield the ledger.

    It holds this loop's heartbeat and free time, this thread's blocking calls, and what the
    servers serve meanwhile. `expect` says how many entries of a kind a whole run holds, such
    as {"request": 5}; without it the run can't be evidence for a verdict. A heartbeat on
    both sides of the experiment is expected with it. One experiment runs
    at a time in a process, because a second would disturb what is measured: another waits up
    to `wait_s` seconds, then raises a TimeoutError. The garbage collector, the one outlier of
    a loaded kernel, is held back.
    """
    for _ in range(max(1, int(wait_s / 0.02))):
        if _experiment.acquire(blocking=False):
            break
        await asyncio.sleep(0.02)
    else:
        raise TimeoutError(f"another experiment is still being recorded after {wait_s} s")
    collecting = gc.isenabled()
    gc.disable()
    try:
        ledger = Ledger()
        for kind, count in (expect or {}).items():
            ledger.expect(kind, count)
        ledger.expect(*HEARD[:3], at_least=HEARD.at_least)
        async with contextlib.AsyncExitStack() as stack:
            for server in servers:
                stack.enter_context(server.recording(ledger))
            stack.enter_context(loop_idle(ledger))
            await stack.enter_async_context(heartbeat(ledger, every_s))
            stack.enter_context(blocking_calls(ledger))
            yield ledger
    finally:
        if collecting:
            gc.enable()
        _experiment.release()
