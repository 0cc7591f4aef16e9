"""A live server in a process of its own, for handlers that burn CPU or are to be killed.

Plan: the parent sends a function that makes the server through a channel
(process_channel.py) and asks there for what was served since it last asked; the child
answers, and ends when the channel does, so it never outlives the kernel. Both processes read
the same monotonic clock, so the child's spans fit into the parent's ledger as they are.

Left out: a pool of workers, and sharing a listening socket.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from helpers.hosting.process_channel import Channel, ChannelClosed, ChildProcess
from helpers.hosting.server import Server
from helpers.ledger import Ledger


class ChildServer(Server):
    """A server in a child process, spoken to through a channel."""

    def __init__(self, name: str, make: Callable[[], Server]):
        super().__init__(name)
        self._make = make
        self._talking = threading.Lock()

    def start(self) -> None:
        """Start the child; what keeps it from listening is raised here."""
        self._child = ChildProcess(_serve, self._make)
        try:
            self.port = self._receive()
        except BaseException:
            self._child.kill()
            raise

    def _receive(self):
        try:
            return self._child.receive()
        except ChannelClosed:
            code = self._child.close()
            raise RuntimeError(
                f"the process of server {self.name!r} has ended (exit code {code})"
            ) from None

    def _take(self) -> list[tuple]:
        """Take over the errors that the child has kept; return what it would have recorded."""
        with self._talking:
            with contextlib.suppress(ChannelClosed):  # receiving says so
                self._child.send("take")
            calls, errors = self._receive()
            self._errors += errors
            return calls

    @property
    def errors(self) -> list[str]:
        """Return the traceback of every exception a handler raised, oldest first."""
        with contextlib.suppress(RuntimeError):  # it has ended: nothing new to take
            self._write(self._take())
        return self._errors

    @property
    def pid(self) -> int:
        """Return the process id of the server."""
        return self._child.pid

    @contextlib.contextmanager
    def recording(self, ledger: Ledger) -> Iterator[None]:
        """Write what is served meanwhile to the ledger; the clock is the same in both processes."""
        self._write(self._take())  # to whoever records already
        with super().recording(ledger):
            try:
                yield
            finally:
                self._write(self._take())

    def _write(self, calls: list[tuple]) -> None:
        """Record what the child would have recorded: the name of a method and its arguments."""
        for name, *arguments in calls:
            getattr(self, name)(*arguments)

    def _stop(self) -> None:
        self._child.close()


def _serve(channel: Channel, make: Callable[[], Server]) -> None:
    """Serve, in the child, until the channel ends."""
    calls: list[tuple] = []
    server = make()
    server.served = lambda *arguments: calls.append(("served", *arguments))
    server.mark_error = lambda *arguments: calls.append(("mark_error", *arguments))
    server.start()
    channel.send(server.port)
    while channel.receive() == "take":
        server.finish_turn()
        channel.send((_emptied(calls), _emptied(server.errors)))


def _emptied(entries: list) -> list:
    """Return the entries and take them out; what another thread appends meanwhile stays."""
    taken = entries[:]
    del entries[: len(taken)]
    return taken
