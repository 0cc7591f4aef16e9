"""What a tap saw as curl would have told it: the text of `--trace`, with times and ids.

Plan: a header block for the head of a request and for each line of a response's head, as
curl reports them; data blocks cut where the tap's chunks were. Where a connection speaks no
HTTP/1.1, all its chunks are data. What happened to a connection becomes an Info line.

Left out: reading it back (curltrace.py does).
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from helpers.ledger import now_s
from helpers.wire.curltrace import DATA, HEADER, RECEIVED, SENT, Block, Info, Stamp, Trace
from helpers.wire.exchanges import Exchange, Message, exchanges
from helpers.wire.tap import Tap

_DAY_US = 24 * 3600 * 10**6


def tap_trace(tap: Tap) -> Trace:
    """Return the trace of a tap; a ValueError if the tap has not kept all."""
    for direction in (SENT, RECEIVED):
        tap.joined(direction)
    # Local time of day, as curl writes it.
    wall_s = time.time()
    day = time.localtime(wall_s)
    today_s = day.tm_hour * 3600 + day.tm_min * 60 + day.tm_sec + wall_s % 1
    epoch_us = int((today_s - now_s()) * 1e6)

    def stamp(time_s: float, transfer: int, connection: int) -> Stamp:
        return Stamp((epoch_us + int(time_s * 1e6)) % _DAY_US, transfer, connection - 1)

    timed: list[tuple[float, Block | Info]] = []
    try:
        for transfer, exchange in enumerate(exchanges(tap)):
            for time_s, direction, kind, data in _blocks(tap, exchange):
                where = stamp(time_s, transfer, exchange.connection)
                timed.append((time_s, Block(direction, kind, data, where)))
    except ValueError:  # another protocol
        timed = [
            (c.time_s, Block(c.direction, DATA, c.data, stamp(c.time_s, 0, c.connection)))
            for c in list(tap.chunks)
        ]
    for event in list(tap.events):
        text = f"Connection #{event.connection - 1}: {event.text}"
        timed.append((event.time_s, Info(text, stamp(event.time_s, 0, event.connection))))
    return Trace([record for _, record in sorted(timed, key=lambda entry: entry[0])])


def _blocks(tap: Tap, exchange: Exchange) -> Iterator[tuple[float, str, str, bytes]]:
    """Yield the blocks of an exchange: when, which way, header or data, and the bytes."""
    messages = [(SENT, exchange.request)]
    messages += [(RECEIVED, message) for message in exchange.interim]
    messages += [(RECEIVED, exchange.response)] if exchange.response else []
    for direction, message in messages:
        lines = [message.head] if direction == SENT else message.head.splitlines(keepends=True)
        for line in lines:
            yield message.times_s[0], direction, HEADER, line
        for time_s, data in _body(tap, exchange.connection, direction, message):
            yield time_s, direction, DATA, data


def _body(tap: Tap, number: int, direction: str, message: Message) -> Iterator[tuple[float, bytes]]:
    """Yield the body in the pieces in which it passed."""
    start, end = message.at + len(message.head), message.at + message.size
    at = 0
    for chunk in list(tap.chunks):
        if (chunk.connection, chunk.direction) == (number, direction):
            if data := chunk.data[max(0, start - at) : max(0, end - at)]:
                yield chunk.time_s, data
            at += len(chunk.data)
