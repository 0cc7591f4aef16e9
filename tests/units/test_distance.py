"""What a request's time is made of, by distance: picture and words come from the same record."""

import pytest

from helpers.figures import distance, style
from helpers.figures.prediction import Prediction
from helpers.ledger import Ledger


def a_request(ledger, lane, at_s, connect_s, handler_s, whole_s):
    """Write a request whose parts are known."""
    ledger.add(lane, "request", at_s, at_s + whole_s, "1")
    if connect_s:
        ledger.add(lane, "connect", at_s, at_s + connect_s, "1")
    end_s = at_s + whole_s
    ledger.add("handler", "serving", end_s - 1 - handler_s, end_s - 1, "1")


@pytest.fixture
def run():
    ledger = Ledger()
    a_request(ledger, "near", 100, 0, 8, 10)
    a_request(ledger, "near", 200, 0, 8, 16)
    a_request(ledger, "far", 300, 40, 8, 80)
    return ledger


def guess(value, lane="far", unit="%"):
    return Prediction("?", unit, [value], lane, asked=True)


def texts(figure):
    return {text.get_text() for ax in figure.axes for text in ax.texts}


def test_a_row_is_the_shortest_request_of_its_lane(run):
    found = distance.rows(run)
    assert list(found) == ["near", "far"]
    near, far = found["near"], found["far"]
    assert (near.request.duration_s, near.handler, near.connect) == (10, 0.8, 0)
    assert (far.request.duration_s, far.handler, far.connect) == (80, 0.1, 0.5)
    assert far.rest == pytest.approx(0.4)


def test_a_request_that_found_its_connection_comes_first():
    ledger = Ledger()
    a_request(ledger, "kept", 100, 1, 8, 10)
    a_request(ledger, "kept", 200, 0, 8, 16)
    assert distance.rows(ledger)["kept"].connect == 0
    assert distance.rows(ledger)["kept"].request.duration_s == 16


def test_each_bar_adds_up_to_the_whole_request(run):
    [ax] = distance.draw({"A": run}).axes
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["near", "far"]
    widths = {}
    for bar in ax.patches:
        widths.setdefault(round(bar.get_y(), 3), []).append(bar.get_width())
    assert sorted(widths.values()) == [[10, 50, pytest.approx(40)], [80, 0, pytest.approx(20)]]


def test_picture_and_words_say_the_same(run):
    figure, words = distance.draw({"A": run}), distance.describe({"A": run})
    assert {"80 %", "handler 10 %"} <= texts(figure)
    assert "A: a row each for “near”, “far”." in words.stable
    assert words.measured[0].endswith("largest for “near” and smallest for “far”.")
    assert "near: 10000 ms, the handler 80 %, the rest 20 %." in words.measured
    far = "far: 80000 ms, the handler 10 %, making the connection 50 %, the rest 40 %."
    assert far in words.measured


def test_the_largest_share_is_told_wherever_it_is():
    ledger = Ledger()
    a_request(ledger, "near", 100, 0, 1, 10)
    assert "largest" not in distance.describe({"A": ledger}).plain()
    a_request(ledger, "far", 200, 0, 5, 10)
    words = distance.describe({"A": ledger})
    assert words.measured[0].endswith("largest for “far” and smallest for “near”.")


def test_hardly_anything_is_not_nothing():
    assert [distance.percent(part) for part in (0, 0.004, 0.01, 0.5)] == [
        "0 %",
        "under 1 %",
        "1 %",
        "50 %",
    ]


def test_a_guess_is_drawn_in_its_row_alone(run):
    [ax] = distance.draw({"A": run}, {"A": guess(30)}).axes
    [line] = [line for line in ax.lines if list(line.get_xdata()) == [30, 30]]
    assert list(line.get_ydata()) == [0, 1]
    assert "your guess: 30 %" in texts(ax.figure)
    words = distance.describe({"A": run}, {"A": guess(30)})
    assert "A (about far), dashed: your guess: 30 %." in words.measured


def test_what_cannot_be_shown_is_refused(run):
    with pytest.raises(ValueError, match="at least one ledger"):
        distance.draw({})
    with pytest.raises(ValueError, match="holds no request"):
        distance.draw({"A": Ledger()})
    with pytest.raises(ValueError, match="belongs to no panel"):
        distance.draw({"A": run}, {"B": guess(1)})
    with pytest.raises(ValueError, match="no such row"):
        distance.describe({"A": run}, {"A": guess(1, lane="elsewhere")})
    with pytest.raises(ValueError, match="not in %"):
        distance.draw({"A": run}, {"A": guess(1, unit="s")})


def test_the_picture_is_a_png(run):
    assert style.png(distance.draw({"A": run})).startswith(b"\x89PNG")
