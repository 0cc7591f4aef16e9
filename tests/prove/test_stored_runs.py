"""A stored run says in words what a run made now says, and takes over where the need is missing."""

import json
import os
import re
from pathlib import Path

import nbformat
import pages
import pytest
import rules
from kernel import Kernel

from helpers import lesson

ROOT = Path(__file__).resolve().parents[2]
STORED = sorted((ROOT / "notebooks/data").glob("[0-9][0-9].ledger.json"))
WITHOUT_NEEDS = (
    "from helpers import lesson\n"
    "for need in lesson.NEEDS:\n"
    "    lesson.NEEDS[need] = (lambda: False, 'get it')"
)


def test_there_are_stored_runs_for_every_need():
    needy = {
        pages.course(book)["number"]
        for book in pages.lessons(ROOT).values()
        if any("lesson.run_or_stored(" in cell.source for cell in rules.code_cells(book))
    }
    assert {path.name[:2] for path in STORED} == needy


@pytest.mark.parametrize("stored", STORED, ids=lambda path: path.name)
def test_the_stored_run_says_what_a_fresh_one_says(stored):
    [path] = (ROOT / "notebooks").glob(f"{stored.name[:2]}_*.ipynb")
    book = nbformat.read(path, 4)
    sources = [cell.source for cell in rules.code_cells(book)]
    environment = {k: v for k, v in os.environ.items() if k != "CI"}
    with Kernel(env=environment) as kernel:
        replies = kernel.run_all([WITHOUT_NEEDS, *sources])[1:]
    assert [reply.error for reply in replies if reply.status != "ok"] == []
    said = 0
    for cell, reply in zip(rules.code_cells(book), replies, strict=True):
        if not any(tag.startswith("needs-") for tag in rules.tags(cell)):
            continue
        fresh = "\n".join(
            output.get("text") or output.data.get("text/plain", "") for output in cell.outputs
        )
        said += "a stored run" in reply.text or "in the stored run" in reply.text
        assert words(reply.text) == words(fresh)
    assert said, "nothing said that a stored run was shown"


def words(text: str) -> list[str]:
    """Return what was said, without measured numbers and without where it comes from."""
    text = re.sub(r"(?s)\[measured\].*?\[/measured\]", "", text)
    text = re.sub(r"This experiment needs .*\n", "", text)
    text = re.sub(r" \(a stored run of [^)]*\)", "", text)
    for outcome, said in lesson.IN_STORED_RUN.items():
        text = text.replace(said, outcome)
    return [line for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("stored", STORED, ids=lambda path: path.name)
def test_a_stored_run_says_what_it_was_made_on(stored):
    for run in json.loads(stored.read_text()).values():
        assert set(run["provenance"]) == {"made", "system", "python"}
