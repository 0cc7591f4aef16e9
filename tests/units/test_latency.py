"""The latency figure: its lines, the percentiles it refuses, and its words."""

import random

import pytest

from helpers.figures import latency, style
from helpers.figures.prediction import Prediction
from helpers.ledger import Ledger


def a_ledger(*latencies, lane="requests"):
    ledger = Ledger()
    for n, latency_s in enumerate(latencies):
        ledger.add(lane, "request", 10.0 * n, 10.0 * n + latency_s, str(n))
    return ledger


def guess(*values, unit="s"):
    return Prediction("?", unit, list(values), asked=True)


def spread(n, low=0.01, step=1.001):
    values = [low * step**i for i in range(n)]
    random.Random(2).shuffle(values)
    return values


# --- percentiles


@pytest.mark.parametrize(("p", "least"), [(50, 20), (90, 100), (99, 1000), (99.9, 10_000)])
def test_a_percentile_needs_ten_requests_above_it(p, least):
    values = [float(n) for n in range(1, least + 1)]
    assert latency.percentile(values, p) == least - 10
    with pytest.raises(ValueError, match=rf"p{p:g} of {least - 1} requests"):
        latency.percentile(values[:-1], p)


def test_a_percentile_is_a_latency_that_was_measured():
    values = spread(1234)
    for p in (1, 50, 90, 99):
        found = latency.percentile(values, p)
        assert found in values
        assert sum(v <= found for v in values) >= p / 100 * len(values)
        assert sum(v < found for v in values) < p / 100 * len(values)


@pytest.mark.parametrize("p", [0, 100, -1, 200])
def test_there_is_no_such_percentile(p):
    with pytest.raises(ValueError, match="between 0 and 100"):
        latency.percentile([1.0] * 50, p)


# --- groups


def test_two_groups_are_told_apart_by_a_wide_gap():
    fast, slow = spread(80, 0.001), spread(20, 0.1)
    assert [len(g) for g in latency.groups(fast + slow)] == [80, 20]
    assert latency.groups(fast + slow)[1] == sorted(slow)


def test_stragglers_are_no_group_and_do_not_hide_one():
    values = [*spread(80, 0.001), 0.006, 0.025, *spread(20, 0.1)]
    assert [len(g) for g in latency.groups(values)] in ([80, 22], [82, 20])
    assert len(latency.groups([*spread(99, 0.001), 5.0])) == 1


def test_a_staircase_is_one_group():
    assert len(latency.groups([0.05 * n for n in range(1, 21)])) == 1


def test_nothing_is_lost_in_groups():
    values = spread(30, 0.001) + spread(30, 0.02) + spread(30, 0.5)
    assert [v for group in latency.groups(values) for v in group] == sorted(values)
    assert len(latency.groups(values)) == 3


# --- what is drawn and said


def texts(figure):
    (ax,) = figure.axes
    return [t.get_text() for t in [*ax.texts, ax.title, ax._left_title, ax._right_title]]


def test_the_line_rises_by_one_request_at_each_latency():
    figure = latency.draw({"A": a_ledger(0.3, 0.1, 0.2, 0.4)})
    steps = figure.axes[0].lines[0]
    assert list(steps.get_xdata()) == pytest.approx([100, 100, 200, 300, 400])
    assert list(steps.get_ydata()) == [0, 0.25, 0.5, 0.75, 1]
    assert steps.get_drawstyle() == "steps-post"
    assert figure.axes[0].get_xscale() == "log"


def test_each_line_is_named_with_its_percentiles_and_their_n():
    panels = {"Many": a_ledger(*spread(1000)), "Few": a_ledger(*spread(9))}
    found = texts(latency.draw(panels))
    (many,) = [t for t in found if t.startswith("Many")]
    (few,) = [t for t in found if t.startswith("Few")]
    assert "p50" in many and "p99 " in many and "n 1,000" in many and "p99.9" not in many
    assert few == "Few · 10 ms to 10 ms · n 9"
    assert "p50 needs 20 requests" in found


