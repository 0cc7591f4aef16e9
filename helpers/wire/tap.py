"""The wire tap: what a relay saw pass, byte for byte, both directions, with times.

Plan: each piece that the relay reads is a `Chunk`; what happens to a connection (opened,
ended, reset, cut ...) is an `Event` in words. For each direction of each connection a
`Flow` counts bytes, so that nothing can be lost unseen: taken = passed + dropped + held.
A tap keeps the bytes themselves up to a limit and counts the rest; asked for a stream of
which it has not kept all, it refuses.

Left out: protocols. A chunk is what one read returned: not a packet, not a message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

# The directions, as curl writes them: client to server, server to client.
SENT, RECEIVED = "=>", "<="
KIND_OF = {SENT: "sent", RECEIVED: "received"}  # in the ledger
KEEP_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that the relay read at `time_s`; connections are numbered from 1."""

    time_s: float
    connection: int
    direction: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a connection at `time_s`, in words."""

    time_s: float
    connection: int
    text: str


@dataclass
class Flow:
    """The bytes of one direction of one connection.

    `taken` from the sender, of which `passed` were handed on, `dropped` were not, and the
    rest is still held by the relay; `most_held` at once.
    """

    taken: int = 0
    passed: int = 0
    dropped: int = 0
    most_held: int = 0

    @property
    def held(self) -> int:
        """Return how many bytes the relay holds."""
        return self.taken - self.passed - self.dropped


@dataclass
class Tap:
    """What passed through a relay; written by the relay's thread, read by any other.

    At most `keep_bytes` are kept in all, the first ones; what came later is only counted,
    by connection and direction in `missed`.
    """

    keep_bytes: int = KEEP_BYTES
    chunks: list[Chunk] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    flows: dict[tuple[int, str], Flow] = field(default_factory=dict)
    missed: dict[tuple[int, str], int] = field(default_factory=dict)
    kept_bytes: int = 0

    def add(self, time_s: float, connection: int, direction: str, data: bytes) -> None:
        """Keep a chunk, or what the limit leaves of it."""
        kept = data[: max(0, self.keep_bytes - self.kept_bytes)]
        if kept:
            self.kept_bytes += len(kept)
            self.chunks.append(Chunk(time_s, connection, direction, kept))
        if left := len(data) - len(kept):
            stream = connection, direction
            self.missed[stream] = self.missed.get(stream, 0) + left

    def connections(self) -> list[int]:
        """Return the numbers of the connections, in the order in which they were opened."""
        return sorted({connection for connection, _ in self.flows})

    def joined(self, direction: str, connection: int | None = None) -> bytes:
        """Return the bytes of one direction, joined; of one connection, or (None) of all.

        A ValueError if the tap was told to keep less than that, or for another direction.
        """
        if direction not in (SENT, RECEIVED):
            raise ValueError(f"direction={direction!r}: it is {SENT!r} or {RECEIVED!r}")

        def wanted(number: int, its_direction: str) -> bool:
            return its_direction == direction and connection in (None, number)

        if missed := sum(n for stream, n in self.missed.items() if wanted(*stream)):
            raise ValueError(
                f"the tap keeps {self.keep_bytes} bytes, and {missed} more passed {direction}"
            )
        return b"".join(c.data for c in list(self.chunks) if wanted(c.connection, c.direction))

    def event_texts(self, connection: int | None = None) -> list[str]:
        """Return what happened to a connection, or (None) to all of them, in words and in order."""
        return [e.text for e in list(self.events) if connection in (None, e.connection)]

    def clear(self) -> None:
        """Forget what has passed so far, but not the counts of connections still open."""
        self.chunks.clear()
        self.events.clear()
        self.missed.clear()
        self.kept_bytes = 0


def byte_count(direction: str, data: bytes) -> str:
    """Return what a piece is called in the ledger: its length."""
    return f"{len(data)} bytes"


def first_line(direction: str, data: bytes) -> str:
    """Return the first line of a piece if it is short text, and its length.

    For protocols of text; in the middle of a body it is whatever stands there.
    """
    line, _, _ = bytes(data[:80]).partition(b"\r\n")
    text = line.decode("ascii", "replace")
    if not text.isprintable() or not text.isascii() or len(text) > 60:
        return byte_count(direction, data)
    return f"{text} ({len(data)} bytes)"


Label = Callable[[str, bytes], str]
