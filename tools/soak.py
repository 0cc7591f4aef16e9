"""Run notebooks under strict nbval beside two busy loops, several times; count what fails.

Usage: soak.py TIMES notebook [...]
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUSY = "import time\nend = time.time() + 3600\nwhile time.time() < end: pass"


@contextlib.contextmanager
def busy_loops(count: int = 2) -> Iterator[None]:
    """Keep this many processes computing meanwhile; each ends by itself after an hour."""
    children = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for child in children:
            child.kill()
            child.wait()


def loaded_runs(times: int, books: list[str]) -> int:
    """Return how many of the strict runs of all these notebooks failed."""
    failed = 0
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "-p", "no:cacheprovider", *books]
    with busy_loops():
        for run in range(1, times + 1):
            result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            closing = (result.stdout.strip().splitlines() or ["nothing was printed"])[-1]
            print(f"run {run} of {times}, beside two busy loops: {closing}", flush=True)
            if result.returncode:
                failed += 1
                print(result.stdout[-6000:])
    return failed


if __name__ == "__main__":
    sys.exit(loaded_runs(int(sys.argv[1]), sys.argv[2:]))