def test_two_groups_are_marked_in_the_picture_and_in_the_words():
    panels = {"Cached": a_ledger(*spread(80, 0.001), *spread(20, 0.1))}
    assert "none between" in texts(latency.draw(panels))
    words = latency.describe(panels)
    assert "Cached: 100 requests, in 2 groups with a wide gap between." in words.stable
    assert "groups of 80 and 20" in words.measured[0]
    assert "none between" not in texts(latency.draw({"A": a_ledger(*spread(80))}))


def test_the_words_order_lines_only_where_they_are_clearly_apart():
    slow, quick = a_ledger(*spread(30, 0.2)), a_ledger(*spread(30, 0.01))
    words = latency.describe({"Slow": slow, "Quick": quick})
    assert words.stable[-1] == "From the quickest middle request to the slowest: Quick, Slow."
    alike = latency.describe({"A": a_ledger(*spread(30)), "B": a_ledger(*spread(30, 0.012))})
    assert len(alike.stable) == 3


def test_stable_words_hold_no_measured_number():
    one, other = ({"A": a_ledger(*spread(50, low))} for low in (0.01, 0.013))
    assert latency.describe(one).stable == latency.describe(other).stable
    assert latency.describe(one).measured != latency.describe(other).measured


def test_guesses_are_drawn_dashed_and_said():
    panels = {"A": a_ledger(*spread(30))}
    figure = latency.draw(panels, {"A": guess(0.04, 0.05)})
    dashed = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    assert dashed == [40, 50]
    assert figure.axes[0].get_xlim()[1] > 50
    assert any("the room's 2 guesses" in text for text in texts(figure))
    words = latency.describe(panels, {"A": guess(3, unit="ms")})
    assert "A, dashed: your guess: 3 ms." in words.measured


def test_the_picture_is_a_png_for_one_request_and_for_five_lines():
    for panels in (
        {"One": a_ledger(0.02)},
        {f"Line {n}": a_ledger(*spread(40 * n, 0.001 * n)) for n in range(1, 6)},
        {"At once": a_ledger(0.0, 0.0)},
    ):
        assert style.png(latency.draw(panels)).startswith(b"\x89PNG")


def test_lanes_choose_whose_requests_count():
    ledger = a_ledger(0.1)
    ledger.add("others", "request", 5.0, 6.0)
    assert latency.describe({"A": ledger}, lanes=["others"]).measured[0].startswith("A: 1000 ms")
    with pytest.raises(ValueError, match=r"no request in lanes=\['nobody'\]"):
        latency.draw({"A": ledger}, lanes=["nobody"])


# --- what is refused


def test_nothing_and_too_much_are_refused():
    with pytest.raises(ValueError, match="1 to 5 ledgers"):
        latency.draw({})
    with pytest.raises(ValueError, match="1 to 5 ledgers"):
        latency.describe({str(n): a_ledger(1.0) for n in range(6)})
    with pytest.raises(ValueError, match="'A': its ledger holds no request"):
        latency.draw({"A": Ledger()})


@pytest.mark.parametrize(
    ("predictions", "said"),
    [
        ({"B": guess(1)}, "belongs to no panel"),
        ({"A": guess(1, unit="%")}, "not in ms, s"),
    ],
)
def test_a_guess_that_has_no_place_is_refused(predictions, said):
    with pytest.raises(ValueError, match=said):
        latency.draw({"A": a_ledger(1.0)}, predictions)


def test_a_guess_of_nought_stands_at_the_edge_of_the_logarithmic_axis():
    [ax] = latency.draw({"A": a_ledger(1.0)}, {"A": guess(0)}).axes
    [line] = [line for line in ax.lines if line.is_dashed()]
    assert line.get_xdata()[0] == ax.get_xlim()[0]
