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
import threading
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator

from helpers.hosting import registry
from helpers.instruments import server_middleware
from helpers.ledger import Ledger, now_s

HOST = "127.0.0.1"
START_S = 20.0
STOP_S = 5.0

_quiet = logging.getLogger("helpers.servers")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


class Server:
    """A running server: its `name`, `host`, `port` and `url`, and the way to stop it.

    What a handler raises is kept in `errors`: printed or logged it would land in the
    wrong cell.
    """

    def __init__(self, name: str):
        self.name = name
        self.host = HOST
        self.port = 0
        self._errors: list[str] = []
        self._ledgers: list[Ledger] = []

    @property
    def errors(self) -> list[str]:
        """Return the traceback of every exception a handler raised, oldest first."""
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
            ledger.add(self.name, "serving", start_s, end_s, label)

    @contextlib.contextmanager
    def serving(self, label: str) -> Iterator[None]:
        """Record the block as serving; for handlers of protocols this module does not know."""
        start_s = now_s()
        try:
            yield
        finally:
            self.served(start_s, now_s(), label)

    def close(self) -> None:
        """Stop the server and free its port; closing twice does nothing more."""
        registry.forget(self)
        self._stop()

    def _stop(self) -> None:
        """Stop listening and free what the server holds; called once or more."""
        raise NotImplementedError


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
        thread = threading.Thread(
            target=lambda: asyncio.run(self._main(ready)), name=f"server {self.name}", daemon=True
        )
        self._thread = thread
        thread.start()
        self.port = ready.result(START_S)

    async def _main(self, ready: concurrent.futures.Future[int]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        # An exception on this loop has no cell to appear in: it is kept.
        self._loop.set_exception_handler(lambda _, context: self.errors.append(str(context)))
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

    def _stop(self) -> None:
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(STOP_S)


async def listen_http(server: Server, routes: Iterable) -> tuple[int, Callable]:
    """Listen for HTTP on the running loop; return the port and what stops it, a coroutine."""
    from aiohttp import web

    @web.middleware
    async def keep_errors(request: web.Request, handler: Callable) -> web.StreamResponse:
        try:
            return await handler(request)
        except (web.HTTPException, asyncio.CancelledError):
            raise
        except Exception:
            server.errors.append(traceback.format_exc())
            raise

    app = web.Application(middlewares=[server_middleware(server.served), keep_errors])
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, logger=_quiet, shutdown_timeout=0.5)
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


def serve(name: str, routes: Iterable, *, process: bool = False) -> Server:
    """Start an HTTP server with these aiohttp routes (`[web.get("/", handler)]`); return it.

    It runs in a thread of this process, or with `process=True` in a process of its own,
    for handlers that burn CPU: in a thread they would share this process's interpreter
    lock and slow down the very client that measures them. What keeps the server from
    starting is raised here as it is.
    """
    routes = list(routes)

    def make() -> Server:
        return LoopServer(name, lambda server: listen_http(server, routes))

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
            except Exception:
                server.errors.append(traceback.format_exc())
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
        self._serving: dict[socket.socket, threading.Thread] = {}
        self._count = 0

    def start(self) -> None:
        """Listen, and accept in a thread of its own."""
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(
            target=self._accept, name=f"server {self.name}", daemon=True
        )
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._stopped:
                connection.close()
                return
            self._count += 1
            arguments = (connection, str(self._count))
            thread = threading.Thread(target=self._serve, args=arguments, daemon=True)
            self._serving[connection] = thread
            thread.start()

    def _serve(self, connection: socket.socket, label: str) -> None:
        start_s = now_s()
        try:
            with connection:
                self._handler(connection)
        except Exception:
            if not self._stopped:
                self.errors.append(traceback.format_exc())
        finally:
            self._serving.pop(connection, None)
            self.served(start_s, now_s(), label)

    _stopped = False

    def _stop(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        # Closing a listener does not wake the accept(2) that waits on it; a last caller does.
        with contextlib.suppress(OSError):
            socket.create_connection((HOST, self.port), timeout=1).close()
        self._thread.join(STOP_S)
        self._listener.close()
        serving = list(self._serving.items())
        for connection, _ in serving:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        patience_ends_s = now_s() + STOP_S
        for _, thread in serving:
            thread.join(max(0.0, patience_ends_s - now_s()))


def serve_sockets(
    name: str, handler: Callable[[socket.socket], None], *, process: bool = False
) -> Server:
    """Start a TCP server that calls handler(connection) in a thread per connection; return it.

    The connection is a blocking socket and is closed when the handler returns. With
    `process=True` the server and its threads run in a process of their own.
    """
    return _started(name, lambda: _SocketServer(name, handler), process)
