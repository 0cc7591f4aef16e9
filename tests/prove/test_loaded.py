"""Beside two busy loops that eat the cores, strict nbval still finds nothing to object to."""

import subprocess
import sys
from pathlib import Path

import soak

ROOT = Path(__file__).resolve().parents[2]


def test_one_strict_run_beside_two_busy_loops():
    books = sorted(map(str, (ROOT / "notebooks").glob("[0-9]*.ipynb")))
    assert books
    assert soak.loaded_runs(1, books) == 0


def test_the_strict_run_would_notice_another_output(tmp_path):
    """The comparison itself is compared: a notebook with one changed word must fail."""
    text = (ROOT / "notebooks/10_blocking.ipynb").read_text()
    assert text.count("Lesson 10 is ready") == 1
    bad = tmp_path / "bad.ipynb"
    bad.write_text(text.replace("Lesson 10 is ready", "Lesson 10 is steady"))
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "-p", "no:cacheprovider"]
    command += ["-c", str(ROOT / "pyproject.toml"), str(bad)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 1
    assert "1 failed" in result.stdout
