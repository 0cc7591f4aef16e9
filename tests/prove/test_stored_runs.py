"""Stored runs: made afresh they say the same, and where a need is missing they take its place.

Plan: each lesson that needs something runs twice in a copy of the notebooks' folder. Once
with all its needs, recording: what it says is what is stored, and its runs are new. Once
with every need switched off: it says the same of the runs just recorded and of the stored
ones, but that a stored run is shown, and that a claim held there, never that it holds.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pages
import pytest
import rules
import store
from kernel import Kernel, Reply

from helpers.course import needs as needs_here
from helpers.course.needs import NEEDS, WITHOUT
from helpers.course.verdicts import IN_STORED_RUN

ROOT = Path(__file__).resolve().parents[2]
BOOKS = pages.lessons(ROOT)
NEEDY = {
    path: book
    for path, book in BOOKS.items()
    if any("lesson.run_or_stored(" in cell.source for cell in rules.code_cells(book))
}
needy = pytest.mark.parametrize("path", NEEDY, ids=lambda path: path.stem)
EVERY_NEED = ",".join(NEEDS)
NONE_STOPPED = "Servers stopped: none was running."


def environment(**more: str) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in ("CI", WITHOUT)} | more


def needs(cell) -> set[str]:
    return {tag for tag in rules.tags(cell) if tag.startswith("needs-")}


def words(text: str) -> list[str]:
    """Return what was said, without measured numbers and without where it comes from."""
    text = re.sub(r"(?s)\[measured\].*?\[/measured\]", "", text)
    text = re.sub(r"This experiment needs .*\n", "", text)
    text = re.sub(r" \(a stored run of [^)]*\)", "", text)
    # A program that is missing was not started, and so it is not stopped.
    programs = "|".join(program.name for program in needs_here.programs())
    text = re.sub(rf"^Servers stopped: ({programs})\.$", NONE_STOPPED, text, flags=re.MULTILINE)
    for word, said in IN_STORED_RUN.items():
        text = re.sub(rf"^(Verdict: |“.*”: ){said}$", rf"\1{word}", text, flags=re.MULTILINE)
    return [line for line in text.splitlines() if line.strip()]


def stored_words(cell) -> list[str]:
    texts = (o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.outputs)
    return words("\n".join(texts))


def run(path: Path, cwd: Path, **more: str) -> list[Reply]:
    """Run all cells of a lesson in a folder; none may fail, each says what is stored.

    A plain cell that talks to a program may be silent where that is missing.
    """
    cells = rules.code_cells(NEEDY[path])
    with Kernel(cwd=cwd, env=environment(**more)) as kernel:
        replies = kernel.run_all([cell.source for cell in cells])
    assert [reply.error for reply in replies if reply.status != "ok"] == []
    for cell, reply in zip(cells, replies, strict=True):
        silent = WITHOUT in more and needs(cell) and not words(reply.text)
        if (path.name, cell.id) not in rules.MAY_VARY and not silent:
            assert words(reply.text) == stored_words(cell), cell.id
    return replies


def copy(path: Path, tmp_path: Path) -> Path:
    """Return a folder with the lesson and the stored runs, and nothing that names the project."""
    shutil.copytree(path.parent / "data", tmp_path / "data")
    shutil.copy(path, tmp_path / path.name)
    return tmp_path


def stored_file(folder: Path, path: Path) -> Path:
    return folder / "data" / f"{path.name[:2]}.ledger.json"


def shows_stored_runs(path: Path, folder: Path) -> int:
    """Run a lesson with every need switched off; return how many verdicts rest on stored runs."""
    replies = run(path, folder, WIRE_WITHOUT=EVERY_NEED)
    count = shown = 0
    for cell, reply in zip(rules.code_cells(NEEDY[path]), replies, strict=True):
        fresh = {c: word for c, (word, id) in rules.verdicts(NEEDY[path]).items() if id == cell.id}
        assert set(reply.verdicts) == set(fresh)
        for claim, word in reply.verdicts.items():
            if needs(cell):
                assert word == IN_STORED_RUN[fresh[claim]]
                count += 1
            else:
                assert word == fresh[claim]
        shown += "a stored run" in reply.text
    assert shown, "nothing said that a stored run was shown"
    return count


def test_there_are_stored_runs_for_every_lesson_that_needs_something():
    files = {path.name[:2] for path in (ROOT / "notebooks/data").glob("*.ledger.json")}
    assert files == {path.name[:2] for path in NEEDY}
    assert len(files) >= 3


@needy
def test_a_run_recorded_afresh_says_what_is_stored_and_so_does_the_stored_one(path, tmp_path):
    folder = copy(path, tmp_path)
    file = stored_file(folder, path)
    kept = json.loads(file.read_text())
    shows_stored_runs(path, folder)
    assert json.loads(file.read_text()) == kept, "showing a stored run changes nothing"
    if store.lacking(path) and not os.environ.get("CI"):
        pytest.skip(f"can't record without {store.lacking(path)}")
    replies = run(path, folder, WIRE_RECORD="1")
    assert not any("stored run" in reply.text for reply in replies)
    fresh = json.loads(file.read_text())
    assert set(fresh) == set(kept), "a stored run that no cell makes, or one that is not stored"
    for name in kept:
        # Bytes repeat themselves to the last; times never do.
        entries = [(run[name]["rows"], run[name]["ticks"]) for run in (fresh, kept)]
        counts_bytes = kept[name]["unit"] == "bytes"
        assert counts_bytes or entries[0] != entries[1], f"{name} was not made afresh"
        assert set(fresh[name]["provenance"]) == set(kept[name]["provenance"])
        assert fresh[name]["expected"] == kept[name]["expected"]
    shows_stored_runs(path, folder)


def test_verdicts_rest_on_stored_runs_where_needs_are_missing():
    """The distinction is worth something only if some verdicts are on its far side."""
    cells = [c for book in NEEDY.values() for c in rules.code_cells(book) if needs(c)]
    assert sum("lesson.verdict(" in cell.source for cell in cells) >= 2


@needy
def test_a_stored_run_says_what_it_was_made_on_and_with_what(path):
    for name, run in json.loads(stored_file(path.parent, path).read_text()).items():
        made_on = run["provenance"]
        assert {"made", "system", "python"} < set(made_on), name
        assert set(made_on) - {"made", "system", "python"} <= set(NEEDS)
        assert all(made_on.values())


# --- strict nbval without the needs


def nbval(*books: Path, workers: str = "", **more: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "-p", "no:cacheprovider"]
    command += ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(books[0].parent)]
    return subprocess.run(
        [*command, *workers.split(), *map(str, books)],
        cwd=ROOT,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_strict_nbval_passes_without_any_need_and_counts_what_it_skips(path, say):
    done = nbval(path, WIRE_WITHOUT=EVERY_NEED)
    assert done.returncode == 0, done.stdout[-3000:]
    lines = re.findall(r"^cells not compared: .*$", done.stdout, re.MULTILINE)
    skipped = sum(bool(needs(cell)) for cell in rules.code_cells(BOOKS[path]))
    assert [int(line.split()[3]) for line in lines] == [skipped] * bool(skipped)
    for line in lines:
        say(f"{path.stem} without any need: {line}")


@pytest.fixture
def small(tmp_path):
    """Write a notebook whose second cell needs curl and shows another text than is stored."""
    shutil.copy(ROOT / "conftest.py", tmp_path)

    def write(*tags: str, source: str = "print(word)", name: str = "small") -> Path:
        made = nbformat.v4.new_notebook()
        for n, code in enumerate(["word = 'here'", source, "print(word)"], 1):
            said = [nbformat.v4.new_output("stream", text="there\n" if n == 2 else "here\n")]
            cell = nbformat.v4.new_code_cell(code, outputs=said if n > 1 else [])
            cell.execution_count = n
            made.cells.append(cell)
        made.cells[1].metadata.tags = list(tags)
        nbformat.write(made, tmp_path / f"{name}.ipynb")
        return tmp_path / f"{name}.ipynb"

    return write


def test_a_cell_is_not_compared_only_where_its_need_is_missing(small):
    book = small("needs-curl")
    without = nbval(book, WIRE_WITHOUT="curl")
    assert without.returncode == 0
    assert "cells not compared: 1 (1 for want of curl)" in without.stdout
    assert nbval(book, WIRE_WITHOUT="postgres").returncode == 1
    assert nbval(small(), WIRE_WITHOUT="curl").returncode == 1, "no tag: compared"


def test_a_cell_whose_need_is_missing_still_runs_and_must_not_fail(small):
    book = small("needs-curl", source="word = 'changed'")
    assert nbval(book, WIRE_WITHOUT="curl").returncode == 1, "the cell after it sees the change"
    book = small("needs-curl", source="1 / 0")
    assert nbval(book, WIRE_WITHOUT="curl").returncode == 1


@pytest.mark.parametrize("workers", ["", "-n 2 --dist loadfile"], ids=["one", "two"])
def test_in_ci_a_missing_need_is_a_failure(small, tmp_path, workers):
    books = [small("needs-curl", name=name) for name in ("one", "two")]
    path = str(tmp_path)  # no program is found there
    done = nbval(*books, CI="true", PATH=path, workers=workers)
    assert done.returncode == 1
    assert done.stdout.count("Failed: Cell 1 needs curl, which is missing in CI") == 2
    assert "4 passed, 2 errors" in done.stdout
    assert nbval(*books, CI="true", workers=workers).returncode == 1, "it is here, and compared"


def test_several_workers_count_what_is_not_compared_once(small):
    books = [small("needs-curl", name=name) for name in ("one", "two", "three")]
    done = nbval(*books, workers="-n 3 --dist loadfile", WIRE_WITHOUT="curl")
    assert done.returncode == 0
    assert "cells not compared: 3 (3 for want of curl)" in done.stdout
    assert "9 passed" in done.stdout


# --- recording without a need


def test_recording_without_a_need_is_refused_names_it_and_changes_nothing(tmp_path):
    path = next(path for path in NEEDY if path.name.startswith("02"))
    folder = copy(path, tmp_path)
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    for more in ({}, {"WIRE_RECORD": "1"}):
        done = subprocess.run(
            [sys.executable, str(ROOT / "tools/store.py"), str(folder / path.name)],
            env=environment(WIRE_WITHOUT="tcp-info", **more),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 1
        assert f"{path.name} needs what is missing here" in done.stderr
        assert "TCP_INFO" in done.stderr
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_a_recording_that_fails_leaves_everything_as_it_was(tmp_path, monkeypatch):
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
    (tmp_path / "data").mkdir()
    nbformat.write(made, tmp_path / "10_small.ipynb")
    before = (tmp_path / "10_small.ipynb").read_bytes()
    monkeypatch.setenv("WIRE_RECORD", "1")
    with pytest.raises(Exception, match="after the recording"):
        store.store(tmp_path / "10_small.ipynb")
    assert (tmp_path / "10_small.ipynb").read_bytes() == before
    assert not (tmp_path / "data/10.ledger.json").exists()


CODE = """
from helpers import lesson
from helpers.ledger import Ledger

lesson.begin("10")

async def experiment():
    return Ledger()

await lesson.run_or_stored("one", experiment, needs=[])
from pathlib import Path
assert Path("data/10.ledger.json").exists()
raise RuntimeError("after the recording")
"""
