"""Work that burns the processor, in a module, so that a pool of processes can import it.

Plan: one function that computes for as long as it is told to. It counts processor time, so
it costs the same on a machine that has other things to do.

Left out: work with a result.
"""

from __future__ import annotations

import time


def compute(seconds: float) -> None:
    """Keep a processor busy for this many seconds of this thread's processor time."""
    end_s = time.thread_time() + seconds
    while time.thread_time() < end_s:
        pass
