"""Lesson 00 keeps its word: what its prose says to change breaks its verdict."""

import re
from pathlib import Path

import pages
import rules
from kernel import Kernel

[BOOK] = [
    book
    for path, book in pages.lessons(Path(__file__).resolve().parents[2]).items()
    if path.name.startswith("00")
]


def verdict(sources: list[str]) -> list[str]:
    """Run the lesson in a fresh kernel; return what its findings and its verdict say."""
    with Kernel() as kernel:
        replies = kernel.run_all(sources)
    assert [reply.error for reply in replies if reply.status != "ok"] == []
    [said] = [reply.text for reply in replies if "\nVerdict: " in reply.text]
    return said.splitlines()


def test_the_change_in_the_prose_breaks_the_verdict():
    sources = [cell.source for cell in rules.code_cells(BOOK)]
    *findings, outcome = verdict(sources)
    assert outcome == "Verdict: holds"
    assert sum(line.startswith("✔") for line in findings) == 3

    [prose] = [cell.source for cell in BOOK.cells if cell.id == "break-text"]
    find, replace = re.findall(r"(?s)```python\n(.*?)\n```", prose)
    assert sum(source.count(find) for source in sources) == 1
    *findings, outcome = verdict([source.replace(find, replace) for source in sources])
    assert outcome == "Verdict: not shown"
    assert [line[0] for line in findings[1:]] == ["✔", "✘", "✘"]
