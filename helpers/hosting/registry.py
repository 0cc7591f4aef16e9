"""What runs under a name until it is closed: the servers and relays of a lesson.

Plan: whatever is started registers here, so that a name in use is replaced (a cell may
run again), one call at the end of a lesson closes everything, and so does the end of the
process. What was started last is closed first: a relay before the server behind it. What
does not stop keeps its name and says so, and does not keep the others from being closed.

Left out: what a registered thing is; it has a `name`, a `start()`
and a `close()` that may be called twice.
"""

from __future__ import annotations

import atexit
import contextlib
from typing import Protocol, TypeVar


class StillRunning(RuntimeError):
    """Something was told to stop and goes on; the message says what, in one line."""


class Named(Protocol):
    """What can be registered."""

    name: str

    def start(self) -> None:
        """Start it; ready when this returns."""

    def close(self) -> None:
        """Stop it, or raise StillRunning; closing twice does nothing more."""


_Thing = TypeVar("_Thing", bound=Named)
_running: dict[str, Named] = {}
_users: set[str] = set()


def register(thing: _Thing) -> _Thing:
    """Start the thing in place of the one that had its name; return it once it runs.

    Where the old one does not stop, that is printed, and the new one runs beside it.
    """
    if thing.name in _running:
        try:
            _running[thing.name].close()
        except StillRunning as error:
            print(f"The old {error}. The new one runs beside it.")
    thing.start()
    _running[thing.name] = thing
    return thing


def find(name: str) -> Named | None:
    """Return what runs under a name, if anything does."""
    return _running.get(name)


def forget(thing: Named) -> None:
    """Take the thing out, unless another one has its name by now."""
    if _running.get(thing.name) is thing:
        del _running[thing.name]


def running() -> list[str]:
    """Return the names of what runs now."""
    return sorted(_running)


def keep_for(user: str) -> None:
    """Say that somebody, such as an open panel, may use what runs until the process ends."""
    _users.add(user)


def kept_for() -> list[str]:
    """Return who may still use what runs."""
    return sorted(_users)


def close_all() -> None:
    """Close everything, what was started last first; a StillRunning if something goes on."""
    errors = []
    for thing in reversed(list(_running.values())):
        try:
            thing.close()
            forget(thing)  # a program of another kind does not know of this list
        except StillRunning as error:
            errors.append(str(error))
    if errors:
        raise StillRunning("; ".join(errors))


@atexit.register
def _close_at_exit() -> None:
    with contextlib.suppress(StillRunning):  # its thread ends with the process
        close_all()
