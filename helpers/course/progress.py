"""A line under a cell that takes longer than two seconds: it runs, so long, and how to stop it.

Plan: IPython says when a cell begins and when it has ended; in between a thread of its own
writes one line and renews it each second, however busy the cell is. At the end the line
goes. With nobody at the keyboard there is no line, so stored outputs know nothing of it.

Left out: how much is still to do; only the cell's own code could tell.
"""

from __future__ import annotations

import contextvars
import threading

from helpers.course import notebook
from helpers.ledger import now_s

AFTER_S, EVERY_S = 2.0, 1.0


class Progress:
    """The line of one kernel; `begin` and `end` are called around each cell."""

    def __init__(self):
        self._ended: threading.Event | None = None

    def begin(self, *_) -> None:
        """Watch the cell that begins now."""
        if not notebook.attended():
            return
        self._ended = threading.Event()
        # The context carries whose output this is.
        run = contextvars.copy_context().run
        arguments = (_tell, self._ended)
        threading.Thread(target=run, args=arguments, name="progress", daemon=True).start()

    def end(self, *_) -> None:
        """Stop watching; the line goes."""
        if self._ended is not None:
            self._ended.set()
            self._ended = None


def _tell(ended: threading.Event) -> None:
    """Show how long the cell has been running, until it has ended."""
    from IPython.display import display

    start_s = now_s()
    if ended.wait(AFTER_S):
        return
    line = display(_line(start_s), raw=True, display_id=True)
    while not ended.wait(EVERY_S):
        line.update(_line(start_s), raw=True)
    line.update({"text/plain": "", "text/html": ""}, raw=True)


def _line(start_s: float) -> dict[str, str]:
    text = f"Running for {now_s() - start_s:.0f} s. The Stop button ends it."
    return {"text/plain": text, "text/html": f"<div role='status'>{text}</div>"}


_progress = Progress()


def switch_on() -> None:
    """Show the line in this kernel from now on; calling again changes nothing."""
    ip = notebook.shell()
    if ip is None:
        return
    switch_off()
    ip.events.register("pre_run_cell", _progress.begin)
    ip.events.register("post_run_cell", _progress.end)


def switch_off() -> None:
    """Show no line any more."""
    ip = notebook.shell()
    if ip is None:
        return
    for event, callback in (("pre_run_cell", _progress.begin), ("post_run_cell", _progress.end)):
        if callback in ip.events.callbacks[event]:
            ip.events.unregister(event, callback)
