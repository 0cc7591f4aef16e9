"""Live servers: start a real server from a cell, in a thread or a process of its own.

Plan: the learner's handler runs on a loop of its own, never on the kernel's: there a
blocking client would wait for itself, and a busy handler would freeze the clock that
measures it. Every server listens on 127.0.0.1, on a port the system chooses, and is
ready when the call returns. Servers are kept by name: starting one under a name in use
replaces it, so a cell may run again. Threads are daemons and a child process ends with
its standard input, so a forgotten server ends with the kernel.

Left out: TLS, HTTP/2, listening beyond loopback.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import itertools
import logging
import socket
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator

from helpers.hosting import registry
from helpers.hosting.worker import Worker
from helpers.instruments import server_middleware
from helpers.ledger import Ledger, now_s

HOST = "127.0.0.1"
START_S = 20.0
STOP_S = 5.0
_ACCEPT_AGAIN_S = 0.1
_TURN_S = 0.2

_quiet = logging.getLogger("helpers.servers")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


class Server:
    """A running server: its `name`, `host`, `port` and `url`, and the way to stop it.

    `lane` is where it writes in the ledger: the lane of its name, unless another is set, so
    that servers which take turns in a figure share one.
    What a handler raises, and what else goes wrong in the server, is kept in `errors`
    (printed or logged it would land in the wrong cell) and marked in the ledger that records.
    """

    def __init__(self, name: str):
        self.name = self.lane = name
        self.host = HOST
        self.port = 0
        self._errors: list[str] = []
        self._ledgers: list[Ledger] = []

    @property
    def errors(self) -> list[str]:
        """Return what went wrong, oldest first: of an exception in a handler, its traceback."""
        return self._errors

    @property
    def url(self) -> str:
        """Return the address as a URL without a path."""
        return f"http://{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"<server {self.name!r}>"

    @contextlib.contextmanager
    def recording(self, ledger: Ledger) -> Iterator[None]:
        """Write what is served meanwhile to the ledger: spans of kind "serving"."""
        self._ledgers.append(ledger)
        try:
            yield
        finally:
            self._ledgers.remove(ledger)

    def served(self, start_s: float, end_s: float, label: str) -> None:
        """Record that something was served from start_s to end_s."""
        for ledger in list(self._ledgers):
            ledger.add(self.lane, "serving", start_s, end_s, label)

    @contextlib.contextmanager
    def serving(self, label: str) -> Iterator[None]:
        """Record the block as serving; for handlers of protocols this module does not know.

        What the block raises goes on, and is kept in `errors`.
        """
        start_s = now_s()
        try:
            yield
        except Exception as error:
            self.failed(error)
            raise
        finally:
            self.served(start_s, now_s(), label)

    def failed(self, why: BaseException | str) -> None:
        """Keep what went wrong in `errors`, and mark it in the ledgers that record."""
        if isinstance(why, BaseException):
            self._errors.append("".join(traceback.format_exception(why)))
            why = f"{type(why).__name__}: {why}"
        else:
            self._errors.append(why)
        self.mark_error(now_s(), why)

    def mark_error(self, time_s: float, text: str) -> None:
        """Mark an error in the ledgers that record."""
        for ledger in list(self._ledgers):
            ledger.mark(self.lane, "error", text, time_s)

    def finish_turn(self) -> None:
        """Wait until all is recorded that belongs to an answer that is out already."""

    def close(self) -> None:
        """Stop the server and free its port; closing twice does nothing more.

        A StillRunning if a handler has not ended within STOP_S seconds; the server keeps its
        name then, as it does if you press Stop meanwhile, and may be closed again.
        """
        self._stop()
        registry.forget(self)

    def _stop(self) -> None:
        """Stop listening and free what the server holds; called once or more."""
        raise NotImplementedError

    def _still_running(self) -> registry.StillRunning:
        """Return what to raise where a handler goes on."""
        try:
            socket.create_connection((self.host, self.port), timeout=1).close()
            port = "is still open"
        except OSError:
            port = "is closed"
        return registry.StillRunning(
            f"server {self.name!r} has not stopped within {STOP_S:g} s: a handler is still "
            f"running in its thread (its port {self.port} {port})"
        )


# Every server and every relay of this process, by name (registry.py).
running, close_all = registry.running, registry.close_all


# --- HTTP, and streams: a loop in a thread


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


async def listen_http(
    server: Server, routes: Iterable, *, handler_cancellation: bool = False
) -> tuple[int, Callable]:
    """Listen for HTTP on the running loop; return the port and what stops it, a coroutine."""
    from aiohttp import abc, web

    handled: dict[int, web.Request] = {}  # they have come as far as the handlers

    @web.middleware
    async def keep_errors(request: web.Request, handler: Callable) -> web.StreamResponse:
        handled[id(request)] = request
        try:
            response = await handler(request)
        except web.HTTPException:
            raise
        except Exception as error:
            server.failed(error)
            raise
        if not isinstance(response, web.StreamResponse):  # aiohttp answers with 500
            server.failed(f"a handler returned {response!r}, not a web.Response")
        return response

    class NoteWhatNoHandlerSaw(abc.AbstractAccessLogger):
        """Told of every answer, also where aiohttp gives it by itself: a 400 for bad HTTP."""

        def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
            if handled.pop(id(request), None) is None:
                server.failed(f"{response.status} {response.reason}: no handler saw this request")

    app = web.Application(middlewares=[server_middleware(server.served), keep_errors])
    app.add_routes(routes)
    runner = web.AppRunner(
        app,
        access_log=_quiet,
        access_log_class=NoteWhatNoHandlerSaw,
        logger=_quiet,
        shutdown_timeout=0.5,
        handler_cancellation=handler_cancellation,
    )
    await runner.setup()
    try:
        listener = socket.create_server((HOST, 0))
        await web.SockSite(runner, listener).start()
    except BaseException:
        await runner.cleanup()
        raise

    async def stop() -> None:
        await _accept_no_more(listener)
        await runner.cleanup()

    return listener.getsockname()[1], stop


async def _accept_no_more(listener: socket.socket) -> None:
    """Stop accepting, and wait until what was accepted has reached its handler.

    That takes asyncio three turns of the loop; a server closed meanwhile would forget the
    connection without closing it, and leave its client waiting.
    """
    with contextlib.suppress(NotImplementedError):  # the proactor of Windows has no readers
        asyncio.get_running_loop().remove_reader(listener)
    for _ in range(5):
        await asyncio.sleep(0)


def serve(
    name: str, routes: Iterable, *, process: bool = False, handler_cancellation: bool = False
) -> Server:
    """Start an HTTP server with these aiohttp routes (`[web.get("/", handler)]`); return it.

    It runs in a thread of this process, or with `process=True` in a process of its own,
    for handlers that burn CPU: in a thread they would share this process's interpreter
    lock and slow down the very client that measures them. `handler_cancellation` is
    aiohttp's own setting: cancel a handler when its client disconnects. What keeps the
    server from starting is raised here as it is.
    """
    routes = list(routes)

    def make() -> Server:
        def listen(server: Server) -> Awaitable[tuple[int, Callable]]:
            return listen_http(server, routes, handler_cancellation=handler_cancellation)

        return LoopServer(name, listen)

    return _started(name, make, process)


def _started(name: str, make: Callable[[], Server], process: bool) -> Server:
    """Start the server that make() returns, here or in a process of its own; return it."""
    if not process:
        return registry.register(make())
    from helpers.hosting.child_server import ChildServer

    return registry.register(ChildServer(name, make))


@contextlib.asynccontextmanager
async def serve_here(name: str, routes: Iterable) -> AsyncIterator[Server]:
    """Serve HTTP on the loop that runs now, the caller's own, for the length of the block.

    Only for showing what goes wrong then: a blocking call on this loop stops the server too.
    """
    server = Server(name)
    server.port, stop = await listen_http(server, list(routes))
    try:
        yield server
    finally:
        await stop()


def serve_streams(
    name: str, handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> Server:
    """Start a TCP server that awaits handler(reader, writer) for each connection; return it.

    A connection is recorded as one span of kind "serving", numbered from 1.
    """

    async def listen(server: Server) -> tuple[int, Callable]:
        tasks: set[asyncio.Task] = set()
        numbers = itertools.count(1)

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            label, start_s = str(next(numbers)), now_s()
            try:
                await handler(reader, writer)
            except Exception as error:
                server.failed(error)
            finally:
                server.served(start_s, now_s(), label)

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(handle(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            # Not in the task itself: one that is cancelled before its first step does nothing.
            task.add_done_callback(lambda _: writer.close())

        listener = socket.create_server((HOST, 0))
        listening = await asyncio.start_server(connected, sock=listener)

        async def stop() -> None:
            await _accept_no_more(listener)
            listening.close()
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        return listener.getsockname()[1], stop

    server = LoopServer(name, listen)
    return registry.register(server)


def serve_on(name: str, listen: Callable[[Server], Awaitable[tuple[int, Callable]]]) -> Server:
    """Start a server of any protocol on a loop of its own; return it.

    `listen(server)` is awaited on that loop. It returns the port it listens on (loopback
    only) and the function that stops it, a coroutine function or not. Its handlers record
    what they serve with `server.serving(label)`.
    """
    server = LoopServer(name, listen)
    return registry.register(server)


# --- blocking sockets: a thread per connection


class _SocketServer(Server):
    """A server that blocks in accept(2), and in a thread for each connection."""

    def __init__(self, name: str, handler: Callable[[socket.socket], None]):
        super().__init__(name)
        self._handler = handler
        self._serving: dict[socket.socket, Worker] = {}
        self._count = 0
        self._stopping = False

    def start(self) -> None:
        """Listen, and accept in a thread of its own."""
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        self._thread = Worker(self._accept, f"server {self.name}")
        self._thread.start()

    def _accept(self) -> None:
        said = None
        while not self._stopping:
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                # Such as no file descriptor left: one may be free soon.
                if not self._stopping and error.errno != said:
                    self.failed(f"accept: {error.strerror}; trying again")
                    said = error.errno
                time.sleep(_ACCEPT_AGAIN_S)
                continue
            said = None
            if self._stopping:
                connection.close()
                return
            self._count += 1
            worker = Worker(self._serve, args=(connection, str(self._count)))
            self._serving[connection] = worker
            worker.start()

    def _serve(self, connection: socket.socket, label: str) -> None:
        start_s = now_s()
        try:
            with connection:
                self._handler(connection)
        except Exception as error:
            if not self._stopping:
                self.failed(error)
        finally:
            self._serving.pop(connection, None)
            self.served(start_s, now_s(), label)

    def _stop(self) -> None:
        self._stopping = True
        patience_ends_s = now_s() + STOP_S
        # Closing a listener does not wake the accept(2) that waits on it; a last caller does.
        if self._thread.running:
            with contextlib.suppress(OSError):
                socket.create_connection((HOST, self.port), timeout=1).close()
        accepts_no_more = self._thread.wait(STOP_S)
        self._listener.close()
        serving = list(self._serving.items())
        for connection, _ in serving:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        ended = [worker.wait(max(0.0, patience_ends_s - now_s())) for _, worker in serving]
        if not accepts_no_more or not all(ended):
            raise self._still_running()


def serve_sockets(
    name: str, handler: Callable[[socket.socket], None], *, process: bool = False
) -> Server:
    """Start a TCP server that calls handler(connection) in a thread per connection; return it.

    The connection is a blocking socket and is closed when the handler returns. With
    `process=True` the server and its threads run in a process of their own.
    """
    return _started(name, lambda: _SocketServer(name, handler), process)
