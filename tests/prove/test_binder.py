"""Binder builds what we think it builds: read off the Dockerfile that repo2docker prints.

repo2docker lives in an environment of its own, .venv-binder, made here once from
requirements-binder.txt. No container engine is needed: nothing is built.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv-binder"
PINS = ROOT / "requirements-binder.txt"


@pytest.fixture(scope="module")
def dockerfile() -> str:
    stamp = VENV / "installed"
    if not stamp.exists() or stamp.read_text() != PINS.read_text():
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True, timeout=120)
        pip = [VENV / "bin/python", "-m", "pip", "install", "-q", "--no-deps", "-r", PINS]
        subprocess.run(pip, check=True, timeout=300)
        stamp.write_text(PINS.read_text())
    command = [VENV / "bin/jupyter-repo2docker", "--no-build", "--debug"]
    command += ["--user-id", "1000", "--user-name", "jovyan", "."]
    environment = os.environ | {"PATH": f"{VENV / 'bin'}:{os.environ['PATH']}"}
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout + result.stderr


def test_the_kernel_runs_the_reference_python(dockerfile):
    assert "Building conda environment for python=3.11\n" in dockerfile
    # One environment for JupyterLab and the kernel, so that the pins replace the older base.
    assert "ENV KERNEL_PYTHON_PREFIX=${NB_PYTHON_PREFIX}" in dockerfile


def test_it_installs_exactly_the_pins(dockerfile):
    whole_repository = re.search(r"COPY [^\n]*src/? \${REPO_DIR}/?\n", dockerfile)
    pip = re.search(r'pip install --no-cache-dir -r "binder/requirements.txt"', dockerfile)
    # The pins stand one folder up: everything must be there before pip runs.
    assert whole_repository.start() < pip.start()
    assert "conda env update" not in dockerfile


def test_it_installs_the_real_programs_as_root(dockerfile):
    for package in (ROOT / "binder/apt.txt").read_text().split():
        assert re.search(rf"apt-get.*install[^&]*?\b{package}\b", dockerfile, re.S), package


def test_it_runs_post_build(dockerfile):
    assert "./binder/postBuild" in dockerfile
