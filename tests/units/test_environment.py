"""Setting up: what cannot work is refused in one line, what is done is not done again."""

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tools/environment.py"


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """The tool, in a project of its own whose environment is a folder."""
    spec = importlib.util.spec_from_file_location("environment", SOURCE)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    venv = tmp_path / ".venv"
    places = {"ROOT": tmp_path, "VENV": venv, "LOG": venv / "install.log"}
    places |= {"STAMP": venv / "installed", "PYTHON": tmp_path / "python"}
    for name, path in places.items():
        monkeypatch.setattr(tool, name, str(path))
    (tmp_path / "requirements.txt").write_text("one==1\n")
    (tmp_path / "requirements-prove.txt").write_text("two==2\n")
    for name in tool.COURSE:
        assert (ROOT / name).exists()
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("as it was\n")
    return tool


def refused(call, *args):
    """Return the line with which a call ends the program."""
    with pytest.raises(SystemExit) as ended:
        call(*args)
    line = ended.value.code
    assert line.startswith("backend-on-the-wire: ")
    assert "\n" not in line
    return line


# --- which Python


def test_the_tool_can_be_read_by_a_python_it_refuses():
    ast.parse(SOURCE.read_text("utf-8"), feature_version=(3, 7))


def with_version(environment, monkeypatch, *version):
    monkeypatch.setattr(environment, "sys", SimpleNamespace(version_info=version, exit=sys.exit))


@pytest.mark.parametrize("version", [(3, 6, 15), (3, 9, 2), (3, 10, 13)])
def test_an_old_python_is_refused_with_the_ones_that_will_do(environment, monkeypatch, version):
    with_version(environment, monkeypatch, *version)
    line = refused(environment.check_python)
    assert f"Python 3.{version[1]} is too old" in line
    assert "3.11, 3.12 or 3.13" in line
    assert "make PYTHON=" in line


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (3, 13, 0)])
def test_a_python_that_will_do_is_taken_without_a_word(environment, monkeypatch, capsys, version):
    with_version(environment, monkeypatch, *version)
    environment.check_python()
    assert capsys.readouterr().out == ""


def test_a_python_newer_than_the_tested_ones_is_taken_with_a_word(environment, monkeypatch, capsys):
    with_version(environment, monkeypatch, 3, 14, 0)
    environment.check_python()
    assert capsys.readouterr().out.startswith("Python 3.14: not tested")


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_is_refused_with_the_command_that_helps(
    environment, monkeypatch, module
):
    monkeypatch.setitem(sys.modules, module, None)
    version = "{}.{}".format(*sys.version_info)
    assert f"apt install python{version}-venv" in refused(environment.check_python)


# --- what pip says


