"""A run of an experiment in the background: in a thread of its own, on a loop of its own.

Plan: neither the kernel's loop, which the experiment would block, nor the thread of a
widget's callback, which may have a loop under way, is ever used. Cancelling goes through
the run's own loop, so it takes effect where the experiment awaits; code that is busy gets it
raised a moment later. A blocking call has to end first: nothing can be done about that from
outside of a thread.

Left out: more than one run at a time (the panel), and what a run is shown as.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Awaitable, Callable, Mapping

from helpers.course import stop_button
from helpers.ledger import Ledger, now_s


class TookTooLong(Exception):
    """The run did not end in the time it had."""


class Run:
    """One run of an experiment, in a thread and on a loop of its own.

    When `ended` is set, `panels` holds what the experiment returned, or `error` what it
    raised: a CancelledError if it was cancelled, TookTooLong after `limit_s` seconds.
    """

    def __init__(self, experiment: Callable[..., Awaitable], values: dict, limit_s: float):
        self.values, self.limit_s = values, limit_s
        self.panels: Mapping[str, Ledger] | None = None
        self.error: BaseException | None = None
        self.ended = threading.Event()
        self.cancelled = False
        self._experiment = experiment
        self._lock = threading.Lock()
        self._task: asyncio.Task | None = None
        self._thread, self._over = 0, threading.Event()  # over: nothing may be raised in it now

    def start(self) -> None:
        """Start the run, and return at once."""
        self.start_s = now_s()
        # The context carries whose output this is: what is printed stays with this panel's cell.
        main = contextvars.copy_context().run
        threading.Thread(target=main, args=(self._main,), name="experiment", daemon=True).start()

    def cancel(self) -> None:
        """Cancel the coroutine where it awaits or computes; a blocking call has to end first."""
        with self._lock:
            self.cancelled = True
            if self._task is not None and not self.ended.is_set():
                loop = self._task.get_loop()
                # A RuntimeError: its loop is closed, so there is nothing to cancel any more.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._task.cancel)
                stop_button.insist(loop, self._thread, self._over)

    def _main(self) -> None:
        try:
            panels = asyncio.run(self._bounded())
            if not panels or not _are_panels(panels):
                raise TypeError(
                    "the experiment has to return its ledgers by their titles, such as "
                    f"{{'The caller blocks': ledger}}; it returned {panels!r:.80}"
                )
            self.panels = panels
        except BaseException as error:
            self.error = error
        finally:
            self._over.set()
            self.ended.set()

    async def _bounded(self):
        with self._lock:
            self._task, self._thread = asyncio.current_task(), threading.get_ident()
            if self.cancelled:
                raise asyncio.CancelledError
        with stop_button.limit(self.limit_s) as held_up:
            try:
                async with asyncio.timeout(self.limit_s) as limit:
                    return await self._experiment(**self.values)
            except (TimeoutError, asyncio.CancelledError):
                if limit.expired() or held_up.is_set():
                    raise TookTooLong from None
                raise
            finally:
                self._over.set()


def _are_panels(panels: object) -> bool:
    return isinstance(panels, Mapping) and all(isinstance(p, Ledger) for p in panels.values())
