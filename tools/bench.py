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

import os
import platform
import sys
import time
import traceback

import bench_instruments  # noqa: F401 (these four put their promises on the list)
import bench_lessons  # noqa: F401
import bench_upload  # noqa: F401
import bench_wire  # noqa: F401
import promises
from promises import Row, number


def measure(names: list[str]) -> list[tuple[str, Row | str]]:
    """Measure these promises and print their rows as they come; return them all."""
    found: list[tuple[str, Row | str]] = []
    print(f"{'promise':26} {'measured':52} {'value':>14}  {'promised':16} outcome")
    for name in names:
        title, start_s = name, time.perf_counter()
        try:
            for row in promises.PROMISES[name]():
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
    names = [name for name in promises.PROMISES if not words or any(word in name for word in words)]
    if not names:
        print(f"no promise has {' or '.join(words)} in its name: {', '.join(promises.PROMISES)}")
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
    sys.exit(main(sys.argv[1:]))
