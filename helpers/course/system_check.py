"""A check-up of this machine: what the course needs, what of it is here, how to get the rest.

Plan: ask the installed course what packages it depends on, needs.py which real programs are
here, and the kernel's modules what this platform cannot tell. Each comes out as a row:
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
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from helpers.course import needs, notebook
from helpers.course.needs import Program
from helpers.figures.style import MEASURED
from helpers.kernel import threads

OLDEST = (3, 11)
COURSE = "backend-on-the-wire"
# The packages whose versions explain most of what may go differently.
TELLING = ("jupyterlab", "ipykernel", "ipywidgets", "aiohttp", "matplotlib")
PINS = Path(__file__).resolve().parents[2] / "requirements.txt"


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


def program(need: Program) -> Row:
    """Return whether a program is here, which means that it is found and says its version."""
    version = need.version()
    return Row(need.name, bool(version), need.use, need.remedy(), version)


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
    vary = [*versions(), *(str(program(need)) for need in needs.programs()), *limits()]
    plain = "\n".join([*fixed, MEASURED[0], *vary, MEASURED[1]])

    def lines(texts: list[str]) -> str:
        return "".join(f"<div>{html.escape(text)}</div>" for text in texts)

    marked = [text if text[0] in "✔✘" else f"✔ {text}" for text in fixed]
    notebook.show(
        plain,
        f"<div>{lines(marked)}<!--{MEASURED[0]}-->{lines(vary)}<!--{MEASURED[1]}--></div>",
    )
