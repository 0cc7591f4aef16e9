"""A stream of bytes in the ledger: who took which bytes for one piece, a lane each.

Plan: the clock of such a ledger counts bytes, not seconds. A piece is a span from its first
byte to behind its last, in the lane of whoever cut it so (curl's trace, a tap, TCP); a mark
at its first byte holds the bytes themselves. So a figure can lay the pieces of several lanes
above each other, and a verdict can ask whether they add up to the same stream.

Left out: when the bytes came, which is the sequence figure's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from helpers.ledger import Ledger
from helpers.wire.tap import KIND_OF

_LABEL = 30  # letters of a piece's first line that name it


class Piece(Protocol):
    """A block of a trace, or a chunk of a tap."""

    direction: str
    data: bytes


def write(ledger: Ledger, lane: str, pieces: Iterable[Piece | bytes], kind: str = "") -> None:
    """Write the pieces into a lane, one behind the other.

    Pieces are of kind "sent" or "received" by their direction, and named by what their
    first line begins with, up to a colon; or all are of the given kind and without a name,
    as plain bytes must be. A ValueError for plain bytes without a kind.
    """
    at = 0
    for piece in pieces:
        data = piece if isinstance(piece, bytes) else piece.data
        if not kind and data is piece:
            raise ValueError(f"kind={kind!r}: bytes without a direction need a kind")
        text = data.decode("latin-1")
        name = text.partition("\n")[0].rstrip("\r").partition(": ")[0]
        named = not kind and name.isascii() and name.isprintable()
        label = name[:_LABEL] if named else ""
        ledger.add(lane, kind or KIND_OF[piece.direction], at, at + len(data), label)
        ledger.mark(lane, "bytes", text, at)
        at += len(data)


def read(ledger: Ledger, lane: str) -> bytes:
    """Return all bytes of a lane, joined."""
    return "".join(mark.label for mark in ledger.marks(lane, "bytes")).encode("latin-1")