@pytest.fixture
def pip(environment, monkeypatch):
    """Run the tool's pip() with the real pip, which reaches nothing and changes nothing."""
    Path(environment.VENV).mkdir()
    monkeypatch.setattr(environment, "PYTHON", sys.executable)
    for name in [n for n in os.environ if n.startswith("PIP_") or n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_TARGET", str(Path(environment.ROOT, "target")))
    return lambda: environment.pip(["no-such-package-anywhere"])


# Port 1 of this machine: nobody listens there, so a connection is refused at once.
@pytest.mark.parametrize(
    "unreachable",
    [
        {"PIP_INDEX_URL": "http://127.0.0.1:1/simple"},
        {"PIP_INDEX_URL": "http://127.0.0.1:2/simple", "PIP_PROXY": "http://127.0.0.1:1"},
    ],
    ids=["index", "proxy"],
)
def test_an_index_that_cannot_be_reached_is_told_from_everything_else(
    pip, environment, monkeypatch, unreachable
):
    for name, value in unreachable.items():
        monkeypatch.setenv(name, value)
    line = refused(pip)
    assert "the package index cannot be reached; check the network" in line
    assert "Retrying" in Path(environment.LOG).read_text()


def test_any_other_failure_is_told_in_pips_own_words(pip, environment, monkeypatch):
    Path(environment.LOG).write_text("NewConnectionError of an earlier run\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    line = refused(pip)
    assert "the installation failed: ERROR: " in line
    assert "No matching distribution found for no-such-package-anywhere" in line
    assert ".venv/install.log" in line
    assert "earlier run" in Path(environment.LOG).read_text()


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for pip is a shell script")
def test_packages_are_counted_and_everything_pip_says_is_kept(environment, capsys):
    said = "Collecting a\nCollecting b\nProcessing ./c\nInstalling collected packages: a, b, c\n"
    stand_in = Path(environment.PYTHON)
    stand_in.write_text(f"#!/bin/sh\necho \"$@\" > asked\nprintf '{said}'\n")
    stand_in.chmod(0o755)
    Path(environment.VENV).mkdir()
    environment.pip(["-r", "requirements.txt"])
    assert capsys.readouterr().out.strip() == "packages: 3, installing ..."
    assert Path(environment.LOG).read_text() == said
    asked = Path(environment.ROOT, "asked").read_text().split()
    assert asked[:3] == ["-m", "pip", "install"]
    assert "--no-deps" in asked  # the pins are the whole environment, or something is wrong
    assert asked[-2:] == ["-r", "requirements.txt"]


# --- what is remembered


@pytest.fixture
def done(environment, monkeypatch):
    """What a run of the tool has done: "venv" for making the folder, else what pip was given."""
    log = []

    def run(command, **_):
        assert command[1:3] == ["-m", "venv"]
        shutil.rmtree(environment.VENV, ignore_errors=True)
        Path(environment.VENV).mkdir()
        log.append("venv")
        return SimpleNamespace(returncode=0, stdout=b"")

    stand_in = SimpleNamespace(run=run, PIPE=subprocess.PIPE, STDOUT=subprocess.STDOUT)
    monkeypatch.setattr(environment, "subprocess", stand_in)
    monkeypatch.setattr(environment, "pip", lambda arguments: log.append(" ".join(arguments)))

    def make(*files):
        monkeypatch.setattr(sys, "argv", ["environment.py", *files])
        log.clear()
        environment.make()
        return list(log)

    return make


BASE, PROVE = "-r requirements.txt -e .", "-r requirements-prove.txt"


def test_the_second_run_does_nothing(done, capsys):
    assert done() == ["venv", BASE]
    capsys.readouterr()
    assert done() == []
    assert capsys.readouterr().out == ""


def test_more_pins_are_added_once_and_the_first_ones_stay(done):
    assert done() == ["venv", BASE]
    assert done("requirements-prove.txt") == [PROVE]
    assert done("requirements-prove.txt") == []
    assert done() == []


def test_all_at_once_installs_both_in_order(done):
    assert done("requirements-prove.txt") == ["venv", BASE, PROVE]


def test_changed_pins_are_installed_into_what_is_there(done, environment):
    done("requirements-prove.txt")
    Path(environment.ROOT, "requirements.txt").write_text("one==1.1\n")
    assert done("requirements-prove.txt") == [BASE]
    Path(environment.ROOT, "requirements-prove.txt").write_text("two==2.1\n")
    assert done() == []
    assert done("requirements-prove.txt") == [PROVE]


def test_a_changed_course_is_installed_again(done, environment):
    done()
    for name in environment.COURSE:
        Path(environment.ROOT, name).write_text("changed\n")
        assert done() == [BASE]
        assert done() == []


def test_the_environment_holds_what_a_kernel_loads_when_it_starts():
    [file] = (ROOT / "install").rglob("*.py")
    assert Path(sys.prefix, file.relative_to(ROOT / "install")).read_text() == file.read_text()


def test_another_python_starts_afresh(done, environment, monkeypatch):
    done("requirements-prove.txt")
    monkeypatch.setattr(sys, "version", "another")
    assert done() == ["venv", BASE]
    assert done("requirements-prove.txt") == [PROVE]


def test_an_interrupted_installation_is_taken_up_again(done, environment, monkeypatch):
    installed = environment.pip

    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(environment, "pip", interrupted)
    with pytest.raises(KeyboardInterrupt):
        done()
    monkeypatch.setattr(environment, "pip", installed)
    assert done() == [BASE]
    assert done() == []


def test_an_environment_that_cannot_be_made_is_refused_with_the_reason(
    done, environment, monkeypatch
):
    failed = SimpleNamespace(returncode=1, stdout=b"a long story\nno space left\non device\n")
    monkeypatch.setattr(environment.subprocess, "run", lambda *_, **__: failed)
    line = refused(done)
    assert line.endswith("the environment could not be made: no space left on device")
    assert not Path(environment.STAMP).exists()


def test_the_stop_key_ends_the_tool_in_one_line(tmp_path):
    """With a Python whose set-up is interrupted at its first step."""
    (tmp_path / "tools").mkdir()
    shutil.copy(SOURCE, tmp_path / "tools")
    (tmp_path / "tools/hashlib.py").write_text("def sha256(): raise KeyboardInterrupt\n")
    (tmp_path / "requirements.txt").write_text("")
    done = subprocess.run(
        [sys.executable, tmp_path / "tools/environment.py"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr == "backend-on-the-wire: stopped; run it again to go on.\n"
