"""Every verdict can come out false: its saboteur, applied to a copy, flips it."""

from pathlib import Path

import pages
import pytest
import rules
from kernel import Kernel

BOOKS = pages.lessons(Path(__file__).resolve().parents[2])
SABOTEURS = [
    (path, claim, cell)
    for path, book in BOOKS.items()
    for claim, cells in rules.saboteurs(book).items()
    for cell in cells
]


def selection(book, claim: str, changed=None) -> list[str]:
    """Return the sources of the set-up cells and the claim's, one of them sabotaged."""
    sources = []
    for cell in rules.code_cells(book):
        if rules.tags(cell) & {"setup", claim}:
            source = cell.source
            if changed is not None and cell.id == changed.id:
                change = cell.metadata["saboteur"]
                source = source.replace(change["find"], change["replace"])
                assert source != cell.source
            sources.append(source)
    return sources


def outcome(sources: list[str], claim: str) -> str:
    """Run cells in a fresh kernel; return the claim's outcome, failing on any error."""
    with Kernel() as kernel:
        replies = kernel.run_all(sources)
    errors = [reply.error or reply.status for reply in replies if reply.status != "ok"]
    assert not errors, errors
    shown = [reply.verdicts[claim] for reply in replies if claim in reply.verdicts]
    assert len(shown) == 1, f"{len(shown)} verdicts on {claim}"
    return shown[0]


def test_there_are_saboteurs():
    assert len(SABOTEURS) >= 4


@pytest.mark.parametrize(
    ("path", "claim", "cell"), SABOTEURS, ids=[f"{p.stem}-{c}-{x.id}" for p, c, x in SABOTEURS]
)
def test_the_saboteur_flips_the_verdict(path, claim, cell):
    assert outcome(selection(BOOKS[path], claim, cell), claim) == "not shown"


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_without_a_saboteur_the_same_cells_settle_the_claim(path):
    """One claim a lesson, to show that leaving cells out is not what makes a verdict false."""
    book = BOOKS[path]
    claims = list(rules.saboteurs(book))
    if not claims:
        pytest.skip("this lesson settles no claim")
    claim = claims[-1]
    assert outcome(selection(book, claim), claim) == rules.verdicts(book)[claim][0]
