"""Beside two busy loops that eat the cores, strict nbval still finds nothing to object to."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import soak

pytestmark = pytest.mark.alone  # it brings a load of its own

ROOT = Path(__file__).resolve().parents[2]


def test_one_strict_run_beside_two_busy_loops():
    books = sorted(map(str, (ROOT / "notebooks").glob("[0-9]*.ipynb")))
    assert books
    assert soak.loaded_runs(1, books) == 0


def test_the_strict_run_would_notice_another_output(tmp_path):
    """The comparison itself is compared: a notebook with one changed word must fail."""
    text = (ROOT / "notebooks/00_start_here.ipynb").read_text()
    assert text.count("Lesson 00 is ready") == 1
    bad = tmp_path / "bad.ipynb"
    bad.write_text(text.replace("Lesson 00 is ready", "Lesson 00 is steady"))
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "-p", "no:cacheprovider"]
    command += ["-c", str(ROOT / "pyproject.toml"), str(bad)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 1
    assert "1 failed" in result.stdout


def test_busy_loops_keep_busy_and_end_with_whoever_started_them():
    starter = (
        "import time, soak\n"
        "with soak.busy_loops() as loops:\n"
        "    print(*[loop.pid for loop in loops], flush=True)\n"
        "    time.sleep(60)"
    )
    command = [sys.executable, "-c", starter]
    with subprocess.Popen(command, cwd=ROOT / "tools", stdout=subprocess.PIPE, text=True) as child:
        loops = [psutil.Process(int(pid)) for pid in child.stdout.readline().split()]
        assert len(loops) == 2
        time.sleep(2)
        assert all(sum(loop.cpu_times()[:2]) > 0.1 for loop in loops)
        child.kill()
    assert not psutil.wait_procs(loops, timeout=30)[1], "a busy loop outlives its run"


def test_a_run_that_does_not_end_is_ended_with_what_it_started():
    command = "import subprocess, sys, time\nprint('begun', flush=True)\n"
    command += "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    before = set(psutil.Process().children(recursive=True))
    ok, text = soak.limited([sys.executable, "-c", command + "time.sleep(60)"], 2.0)
    assert (ok, text.splitlines()) == (False, ["begun", "ended: it took more than 2 s"])
    assert set(psutil.Process().children(recursive=True)) <= before
    assert soak.limited([sys.executable, "-c", "print('well')"], 60.0) == (True, "well\n")
    assert not soak.limited([sys.executable, "-c", "exit(3)"], 60.0)[0]
