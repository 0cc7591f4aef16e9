"""A damaged run is noticed, and the test that damages runs notices a verdict that does not."""

import damage
import pytest

from helpers import lesson
from helpers.ledger import Ledger, in_flight

NAMES = {"lesson": lesson, "in_flight": in_flight}
HONEST = """
two_at_once = in_flight(run.spans("requests")) == 2
lesson.verdict("S2", runs=[run], supports={"two at once": two_at_once})
"""


def a_run(*expected):
    ledger = Ledger()
    for n in range(2):
        ledger.add("requests", "request", 0.0, 0.2, str(n))
        ledger.add("server", "serving", 0.1, 0.2, str(n))
        ledger.mark("heartbeat", "beat", time_s=n / 10)
    for kind, count in expected:
        ledger.expect(kind, count)
    return ledger


WHOLE = ("request", 2), ("serving", 2), ("beat", 2)


@pytest.mark.parametrize("name", damage.DAMAGES)
def test_every_damage_is_a_problem_of_a_run_that_says_what_it_should_hold(name):
    run = a_run(*WHOLE)
    before = run.save()
    assert run.problems() == []
    with damage.damaged(run, name) as changed:
        assert changed
        assert run.problems() != []
    assert run.save() == before


def report(code, cells=(), expected=WHOLE, **names):
    lesson.begin("10")
    names = {"run": a_run(*expected)} | NAMES | names
    for cell in cells:
        exec(cell, names)
    exec(code, names)
    assert lesson._state.settled["S2"].word == "holds"
    return damage.report("S2", code, [*cells, code], names)


def test_a_verdict_on_whole_runs_notices_every_damage():
    found = report(HONEST)
    assert found == {
        "runs": 1,
        "tried": len(damage.DAMAGES),
        "settled": [],
        "raised": [],
        "unnamed": [],
    }
    assert lesson._state.settled["S2"].word == "holds", "as it was before"


def test_a_verdict_that_expects_too_little_is_found():
    """It asks of requests, and says only how many beats there should be."""
    blind = "lesson.verdict('S2', runs=[run], supports={'asked': len(run.spans()) != 1})"
    found = report(blind, expected=[("beat", 2)])
    assert found["settled"] == ["run 0, no spans"]


def test_a_finding_that_raises_is_told_from_one_that_settles():
    code = "lesson.verdict('S2', runs=[run], supports={'so': run.spans()[1].duration_s > 0})"
    found = report(code)
    assert found["settled"] == []
    assert [line.split(":")[0] for line in found["raised"]] == [
        "run 0, empty",
        "run 0, no spans",
    ]


@pytest.mark.parametrize(
    ("cells", "condition", "unnamed"),
    [
        ([], "len(other.spans()) > 0", ["other"]),
        (["many = {1: [other]}"], "len(many) > 0", ["many"]),
        (["count = len(other.spans())"], "count > 0", ["other"]),
        (["count = len(other.spans())\nmore = count + 1"], "more > 0", ["other"]),
        (["def ask():\n    return len(other.spans()) > 0"], "ask()", ["other"]),
        (["def ask(other):\n    return len(other.spans()) > 0"], "ask(run)", []),
        (["sizes = [len(other.spans()) for other in [run]]"], "sizes[0] > 0", []),
        (["many = {1: run, 2: other}"], "len(many[1].spans()) > 0", []),
        (["many = {1: run, 2: other}"], "len(many[2].spans()) > 0", ["many", "other"]),
        ([], "True", []),
    ],
)
def test_a_ledger_that_is_read_and_is_not_among_the_runs_is_found(cells, condition, unnamed):
    code = f"lesson.verdict('S2', runs=[run], supports={{'so': {condition}}})"
    # As in a lesson: its functions belong to the kernel's own module.
    found = report(code, cells, other=a_run(*WHOLE), __name__="__main__")
    assert sorted(found["unnamed"]) == unnamed
