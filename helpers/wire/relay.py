"""One TCP relay between a client and a server: the wire tap is on it, and the faults.

Plan: a relay listens on 127.0.0.1 and passes every byte on to its target, both ways; the
client only has to use another port. It has a thread and a loop of its own, and is kept by
name like a server. How one connection is passed on stands in relayed_connection.py, what
may be wrong with it in faults.py, what is kept of it in tap.py. The cable of all its
connections can be pulled, and plugged in again.

Left out: TLS (the bytes pass, encrypted), UDP, and a delay of the handshake: the kernel
completes that with the client before the relay hears of it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

from helpers.hosting import registry
from helpers.hosting.worker import Worker
from helpers.ledger import Ledger, now_s
from helpers.wire.faults import Faults
from helpers.wire.relayed_connection import RelayedConnection
from helpers.wire.tap import KEEP_BYTES, KIND_OF, Event, Label, Tap, byte_count

HOST = "127.0.0.1"
START_S, STOP_S = 10.0, 5.0


class Relay:
    """A running relay: its `host`, `port` and `url`, its `tap`, and the way to stop it.

    `to_server` and `to_client` are the faults of connections opened from now on; a
    connection keeps those it began with. What goes wrong inside is kept in `errors`.
    """

    def __init__(self, name: str, target: object, tap: Tap, label: Label = byte_count):
        self.name = name
        self.host = HOST
        self.port = 0
        self.retarget(target)
        self.tap = tap
        self.label = label
        self.to_server = self.to_client = Faults()
        self.errors: list[str] = []
        self._ledgers: list[Ledger] = []
        self.is_pulled = False
        self._open: dict[asyncio.Task, RelayedConnection] = {}
        self._count = 0

    @property
    def url(self) -> str:
        """Return the address as a URL without a path."""
        return f"http://{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"<relay {self.name!r}>"

    @property
    def held_bytes(self) -> int:
        """Return how many bytes the relay holds just now."""
        return sum(flow.held for flow in list(self.tap.flows.values()))

    def wait_until_closed(self, timeout_s: float = STOP_S) -> bool:
        """Wait until no connection is open any more; tell whether that came in time."""
        end_s = now_s() + timeout_s
        while self._open and now_s() < end_s:
            time.sleep(0.002)
        return not self._open

    @contextlib.contextmanager
    def recording(self, ledger: Ledger) -> Iterator[None]:
        """Write what passes meanwhile to the ledger, in a lane per connection.

        Each piece is a span of kind "sent" (to the server) or "received" (to the client),
        from when the relay read it to when it had passed it on; what happens to a
        connection is a mark, of kind "error" where something broke.
        """
        self._finish_turn()
        self._ledgers.append(ledger)
        try:
            yield
        finally:
            self._finish_turn()
            self._ledgers.remove(ledger)

    def _finish_turn(self) -> None:
        """Wait until what the relay has just sent is written down, too."""
        self._in_the_loop(lambda: None)

    def passed(
        self,
        connection: RelayedConnection,
        direction: str,
        came_s: float,
        left_s: float,
        data: memoryview,
    ) -> None:
        """Write a piece that has passed to the ledgers that record."""
        for ledger in self._ledgers:
            label = self.label(direction, bytes(data))
            ledger.add(connection.lane, KIND_OF[direction], came_s, left_s, label)

    def record_event(self, connection: RelayedConnection, text: str, kind: str = "event") -> None:
        """Keep what happened to a connection, and write it to the ledgers that record."""
        event = Event(now_s(), connection.number, text)
        self.tap.events.append(event)
        for ledger in self._ledgers:
            ledger.mark(connection.lane, kind, text, event.time_s)

    def failed(self, text: str) -> None:
        """Keep what went wrong in the relay itself, and mark it in the ledgers that record."""
        self.errors.append(text)
        for ledger in list(self._ledgers):
            ledger.mark(self.name, "error", text)

    # --- the thread

    def retarget(self, target: object) -> None:
        """Pass on to this target the connections that are opened from now on.

        A ValueError if it is no target, an OSError if its name is unknown.
        """
        address = _address(target)
        self.addresses, self.target = _addresses(address), address

    def pull_the_cable(self) -> None:
        """Let nothing pass any more, either way, not even an end: nobody is told.

        What comes is taken and held, as far as there is room. A program on one side sees what it
        would see of a cable that was pulled: nothing.
        """
        self._in_the_loop(self._set_pulled, True, "the cable was pulled")

    def plug_in_again(self) -> None:
        """Let everything pass again, beginning with what is held."""
        self._in_the_loop(self._set_pulled, False, "the cable was plugged in again")

    def _set_pulled(self, is_pulled: bool, text: str) -> None:
        self.is_pulled = is_pulled
        for connection in list(self._open.values()):
            self.record_event(connection, text)
            for direction in connection.directions:
                direction.pump()

    def _in_the_loop(self, call: Callable, *arguments: object) -> None:
        """Call it on the relay's thread and wait until that is done."""
        done = concurrent.futures.Future()

        def run() -> None:
            done.set_result(call(*arguments))

        with contextlib.suppress(RuntimeError, TimeoutError):  # it is closed; it is too busy
            self._loop.call_soon_threadsafe(run)
            done.result(STOP_S)

    def start(self) -> None:
        """Start listening; an OSError if the system forbids it."""
        self._listener = socket.create_server((HOST, 0), backlog=1024)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._ready = threading.Event()
        self._thread = Worker(self._run, f"relay {self.name}")
        self._thread.start()
        self._ready.wait(START_S)

    def _run(self) -> None:
        # A selector's loop can watch plain sockets on every system; Windows' usual one cannot.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(lambda _, context: self.failed(str(context)))
        self._loop.add_reader(self._listener, self._accept)
        self._ready.set()
        try:
            await self._stopping.wait()
        finally:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            for task in list(self._open):
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    def close(self) -> None:
        """Stop the relay, close its connections and free its port; twice does nothing more."""
        with contextlib.suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._stopping.set)
        if not self._thread.wait(STOP_S):
            raise registry.StillRunning(
                f"relay {self.name!r} has not stopped within {STOP_S:g} s: its thread is busy"
            )
        registry.forget(self)

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:  # no file descriptor is left: try again when one may be free
            self.failed(f"accept: {error.strerror}; trying again")
            self._loop.remove_reader(self._listener)
            self._loop.call_later(0.1, self._accept_again)
            return
        self._count += 1
        connection = RelayedConnection(self, self._count, client)
        task = self._loop.create_task(connection.run())
        self._open[task] = connection
        task.add_done_callback(self._closed)

    def _accept_again(self) -> None:
        if not self._stopping.is_set():
            self._loop.add_reader(self._listener, self._accept)

    def _closed(self, task: asyncio.Task) -> None:
        self._open.pop(task, None)
        if not task.cancelled() and (error := task.exception()):
            self.failed(repr(error))


