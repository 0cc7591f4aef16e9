"""A server with blocking sockets: a thread that accepts, and a thread for each connection.

Plan: one thread waits in accept(2) and starts another for each connection, in which the
learner's handler runs. Closing shuts the connections down, so that a handler that waits in
recv(2) ends, and waits for the threads.

Left out: a limit to the number of threads.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable

from helpers.hosting.server import HOST, STOP_S, Server
from helpers.hosting.worker import Worker
from helpers.ledger import now_s

_ACCEPT_AGAIN_S = 0.1


class SocketServer(Server):
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
