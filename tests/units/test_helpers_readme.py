"""The page of the helpers names every file, one line each, and no file that is not there."""

import re
from pathlib import Path

HELPERS = Path(__file__).resolve().parents[2] / "helpers"
PAGE = (HELPERS / "README.md").read_text("utf-8")


def named(page):
    """Return the files that have a line of their own, with what the line says of them."""
    return re.findall(r"(?m)^- `([\w/]+\.py)` — (\S.*)$", page)


def test_every_file_has_one_line_and_every_line_a_file():
    files = {
        path.relative_to(HELPERS).as_posix()
        for path in HELPERS.rglob("*.py")
        if path.name != "__init__.py"
    }
    names = [name for name, _ in named(PAGE)]
    assert len(names) > 40
    assert len(names) == len(set(names)), "a file is named twice"
    assert set(names) - files == set(), "named, and not there"
    assert files - set(names) == set(), "there, and not named in helpers/README.md"


def test_every_folder_is_named_with_what_it_is_for():
    folders = {path.parent.name for path in HELPERS.glob("*/__init__.py")}
    assert set(re.findall(r"(?m)^`(\w+)/` — \S", PAGE)) == folders


def test_what_the_picture_names_is_there():
    picture = PAGE.split("## Who may import whom")[0]
    paths = re.findall(r"\b(\w+(?:/\w+)*\.py|\w+/)(?=[\s`])", picture)
    assert len(paths) > 8
    assert [path for path in paths if not list(HELPERS.rglob(path))] == []


def test_the_picture_fits_a_screen():
    drawn = [line for line in PAGE.splitlines() if line.startswith("    ")]
    assert len(drawn) > 15
    assert max(map(len, drawn)) <= 90
