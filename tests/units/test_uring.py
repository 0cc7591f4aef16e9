"""io_uring is there, or it is refused, and the need says which."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.course.needs import NEEDS
from helpers.kernel import uring

SECCOMP = Path(__file__).resolve().parents[1] / "seccomp.py"
ASK = "from helpers.course.needs import missing; print(missing(['io-uring']))"
SHOW = """
import asyncio
from helpers.course import stored_runs

run = asyncio.run(stored_runs.run_or_stored("12", "places", None, ["io-uring"]))
print(len(run.marks(kind="value")), sorted(run.provenance))
print(stored_runs.has("io-uring"))
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="a filter of Linux")


@linux
@pytest.mark.parametrize("error", ["EPERM", "ENOSYS"])
def test_a_refusal_is_a_missing_need(error):
    command = [sys.executable, SECCOMP, error, sys.executable, "-c", ASK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("['io-uring']\n", "")


@linux
def test_where_it_is_refused_a_lesson_says_so_and_shows_the_stored_run():
    command = [sys.executable, SECCOMP, "EPERM", sys.executable, "-c", SHOW]
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "WIRE_RECORD")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    said, shown, plain_cell, answer = done.stdout.splitlines()
    assert said.startswith("This experiment needs Linux's io_uring. To get it: ")
    assert said.endswith(" Shown instead: a stored run.")
    assert shown == "6 ['io-uring', 'made', 'python', 'system']"
    assert plain_cell.startswith("This experiment needs Linux's io_uring. To get it: ")
    assert answer == "False"


@linux
def test_in_ci_it_is_really_there():
    if os.environ.get("CI"):
        assert uring.is_allowed()


@linux
@pytest.mark.skipif(not uring.is_allowed(), reason="refused here")
def test_asking_leaves_no_ring_behind():
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert all(uring.is_allowed() for _ in range(20))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_another_system_has_none(monkeypatch):
    monkeypatch.setattr(uring.sys, "platform", "darwin")
    assert not uring.is_allowed()


def test_the_remedy_does_not_send_anybody_to_binder():
    assert "Binder and most containers refuse" in NEEDS["io-uring"].remedy()
