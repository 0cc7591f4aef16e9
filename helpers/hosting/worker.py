"""A daemon thread that can be waited for, also by somebody who presses Stop meanwhile.

Plan: the thread says itself that it has ended. `Thread.join` can't be trusted here: in
Python 3.11 and 3.12 a join that an exception interrupts takes a running thread for ended.

Left out: loops, and telling the thread to stop.
"""

from __future__ import annotations

import threading


class Worker(threading.Thread):
    """A daemon thread; `wait` for its end, and ask whether it is `running`."""

    def __init__(self, target, name: str = "", args: tuple = ()):
        super().__init__(target=target, name=name or None, args=args, daemon=True)
        self._done = threading.Event()

    def run(self) -> None:
        """Run the target, and say at the end that it has ended."""
        try:
            super().run()
        finally:
            self._done.set()

    @property
    def running(self) -> bool:
        """Tell whether the target has been started and has not ended."""
        return self.ident is not None and not self._done.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end of the target; tell whether it came in time."""
        if not self._done.wait(timeout_s):
            return False
        self.join(timeout_s)  # what is left takes no time
        return True
