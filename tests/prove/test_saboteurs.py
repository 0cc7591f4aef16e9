"""Every verdict can come out false: the cells of a claim settle it, and its saboteur flips it.

Plan: a verdict also falls if a run is not whole. That is not enough here: what a saboteur takes
away must show in a finding, which is not borne out any more.
"""

from pathlib import Path

import pages
import pytest
import rules
from kernel import Kernel

BOOKS = pages.lessons(Path(__file__).resolve().parents[2])
CLAIMS = rules.to_break(BOOKS)
NOT_BORNE_OUT = "✘ not borne out: "


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


def verdict(kernel: Kernel, sources: list[str], claim: str) -> tuple[str, str]:
    """Run cells; return the word of the claim's verdict and all it says; none may fail."""
    replies = kernel.run_all(sources)
    errors = [reply.error or reply.status for reply in replies if reply.status != "ok"]
    assert not errors, errors
    shown = [reply for reply in replies if claim in reply.verdicts]
    assert len(shown) == 1, f"{len(shown)} verdicts on {claim}"
    return shown[0].verdicts[claim], shown[0].text


def test_every_claim_of_the_course_is_broken_here_in_each_of_its_lessons():
    numbers = {path: pages.course(book)["number"] for path, book in BOOKS.items()}
    assert {(claim, numbers[path]) for path, claim in CLAIMS} == rules.due()
    assert len(CLAIMS) == len(rules.due())


@pytest.mark.parametrize(("path", "claim"), CLAIMS, ids=[f"{p.stem}-{c}" for p, c in CLAIMS])
def test_a_claims_cells_settle_it_and_each_saboteur_flips_it(path, claim):
    """First as the lesson has them, so that leaving cells out is not what makes it false."""
    book = BOOKS[path]
    with Kernel() as kernel:
        word, _ = verdict(kernel, selection(book, claim), claim)
        assert word == rules.verdicts(book)[claim][0]
        for cell in rules.saboteurs(book)[claim]:
            word, said = verdict(kernel, selection(book, claim, cell), claim)
            assert word == "not shown", f"the saboteur in {cell.id}"
            assert NOT_BORNE_OUT in said, f"no finding fell to the saboteur in {cell.id}: {said}"
