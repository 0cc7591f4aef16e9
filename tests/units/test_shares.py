"""The figure of shares counts who served, says so in words, and leaves nobody out."""

import pytest

from helpers.figures import shares, style
from helpers.figures.prediction import Prediction
from helpers.ledger import Ledger

NAMES = ["one", "two", "three"]


def served(**counts):
    ledger = Ledger()
    for name, n in counts.items():
        for i in range(n):
            ledger.add(name, "serving", i, i + 1)
        ledger.add(name, "blocked", 0, 1, "asleep")
    return ledger


def guess(*guesses, lane=""):
    return Prediction("how many?", "each", list(guesses), lane, asked=True)


def bars(ax):
    return [bar.get_width() for bar in ax.patches]


def test_a_bar_is_as_long_as_the_number_served_also_where_it_is_none():
    figure = shares.draw({"Run": served(one=3, three=5)}, lanes=NAMES)
    [ax] = figure.axes
    assert bars(ax) == [3, 0, 5]
    assert [text.get_text() for text in ax.texts] == ["3", "0", "5"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == NAMES
    assert style.png(figure).startswith(b"\x89PNG")


def test_the_words_say_who_got_none_a_part_or_all():
    panels = {"Spread": served(one=3, three=5), "One for all": served(two=4)}
    words = shares.describe(panels, {"Spread": guess(2)}, NAMES)
    assert words.stable[1:] == [
        "Spread: 8 connections in all. one: a part. two: none. three: a part.",
        "One for all: 4 connections in all. one: none. two: all of them. three: none.",
    ]
    assert words.measured == [
        "Spread: one 3, two 0, three 5.",
        "Spread, dashed: your guess: 2 each.",
        "One for all: one 0, two 4, three 0.",
    ]


def test_nobody_served_anybody_is_none_and_not_all():
    assert "two: none." in shares.describe({"Run": served()}, lanes=NAMES).stable[1]


@pytest.mark.parametrize("lane", ["", "one", "three"])
@pytest.mark.parametrize("value", [0, 3, 9])
def test_a_guess_is_drawn_where_it_belongs(lane, value):
    prediction = {"Run": guess(value, value, lane=lane)}
    figure = shares.draw({"Run": served(one=9, three=1)}, prediction, NAMES)
    [ax] = figure.axes
    dashed = [line for line in ax.lines if list(line.get_xdata()) == [value, value]]
    assert len(dashed) == 2
    low, high = dashed[0].get_ydata()
    assert (high - low > 1) == (lane == "")
    assert any("the room's 2 guesses" in text.get_text() for text in ax.texts)
    assert ax.get_xlim()[1] > max(value, 9)


def test_who_served_is_never_left_out_and_bad_panels_are_refused():
    run = served(one=1, four=1)
    with pytest.raises(ValueError, match=r"\['four'\] served too"):
        shares.draw({"Run": run}, lanes=NAMES)
    with pytest.raises(ValueError, match=r"panels=\{\}"):
        shares.draw({})
    with pytest.raises(ValueError, match="nobody served"):
        shares.describe({"Run": served()})
    with pytest.raises(ValueError, match="belongs to no panel"):
        shares.draw({"Run": run}, {"Other": guess(1)})
    with pytest.raises(ValueError, match="'five', who has no row"):
        shares.draw({"Run": run}, {"Run": guess(1, lane="five")})
