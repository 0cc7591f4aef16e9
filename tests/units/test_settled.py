"""The claims over the whole course: each but the framing ones is settled, or named here.

Settled is a claim by an executed verdict in stored output, with the word that claims.toml
gives it, and by a saboteur that flips it. That it flips it is run under `make prove`
(tests/prove/test_saboteurs.py), for every claim of the same list.
"""

import copy
from pathlib import Path

import pages
import pytest
import rules

from helpers.course.claims import FRAMING, claims

BOOKS = pages.lessons(Path(__file__).resolve().parents[2])


def test_every_claim_but_the_framing_ones_is_due_in_each_of_its_lessons():
    assert {claim for claim, _ in rules.due()} == {
        claim.id for claim in claims().values() if claim.rating != FRAMING
    }
    assert len({claim for claim, _ in rules.due()}) == 47
    assert len(rules.due()) == 51, "R5, S4, P5 and P6 are settled in two lessons"


def test_every_claim_of_the_course_is_settled(say):
    assert rules.unsettled(BOOKS.values()) == {}
    say(f"claims settled: {len({claim for claim, _ in rules.due()})}")


def test_every_saboteur_of_these_claims_is_run_by_make_prove():
    numbers = {path: pages.course(book)["number"] for path, book in BOOKS.items()}
    assert {(claim, numbers[path]) for path, claim in rules.to_break(BOOKS)} == rules.due()


# --- the checker, checked


@pytest.fixture
def books():
    """The lessons, to be spoiled."""
    return {pages.course(book)["number"]: copy.deepcopy(book) for book in BOOKS.values()}


def verdict_of(book, claim: str):
    [cell] = [cell for cell in book.cells if cell.id == rules.verdicts(book)[claim][1]]
    return cell


def lacks_its_verdict(book):
    verdict_of(book, "S1").outputs = []


def was_not_run(book):
    verdict_of(book, "S1").execution_count = None


def is_not_shown(book):
    for output in verdict_of(book, "S1").outputs:
        output.data["text/plain"] = output.data["text/plain"].replace("answered", "not shown")


def lacks_its_saboteur(book):
    for cell in rules.saboteurs(book)["S1"]:
        del cell.metadata["saboteur"]


def breaks_another_claim(book):
    for cell in rules.saboteurs(book)["S1"]:
        cell.metadata["saboteur"]["claim"] = "S2"


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lacks_its_verdict, "no executed verdict"),
        (was_not_run, "no executed verdict"),
        (is_not_shown, "the verdict reads 'not shown', the claims say 'answered'"),
        (lacks_its_saboteur, "no saboteur"),
        (breaks_another_claim, "no saboteur"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_claim_that_is_not_settled_is_named(books, spoil, why):
    spoil(books["10"])
    assert rules.unsettled(books.values()) == {("S1", "10"): why}


def test_a_lesson_that_is_missing_leaves_its_claims_open(books):
    del books["02"]
    lost = {("W4", "02"): rules.NO_LESSON, ("W5", "02"): rules.NO_LESSON}
    assert rules.unsettled(books.values()) == lost
