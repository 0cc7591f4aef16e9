"""A server on a loop of its own, in a thread: for whatever asyncio can listen to.

Plan: the thread runs one loop, from listening to the end. What goes wrong before the server
listens is raised where it was started; what goes wrong later is kept in `errors`.

Left out: what is listened to. A function says that: it returns the port, and what stops it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
from collections.abc import Awaitable, Callable, Iterator

from helpers.hosting.server import STOP_S, Server
from helpers.hosting.worker import Worker
from helpers.ledger import Ledger

START_S = 20.0
_TURN_S = 0.2


class LoopServer(Server):
    """A server whose loop runs in a daemon thread of its own."""

    def __init__(self, name: str, listen: Callable[[Server], Awaitable[tuple]]):
        super().__init__(name)
        self._listen = listen

    def start(self) -> None:
        """Start listening; what goes wrong on the server's thread is raised here."""
        ready: concurrent.futures.Future[int] = concurrent.futures.Future()
        self._thread = Worker(lambda: asyncio.run(self._main(ready)), f"server {self.name}")
        self._thread.start()
        self.port = ready.result(START_S)

    async def _main(self, ready: concurrent.futures.Future[int]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        # An exception on this loop has no cell to appear in: it is kept.
        self._loop.set_exception_handler(lambda _, context: self._lost(context))
        try:
            port, stop = await self._listen(self)
        except BaseException as error:
            ready.set_exception(error)
            return
        ready.set_result(port)
        await self._stopping.wait()
        stopped = stop()
        if inspect.isawaitable(stopped):
            await stopped

    def _lost(self, context: dict) -> None:
        """Keep an exception that nobody caught, of a task or a callback."""
        self.failed(context.get("exception") or context["message"])

    def _stop(self) -> None:
        with contextlib.suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._stopping.set)
        if not self._thread.wait(STOP_S):
            raise self._still_running()

    @contextlib.contextmanager
    def recording(self, ledger: Ledger) -> Iterator[None]:
        """Write what is served meanwhile to the ledger: spans of kind "serving"."""
        with super().recording(ledger):
            try:
                yield
            finally:
                self.finish_turn()

    def finish_turn(self) -> None:
        """Wait until the loop has recorded what belongs to an answer that is out already."""
        turn: concurrent.futures.Future[None] = concurrent.futures.Future()
        # RuntimeError: it is closed; TimeoutError: it is busy, there is nothing to wait for.
        with contextlib.suppress(RuntimeError, TimeoutError):
            self._loop.call_soon_threadsafe(turn.set_result, None)
            turn.result(_TURN_S)
