"""What a piece of work costs: done over and over in a process of its own, and timed.

Plan: each work is a name, the bytes it works on and a function of them. Single calls are
too short for the clock, so a bout repeats the call for about two milliseconds and records
the time of one; there are five bouts, because whatever else the machine did can only have
made some of them longer. The ledger holds a span of kind "parsing" for each bout, in the
lane of the name, labelled with the number of bytes.

Left out: memory, and work that waits (this is for work that burns the processor).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from helpers.hosting.process_call import call_in_process
from helpers.ledger import Ledger, now_s

BOUTS, BOUT_S = 5, 0.002


async def time_calls(works: Iterable[tuple[str, bytes, Callable]]) -> Ledger:
    """Return the ledger of all works (name, data, function of the data), measured apart."""
    works = list(works)
    if not works:
        raise ValueError("works=[]: there is nothing to measure")
    return await call_in_process(_measure, works)


async def _measure(works: list[tuple[str, bytes, Callable]]) -> Ledger:
    ledger = Ledger()
    ledger.expect("parsing", BOUTS * len(works))
    for name, data, work in works:
        often = 1
        for bout in range(BOUTS + 2):
            start_s = now_s()
            for _ in range(often):
                work(data)
            one_s = (now_s() - start_s) / often
            # The first calls are unlike the others, caches are cold: they only tell how often.
            if bout < 2:
                often = max(1, int(BOUT_S / max(one_s, 1e-7)))
            else:
                ledger.add(name, "parsing", start_s, start_s + one_s, str(len(data)))
    return ledger
