"""Measure what the course promises of itself, beside its rivals, in one run.

Plan: a promise is a function that measures and yields rows: what was measured, how much,
what was promised, kept or missed. Everything that is compared is measured in this run,
turn by turn on the same machine, so that a ratio means something where a time may not.
Rivals live in an environment of their own, .venv-bench, because mitmproxy would change
JupyterLab's pins; they run as processes. What could not be measured is a row, too.

Left out: a history of runs.

Usage: bench.py [word ...]   (only the promises with one of these words in their names)
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import time
import traceback
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


def measure(names: list[str]) -> list[tuple[str, Row | str]]:
    """Measure these promises and print their rows as they come; return them all."""
    found: list[tuple[str, Row | str]] = []
    print(f"{'promise':26} {'measured':52} {'value':>14}  {'promised':16} outcome")
    for name in names:
        title, start_s = name, time.perf_counter()
        try:
            for row in PROMISES[name]():
                found.append((name, row))
                value = f"{number(row.value)} {row.unit}"
                print(
                    f"{title:26} {row.what:52} {value:>14}  {row.promised:16} {row.outcome}",
                    flush=True,
                )
                title = ""
        except Exception as error:
            found.append((name, f"not measured: {type(error).__name__}: {error}"))
            print(f"{title:26} {found[-1][1]}", flush=True)
            if os.environ.get("BENCH_DEBUG"):
                traceback.print_exc()
        took_s = time.perf_counter() - start_s
        if took_s > 60:
            print(f"{'':26} (measuring took {took_s:.0f} s)")
    return found


def main(words: list[str]) -> int:
    """Measure; return 1 if a promise was missed or could not be measured."""
    import bench_instruments  # noqa: F401 (they put their promises on the list)
    import bench_lessons  # noqa: F401
    import bench_upload  # noqa: F401
    import bench_wire  # noqa: F401

    names = [name for name in PROMISES if not words or any(word in name for word in words)]
    if not names:
        print(f"no promise has {' or '.join(words)} in its name: {', '.join(PROMISES)}")
        return 2
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores{load}, "
        f"Python {platform.python_version()}"
    )
    found = measure(names)
    outcomes = [row.outcome if isinstance(row, Row) else "not measured" for _, row in found]
    print(
        f"\n{outcomes.count('kept')} kept, {outcomes.count('MISSED')} missed, "
        f"{outcomes.count('not measured')} not measured"
    )
    return int("MISSED" in outcomes or "not measured" in outcomes)


if __name__ == "__main__":
    # The modules with the promises import this one by its name, not as __main__.
    import bench

    sys.exit(bench.main(sys.argv[1:]))
