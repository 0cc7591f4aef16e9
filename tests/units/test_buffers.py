"""The figure of buffers says what a gauge has read, draws every bar, and refuses what it can't."""

import pytest
from matplotlib.colors import to_hex

from helpers.figures import buffers, style
from helpers.figures.prediction import Prediction
from helpers.kernel.gauges import LEVEL
from helpers.ledger import Ledger

QUEUE = "accept queue"


def guess(*guesses, unit="clients", lane=""):
    return Prediction("how many?", unit, list(guesses), lane)


@pytest.fixture
def ledger():
    made = Ledger()
    for start_s, end_s, level in [(10.0, 10.1, 0), (10.1, 10.2, 1), (10.2, 10.9, 2), (10.9, 11, 0)]:
        made.add(QUEUE, LEVEL, start_s, end_s, str(level))
    made.mark(QUEUE, "limit", "backlog 1", 10.0)
    made.add("client 1", "queued", 10.1, 10.9, "connected")
    made.add("client 2", "error", 10.3, 10.6, "time-out")
    for n in range(3):
        made.add("application", "serving", 10.9 + n / 100, 10.91 + n / 100)
    return made


def fills(ax):
    """Return the largest height of each stacked area, from below."""
    areas = [c for c in ax.collections if type(c).__name__ == "FillBetweenPolyCollection"]
    return [max(y for path in area.get_paths() for _, y in path.vertices) for area in areas]


