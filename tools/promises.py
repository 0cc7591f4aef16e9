"""What a promise of the bench is: a function that measures, the rows it yields, their limits.

Plan: each promise is on one list, PROMISES, under its name. Rivals are programs of an
environment of their own, which is made when the first of them is asked for.

Left out: measuring them, and telling what came of it (bench.py).
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RIVALS = ROOT / ".venv-bench"


@dataclass(frozen=True)
class Row:
    """One measured figure, and the limit that was promised; without one, it is for comparison."""

    what: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def outcome(self) -> str:
        """Return whether the promise is kept or missed; "" where there is none."""
        if self.at_most is None and self.at_least is None:
            return ""
        kept = self.at_most is None or self.value <= self.at_most
        kept = kept and (self.at_least is None or self.value >= self.at_least)
        return "kept" if kept else "MISSED"

    @property
    def promised(self) -> str:
        """Return the limit in words."""
        limits = [(self.at_most, "≤"), (self.at_least, "≥")]
        found = [
            f"{sign} {number(limit)} {self.unit}" for limit, sign in limits if limit is not None
        ]
        return " and ".join(found).strip()


Promise = Callable[[], Iterator[Row]]
PROMISES: dict[str, Promise] = {}


def promise(name: str) -> Callable[[Promise], Promise]:
    """Return a decorator that puts a promise on the list under a name."""

    def put(function: Promise) -> Promise:
        PROMISES[name] = function
        return function

    return put


def number(value: float) -> str:
    """Return a number with three digits that matter."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def rival(name: str) -> Path:
    """Return a program of the rivals' environment, which is made first where it is missing."""
    pins = ROOT / "requirements-bench.txt"
    wanted = f"{sys.version} {hashlib.sha256(pins.read_bytes()).hexdigest()}"
    stamp = RIVALS / "installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        print("Setting up .venv-bench for the rivals (once)", flush=True)
        python = RIVALS / "bin" / "python"
        for command in (
            [sys.executable, "-m", "venv", "--clear", RIVALS],
            [python, "-m", "pip", "install", "--quiet", "--no-deps", "-r", pins],
        ):
            done = subprocess.run(command, capture_output=True, text=True, timeout=900)
            if done.returncode:
                raise RuntimeError(f"the rivals cannot be installed: {done.stderr.strip()[-300:]}")
        stamp.write_text(wanted)
    return RIVALS / "bin" / name
