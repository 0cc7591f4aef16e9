"""A live server in a process of its own, for handlers that burn CPU or are to be killed.

Plan: the parent sends a function that makes the server, pickled by value, over the child's
standard input, and asks there for what was served since it last asked; the child answers
over its standard output and ends when its input does, so it never outlives the kernel. Both
processes read the same monotonic clock, so the child's spans fit into the parent's ledger
as they are.

Left out: a pool of workers, and sharing a listening socket.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

from helpers.ledger import Ledger
from helpers.servers import STOP_S, Server

# What writing raises when the child has ended, and when it was closed.
_GONE = BrokenPipeError, ValueError


class ChildServer(Server):
    """A server in a child process, spoken to over the child's stdin and stdout."""

    def __init__(self, name: str, make: Callable[[], Server]):
        super().__init__(name)
        self._make = make
        self._rows: list[tuple[float, float, str]] = []
        self._talking = threading.Lock()

    def start(self) -> None:
        """Start the child; what keeps it from listening is raised here."""
        import cloudpickle

        # A session of its own keeps the Stop button's signal away from the child.
        self._child = subprocess.Popen(
            [sys.executable, "-m", "helpers.hosting.child_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        with contextlib.suppress(*_GONE):  # receiving says so
            _send(self._child.stdin, cloudpickle.dumps(self._make))
        answer = self._receive()
        if isinstance(answer, BaseException):
            self._stop()
            raise answer
        self.port = answer

    def _receive(self):
        try:
            return pickle.loads(_receive(self._child.stdout))
        except (EOFError, ValueError):
            code = self._child.wait(STOP_S)
            raise RuntimeError(
                f"the process of server {self.name!r} has ended (exit code {code})"
            ) from None

    def _take(self) -> None:
        """Take over the spans and errors that the child has kept."""
        with self._talking:
            with contextlib.suppress(*_GONE):  # receiving says so
                _send(self._child.stdin, b"take")
            rows, errors = self._receive()
            self._rows += rows
            self._errors += errors

    @property
    def errors(self) -> list[str]:
        """Return the traceback of every exception a handler raised, oldest first."""
        with contextlib.suppress(RuntimeError):  # it has ended: nothing new to take
            self._take()
        return self._errors

    @property
    def pid(self) -> int:
        """Return the process id of the server."""
        return self._child.pid

    @contextlib.contextmanager
    def recording(self, ledger: Ledger) -> Iterator[None]:
        """Write what is served meanwhile to the ledger; the clock is the same in both processes."""
        self._take()
        self._rows.clear()
        try:
            yield
        finally:
            self._take()
            for start_s, end_s, label in self._rows:
                ledger.add(self.name, "serving", start_s, end_s, label)

    def _stop(self) -> None:
        with contextlib.suppress(OSError):
            self._child.stdin.close()
        try:
            self._child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child.stdout.close()


def _send(pipe, message: bytes) -> None:
    pipe.write(struct.pack("!I", len(message)) + message)
    pipe.flush()


def _receive(pipe) -> bytes:
    header = pipe.read(4)
    length = struct.unpack("!I", header)[0] if len(header) == 4 else 1
    message = pipe.read(length)
    if len(message) < length:
        raise EOFError("the pipe was closed")
    return message


def _pickled(error: Exception) -> bytes:
    """Return the exception as the parent can read it, which not every one can be."""
    try:
        message = pickle.dumps(error)
        pickle.loads(message)
    except Exception:
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return message


def _emptied(entries: list) -> list:
    """Return the entries and take them out; what another thread appends meanwhile stays."""
    taken = entries[:]
    del entries[: len(taken)]
    return taken


def _child_main() -> None:
    """Serve what the parent sends over stdin until stdin ends."""
    # What a handler prints must not get into the answers to the parent.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    rows: list[tuple[float, float, str]] = []
    message = _receive(sys.stdin.buffer)
    try:
        server = pickle.loads(message)()
        server.served = lambda *row: rows.append(row)
        server.start()
    except Exception as error:
        _send(answers, _pickled(error))
        return
    _send(answers, pickle.dumps(server.port))
    with contextlib.suppress(EOFError):
        while _receive(sys.stdin.buffer) == b"take":
            _send(answers, pickle.dumps((_emptied(rows), _emptied(server.errors))))
    # A handler may be deep in CPU work: nothing is owed to it any more.
    os._exit(0)


if __name__ == "__main__":
    _child_main()
