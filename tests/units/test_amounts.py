"""Curves, amounts and uploads: what is drawn and what is said come from the same record."""

from itertools import pairwise

import pytest
from matplotlib.colors import to_hex

from helpers.figures import amounts, curve, style, upload
from helpers.figures.prediction import Prediction
from helpers.ledger import Ledger


def guess(value, unit="bytes", lane=""):
    return Prediction("How much?", unit, [value], lane, asked=True)


# --- amounts


@pytest.fixture
def counted():
    ledger = Ledger()
    amounts.amount(ledger, "sent at once", 2_000_000)
    amounts.amount(ledger, "asked\nfirst", 0)
    return ledger


def test_bars_are_as_long_as_the_amounts_and_nought_is_said(counted):
    [ax] = amounts.draw({"A": counted}, unit="bytes").axes
    assert [bar.get_width() for bar in ax.patches] == [2_000_000, 0]
    assert {"2 MB", "0 B"} <= {text.get_text() for text in ax.texts}
    words = amounts.describe({"A": counted}, unit="bytes")
    assert "A, none at all: asked first." in words.stable
    assert words.measured == ["A: sent at once 2 MB, asked first 0 B."]


def test_a_row_that_has_more_than_it_should_is_loud_in_picture_and_words():
    ledger = Ledger()
    for lane, value in {"no key,\ngoes on": 2, "a key": 1}.items():
        amounts.amount(ledger, lane, value)
    [ax] = amounts.draw({"A": ledger}, unit="times", kind="serving", at_most=1).axes
    faces = [to_hex(bar.get_facecolor()).upper() for bar in ax.patches]
    assert faces == [style.WRONG.face, style.LOOKS["serving"].face]
    assert [bar.get_hatch() for bar in ax.patches] == [style.WRONG.hatch, ""]
    words = amounts.describe({"A": ledger}, unit="times", kind="serving", at_most=1)
    assert "A, in red, more than 1: no key, goes on." in words.stable
    assert "red" not in str(amounts.describe({"A": ledger}, unit="times").stable)


def test_whole_amounts_have_whole_numbers_on_their_axis():
    ledger = Ledger()
    amounts.amount(ledger, "one", 1)
    amounts.amount(ledger, "two", 2)
    [ax] = amounts.draw({"A": ledger}, unit="requests").axes
    assert all(tick == int(tick) for tick in ax.get_xticks())


def test_a_guess_is_drawn_in_its_row(counted):
    [ax] = amounts.draw({"A": counted}, {"A": guess(500, lane="sent at once")}, unit="bytes").axes
    [line] = [line for line in ax.lines if line.is_dashed()]
    low, high = line.get_ydata()
    assert low < 1 < high and high - low < 1


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_an_amount_is_a_number_from_nought_on(value):
    with pytest.raises(ValueError, match="an amount is a finite number"):
        amounts.amount(Ledger(), "A", value)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (3, "requests", "3"),
        (2.5, "photos", "2.5"),
        (999, "bytes", "999 B"),
        (1500, "bytes", "1.5 kB"),
    ],
)
def test_an_amount_is_written_as_people_do(value, unit, text):
    assert amounts.written(value, unit) == text


# --- curves

AXES = {"x": "how often", "y": "how much"}


def a_curve(**lines):
    ledger = Ledger()
    for lane, values in lines.items():
        for x, y in enumerate(values):
            curve.point(ledger, lane, x + 1, y)
    return ledger


def test_a_line_goes_through_its_points_in_order_of_x():
    ledger = Ledger()
    for x, y in ((3, 9.0), (1, 1.0), (2, 4.0)):
        curve.point(ledger, "squares", x, y)
    [ax] = curve.draw({"A": ledger}, **AXES).axes
    [line] = [line for line in ax.lines if len(line.get_xdata()) == 3]
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([1, 2, 3], [1, 4, 9])
    assert curve.describe({"A": ledger}, **AXES).measured == ["A, squares: 1: 1, 2: 4, 3: 9."]


@pytest.mark.parametrize(
    ("values", "course"),
    [
        ([1, 2, 3], "rising"),
        ([3, 2, 1], "falling"),
        ([1, 1.04, 1], "level"),
        ([0, 0, 0], "level"),
        ([1, 1.5, 1, 1.4], "level"),
        ([1, 1.05, 2, 1.95, 3], "rising"),
        ([5, 1, 5], "first falling, then rising"),
        ([1, 5, 1], "going up and down"),
    ],
)
def test_the_words_say_how_a_line_runs(values, course):
    assert f"A, one: {course}." in curve.describe({"A": a_curve(one=values)}, **AXES).stable