def relay_to(
    name: str,
    target: object,
    *,
    to_server: Faults | None = None,
    to_client: Faults | None = None,
    keep_bytes: int = KEEP_BYTES,
    label: Label = byte_count,
) -> Relay:
    """Start a relay to a target, with a tap on it and these faults; return it.

    The target is a server of this course, a port, "host:port", (host, port), or the path of
    a server's socket file; the relay itself always listens on a port. The tap keeps the
    first `keep_bytes` bytes and counts the rest; `label(direction, data)` names a piece in
    the ledger. A ValueError if the target is none of these, an OSError if its name is unknown.
    """
    if keep_bytes < 0:
        raise ValueError(f"keep_bytes={keep_bytes!r}: a tap keeps 0 bytes or more")
    relay = Relay(name, target, Tap(keep_bytes), label)
    relay.to_server = to_server or Faults()
    relay.to_client = to_client or Faults()
    return registry.register(relay)


def _address(target: object) -> tuple[str, int] | str:
    """Return the host and the port of a target, or the path of its socket file."""
    if isinstance(target, str) and target.startswith("/"):
        return target
    if hasattr(target, "port"):
        host, port = getattr(target, "host", HOST), target.port
    elif isinstance(target, tuple) and len(target) == 2:
        host, port = target
    elif isinstance(target, str):
        host, _, port = target.rpartition(":")
        host, port = host.strip("[]") or HOST, int(port) if port.isdecimal() else port
    else:
        host, port = HOST, target
    if not isinstance(host, str) or not isinstance(port, int) or not 0 < port < 65536:
        raise ValueError(
            f"target={target!r}: it is a server, a port (1 to 65535), 'host:port', (host, port) "
            "or the path of a socket file"
        )
    return host, port


def _addresses(target: tuple[str, int] | str) -> list[tuple]:
    """Return the target's addresses, as getaddrinfo gives them."""
    if isinstance(target, str):
        return [(socket.AF_UNIX, socket.SOCK_STREAM, 0, "", target)]
    try:
        return socket.getaddrinfo(*target, type=socket.SOCK_STREAM)
    except OSError as error:
        raise OSError(error.errno, f"target {target[0]!r}: {error.strerror}") from None
