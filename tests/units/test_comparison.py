"""The comparison: a row a run, its picture and its words made from the same record."""

import pytest

from helpers.figures import comparison, style, timeline
from helpers.figures.prediction import Prediction
from helpers.ledger import CALLER, HEARTBEAT, REQUESTS, Ledger

TITLE = "Ways to wait"


def a_run(state="blocked", requests=1, beating=False, other="second thread"):
    """Return a run of 0.2 s a request; the caller's thread is in one state all the time."""
    ledger, label = Ledger(), {"blocked": "recv", "running": "computing"}.get(state, "")
    end_s = 10 + 0.2 * requests
    for n in range(requests):
        ledger.add(REQUESTS, "request", 10 + 0.2 * n, 10.2 + 0.2 * n, f"{n}")
        ledger.add(CALLER, state, 10 + 0.2 * n, 10.2 + 0.2 * n, label)
    ledger.add(CALLER, "free", 9.9, 10.0)
    for n in range(-5, 20 * requests + 6):
        time_s = 10.005 + n / 100
        if beating or not 10 < time_s < end_s:
            ledger.mark(HEARTBEAT, "beat", time_s=time_s)
        ledger.mark(other, "beat", time_s=time_s)
    return ledger


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_each_run_has_a_row_with_its_name_in_order():
    panels = {"blocks": a_run(), "awaits": a_run("free", beating=True)}
    [ax] = comparison.draw(panels, title=TITLE).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["blocks", "awaits"]
    assert list(ax.get_yticks()) == sorted(ax.get_yticks(), reverse=True)
    assert ax.get_title("left") == TITLE
    assert "heartbeat" in ax.get_xlabel()
    assert style.png(comparison.draw(panels, title=TITLE)).startswith(b"\x89PNG")


def test_how_many_were_in_flight_is_said_of_several_requests_and_not_of_one():
    one, two = (comparison.describe({"A": a_run(requests=n)}, title=TITLE) for n in (1, 2))
    for words, said in ((one, False), (two, True)):
        assert ("1 in flight at most" in " ".join(words.measured)) is said
        assert ("2 requests, 1 in flight at most." in " ".join(words.stable)) is said


def test_the_bar_is_the_callers_thread_during_the_call_and_no_longer():
    for state, word in [("blocked", "blocked"), ("free", "free"), ("running", "computing")]:
        [ax] = comparison.draw({"A": a_run(state)}, title=TITLE).axes
        ends = [
            path.vertices[:, 0] for collection in ax.collections for path in collection.get_paths()
        ]
        assert min(x.min() for x in ends) == pytest.approx(0.0)
        assert max(x.max() for x in ends) == pytest.approx(0.2)
        assert word in texts(ax)


def test_strokes_are_the_marks_of_the_lane_that_was_chosen():
    run = a_run()
    for marks, noun in [(HEARTBEAT, "no beat in 0.20 s"), ("second thread", "20 marks in 0.20 s")]:
        [ax] = comparison.draw({"A": run}, title=TITLE, marks=marks).axes
        drawn = sorted(x for line in ax.lines if line.get_marker() == "|" for x in line.get_xdata())
        assert drawn == pytest.approx([mark.time_s - 10 for mark in run.marks(marks)])
        assert noun in texts(ax)


def test_the_number_in_flight_is_said_where_there_is_more_than_one_request():
    [ax] = comparison.draw({"A": a_run(requests=3), "B": a_run()}, title=TITLE).axes
    assert "no beat in 0.60 s\n1 in flight at most" in texts(ax)
    assert "no beat in 0.20 s" in texts(ax)


def test_the_words_say_what_the_rows_show():
    panels = {
        "a call\nthat blocks": a_run(),
        "awaits": a_run("free", requests=2, beating=True),
        "computes": a_run("running"),
    }
    words = comparison.describe(panels, title=TITLE)
    assert words.title == TITLE
    assert words.stable == [
        "3 rows, one a run; the axis counts seconds since the call began.",
        "a call that blocks: The caller's thread is blocked most of the time. "
        "The heartbeat is silent.",
        "awaits: 2 requests, 1 in flight at most. The caller's thread is free most of the time. "
        "The heartbeat goes on.",
        "computes: The caller's thread is running most of the time. The heartbeat is silent.",
    ]
    assert words.measured[0] == "a call that blocks: no beat in 0.20 s."
    [ax] = comparison.draw(panels, title=TITLE).axes
    facts = [line.partition(": ")[2].rstrip(".").replace(", ", "\n") for line in words.measured]
    assert set(facts) <= set(texts(ax))


@pytest.mark.parametrize(("lane", "lowest"), [(HEARTBEAT, True), ("", False)])
def test_a_guess_is_drawn_dashed_in_its_row(lane, lowest):
    panels = {"A": a_run(), "B": a_run()}
    guess = Prediction("When?", "s", [0.1], lane)
    [ax] = comparison.draw(panels, {"A": guess}, title=TITLE).axes
    [line] = [line for line in ax.lines if line.is_dashed()]
    low, high = line.get_ydata()
    assert list(line.get_xdata()) == [0.1, 0.1]
    assert 1 < low < high < 2, "the first row of two is the upper one"
    assert (high - low < 0.5) == lowest
    said = comparison.describe(panels, {"A": guess}, title=TITLE).measured
    assert any("dashed" in line and "0.1 s" in line for line in said)


def test_without_requests_the_call_is_where_the_caller_computes():
    ledger = Ledger()
    ledger.add(CALLER, "free", 0.0, 1.0)
    ledger.add(CALLER, "running", 1.0, 1.5, "computing")
    ledger.mark(HEARTBEAT, "beat", time_s=0.9)
    assert timeline.window(ledger) == (1.0, 1.5)
    assert comparison.describe({"A": ledger}, title=TITLE).measured == ["A: no beat in 0.50 s."]


@pytest.mark.parametrize("make", [comparison.draw, comparison.describe])
def test_what_cannot_be_drawn_is_refused_by_its_name(make):
    with pytest.raises(ValueError, match="needs at least one ledger"):
        make({}, title=TITLE)
    with pytest.raises(ValueError, match="panel 'B': its ledger holds no span"):
        make({"A": a_run(), "B": Ledger()}, title=TITLE)
    guess = Prediction("When?", "s", [0.1])
    with pytest.raises(ValueError, match=r"predictions\['C'\] belongs to no panel"):
        make({"A": a_run()}, {"C": guess}, title=TITLE)
