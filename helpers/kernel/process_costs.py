"""What this process has cost: processor time, switches between threads, memory.

Plan: ask the system twice, before and after, and write the differences into the ledger,
one lane each. Switches are the voluntary ones of getrusage(2): a thread had to wait for
something and was put to sleep. They count for all threads of the process. Memory is
counted from the making of the object on, the other two from `start`, so that connections
can be opened in between: their memory counts, the work of opening them does not.

Left out: what the costs of single threads are, and what other processes cost meanwhile.
"""

from __future__ import annotations

import time

from helpers.ledger import Ledger

PROCESSOR_TIME, SWITCHES, MEMORY = "processor time", "switches", "memory"


class ProcessCosts:
    """The costs of this process: its memory from now on, the rest from `start` on."""

    def __init__(self) -> None:
        self._memory_before_mb = _memory_mb()
        self.start()

    def start(self) -> None:
        """Count processor time and switches from now on."""
        self._switches_before = _switches()
        self._processor_before_s = time.process_time()

    def write(self, ledger: Ledger) -> None:
        """Mark what it has cost up to now, and expect these three values of the ledger."""
        used_s = time.process_time() - self._processor_before_s
        switches = _switches() - self._switches_before
        memory_mb = _memory_mb() - self._memory_before_mb
        ledger.expect("value", 3)
        ledger.mark(PROCESSOR_TIME, "value", f"{1000 * used_s:.0f} ms")
        ledger.mark(SWITCHES, "value", str(switches))
        ledger.mark(MEMORY, "value", f"{memory_mb:.1f} MB")


def _memory_mb() -> float:
    import psutil

    return psutil.Process().memory_info().rss / 1e6


def _switches() -> int:
    import resource  # Windows has none

    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
