"""What a stored lesson shows: its verdicts and its figures, read from its outputs.

Plan: a verdict is text, "Verdict: word" above the claim's words, and ends with what is
precisely true; a figure is a picture beside its words. Both are found by their cell, and
the section of the lesson in which the cell stands is found with them.

Left out: what a lesson should show (tests/rules.py).
"""

import base64
import re
from collections.abc import Iterator
from typing import NamedTuple

from helpers.course.claims import claims
from helpers.figures.style import MEASURED


class Section(NamedTuple):
    """A section of a lesson: its title, and the cell that begins with it."""

    title: str
    cell: str


class Verdict(NamedTuple):
    """A verdict as it is stored: its word, what is precisely true, and where it stands."""

    word: str
    precisely: str
    cell: str
    section: Section


class Figure(NamedTuple):
    """A figure as it is stored: the picture, its words that every run repeats, where it stands."""

    png: bytes
    title: str
    sentences: list[str]
    tags: set[str]
    section: Section


def sections(book) -> Iterator[tuple[object, Section]]:
    """Yield each cell with the section that it stands in."""
    section = Section("", "")
    for cell in book.cells:
        titles = re.findall(r"^## (.+)$", cell.source, re.MULTILINE)
        if cell.cell_type == "markdown" and titles:
            section = Section(titles[-1], cell.id)
        yield cell, section


def verdicts_in(text: str) -> dict[str, str]:
    """Return the words of the verdicts in a text by claim: each stands above the claim's words."""
    by_words = {claim.says: claim.id for claim in claims().values()}
    found = re.findall(r"^Verdict: (.+)\n“(.+)”$", text, re.MULTILINE)
    return {by_words.get(says, says): word for word, says in found}


def verdicts(book) -> dict[str, Verdict]:
    """Return the verdicts in a lesson's stored outputs, by claim."""
    found = {}
    for cell, section in sections(book):
        for text in _texts(cell):
            for claim, word in verdicts_in(text).items():
                last = re.findall(r"^Precisely: (.+)$", text, re.MULTILINE)
                found[claim] = Verdict(word, "".join(last[-1:]), cell.id, section)
    return found


def figures(book) -> dict[str, Figure]:
    """Return the figures in a lesson's stored outputs, by cell; the last, where a cell has two."""
    found = {}
    for cell, section in sections(book):
        pictures = [o.data["image/png"] for o in cell.get("outputs", []) if _shows_picture(o)]
        words = [text for text in _texts(cell) if MEASURED[0] in text]
        if pictures and words:
            title, *sentences = words[-1].split(MEASURED[0])[0].strip().split("\n")
            about = title.removeprefix("Figure: "), sentences, set(cell.metadata.get("tags", []))
            found[cell.id] = Figure(base64.b64decode(pictures[-1]), *about, section)
    return found


def _texts(cell) -> Iterator[str]:
    for output in cell.get("outputs", []):
        yield output.get("data", {}).get("text/plain", "")


def _shows_picture(output) -> bool:
    return "image/png" in output.get("data", {})
