"""One connection through a relay: two sockets, and its two directions.

Plan: work on non-blocking sockets, not through asyncio's streams, so that the relay knows
what the kernel has taken, passes on a half-close as a half-close and a reset as a reset,
and stops reading while the other side reads slowly: that bounds what it holds. What is read
goes to the tap first, then into the direction's `FaultyPipe`, which says when it may leave.
How a connection ends is decided once, for both sides, and carried out in one place.

Left out: listening, and whatever concerns more than one connection (relay.py).
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import math
import os
import socket
import struct
from typing import TYPE_CHECKING

from helpers.ledger import now_s
from helpers.wire.faults import CUT, END, RESET, FaultyPipe
from helpers.wire.tap import RECEIVED, SENT, Flow

if TYPE_CHECKING:
    from helpers.wire.relay import Relay

CONNECT_S = 10.0
CLOSE_S = 1.0  # how long a connection that ends may take to hand over its last bytes
FIRST_READ, READ = 2**16, 2**20  # how much is read at once: the more, the more comes
CLOSE = "close"
_SIDES = {SENT: ("client", "server"), RECEIVED: ("server", "client")}


class RelayedConnection:
    """One connection through the relay: its two sockets and its two directions."""

    def __init__(self, relay: Relay, number: int, client: socket.socket):
        self.relay, self.number, self.loop = relay, number, asyncio.get_running_loop()
        self.lane = f"{relay.name} {number}"
        self.faults = {SENT: relay.to_server, RECEIVED: relay.to_client}
        self.flows = {direction: Flow() for direction in self.faults}
        for direction, flow in self.flows.items():
            relay.tap.flows[number, direction] = flow
        self.sides = [client]
        self.directions: list[Direction] = []
        self.broken = False
        # How the connection ends: what is done with each side, by its place in `sides`.
        self.over: asyncio.Future[list[str]] = self.loop.create_future()
        client.setblocking(False)

    def record_event(self, text: str, kind: str = "event") -> None:
        """Record what happened to the connection, in words."""
        self.relay.record_event(self, text, kind)

    async def run(self) -> None:
        """Connect to the target, let pass what passes, and close both sides."""
        try:
            if await self._connect_to_target():
                to_server, to_client = self.sides[::-1]
                self.directions = [Direction(self, to_client, to_server, SENT)]
                self.directions.append(Direction(self, to_server, to_client, RECEIVED))
                for direction in self.directions:
                    direction.pump()
            endings = await self.over
            await asyncio.gather(*map(self._close_side, self.sides, endings))
            self.record_event("closed")
        finally:
            self._stop()
            for side in self.sides:
                side.close()

    async def _connect_to_target(self) -> bool:
        """Connect to the target; where that fails, the client is to be reset."""
        try:
            async with asyncio.timeout(CONNECT_S):
                self.sides.append(await self._first_that_answers())
        except OSError as error:  # a TimeoutError is one too, without words
            why = f"no answer within {CONNECT_S:g} s"
            if error.errno:  # asyncio's own words have the address in them
                why = os.strerror(error.errno)
            self.record_event(f"the server could not be reached: {why}", "error")
            self.over.set_result([RESET])
            return False
        for side in self.sides:
            # A relay must not add the waiting of Nagle's algorithm to the sender's own.
            if side.family in (socket.AF_INET, socket.AF_INET6):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.record_event("opened")
        return True

    async def _first_that_answers(self) -> socket.socket:
        """Return a socket connected to the first of the target's addresses that answers."""
        for last, (family, kind, protocol, _, address) in enumerate(
            self.relay.addresses, 1 - len(self.relay.addresses)
        ):
            server = socket.socket(family, kind, protocol)
            server.setblocking(False)
            try:
                await self.loop.sock_connect(server, address)
                return server
            except BaseException as error:
                server.close()
                if not last or not isinstance(error, OSError):
                    raise
        raise OSError("the target has no address")

    def end(self, *endings: str) -> None:
        """End the connection: close, end or reset the client's side, then the server's."""
        self._stop()
        if not self.over.done():
            self.over.set_result(list(endings))

    def _stop(self) -> None:
        for direction in self.directions:
            direction.stop()

    async def _close_side(self, side: socket.socket, ending: str) -> None:
        """Close a side so that it sees what it should, and gets what has passed."""
        with contextlib.suppress(OSError):  # it is gone already; or it takes too long
            async with asyncio.timeout(CLOSE_S):
                if ending == RESET:
                    # A reset throws away what the other side's kernel has not got yet.
                    while _unsent(side):  # noqa: ASYNC110 (no event tells)
                        await asyncio.sleep(0.002)
                elif ending == END:
                    side.shutdown(socket.SHUT_WR)
                    # A socket closed with something unread in it resets the connection.
                    flow = self.flows[SENT if side is self.sides[0] else RECEIVED]
                    while data := await self.loop.sock_recv(side, READ):
                        flow.taken += len(data)
                        flow.dropped += len(data)
        if ending == RESET:
            side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        side.close()


