"""A gauge: a number that the system knows, read over and over and written to the ledger.

Plan: a thread reads the numbers every few milliseconds, all of them at one moment, so
that what is stacked in a figure belongs together. A stretch at which a number stays the
same is one span of kind "level", its label the number. The experiment can also look by
itself, right after it did something: then no change is missed, however late the thread
gets a processor.

Left out: rates and averages. A level is what was read, not what was in between.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping

from helpers.ledger import Ledger, now_s

LEVEL = "level"


@contextlib.contextmanager
def gauge(
    ledger: Ledger, levels: Mapping[str, Callable[[], int]], every_s: float = 0.005
) -> Iterator[Callable[[], None]]:
    """Read each lane's level every `every_s` seconds, as long as the block lasts.

    Yields a function that reads at once. A reading that raises an OSError (the socket is
    closed) ends that lane's level there; it may begin again. What else a reading raises in
    the thread comes out at the end of the block.
    """
    if not every_s > 0:
        raise ValueError(f"every_s={every_s!r}: readings need a time above 0 between them")
    if not levels:
        raise ValueError("levels={}: there is nothing to read")
    since: dict[str, tuple[float, int]] = {}
    reading, done = threading.Lock(), threading.Event()
    failed: list[Exception] = []

    def put_down(lane: str, time_s: float) -> None:
        start_s, level = since.pop(lane)
        ledger.add(lane, LEVEL, start_s, time_s, str(level))

    def look() -> None:
        with reading:
            for lane, read in levels.items():
                try:
                    level = read()
                except OSError:
                    level = None
                time_s = now_s()
                if lane in since and since[lane][1] != level:
                    put_down(lane, time_s)
                if lane not in since and level is not None:
                    since[lane] = time_s, level

    def keep_looking() -> None:
        try:
            while not done.wait(every_s):
                look()
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=keep_looking, name="gauge", daemon=True)
    look()
    thread.start()
    try:
        yield look
    finally:
        done.set()
        thread.join()
        if failed:
            raise failed[0]
        look()
        end_s = now_s()
        for lane in list(since):
            put_down(lane, end_s)


def readings(ledger: Ledger, lane: str) -> list[int]:
    """Return the levels of a lane in order, each change once."""
    return [int(span.label) for span in ledger.spans(lane, LEVEL)]
