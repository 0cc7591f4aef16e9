"""Every verdict can come out false: the cells of a claim settle it, and its saboteur flips it."""

from pathlib import Path

import pages
import pytest
import rules
from kernel import Kernel

BOOKS = pages.lessons(Path(__file__).resolve().parents[2])
CLAIMS = rules.to_break(BOOKS)


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


def word(kernel: Kernel, sources: list[str], claim: str) -> str:
    """Run cells; return the word of the claim's verdict, failing on any error."""
    replies = kernel.run_all(sources)
    errors = [reply.error or reply.status for reply in replies if reply.status != "ok"]
    assert not errors, errors
    shown = [reply.verdicts[claim] for reply in replies if claim in reply.verdicts]
    assert len(shown) == 1, f"{len(shown)} verdicts on {claim}"
    return shown[0]


def test_every_claim_of_the_course_is_broken_here_in_each_of_its_lessons():
    numbers = {path: pages.course(book)["number"] for path, book in BOOKS.items()}
    assert {(claim, numbers[path]) for path, claim in CLAIMS} == rules.due()
    assert len(CLAIMS) == len(rules.due())


@pytest.mark.parametrize(("path", "claim"), CLAIMS, ids=[f"{p.stem}-{c}" for p, c in CLAIMS])
def test_a_claims_cells_settle_it_and_each_saboteur_flips_it(path, claim):
    """First as the lesson has them, so that leaving cells out is not what makes it false."""
    book = BOOKS[path]
    with Kernel() as kernel:
        assert word(kernel, selection(book, claim), claim) == rules.verdicts(book)[claim][0]
        for cell in rules.saboteurs(book)[claim]:
            flipped = word(kernel, selection(book, claim, cell), claim)
            assert flipped == "not shown", f"the saboteur in {cell.id}"