def written(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def test_the_words_tell_the_levels_the_limit_and_who_did_what(ledger):
    words = buffers.describe({"Listen": ledger})
    [said] = [line for line in words.stable if line.startswith("Listen: ")]
    assert said == (
        "Listen: client 1: connected. client 2: time-out. application: serving (3 times). "
        "accept queue: grows to 2 connections, ends at 0. Its limit: backlog 1."
    )
    assert words.measured == ["Listen: at most 2 connections waiting, 0 connections at the end."]


def test_the_figure_holds_what_the_words_say(ledger):
    figure = buffers.draw({"Listen": ledger}, {"Listen": guess(1)})
    [ax] = figure.axes
    assert {
        QUEUE,
        "backlog 1",
        "connected",
        "✕ time-out",
        "one possible guess: 1 clients",
    } <= set(written(figure))
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    assert labels == ["0", "1", "2", "client 1", "client 2", "application"]
    heights = dict(zip(labels, ax.get_yticks(), strict=True))
    assert fills(ax) == [heights["2"]]
    assert heights["2"] < heights["application"] < heights["client 2"] < heights["client 1"]
    assert style.png(figure).startswith(b"\x89PNG")


def test_what_waits_only_a_moment_is_no_word_of_every_run(ledger):
    brief = Ledger()
    for start_s, end_s, level in [(0.0, 0.3, 0), (0.3, 0.32, 2), (0.32, 0.6, 0)]:
        brief.add(QUEUE, LEVEL, start_s, end_s, str(level))
    words = buffers.describe({"Awake": brief})
    assert words.stable[1].endswith("no connection stays there for longer than a moment.")
    assert "at most 2 connections" in words.measured[0], "the figure shows it all the same"
    assert f"{QUEUE}: (nearly) empty" in written(buffers.draw({"Awake": brief}))


def test_numbers_beside_the_levels_leave_each_other_room():
    high = Ledger()
    high.add(QUEUE, LEVEL, 0.0, 1.0, "7")
    [ax] = buffers.draw({"Full": high}).axes
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0", "2", "4", "6"]


def test_hops_are_stacked_and_differ_without_colour():
    ledger = Ledger()
    for lane, level in (("here", 1_000_000), ("there", 500_000)):
        ledger.add(lane, LEVEL, 0.0, 0.5, "0")
        ledger.add(lane, LEVEL, 0.5, 1.0, str(level))
    figure = buffers.draw({"Bytes": ledger}, unit="byte")
    low, high = fills(figure.axes[0])
    assert high == pytest.approx(1.5 * low)
    areas = figure.axes[0].collections
    assert len({area.get_hatch() for area in areas}) == len(areas) == 2
    assert len({to_hex(area.get_facecolor()[0]) for area in areas}) == 2
    words = buffers.describe({"Bytes": ledger}, unit="byte")
    assert words.measured == [
        "Bytes: at most 1.5 MB waiting, 1.5 MB at the end.",
        "Bytes, in the end: here 1 MB, there 500 kB.",
    ]
    assert {"here: 1 MB", "there: 500 kB"} <= set(written(figure))
    some = Ledger()
    some.add("here", LEVEL, 0.0, 1.0, "3")
    assert "at most 3 answers waiting" in buffers.describe({"A": some}, unit="answer").measured[0]
    assert "1.5" not in " ".join(words.stable), "how many bytes is never the same twice"


def test_bytes_may_be_guessed_in_another_unit_and_what_is_gone_is_said_to_be_gone():
    ledger = Ledger()
    ledger.add("here", LEVEL, 0.0, 0.5, "1000000")
    ledger.add("here", LEVEL, 0.5, 1.0, "0")
    ledger.add("there", LEVEL, 0.0, 1.0, "500000")
    [ax] = buffers.draw({"Bytes": ledger}, {"Bytes": guess(0.5, unit="MB")}, unit="byte").axes
    label = next(t for t in ax.texts if t.get_text() == "one possible guess: 0.5 MB")
    assert label.get_ha() == "right"  # where the levels are at rest, not where they fill up
    [line] = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert line.get_ydata()[0] == pytest.approx(fills(ax)[0] / 2)
    words = buffers.describe({"Bytes": ledger}, unit="byte")
    said = "Bytes: here: in the end nothing waits there. there: in the end bytes wait there."
    assert said in words.stable


def test_the_axis_may_go_as_high_as_that_of_another_figure():
    ledger = Ledger()
    ledger.add("here", LEVEL, 0.0, 1.0, "1000")
    [alone] = buffers.draw({"Bytes": ledger}, unit="byte").axes
    [beside] = buffers.draw({"Bytes": ledger}, unit="byte", least=4000).axes
    assert fills(beside)[0] == pytest.approx(fills(alone)[0] / 4)
    assert ticks(beside)[0] == ["0", "2 kB", "4 kB"]


def test_a_level_that_ended_counts_no_more():
    ledger = Ledger()
    ledger.add("closed", LEVEL, 0.0, 0.5, "3")
    ledger.add("open", LEVEL, 0.0, 1.0, "1")
    words = buffers.describe({"Two": ledger})
    assert words.measured == ["Two: at most 4 connections waiting, 1 connection at the end."]


def test_a_guess_of_a_time_goes_through_its_strip_and_widens_the_axis(ledger):
    plain = buffers.draw({"Listen": ledger})
    figure = buffers.draw({"Listen": ledger}, {"Listen": guess(1.5, unit="s", lane="client 1")})
    assert figure.axes[0].get_xlim()[1] > 1.5 > plain.axes[0].get_xlim()[1]
    [line] = [line for line in figure.axes[0].lines if list(line.get_xdata()) == [1.5, 1.5]]
    strip = dict(zip(*ticks(figure.axes[0]), strict=True))["client 1"]
    assert min(line.get_ydata()) < strip < max(line.get_ydata())
    assert max(line.get_ydata()) - min(line.get_ydata()) < 1


def ticks(ax):
    return [tick.get_text() for tick in ax.get_yticklabels()], list(ax.get_yticks())


def test_panels_share_the_axis_of_seconds_and_the_scale_of_levels(ledger):
    small = Ledger()
    small.add(QUEUE, LEVEL, 0.0, 5.0, "1")
    figure = buffers.draw({"Small": small, "Large": ledger})
    first, second = figure.axes
    assert first.get_xlim() == second.get_xlim()
    assert fills(first)[0] == pytest.approx(fills(second)[0] / 2)


def test_strips_are_chosen_and_ordered(ledger):
    lanes = ["client 2", "client 1"]
    figure = buffers.draw({"Listen": ledger}, lanes=lanes)
    assert ticks(figure.axes[0])[0][-2:] == lanes
    assert "application" not in " ".join(buffers.describe({"Listen": ledger}, lanes=lanes).stable)
    with pytest.raises(ValueError, match=r"lanes=\['nobody'\]"):
        buffers.draw({"Listen": ledger}, lanes=["nobody"])


def test_bad_panels_and_predictions_are_refused(ledger):
    crowd = Ledger()
    for n in range(5):
        crowd.add(f"hop {n}", LEVEL, 0, 1, "1")
    for bad, why in (({}, "panels={}"), ({"x": Ledger()}, "0 levels"), ({"x": crowd}, "5 levels")):
        for make in (buffers.draw, buffers.describe):
            with pytest.raises(ValueError, match=why):
                make(bad)
    with pytest.raises(ValueError, match="belongs to no panel"):
        buffers.draw({"Listen": ledger}, {"Other": guess(1)})


def test_where_nothing_ever_waits_the_figure_says_so():
    ledger = Ledger()
    ledger.add("accept queue", LEVEL, 0.0, 1.0, "0")
    assert buffers.describe({"Empty": ledger}).measured == ["Empty: nothing waits."]
