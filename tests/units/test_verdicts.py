"""Verdicts: the word follows from findings that whole runs bear out, and from nothing else."""

import math

import pytest

from helpers.course import verdicts
from helpers.course.claims import claims
from helpers.ledger import Ledger

YES, NO = True, False
QUESTION, STATEMENT = claims()["S1"], claims()["S2"]


def a_run(made=None):
    ledger = Ledger()
    ledger.expect("request", 1)
    ledger.add("requests", "request", 0.0, 0.2, "1")
    ledger.provenance = {"made": made} if made else {}
    return ledger


def decide(supports=None, refutes=None, claim=STATEMENT, runs=None):
    runs = [a_run()] if runs is None else runs
    return verdicts.decide(claim, runs, supports, refutes)


@pytest.mark.parametrize(
    ("supports", "refutes", "word"),
    [
        ({"a": YES, "b": YES}, None, "holds"),
        (None, {"a": YES}, "does not hold"),
        ({"a": YES}, {"b": YES}, "holds in part"),
        ({"a": YES, "b": NO}, None, "not shown"),
        (None, {"a": NO}, "not shown"),
        ({"a": YES}, {"b": NO}, "not shown"),
        ({"a": NO}, {"b": YES}, "not shown"),
        ({"a": NO}, {"a": YES}, "not shown"),
        ({"a": YES}, {"a": YES}, "not shown"),
    ],
)
def test_the_word_follows_from_the_findings(supports, refutes, word):
    verdict = decide(supports, refutes)
    assert verdict.word == verdict.said == word
    assert verdicts.plain(verdict).splitlines()[0] == f"Verdict: {word}"
    assert f"<b>Verdict: {word}</b>" in verdicts.as_html(verdict)


@pytest.mark.parametrize(
    ("supports", "refutes", "word"),
    [
        ({"a": YES}, None, "answered"),
        ({"a": YES}, {"b": YES}, "answered"),
        ({"a": NO}, None, "not shown"),
    ],
)
def test_a_question_is_answered_and_does_not_hold(supports, refutes, word):
    assert decide(supports, refutes, claim=QUESTION).word == word


async def never_awaited():
    return True


def a_coroutine():
    coroutine = never_awaited()
    coroutine.close()  # or Python warns that nobody awaited it
    return coroutine


@pytest.mark.parametrize(
    "value",
    [math.nan, -1, 0, 1, 0.5, "no", "", None, [True], a_run, a_coroutine(), object()],
    ids=lambda value: type(value).__name__,
)
def test_only_a_real_bool_is_a_finding(value):
    """Also what is true as a condition, and what would be false."""
    for verdict in (decide({"so it is": value}), decide(None, {"so it is": value})):
        assert verdict.word == "not shown"
        [problem] = verdict.problems
        assert problem.startswith("“so it is” is decided by ")
        assert problem.endswith(", which is neither True nor False")


def test_a_bool_of_numpy_is_not_a_finding():
    numpy = pytest.importorskip("numpy")
    assert decide({"so it is": numpy.bool_(True)}).word == "not shown"


def test_a_run_that_is_not_whole_settles_nothing_and_the_reason_is_shown():
    whole, empty = a_run(), Ledger()
    empty.expect("request", 3)
    verdict = decide({"a": YES}, runs=[whole, empty])
    assert verdict.word == "not shown"
    lines = verdicts.plain(verdict).splitlines()
    assert lines[2:] == [
        "✔ a",
        "✘ a run is not whole: “request” is recorded 0 times, not 3",
        "Nothing is settled by this run.",
    ]


def test_a_run_that_does_not_say_what_it_should_hold_settles_nothing():
    verdict = decide({"a": YES}, runs=[Ledger()])
    assert (verdict.word, verdict.problems) == (
        "not shown",
        ["a run is not whole: it does not say what it should hold"],
    )


def test_it_shows_the_claim_every_finding_and_what_is_true():
    verdict = decide({"1 < 2": YES, "it goes on": YES})
    assert verdicts.plain(verdict).splitlines() == [
        "Verdict: holds",
        f"“{STATEMENT.says}”",
        "✔ 1 < 2",
        "✔ it goes on",
        f"Precisely: {STATEMENT.precisely}",
    ]
    html = verdicts.as_html(verdict)
    assert "✔ 1 &lt; 2" in html
    assert "1 < 2" not in html


def test_it_shows_words_not_codes():
    for id, claim in claims().items():
        verdict = decide({"it is so": YES}, claim=claim)
        for text in (verdicts.plain(verdict), verdicts.as_html(verdict)):
            assert f"{id}:" not in text and f" {id} " not in text


def test_what_stands_between_backticks_is_shown_as_code():
    html = verdicts.as_html(decide({"`recv` returns `<b>`": YES}))
    assert "<code>recv</code> returns <code>&lt;b&gt;</code>" in html
    assert "`recv`" not in html


def test_a_finding_that_fails_is_named_and_settles_nothing():
    verdict = decide({"this": YES}, {"that": NO})
    assert verdicts.plain(verdict).splitlines()[2:] == [
        "✔ (for) this",
        "✘ not borne out: (against) that",
        "Nothing is settled by this run.",
    ]


def test_of_a_stored_run_it_is_never_said_that_it_holds():
    stored, fresh = a_run("2026-11-23"), a_run()
    assert decide({"a": YES}, runs=[fresh]).said == "holds"
    assert decide({"a": YES}, runs=[stored, fresh]).said == "in the stored run it held"
    assert decide({"a": NO}, runs=[stored]).said == "not shown"
    both = {"supports": {"a": YES}, "refutes": {"b": YES}, "runs": [stored]}
    assert decide(**both).said == "in the stored run it held in part"
    assert decide(**both, claim=QUESTION).said == "answered by the stored run"


def test_a_verdict_without_findings_or_without_runs_is_refused():
    for nothing in ({}, {"supports": {}}, {"refutes": {}}):
        with pytest.raises(ValueError, match="has no findings"):
            decide(**nothing)
    with pytest.raises(ValueError, match="rests on no run"):
        decide({"a": YES}, runs=[])
    with pytest.raises(TypeError, match="runs=3: a run is a ledger"):
        decide({"a": YES}, runs=[3])
