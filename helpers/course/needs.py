"""What an experiment may need that is not everywhere: whether it is here, and how to get it.

Plan: one table, NEEDS, of features of the system and of real programs. A lesson's cell names
its need, the tag `needs-NAME` says the same to the tests. `WIRE_WITHOUT` (names parted by
commas) switches needs off, so that a test can see what a lesson shows where they are missing.

Left out: what a lesson shows instead (stored_runs.py), and installing anything.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from helpers.kernel import tcp, threads, uring
from helpers.peers import postgres, rabbitmq

WITHOUT = "WIRE_WITHOUT"
ANSWER_S = 10.0  # how long a program may take to say its version
INSTALLERS = (("apt", "apt-get"), ("dnf", "dnf"), ("brew", "brew"))


@dataclass(frozen=True)
class Feature:
    """A feature of the system: whether it is here; where it is not, another system helps."""

    name: str
    is_here: Callable[[], bool]
    elsewhere: str = "open the course on Linux or on Binder"

    def remedy(self) -> str:
        """Return what helps where it is missing."""
        return self.elsewhere

    def version(self) -> str:
        """Return the version of the system's kernel: what it can do depends on it."""
        match = re.match(r"\d+(\.\d+)*", platform.release())
        return match[0] if match else platform.release()


@dataclass(frozen=True)
class Program:
    """A real program of some lessons: how it is found, and its package by installer.

    What is too large for its use is not `on_binder`: the stored run is shown there.
    """

    name: str
    find: Callable[[], Path | str | None]
    use: str
    packages: Mapping[str, str]
    on_binder: bool = True
    ask_version: Callable[[], str] | None = None  # where `--version` is not understood

    def is_here(self) -> bool:
        """Tell whether it is found."""
        return self.find() is not None

    def remedy(self) -> str:
        """Return the command that installs it here, or what else helps."""
        for installer, tool in INSTALLERS:
            if shutil.which(tool) and installer in self.packages:
                root = installer == "brew" or not hasattr(os, "geteuid") or os.geteuid() == 0
                return f"{'' if root else 'sudo '}{installer} install {self.packages[installer]}"
        return f"install {self.name} as your system does it, or open the course on Binder"

    def version(self) -> str:
        """Return the version it says it has; "" if it is not here or does not start."""
        command = self.find()
        if not command:
            return ""
        if self.ask_version:
            return self.ask_version()
        try:
            said = subprocess.run(
                [command, "--version"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=ANSWER_S,
                start_new_session=True,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        match = re.search(r"\d+(\.\d+)+", said.stdout)
        return match[0] if match and said.returncode == 0 else ""


def _postgres() -> Path | None:
    folder = postgres.programs()
    return folder / "postgres" if folder else None


def _rustc() -> str | None:
    found = shutil.which("rustc")
    # It links with the C compiler; and rustup puts a `rustc` in its place that may have none.
    return found if found and shutil.which("cc") and _says_its_version(found) else None


@cache
def _says_its_version(command: str) -> bool:
    """Tell whether a program starts and says a version; each is asked once."""
    return bool(Program(command, lambda: command, "", {}).version())


NEEDS: dict[str, Feature | Program] = {
    "linux": Feature("Linux", lambda: threads.HAS_PROC),
    "tcp-info": Feature("Linux's TCP_INFO", lambda: not tcp.limits()),
    "bind-device": Feature("Linux's SO_BINDTODEVICE", tcp.can_hold_to_device),
    "io-uring": Feature(
        "Linux's io_uring",
        uring.is_allowed,
        "open the course on a Linux of your own (Binder and most containers refuse io_uring)",
    ),
    # The programs, in the order of binder/apt.txt.
    "curl": Program(
        "curl",
        lambda: shutil.which("curl"),
        "a client that shows what it sends and gets",
        {"apt": "curl", "dnf": "curl", "brew": "curl"},
    ),
    "postgres": Program(
        "PostgreSQL",
        _postgres,
        "a real database, to watch its protocol",
        {"apt": "postgresql", "dnf": "postgresql-server", "brew": "postgresql@17"},
    ),
    "rabbitmq": Program(
        "RabbitMQ",
        rabbitmq.program,
        "a real message broker, to push and to keep",
        {"apt": "rabbitmq-server", "dnf": "rabbitmq-server", "brew": "rabbitmq"},
        ask_version=rabbitmq.version,
    ),
    # The one that only CI installs (.ci/apt.txt).
    "rustc": Program(
        "rustc",
        _rustc,
        "the Rust compiler, for one optional section",
        {"apt": "rustc", "dnf": "rust", "brew": "rust"},
        on_binder=False,
    ),
}


def programs() -> list[Program]:
    """Return the real programs that the lessons start."""
    return [need for need in NEEDS.values() if isinstance(need, Program)]


def missing(names: list[str]) -> list[str]:
    """Return which of the needs are not met here; a KeyError for one that does not exist."""
    off = {name.strip() for name in os.environ.get(WITHOUT, "").split(",")}
    return [name for name in names if not NEEDS[name].is_here() or name in off]
