"""The answers figure: its rows, the one that is watched, its columns, and its words."""

import pytest

from helpers.figures import answers, style
from helpers.figures.prediction import Prediction
from helpers.ledger import Ledger


def a_run(*took_s, watched=None, value=None):
    """Return a run whose requests begin at 5 s; the watched one ends `watched` s after that."""
    ledger = Ledger()
    for number, answer_s in enumerate(took_s):
        ledger.add("requests", "request", 5.0, 5.0 + answer_s, str(number))
    if watched is not None:
        ledger.add("the small one", "request", 5.01, 5.0 + watched, "small")
    if value is not None:
        ledger.mark("memory", "value", value)
    return ledger


def texts(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def dots(figure, marker="o"):
    [ax] = figure.axes
    lines = [line for line in ax.lines if line.get_marker() == marker]
    return [(list(line.get_xdata()), set(line.get_ydata())) for line in lines]


def test_each_answer_is_a_dot_in_the_row_of_its_run():
    figure = answers.draw({"a": a_run(0.2, 0.1), "b": a_run(0.3)})
    first, second = dots(figure)
    assert first[0] == pytest.approx([0.1, 0.2])
    assert second[0] == pytest.approx([0.3])
    assert (first[1], second[1]) == ({0}, {-1})
    assert "the last: 0.20 s" in texts(figure)


def test_milliseconds_are_drawn_and_said_as_such():
    run = {"a": a_run(0.2)}
    figure = answers.draw(run, unit="ms", axis="since noon")
    assert dots(figure)[0][0] == pytest.approx([200])
    assert figure.axes[0].get_xlabel() == "milliseconds since noon"
    words = answers.describe(run, unit="ms", axis="since noon")
    assert "200 ms" in words.measured[0]
    assert "on one axis of milliseconds since noon." in words.stable[0]
    assert (
        "on one axis of seconds since noon." in answers.describe(run, axis="since noon").stable[0]
    )


@pytest.mark.parametrize(("ends_s", "late"), [(0.05, False), (0.25, True), (0.5, True)])
def test_the_watched_one_is_loud_if_somebody_was_answered_before_it(ends_s, late):
    run = {"a": a_run(0.2, 0.3, watched=ends_s)}
    figure = answers.draw(run, watched="the small one")
    [diamond] = [line for line in figure.axes[0].lines if line.get_marker() == "D"]
    assert diamond.get_xdata() == pytest.approx([ends_s])
    assert (diamond.get_markerfacecolor() == style.LOOKS["blocked"].face) is late
    words = answers.describe(run, watched="the small one")
    assert ("behind some of the others" in words.stable[1]) is late
    assert ("before the others" in words.stable[1]) is not late


def test_costs_stand_in_columns_and_in_the_words():
    run = {"a": a_run(0.2, value="1.5 MB"), "b": a_run(0.1, value="2.0 MB")}
    figure = answers.draw(run, columns=["memory"])
    assert {"memory", "1.5 MB", "2.0 MB"} <= set(texts(figure))
    measured = answers.describe(run, columns=["memory"]).measured
    assert "memory 1.5 MB" in measured[0] and "memory 2.0 MB" in measured[1]


def test_a_prediction_is_drawn_in_its_row_and_a_wild_one_leaves_the_scale_alone():
    run = {"a": a_run(0.2), "b": a_run(0.1)}
    guess = Prediction("?", "ms", [150.0])
    figure = answers.draw(run, {"b": guess}, unit="ms")
    dashed = [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    assert [list(line.get_xdata()) for line in dashed] == [[150, 150]]
    assert all(-1.5 < y < -0.5 for y in dashed[0].get_ydata())
    wild = answers.draw(run, {"b": Prediction("?", "ms", [90_000.0])}, unit="ms")
    assert wild.axes[0].get_xlim()[1] < 450
    assert any("150 ms" in line for line in answers.describe(run, {"b": guess}).measured)


def test_no_label_leaves_the_axes():
    run = {"a": a_run(0.2, watched=0.011), "b": a_run(0.2, watched=0.3)}
    figure = answers.draw(run, watched="the small one")
    figure.canvas.draw()
    [ax] = figure.axes
    box = ax.get_window_extent()
    for text in ax.texts:
        extent = text.get_window_extent()
        assert box.x0 - 2 <= extent.x0 and extent.x1 <= box.x1 + 2


@pytest.mark.parametrize(
    ("panels", "options", "word"),
    [
        ({}, {}, "at least one"),
        ({"a": Ledger()}, {}, "no request"),
        ({"a": a_run(0.1)}, {"unit": "days"}, "unit='days'"),
        ({"a": a_run(0.1)}, {"watched": "the small one"}, "not one"),
        ({"a": a_run(0.1)}, {"columns": ["memory"]}, "'memory'"),
        ({"a": a_run(0.1)}, {"predictions": {"b": Prediction("?", "s", [1])}}, "'b'"),
        ({"a": a_run(0.1)}, {"predictions": {"a": Prediction("?", "%", [1])}}, "'%'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(panels, options, word):
    for make in (answers.draw, answers.describe):
        with pytest.raises(ValueError, match=word):
            make(panels, **options)
