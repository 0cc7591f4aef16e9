"""Where the kernel refuses io_uring, as most containers do, a lesson says so and goes on.

Plan: strict nbval of the lesson that uses it, in a process to which a filter of system calls
refuses io_uring for good. It is really refused: nothing is switched off by WIRE_WITHOUT.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.course.needs import WITHOUT
from helpers.kernel import uring

ROOT = Path(__file__).resolve().parents[2]
LESSON = ROOT / "notebooks" / "12_three_ways_to_know.ipynb"
HERE = Path(sys.executable)


@pytest.mark.skipif(sys.platform != "linux", reason="a filter of Linux")
@pytest.mark.parametrize("error", ["EPERM", "ENOSYS"])
def test_the_lesson_goes_on_with_stored_runs(error):
    if os.environ.get("CI"):
        assert uring.is_allowed(), "in CI io_uring is used, and only here refused"
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", WITHOUT)}
    refused = [HERE, ROOT / "tests/seccomp.py", error]
    nbval = [HERE, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval", LESSON]
    done = subprocess.run(
        [*refused, *nbval],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    [count] = re.findall(r"(\d+) for want of [^;)]*io-uring", done.stdout)[:1] or ["0"]
    assert int(count) > 5, done.stdout[-3000:]
