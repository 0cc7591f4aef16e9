"""What runs under a name until it is closed: the servers and relays of a lesson.

Plan: whatever is started registers here, so that a name in use is replaced (a cell may
run again), one call at the end of a lesson closes everything, and so does the end of the
process. What was started last is closed first: a relay before the server behind it.

Left out: what a registered thing is; it has a `name`, a `start()`
and a `close()` that may be called twice.
"""

from __future__ import annotations

import atexit
from typing import Protocol, TypeVar


class Named(Protocol):
    """What can be registered."""

    name: str

    def start(self) -> None:
        """Start it; ready when this returns."""

    def close(self) -> None:
        """Stop it; closing twice does nothing more."""


_Thing = TypeVar("_Thing", bound=Named)
_running: dict[str, Named] = {}
_users: set[str] = set()


def register(thing: _Thing) -> _Thing:
    """Start the thing in place of the one that had its name; return it once it runs."""
    if thing.name in _running:
        _running[thing.name].close()
    thing.start()
    _running[thing.name] = thing
    return thing


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
    """Close everything, what was started last first."""
    for thing in reversed(list(_running.values())):
        thing.close()


atexit.register(close_all)
