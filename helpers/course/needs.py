"""What an experiment may need that is not everywhere: whether it is here, and how to get it.

Plan: one table, NEEDS. A lesson's cell names its need, the tag `needs-NAME` says the same to
the tests. `WIRE_WITHOUT` (names parted by commas) switches needs off, so that a test can see
what a lesson shows where they are missing.

Left out: what a lesson shows instead (stored_runs.py).
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass

from helpers.kernel import tcp, threads
from helpers.peers import postgres

WITHOUT = "WIRE_WITHOUT"


@dataclass(frozen=True)
class Need:
    """A program or a feature of the system: is it here, and what helps where it is not."""

    is_here: Callable[[], bool]
    remedy: str


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


NEEDS = {
    "linux": Need(lambda: threads.HAS_PROC, "open the course on Linux or on Binder"),
    "tcp-info": Need(lambda: not tcp.limits(), "open the course on Linux or on Binder"),
    "bind-device": Need(
        lambda: hasattr(socket, "SO_BINDTODEVICE"), "open the course on Linux or on Binder"
    ),
    "curl": Need(
        _program("curl"),
        "install it with `apt install curl` (Debian, Ubuntu) or `brew install curl` (macOS)",
    ),
    "postgres": Need(
        lambda: postgres.programs() is not None,
        "install it with `apt install postgresql` or `brew install postgresql`",
    ),
}


def missing(names: list[str]) -> list[str]:
    """Return which of the needs are not met here; a KeyError for one that does not exist."""
    off = {name.strip() for name in os.environ.get(WITHOUT, "").split(",")}
    return [name for name in names if name in off or not NEEDS[name].is_here()]
