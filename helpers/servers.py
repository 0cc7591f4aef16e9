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
import contextlib
import itertools
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Protocol

from helpers.hosting import registry
from helpers.hosting.loop_server import LoopServer
from helpers.hosting.server import HOST, Server
from helpers.hosting.socket_server import SocketServer
from helpers.instruments import server_middleware
from helpers.ledger import now_s

_quiet = logging.getLogger("helpers.servers")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


# Every server and every relay of this process, by name (registry.py).
running, close_all = registry.running, registry.close_all


class Program(registry.Named, Protocol):
    """A real program that a lesson starts: it can also tell whether it runs."""

    def is_running(self) -> bool:
        """Tell whether it does its work."""


def keep_running(program: Program) -> Program:
    """Start a program, unless one of its name runs already; return the one that runs."""
    found = registry.find(program.name)
    return found if found is not None and found.is_running() else registry.register(program)


# --- HTTP, and streams: on a loop in a thread


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
    from helpers.hosting.child_server import ChildServer  # with what only a process needs

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


def serve_sockets(
    name: str, handler: Callable[[socket.socket], None], *, process: bool = False
) -> Server:
    """Start a TCP server that calls handler(connection) in a thread per connection; return it.

    The connection is a blocking socket and is closed when the handler returns. With
    `process=True` the server and its threads run in a process of their own.
    """
    return _started(name, lambda: SocketServer(name, handler), process)
