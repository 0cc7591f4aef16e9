"""The learner's notes, line by line, and what the stored lessons say of each claim in them.

Plan: notes.toml says which line of the notes claims what, and in which order; a lesson's stored
outputs say what was found (stored_outputs.py). The word for a claim follows from them.

Left out: the page that shows it (revisited.py).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import stored_outputs

import helpers.course.claims as course
from helpers.course.claims import FRAMING, IN_PART, Claim

NOTES = Path(course.__file__).with_name("notes.toml")
OPEN = "not settled yet"


@dataclass(frozen=True)
class Line:
    """What a line of the notes says: a claim, or something that claims nothing to be tested.

    An aside says where a claim comes from that stands in no line.
    """

    notes: list[str] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    says: str = ""
    reply: str = ""
    aside: str = ""


@dataclass(frozen=True)
class Part:
    """A part of the notes: its heading there, its title here, its lines in order."""

    title: str
    lines: list[Line]
    heading: str = ""


@dataclass(frozen=True)
class Lesson:
    """A stored lesson: the file, its number and title, its verdicts and its figures."""

    file: str
    number: str
    title: str
    verdicts: dict[str, stored_outputs.Verdict]
    figures: dict[str, stored_outputs.Figure]


def notes() -> dict:
    """Return notes.toml: what the page says of itself, `figures`, and the parts."""
    data = tomllib.loads(NOTES.read_text("utf-8"))
    parts = [
        Part(**part | {"lines": [Line(**line) for line in part["lines"]]}) for part in data["part"]
    ]
    return data | {"part": parts}


def read_lessons(books: Mapping[Path, nbformat.NotebookNode]) -> dict[str, Lesson]:
    """Return the stored lessons by number."""
    found = {}
    for path, book in books.items():
        data = book.metadata["course"]
        results = stored_outputs.verdicts(book), stored_outputs.figures(book)
        found[data["number"]] = Lesson(path.name, data["number"], data["title"], *results)
    return found


def word(claim: Claim, lessons: Mapping[str, Lesson]) -> str:
    """Return the word for a claim: the verdict's, or "in part" where two lessons' words differ.

    A claim is open until each of its lessons has its verdict.
    """
    if claim.rating == FRAMING:
        return FRAMING
    there = [lessons[number] for number in claim.lessons if number in lessons]
    words = {lesson.verdicts[claim.id].word for lesson in there if claim.id in lesson.verdicts}
    if len(there) < len(claim.lessons) or any(claim.id not in lesson.verdicts for lesson in there):
        return OPEN
    return words.pop() if len(words) == 1 else IN_PART


def figure_of(claim: str, lesson: Lesson) -> str:
    """Return the id of the cell whose figure stands for a claim; "" if there is none.

    It is the one that notes.toml names, or the first of the claim's own, or the first one in the
    section of its verdict.
    """
    chosen = notes()["figures"].get(claim, {}).get(lesson.number)
    if chosen is not None and lesson.figures and chosen not in lesson.figures:
        raise ValueError(f"notes.toml: lesson {lesson.number} has no figure in a cell {chosen!r}")
    own = [cell for cell, figure in lesson.figures.items() if claim in figure.tags]
    section = lesson.verdicts[claim].section
    near = [cell for cell, figure in lesson.figures.items() if figure.section == section]
    return chosen or next(iter([*own, *near]), "")
