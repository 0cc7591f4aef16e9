"""Run notebooks under strict nbval beside two busy loops, several times; count what fails.

Plan: a busy loop lives as long as the process that started it, however that ends. Each run
has a limit, after which it and its kernels are ended and it counts as failed.

Usage: soak.py TIMES notebook [...]
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT_S = 1800.0
BUSY = """
import os
parent = os.getppid()
while os.getppid() == parent:
    sum(range(10_000))
"""


@contextlib.contextmanager
def busy_loops(count: int = 2) -> Iterator[list[subprocess.Popen]]:
    """Keep this many processes computing meanwhile; they end with the block or this process."""
    children = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield children
    finally:
        for child in children:
            child.kill()
            child.wait()


def limited(command: list[str], limit_s: float) -> tuple[bool, str]:
    """Run a command; return whether it ended well within its limit, and what it printed.

    Where it does not, it is ended, and so is what it has started.
    """
    child = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        text, _ = child.communicate(timeout=limit_s)
        return child.returncode == 0, text
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        text, _ = child.communicate()
        return False, f"{text.rstrip()}\nended: it took more than {limit_s:g} s"
    except BaseException:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise


def loaded_runs(times: int, books: list[str], limit_s: float = LIMIT_S) -> int:
    """Return how many of the strict runs of all these notebooks failed."""
    failed = 0
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "-p", "no:cacheprovider", *books]
    with busy_loops() as loops:
        for run in range(1, times + 1):
            ok, text = limited(command, limit_s)
            if any(loop.poll() is not None for loop in loops):
                ok, text = False, f"{text}\na busy loop has ended: this run was not loaded"
            closing = (text.strip().splitlines() or ["nothing was printed"])[-1]
            print(f"run {run} of {times}, beside two busy loops: {closing}", flush=True)
            if not ok:
                failed += 1
                print(text[-6000:])
    return failed


if __name__ == "__main__":
    sys.exit(loaded_runs(int(sys.argv[1]), sys.argv[2:]))
