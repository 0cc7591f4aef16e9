"""A live HTTP/2 server: an ASGI application under hypercorn, on a loop of its own.

Plan: the same kind of server as in servers.py, with hypercorn in the place of aiohttp,
which speaks HTTP/1.1 only. Clients come with prior knowledge (RFC 9113, section 3.3): no
TLS, no upgrade. Each request is recorded as serving, labelled with its path; what the
application raises is kept, and hypercorn answers with 500.

Left out: TLS, ASGI's lifespan, server push (nobody implements it any more).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from helpers.hosting import registry
from helpers.hosting.loop_server import LoopServer
from helpers.hosting.server import HOST, STOP_S, Server


def serve_http2(name: str, app: Callable[..., Awaitable[None]]) -> Server:
    """Start an HTTP/2 server with this ASGI application (ASGI 3, scope "http"); return it."""

    async def listen(server: Server) -> tuple[int, Callable]:
        from hypercorn.asyncio import serve
        from hypercorn.config import Config

        async def recorded(scope: dict, receive: Callable, send: Callable) -> None:
            if scope["type"] == "http":
                with server.serving(scope["path"].strip("/")):
                    await app(scope, receive, send)

        listener = socket.create_server((HOST, 0))
        port = listener.getsockname()[1]
        config = Config()
        config.bind = [f"fd://{listener.detach()}"]
        config.errorlog = None
        config.graceful_timeout = 0.5
        stopping = asyncio.Event()
        task = asyncio.create_task(serve(recorded, config, shutdown_trigger=stopping.wait))

        async def stop() -> None:
            stopping.set()
            await asyncio.wait([task], timeout=STOP_S)

        return port, stop

    return registry.register(LoopServer(name, listen))
