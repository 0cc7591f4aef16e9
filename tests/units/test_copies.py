"""The learner's copies: made once, never written over, afresh on request, out of git's sight."""

import shutil
import subprocess
import sys
from pathlib import Path

import copies
import nbformat
import pages
import pytest
import rules
from kernel import Kernel

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def course(tmp_path):
    """A project with two small lessons and a file of data."""
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_markdown_cell("# Ü"), nbformat.v4.new_code_cell("1 + 1")]
    book.cells[1].outputs = [nbformat.v4.new_output("stream", text="holds")]
    book.cells[1].execution_count = 3
    (tmp_path / "notebooks/data").mkdir(parents=True)
    for name in ("00_start", "10_blocking"):
        nbformat.write(book, tmp_path / f"notebooks/{name}.ipynb")
    (tmp_path / "notebooks/data/10.ledger.json").write_text("{}")
    return tmp_path


def source(path):
    return nbformat.read(path, 4).cells[1].source


def write(path, code):
    """Change the code of a notebook, as a learner or an author does."""
    book = nbformat.read(path, 4)
    book.cells[1].source = code
    nbformat.write(book, path)


def test_a_copy_holds_the_lesson_without_its_outputs(course):
    assert copies.make(course) == []
    made = sorted(p.name for p in (course / "my_lessons").rglob("*.*") if p.is_file())
    assert made == [".copied.json", "00_start.ipynb", "10.ledger.json", "10_blocking.ipynb"]
    book = nbformat.read(course / "my_lessons/10_blocking.ipynb", 4)
    nbformat.validate(book)
    assert (book.cells[0].source, book.cells[1].source) == ("# Ü", "1 + 1")
    assert (book.cells[1].outputs, book.cells[1].execution_count) == ([], None)


def test_a_learners_work_is_never_written_over(course, capsys):
    copies.make(course)
    mine = course / "my_lessons/10_blocking.ipynb"
    write(mine, "mine")
    copies.main([], course)
    assert (source(mine), capsys.readouterr().out) == ("mine", "")
    write(course / "notebooks/10_blocking.ipynb", "new")
    copies.main([], course)
    assert source(mine) == "mine"
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert said.startswith("10_blocking.ipynb has changed") and "`make fresh NB=10`" in said


def test_a_copy_nobody_has_touched_follows_its_lesson(course):
    copies.make(course)
    write(course / "notebooks/10_blocking.ipynb", "new")
    (course / "notebooks/data/10.ledger.json").write_text("[]")
    assert copies.make(course) == []
    assert source(course / "my_lessons/10_blocking.ipynb") == "new"
    assert (course / "my_lessons/data/10.ledger.json").read_text() == "[]"


def test_without_its_note_each_copy_counts_as_somebodys_work(course):
    copies.make(course)
    (course / "my_lessons/.copied.json").unlink()
    write(course / "notebooks/10_blocking.ipynb", "new")
    assert "10_blocking.ipynb" in copies.make(course)
    assert source(course / "my_lessons/10_blocking.ipynb") == "1 + 1"


@pytest.mark.parametrize("asked", ["10", "10_blocking", "notebooks/10_blocking.ipynb"])
def test_afresh_on_request_and_the_old_one_is_kept(course, capsys, asked):
    copies.make(course)
    mine, other = (course / f"my_lessons/{n}.ipynb" for n in ("10_blocking", "00_start"))
    for n in (1, 2):
        write(mine, f"mine {n}")
        write(other, "mine too")
        copies.main(["--fresh", asked], course)
        assert (source(mine), source(other)) == ("1 + 1", "mine too")
    kept = sorted((course / "my_lessons/old").iterdir())
    assert sorted(source(path) for path in kept) == ["mine 1", "mine 2"]
    said = capsys.readouterr().out
    assert all(path.relative_to(course).as_posix() in said for path in kept)


def test_all_afresh(course):
    copies.make(course)
    write(course / "my_lessons/00_start.ipynb", "mine")
    copies.main(["--fresh"], course)
    assert source(course / "my_lessons/00_start.ipynb") == "1 + 1"
    assert len(list((course / "my_lessons/old").iterdir())) == 1  # the other held no work


def test_a_lesson_that_does_not_exist_is_refused_in_one_line(course):
    with pytest.raises(SystemExit) as ended:
        copies.main(["--fresh", "77"], course)
    assert ended.value.code == "backend-on-the-wire: there is no lesson '77'"


# --- the real ones


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The project as git has it, with its copies."""
    root = tmp_path_factory.mktemp("project")
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in names.stdout.splitlines():
        if (ROOT / name).exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    copies.make(root)
    return root


def test_the_copies_are_the_lessons_and_their_links_lead_somewhere(real):
    for path, book in pages.lessons(ROOT).items():
        copy = nbformat.read(real / copies.FOLDER / path.name, 4)
        assert [c.source for c in copy.cells] == [c.source for c in book.cells]
        assert [c.id for c in copy.cells] == [c.id for c in book.cells]
        assert not any(c.outputs for c in rules.code_cells(copy))
        assert list(rules.linked(copy, folder=real / copies.FOLDER)) == []


def test_a_copy_that_ran_leaves_the_checkout_clean(real):
    """Run a lesson's first cells in the copies' folder, and save the copy."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], cwd=real, check=True)
    folder = real / copies.FOLDER
    [path] = folder.glob("01_*.ipynb")
    book = nbformat.read(path, 4)
    first = [c.source for c in rules.code_cells(book) if "data/" in c.source]
    assert first, "the lesson that reads a file of data is another one now"
    with Kernel(cwd=folder) as kernel:
        codes = [c.source for c in rules.code_cells(book)]
        replies = kernel.run_all(codes[: codes.index(first[0]) + 1])
    assert [reply.error for reply in replies if reply.status != "ok"] == []
    nbformat.write(book, path)
    state = subprocess.run(
        ["git", "status", "--porcelain"], cwd=real, capture_output=True, text=True
    )
    assert state.stdout == ""


def test_binder_and_the_lab_open_the_copies():
    import lab

    [url] = [a for a in lab.command([]) if "default_url" in a]
    first = url.partition("/lab/tree/")[2]
    assert first == "my_lessons/00_start_here.ipynb"
    assert f"urlpath=lab/tree/{first})" in (ROOT / "README.md").read_text("utf-8")
    assert "python tools/copies.py" in (ROOT / "binder/postBuild").read_text()
    assert sys.executable == lab.command([])[0]
