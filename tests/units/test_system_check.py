"""The check-up finds what is here, names what is not, and says how to get it."""

import os
import re
import shlex
import shutil
import sys
from importlib import metadata
from pathlib import Path

import pytest

from helpers.course import needs, system_check
from helpers.course.needs import Program
from helpers.kernel import threads

ROOT = Path(__file__).resolve().parents[2]
USE = "a program of the test"


def script(folder: Path, text: str) -> Path:
    """Write a program in Python; a shebang can name no interpreter with a blank in its path."""
    path, code = folder / "program", folder / "program.py"
    code.write_text(text)
    path.write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(code))} "$@"\n'
    )
    path.chmod(0o755)
    return path


def test_what_the_tests_run_with_is_here():
    assert system_check.python().here
    assert system_check.packages().here, system_check.packages()


def test_every_missing_package_is_named(monkeypatch):
    wanted = ["aiohttp", "no-such-thing >=3", "nor_this[extra]", "not-asked ; extra == 'x'"]
    monkeypatch.setattr(metadata, "requires", lambda name: wanted)
    row = system_check.packages()
    assert not row.here
    assert row.name == "Packages (no-such-thing, nor_this)"
    assert "To get it: %pip install" in str(row)


def test_a_course_that_is_not_installed_says_so(monkeypatch):
    monkeypatch.setattr(system_check, "COURSE", "no-such-course")
    assert not system_check.packages().here
    assert "%pip install -e .." in str(system_check.packages())


def test_an_old_python_is_refused(monkeypatch):
    monkeypatch.setattr(system_check, "OLDEST", (99, 0))
    assert str(system_check.python()).startswith("✘ Python is not here: 99.0 or newer")


@pytest.mark.skipif(os.name == "nt", reason="the scripts begin with a line for Unix")
class TestProgram:
    def row(self, path):
        return system_check.program(Program("thing", lambda: path, USE, {}))

    def test_one_that_says_its_version(self, tmp_path):
        row = self.row(script(tmp_path, "print('thing 7.88.1 (x86_64)')"))
        assert row.here
        assert str(row) == f"✔ thing 7.88.1: {USE}"

    @pytest.mark.parametrize(
        "text", ["raise SystemExit(1)", "print('no number')", "print('thing 1.2'); exit(3)"]
    )
    def test_one_that_does_not_start(self, tmp_path, text):
        assert not self.row(script(tmp_path, text)).here

    def test_one_that_hangs(self, tmp_path, monkeypatch):
        monkeypatch.setattr(needs, "ANSWER_S", 0.3)
        assert not self.row(script(tmp_path, "import time; time.sleep(60)")).here

    def test_one_that_is_no_program(self, tmp_path):
        (tmp_path / "file").write_text("just text")
        assert not self.row(tmp_path / "file").here
        assert not self.row(None).here

    @pytest.mark.parametrize(
        ("text", "here"), [("print('rustc 1.85.0')", True), ("raise SystemExit(1)", False)]
    )
    def test_a_rustc_counts_if_it_is_a_compiler_and_no_stand_in_for_one(
        self, tmp_path, monkeypatch, text, here
    ):
        found = {"rustc": str(script(tmp_path, text)), "cc": "cc"}
        monkeypatch.setattr(shutil, "which", found.get)
        assert (needs.missing(["rustc"]) == []) == here


@pytest.mark.parametrize(
    ("there", "user", "command"),
    [
        ("apt-get", 0, "To get it: apt install a-thing"),
        ("apt-get", 1000, "To get it: sudo apt install a-thing"),
        ("dnf", 1000, "To get it: sudo dnf install d-thing"),
        ("brew", 501, "To get it: brew install b-thing"),
        (None, 1000, "open the course on Binder"),
    ],
)
def test_the_remedy_is_the_command_of_this_system(monkeypatch, there, user, command):
    monkeypatch.setattr(shutil, "which", lambda name: name if name == there else None)
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
    packages = {"apt": "a-thing", "dnf": "d-thing", "brew": "b-thing"}
    assert command in str(system_check.program(Program("thing", lambda: None, USE, packages)))


def test_binder_installs_the_programs_that_are_asked_for():
    listed = (ROOT / "binder/apt.txt").read_text().split()
    assert listed == [p.packages["apt"] for p in needs.programs() if p.on_binder]


def test_ci_installs_what_binder_does_not():
    listed = (ROOT / ".ci/apt.txt").read_text().split()
    rest = [p.packages["apt"] for p in needs.programs() if not p.on_binder]
    assert rest == ["rustc"]
    assert set(rest) <= set(listed)


def test_each_program_is_here_or_has_a_remedy():
    rows = [system_check.program(program) for program in needs.programs()]
    assert all(row.here or row.remedy for row in rows)
    if os.environ.get("CI"):
        assert [row.name for row in rows if not row.here] == []


def test_another_version_than_tested_says_so(monkeypatch, tmp_path):
    pins = tmp_path / "requirements.txt"
    pins.write_text("aiohttp==0.0.1\nmatplotlib==" + metadata.version("matplotlib") + "\n")
    monkeypatch.setattr(system_check, "PINS", pins)
    lines = {line.split()[1]: line for line in system_check.versions()}
    assert lines["aiohttp"].endswith("(this course was tested with 0.0.1)")
    assert lines["matplotlib"] == f"✔ matplotlib {metadata.version('matplotlib')}"
    assert set(lines) == {"Python", *system_check.TELLING}


def test_the_versions_tested_are_known():
    assert system_check.PINS.samefile(ROOT / "requirements.txt")


def test_limits_are_the_systems(monkeypatch):
    monkeypatch.setattr(threads, "LIMITS", {"linux": "no /proc"})
    assert system_check.limits() == ["✘ no /proc; a stored run is shown instead"]
    monkeypatch.setattr(threads, "LIMITS", {})
    [line] = system_check.limits()
    assert line.startswith("✔")


def test_two_machines_show_the_same_once_masked(monkeypatch):
    """On one of them everything is here; the other is old, bare and cannot tell much."""
    shown = []
    monkeypatch.setattr(system_check.notebook, "show", lambda *texts: shown.append(texts))
    system_check.show()
    bare = [Program(p.name, lambda: None, p.use, {}) for p in needs.programs()]
    monkeypatch.setattr(needs, "programs", lambda: bare)
    monkeypatch.setattr(system_check, "TELLING", ("no-such-package",))
    monkeypatch.setattr(threads, "LIMITS", {"linux": "no /proc", "more": "nothing else"})
    system_check.show()
    mask = re.search(r"regex: (.*)", (ROOT / "tests/sanitize.cfg").read_text())[1]
    (first, again), (first_html, again_html) = zip(*shown, strict=True)
    assert first != again
    assert re.sub(mask, "", first) == re.sub(mask, "", again)
    assert first_html != again_html
    assert re.sub(mask, "", first_html) == re.sub(mask, "", again_html)
    assert "Python: fine (3.11 or newer)" in re.sub(mask, "", first)
