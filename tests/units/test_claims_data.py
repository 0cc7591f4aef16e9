"""The claims: every one of the notes is listed once, with all that a lesson needs to settle it."""

import re
import tomllib
from pathlib import Path

import pytest

from helpers.course import claims as module
from helpers.course.claims import ANSWERED, DOES_NOT_HOLD, HOLDS, IN_PART

TEXT = (Path(module.__file__).with_name("claims.toml")).read_text("utf-8")
DATA = tomllib.loads(TEXT)
HOW_MANY = {"W": 7, "R": 20, "S": 5, "A": 8, "P": 7, "L": 2}
IDS = [f"{letter}{n}" for letter, most in HOW_MANY.items() for n in range(1, most + 1)]
OUTCOMES = {HOLDS, IN_PART, DOES_NOT_HOLD, ANSWERED}
LESSONS = {f"{number:02}" for number in range(17)}


def test_every_claim_is_there_once_and_in_order():
    assert len(IDS) == 49
    assert list(DATA) == IDS
    assert re.findall(r"^\[(.*)\]$", TEXT, re.MULTILINE) == IDS


@pytest.mark.parametrize("id", IDS)
def test_the_claim_is_whole(id):
    claim = DATA[id]
    assert set(claim) == {"says", "precisely", "lessons", "rating", "source"}
    framing = claim["rating"] == "framing"
    for field in ("says", "precisely", *(() if framing else ("source",))):
        assert claim[field].strip() == claim[field] != ""
    for sentence in (claim["says"], claim["precisely"]):
        assert sentence[-1] in ".?", "a claim and its truth are whole sentences"


@pytest.mark.parametrize("id", IDS)
def test_the_claim_is_settled_in_lessons_that_exist_and_rated_in_each(id):
    claim = DATA[id]
    assert claim["lessons"]
    assert claim["lessons"] == sorted(set(claim["lessons"]))
    assert set(claim["lessons"]) <= LESSONS
    if isinstance(claim["rating"], dict):
        assert list(claim["rating"]) == claim["lessons"]
        assert set(claim["rating"].values()) <= OUTCOMES
    else:
        assert claim["rating"] in OUTCOMES | {"framing"}


def test_no_two_claims_say_the_same():
    said = [claim["says"].lower() for claim in DATA.values()]
    assert len(set(said)) == len(said)


def test_only_the_two_claims_without_an_experiment_are_framing():
    assert [id for id, claim in DATA.items() if claim["rating"] == "framing"] == ["W6", "S5"]


def test_a_lesson_reads_the_claims_as_they_are_written():
    claims = module.claims()
    assert list(claims) == IDS
    assert claims["S1"].says == DATA["S1"]["says"]
    assert claims["S1"].rated("10") == "answered"
    assert [claims["S4"].rated(number) for number in ("10", "11")] == ["holds", "holds in part"]


def test_every_lesson_of_the_notes_has_something_to_settle():
    settling = {
        number
        for claim in DATA.values()
        if claim["rating"] != "framing"
        for number in claim["lessons"]
    }
    assert settling == LESSONS - {"00"}


@pytest.mark.parametrize("id", IDS)
def test_a_question_is_answered_and_a_statement_is_not(id):
    claim = DATA[id]
    ratings = claim["rating"] if isinstance(claim["rating"], dict) else {"": claim["rating"]}
    for rating in ratings.values():
        assert rating == "framing" or (rating == ANSWERED) == claim["says"].endswith("?")
