"""A running server: where it listens, what it has served, what went wrong, how it stops.

Plan: what all servers of the course share, whatever runs them (a loop in a thread, threads
with blocking sockets, another process). A server writes to the ledgers that record just now,
and keeps its errors, which have no cell to appear in.

Left out: how each kind starts and stops.
"""

from __future__ import annotations

import contextlib
import socket
import traceback
from collections.abc import Iterator

from helpers.hosting import registry
from helpers.ledger import Ledger, now_s

HOST = "127.0.0.1"
STOP_S = 5.0


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
