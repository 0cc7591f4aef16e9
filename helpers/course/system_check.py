"""A check-up of this machine: what the course needs, what of it is here, how to get the rest.

Plan: ask the installed course what packages it depends on, the peers where the real
programs are, and system.py what this platform cannot tell. Each comes out as a row:
name, here or not, what it is for, and the command that installs it. What is the same
wherever the course works stands first; what differs between machines (versions, programs,
limits) stands in a masked block, so that the outputs of two machines compare.

Left out: installing anything, and starting the programs; the lessons do that.
"""

from __future__ import annotations

import html
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from helpers.course import notebook
from helpers.figures.style import MEASURED
from helpers.kernel import threads
from helpers.peers import postgres

OLDEST = (3, 11)
COURSE = "backend-on-the-wire"
ANSWER_S = 10.0  # how long a program may take to say its version
# The packages whose versions explain most of what may go differently.
TELLING = ("jupyterlab", "ipykernel", "ipywidgets", "aiohttp", "matplotlib")
PINS = Path(__file__).resolve().parent.parent / "requirements.txt"


@dataclass(frozen=True)
class Row:
    """One thing the course needs: `here` says whether it is found, `remedy` how to get it."""

    name: str
    here: bool
    use: str
    remedy: str = ""
    version: str = ""

    def __str__(self) -> str:
        if self.here:
            return f"✔ {self.name} {self.version}".rstrip() + f": {self.use}"
        return f"✘ {self.name} is not here: {self.use}. To get it: {self.remedy}"


@dataclass(frozen=True)
class Program:
    """A real program of some lessons: how it is found, and its package by installer."""

    name: str
    find: Callable[[], Path | str | None]
    use: str
    packages: Mapping[str, str]

    def row(self) -> Row:
        """Return whether it is here, which means that it is found and says its version."""
        version = _version(self.find())
        return Row(self.name, bool(version), self.use, self.remedy(), version)

    def remedy(self) -> str:
        """Return the command that installs it here, or what else helps."""
        for installer, tool in (("apt", "apt-get"), ("dnf", "dnf"), ("brew", "brew")):
            if shutil.which(tool) and installer in self.packages:
                root = installer == "brew" or not hasattr(os, "geteuid") or os.geteuid() == 0
                return f"{'' if root else 'sudo '}{installer} install {self.packages[installer]}"
        return f"install {self.name} as your system does it, or open the course on Binder"


def _postgres() -> Path | None:
    folder = postgres.programs()
    return folder / "postgres" if folder else None


# Those of binder/apt.txt, in the same order.
PROGRAMS = (
    Program(
        "curl",
        lambda: shutil.which("curl"),
        "a client that shows what it sends and gets (lessons 01 and 05)",
        {"apt": "curl", "dnf": "curl", "brew": "curl"},
    ),
    Program(
        "PostgreSQL",
        _postgres,
        "a real database, to watch its protocol (lessons 04 and 05)",
        {"apt": "postgresql", "dnf": "postgresql-server", "brew": "postgresql@17"},
    ),
)


def _version(command: Path | str | None) -> str:
    """Return the version a command says it has; "" if there is none or it does not start."""
    if not command:
        return ""
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


# --- what is the same wherever the course works


def python() -> Row:
    """Return whether this Python is new enough."""
    oldest = ".".join(map(str, OLDEST))
    here = sys.version_info >= OLDEST
    return Row("Python", here, f"{oldest} or newer", f"install Python {oldest}, then: make lab")


def packages() -> Row:
    """Return whether every package the course depends on is installed."""
    remedy = "%pip install -r ../requirements.txt in a cell, then restart the kernel"
    try:
        wanted = [w for w in metadata.requires(COURSE) or [] if "extra ==" not in w]
    except metadata.PackageNotFoundError:
        return Row("The course's own package", False, "the helpers", "%pip install -e .. in a cell")
    names = [re.match(r"[\w.-]+", w)[0] for w in wanted]
    missing = [name for name in names if not installed(name)]
    if missing:
        return Row(f"Packages ({', '.join(missing)})", False, "used by the lessons", remedy)
    return Row("Packages", True, "all that the lessons use")


def installed(name: str) -> str:
    """Return the version of an installed package, or "" if it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


# --- what differs between machines


def versions() -> list[str]:
    """Return the versions that matter, each in one line; another one than tested says so."""
    cores = os.cpu_count() or 1
    lines = [
        f"✔ Python {platform.python_version()} on {platform.system()} {platform.machine()}, "
        f"{cores} processor{'s' if cores > 1 else ''}"
    ]
    pins = dict(re.findall(r"(?m)^([\w-]+)==([\w.]+)", PINS.read_text())) if PINS.exists() else {}
    for name in TELLING:
        version = installed(name)
        tested = pins.get(name, version)
        note = "" if version == tested else f" (this course was tested with {tested})"
        lines.append(f"✔ {name} {version}{note}" if version else f"✘ {name} is missing")
    return lines


def limits() -> list[str]:
    """Return what this platform cannot tell, each in one line; or that it tells everything."""
    lines = [f"✘ {limit}; a stored run is shown instead" for limit in threads.LIMITS.values()]
    return lines or ["✔ this system tells the lessons all they ask of it"]


def show() -> None:
    """Show the whole check-up in the cell: a line each."""
    fixed = [f"{r.name}: fine ({r.use})" if r.here else str(r) for r in (python(), packages())]
    vary = [*versions(), *(str(program.row()) for program in PROGRAMS), *limits()]
    plain = "\n".join([*fixed, MEASURED[0], *vary, MEASURED[1]])

    def lines(texts: list[str]) -> str:
        return "".join(f"<div>{html.escape(text)}</div>" for text in texts)

    marked = [text if text[0] in "✔✘" else f"✔ {text}" for text in fixed]
    notebook.show(
        plain,
        f"<div>{lines(marked)}<!--{MEASURED[0]}-->{lines(vary)}<!--{MEASURED[1]}--></div>",
    )