def test_a_formula_is_drawn_without_points_and_said():
    formula = ("the double", lambda x: 2 * x)
    [ax] = curve.draw({"A": a_curve(one=[1, 2, 3])}, **AXES, formula=formula).axes
    assert "the double" in {text.get_text() for text in ax.texts}
    words = curve.describe({"A": a_curve(one=[1, 2, 3])}, **AXES, formula=formula)
    assert any("the double" in sentence for sentence in words.stable)


def test_names_at_the_right_do_not_touch():
    [ax] = curve.draw({"A": a_curve(one=[1, 2], two=[1, 2.01], three=[1, 1.99])}, **AXES).axes
    ax.figure.canvas.draw()
    boxes = sorted(
        (text.get_window_extent() for text in ax.texts if text.get_text()), key=lambda box: box.y0
    )
    assert all(a.y1 <= b.y0 for a, b in pairwise(boxes))


def test_whole_numbers_are_counted_in_whole_numbers():
    [ax] = curve.draw({"A": a_curve(one=[1, 2, 3])}, **AXES).axes
    assert all(tick == int(tick) for tick in ax.get_xticks())


def test_the_steps_of_a_formula_look_like_steps_and_its_name_stays_on_one_line_of_words():
    formula = ("a step,\nrounded up", lambda x: 1.0 if x <= 1.5 else 2.0)
    [ax] = curve.draw({"A": a_curve(one=[1, 2])}, **AXES, formula=formula).axes
    [line] = [line for line in ax.lines if len(line.get_xdata()) > 100]
    xs = line.get_xdata()
    rise = sum(b - a for a, b, y in zip(xs, xs[1:], line.get_ydata(), strict=False) if y == 1.0)
    assert abs(xs[0] + rise - 1.5) < (xs[-1] - xs[0]) / 400
    words = curve.describe({"A": a_curve(one=[1, 2])}, **AXES, formula=formula)
    assert "A thin grey line is what a formula says: a step, rounded up." in words.stable


def test_what_is_no_curve_is_refused():
    with pytest.raises(ValueError, match="holds no point"):
        curve.draw({"A": Ledger()}, **AXES)
    with pytest.raises(ValueError, match="two finite numbers"):
        curve.point(Ledger(), "A", 1, float("nan"))
    with pytest.raises(ValueError, match="it shows 5 at most"):
        curve.draw({"A": a_curve(**{f"line {n}": [1, 2] for n in range(6)})}, **AXES)


# --- uploads


@pytest.fixture
def uploaded():
    ledger = Ledger()
    for n, kept in enumerate((0, 40, 80, 100)):
        ledger.add("kept", "level", n, n + 1, str(kept))
    ledger.mark("line", "error", "cut", 1.5)
    ledger.mark("server", "event", "the server is killed", 2.5)
    return ledger


def test_a_cut_is_a_cross_at_what_was_kept(uploaded):
    [ax] = upload.draw({"A": uploaded}, size=100).axes
    [cross] = [line for line in ax.lines if line.get_marker() == "X"]
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (1.5, 40)
    assert "the server is killed" in {text.get_text() for text in ax.texts}


def test_the_words_of_an_upload_say_whether_anything_was_lost(uploaded):
    [_, sentence] = upload.describe({"A": uploaded}, size=100).stable
    assert sentence == (
        "A: It never has less than before. In the end it has all. "
        "1 cut. Then: the server is killed."
    )
    uploaded.add("kept", "level", 4, 5, "0")
    [_, sentence] = upload.describe({"A": uploaded}, size=100).stable
    assert "It begins at nought again. It never has all." in sentence


@pytest.mark.parametrize(
    ("module", "options"),
    [(amounts, {"unit": "bytes"}), (curve, AXES), (upload, {"size": 100})],
)
def test_the_picture_is_a_png(module, options, counted, uploaded):
    ledger = {amounts: counted, curve: a_curve(one=[1, 2]), upload: uploaded}[module]
    assert style.png(module.draw({"A": ledger}, **options)).startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"panels=\{\}"):
        module.draw({}, **options)
