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


# --- what is drawn and said


def texts(figure):
    return [
        t.get_text()
        for ax in figure.axes
        for t in [*ax.texts, ax.title, ax._left_title, ax._right_title]
    ]


def named(**latencies):
    """Return a ledger whose requests are labelled with who answered them."""
    ledger = Ledger()
    for name, times in latencies.items():
        for n, latency_s in enumerate(times):
            ledger.add("requests", "request", float(n), n + latency_s, name)
    return ledger


def dots(ax):
    return [sorted(line.get_xdata()) for line in ax.lines if line.get_marker() == "o"]


def test_every_request_is_a_dot_in_its_ledgers_row():
    panels = {"Few": a_ledger(0.3, 0.1, 0.2), "One": a_ledger(0.4)}
    [ax] = latency.draw(panels, claim="Two ways").axes
    assert dots(ax) == [pytest.approx([100, 200, 300]), pytest.approx([400])]
    assert ax.get_xlabel() == "milliseconds until the answer"
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["Few", "One"]
    assert {"Two ways", "a dot is a request"} <= set(texts(ax.figure))
    [few, one] = ax.get_yticks()
    assert few > one, "the first stands at the top"


def test_from_half_a_second_on_the_axis_counts_seconds():
    [ax] = latency.draw({"A": a_ledger(0.6, 0.5)}).axes
    assert dots(ax) == [pytest.approx([0.5, 0.6])]
    assert ax.get_xlabel() == "seconds until the answer"


def test_with_rows_a_ledger_is_a_panel_and_the_label_says_the_row():
    panels = {"Awake": named(one=[0.1, 0.2], two=[0.1]), "Asleep": named(two=[0.3])}
    figure = latency.draw(panels, rows=["one", "two"], unit="client")
    awake, asleep = figure.axes
    assert dots(awake) == [pytest.approx([100, 200]), pytest.approx([100])]
    assert dots(asleep) == [[], pytest.approx([300])]
    assert "no client" in texts(figure)
    assert awake.get_xlim() == asleep.get_xlim(), "what is compared has one axis"
    with pytest.raises(ValueError, match=r"labelled \['two'\] have no row"):
        latency.draw(panels, rows=["one"])


def test_dots_with_the_same_latency_stand_at_different_heights():
    [ax] = latency.draw({"A": a_ledger(*[0.1] * 50)}).axes
    [line] = [line for line in ax.lines if line.get_marker() == "o"]
    heights = line.get_ydata()
    assert len({round(y, 4) for y in heights}) == 50
    assert -0.5 < min(heights) < max(heights) < 0.5, "no dot leaves its row"


def test_beside_a_row_stands_how_many_were_answered_within_what():
    panels = {"Many": a_ledger(*spread(1000)), "Few": a_ledger(*spread(9))}
    many, few = latency.describe(panels).measured
    assert many == (
        f"{latency.describe(panels).title}, Many: 1000 requests, half within 16 ms, "
        "9 of 10 within 25 ms, 99 of 100 within 27 ms, all within 27 ms."
    )
    assert few.endswith("Few: 9 requests, all within 10 ms.")


def test_the_words_name_the_row_that_stands_out_and_only_then():
    slow, quick = a_ledger(*spread(30, 0.2)), a_ledger(*spread(30, 0.01))
    middling = a_ledger(*spread(30, 0.02))
    for others in ({"Quick": quick}, {"Quick": quick, "Middling": middling}):
        words = latency.describe({"Slow": slow} | others)
        assert words.stable[-1].startswith("In the row Slow, half of the requests took more than 3")
    alike = latency.describe({"A": a_ledger(*spread(30)), "B": a_ledger(*spread(30, 0.012))})
    assert not any("half" in line for line in alike.stable)


def test_stable_words_hold_no_measured_number():
    one, other = ({"A": a_ledger(*spread(50, low))} for low in (0.01, 0.013))
    assert latency.describe(one).stable == latency.describe(other).stable
    assert latency.describe(one).measured != latency.describe(other).measured


def test_guesses_are_drawn_in_their_row_and_said():
    panels = {"A": a_ledger(*spread(30)), "B": a_ledger(0.5)}
    figure = latency.draw(panels, {"A": guess(0.6, 0.5)})
    dashed = [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    assert [line.get_xdata()[0] for line in dashed] == pytest.approx([0.5, 0.6])
    assert all(min(line.get_ydata()) > 0.5 for line in dashed), "in the row of A, the upper one"
    words = latency.describe(panels, {"A": guess(3, unit="ms")})
    assert any("3 ms" in line and "dashed" in line for line in words.measured)


def test_a_guess_about_a_row_stands_in_it_and_a_far_one_leaves_the_dots_their_room():
    panels = {"Run": named(one=[0.1], two=[0.2])}
    about_two = guess(0.15)
    about_two.lane = "two"
    [ax] = latency.draw(panels, {"Run": about_two}, rows=["one", "two"]).axes
    [dashed] = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert max(dashed.get_ydata()) < 0.5
    [far] = latency.draw(panels, {"Run": guess(5000)}, rows=["one", "two"]).axes
    assert far.get_xlim()[1] < 1000


def test_the_picture_is_a_png_for_one_request_and_for_many_rows():
    for panels in (
        {"One": a_ledger(0.02)},
        {f"Row {n}": a_ledger(*spread(40 * n, 0.001 * n)) for n in range(1, 6)},
        {"At once": a_ledger(0.0, 0.0)},
    ):
        assert style.png(latency.draw(panels)).startswith(b"\x89PNG")


def test_lanes_choose_whose_requests_count():
    ledger = a_ledger(0.1)
    ledger.add("others", "request", 5.0, 6.0)
    [said] = latency.describe({"A": ledger}, lanes=["others"]).measured
    assert said.endswith("A: 1 request, all within 1.00 s.")
    with pytest.raises(ValueError, match=r"no request in lanes=\['nobody'\]"):
        latency.draw({"A": ledger}, lanes=["nobody"])


# --- what is refused


def test_nothing_and_too_much_are_refused():
    with pytest.raises(ValueError, match="at least one ledger"):
        latency.draw({})
    with pytest.raises(ValueError, match="1 to 8"):
        latency.describe({str(n): a_ledger(1.0) for n in range(9)})
    with pytest.raises(ValueError, match="'A': its ledger holds no request"):
        latency.draw({"A": Ledger()})


@pytest.mark.parametrize(
    ("predictions", "said"),
    [({"B": guess(1)}, "belongs to no panel"), ({"A": guess(1, unit="%")}, "not in")],
)
def test_a_guess_that_has_no_place_is_refused(predictions, said):
    with pytest.raises(ValueError, match=said):
        latency.draw({"A": a_ledger(1.0)}, predictions)
