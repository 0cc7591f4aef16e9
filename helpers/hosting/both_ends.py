"""Run both ends of a connection, each in a process of its own.

Plan: for measuring an exchange from both sides. Two threads of one process would fight for
the interpreter's lock, and each would measure the other's work; two processes don't. The
server's process makes a listener on loopback and tells us its port, over a connection of
our own; then the client's process is started with the address. Both read one monotonic
clock, so what they record can be put together.

Left out: more than one client, and talking to either while it runs.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from helpers.hosting.process_call import call_in_process

HOST = "127.0.0.1"


async def run_both_ends(server: Callable, client: Callable, timeout_s: float = 30.0) -> tuple:
    """Return what server(listener) and client(address) return, each run in its own process.

    What one of them raises is raised here, and both processes end; a TimeoutError after
    `timeout_s` seconds.
    """
    loop = asyncio.get_running_loop()
    with socket.create_server((HOST, 0)) as meeting:
        meeting.setblocking(False)
        port = meeting.getsockname()[1]
        serving = asyncio.create_task(
            call_in_process(_serve, server, port, timeout_s=timeout_s), name="server"
        )
        told = asyncio.create_task(_told_port(loop, meeting), name="its port")
        asking = None
        try:
            await asyncio.wait({serving, told}, return_when=asyncio.FIRST_COMPLETED)
            if not told.done():
                await serving  # it ended before it told us: this raises why
                raise RuntimeError("the server's process ended before it listened")
            asking = asyncio.create_task(
                call_in_process(client, (HOST, told.result()), timeout_s=timeout_s), name="client"
            )
            return tuple(await asyncio.gather(serving, asking))
        finally:
            tasks = [task for task in (serving, told, asking) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _told_port(loop: asyncio.AbstractEventLoop, meeting: socket.socket) -> int:
    connection, _ = await loop.sock_accept(meeting)
    with connection:
        connection.setblocking(False)
        return int.from_bytes(await loop.sock_recv(connection, 2), "big")


def _serve(server: Callable, meeting_port: int):
    with socket.create_server((HOST, 0)) as listener:
        with socket.create_connection((HOST, meeting_port), timeout=10) as meeting:
            meeting.sendall(listener.getsockname()[1].to_bytes(2, "big"))
        return server(listener)