class Direction:
    """One direction of one connection: reads from one socket, passes on to the other."""

    def __init__(
        self,
        connection: RelayedConnection,
        source: socket.socket,
        sink: socket.socket,
        direction: str,
    ):
        self.connection, self.source, self.sink, self.direction = (
            connection,
            source,
            sink,
            direction,
        )
        self.sender, self.receiver = _SIDES[direction]
        self.flow = connection.flows[direction]
        self.pipe = FaultyPipe(
            connection.faults[direction], self.flow, f"{connection.number} {direction}"
        )
        self.ended = False
        self._size = FIRST_READ
        self._drained = False  # the source has ended, nothing more comes from it
        self._reading = self._waiting = False  # watching the source, watching the sink
        self._timer: asyncio.TimerHandle | None = None
        self._stalling = False

    def read(self) -> None:
        """Take what the source has, as much as there is room for."""
        try:
            data = self.source.recv(self._size)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.connection.record_event(f"the {self.sender} broke off: {error.strerror}", "error")
            data, end = b"", RESET
        else:
            end = END
        if len(data) == self._size:
            self._size = min(2 * self._size, READ)
        time_s = now_s()
        if data:
            self.connection.relay.tap.add(time_s, self.connection.number, self.direction, data)
            self.pipe.put(data, time_s)
        else:
            self._drained = True
            self.pipe.put(end, time_s)
        self.pump()

    def pump(self) -> None:
        """Pass on what may pass now, and see to it that this is called again in time."""
        full = False
        while not (self.ended or full or self.connection.relay.is_pulled):
            # Before sending: the other side may have it, and answer, before send() returns.
            time_s = now_s()
            ready = self.pipe.ready(time_s)
            if ready is None:
                break
            came_s, what = ready
            if isinstance(what, str):
                self._end(what)
                return
            try:
                count = self.sink.send(what)
            except (BlockingIOError, InterruptedError):
                full = True
            except OSError:
                self._lose()
                return
            else:
                self.pipe.pass_on(count, time_s)
                self.connection.relay.passed(
                    self.connection, self.direction, came_s, time_s, what[:count]
                )
        if not self.ended:
            self._watch(reading=not self._drained and self.pipe.room >= self._size, waiting=full)

    def _watch(self, *, reading: bool, waiting: bool) -> None:
        """Be called when the source has more, when the sink takes more, when the time has come."""
        loop = self.connection.loop
        if reading != self._reading:
            self._reading = reading
            loop.add_reader(self.source, self.read) if reading else loop.remove_reader(self.source)
        if waiting != self._waiting:
            self._waiting = waiting
            loop.add_writer(self.sink, self.pump) if waiting else loop.remove_writer(self.sink)
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self.pipe.wake_s < math.inf and not self.connection.relay.is_pulled:
            self._timer = loop.call_later(max(0.0, self.pipe.wake_s - now_s()), self.pump)
        if self.pipe.stalled and not self._stalling:
            seconds = self.connection.faults[self.direction].stall_s
            self.connection.record_event(
                f"stalled for {seconds:g} s after {self.flow.passed} bytes to the {self.receiver}"
            )
        self._stalling = self.pipe.stalled

    def _end(self, how: str) -> None:
        """Pass on the end of the stream: proper, by a reset, or by a cut on the way."""
        connection = self.connection
        if how == CUT:
            as_end = connection.faults[self.direction].cut_as == END
            connection.record_event(
                f"cut after {self.flow.passed} bytes to the {self.receiver}"
                + ("" if as_end else ", by a reset"),
                "error",
            )
            endings = [CLOSE if as_end else RESET, END if as_end else RESET]
            connection.end(*(endings if self.direction == SENT else endings[::-1]))
        elif how == RESET or connection.broken:
            connection.end(RESET, RESET)
        else:
            self.pipe.pass_on(0, now_s())
            self.stop()
            connection.record_event(f"the {self.sender} has ended")
            with contextlib.suppress(OSError):  # gone already: the other direction will tell
                self.sink.shutdown(socket.SHUT_WR)
            if all(direction.ended for direction in connection.directions):
                connection.end(CLOSE, CLOSE)

    def _lose(self) -> None:
        """Take note that the sink is gone; what it sent before comes first, then the reset."""
        self.stop()
        self.connection.broken = True
        self.connection.record_event(
            f"the {self.receiver} is gone, {self.flow.dropped} bytes to it dropped", "error"
        )
        if all(direction.ended for direction in self.connection.directions):
            self.connection.end(RESET, RESET)

    def stop(self) -> None:
        """Take and pass on nothing more; what is held is dropped."""
        if not self.ended:
            self.ended = True
            self.pipe.drop()
            self._watch(reading=False, waiting=False)


def _unsent(side: socket.socket) -> int:
    """Return how many bytes the other side's kernel has not acknowledged; 0 if unknown."""
    try:
        import fcntl
        import termios

        answer = array.array("i", [0])
        fcntl.ioctl(side, termios.TIOCOUTQ, answer)
    except (ImportError, OSError):
        return 0
    return answer[0]
