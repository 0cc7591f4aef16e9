"""A prediction is drawn where it lies, whole, and never squeezes what was measured."""

import pytest

from helpers.figures import prediction, style
from helpers.figures.prediction import Prediction
from helpers.ledger import Ledger


def guess(*values, unit="s", lane="", asked=True):
    return Prediction("How long?", unit, list(values), lane, asked)


def axes(left=0.0, right=1.0):
    _, (ax,) = style.new_figure(1, 2.0)
    ax.set_xlim(left, right)
    ax.set_ylim(0, 3)
    return ax


def lines(ax):
    return [line.get_xdata()[0] for line in ax.lines if line.is_dashed()]


def arrows(ax):
    return [line for line in ax.lines if line.get_marker() in (">", "^")]


def texts(ax):
    return [text.get_text() for text in ax.texts]


@pytest.mark.parametrize(
    ("made", "label"),
    [
        (guess(0.7), "your guess: 0.7 s"),
        (guess(1, 3, 2), "the room's 3 guesses: the middle one 2 s"),
        (guess(1.0, asked=False), "one possible guess: 1 s"),
        (guess(13, unit="segments"), "your guess: 13 segments"),
    ],
)
def test_the_label_says_whose_guess_it_is_and_what_it_was(made, label):
    assert made.label() == label
    ax = axes(right=20)
    prediction.draw(ax, made)
    assert texts(ax) == [label]


def test_a_guess_is_drawn_in_the_unit_of_the_axis():
    ax = axes(right=1000)
    prediction.draw(ax, guess(0.2), unit="ms")
    assert lines(ax) == [200]
    assert guess(200, 100, unit="ms").within("s") == [0.1, 0.2]


def test_a_guess_of_nought_is_inside_the_axis():
    ax = axes()
    prediction.draw(ax, guess(0))
    [x] = lines(ax)
    assert 0 < x < 0.02


@pytest.mark.parametrize("across", [False, True])
def test_a_guess_beyond_the_axis_is_an_arrow_at_its_edge(across):
    ax = axes()
    prediction.draw(ax, guess(5000), across=across)
    assert not lines(ax)
    [arrow] = arrows(ax)
    assert (arrow.get_ydata() if across else arrow.get_xdata())[0] == (3 if across else 1)
    assert texts(ax) == ["your guess: 5000 s"]


def test_an_axis_makes_room_for_twice_what_was_measured_and_no_more():
    assert prediction.reach(1.0, [0.5, 1.9]) == 1.9
    assert prediction.reach(1.0, [5000]) == 1.0
    assert prediction.reach(1.0, []) == 1.0


def test_the_words_name_every_guess_of_a_room():
    assert prediction.words("A", guess(2)) == "A, dashed: your guess: 2 s."
    room = guess(2, 1, unit="ms", lane="client")
    assert prediction.words("A", room) == (
        "A (about client), dashed: the room's 2 guesses: the middle one 2 ms (all: 1, 2)."
    )


def test_what_has_no_place_is_refused():
    with pytest.raises(ValueError, match="belongs to no panel"):
        prediction.check({"B": guess(1)}, ["A"])
    with pytest.raises(ValueError, match=r"is in 's', not in %"):
        prediction.check({"A": guess(1)}, ["A"], ("%",))
    prediction.check({"A": guess(1)}, ["A"], ("s",))


def test_a_note_says_the_guess_where_no_axis_can():
    ax = axes()
    prediction.note(ax, guess(30, unit="%"), 0.5, 1)
    assert texts(ax) == ["your guess: 30 %"]


def test_panels_are_read_one_by_one_and_an_error_names_the_panel():
    whole, empty = Ledger(), Ledger()
    whole.add("row", "request", 0.0, 1.0)
    read = prediction.not_empty
    assert prediction.read_panels({"A": whole, "B": whole}, {}, read) == {"A": whole, "B": whole}
    with pytest.raises(ValueError, match=r"panels=\{\}: a figure needs at least one ledger"):
        prediction.read_panels({}, {}, read)
    with pytest.raises(ValueError, match="panel 'B': its ledger holds no span"):
        prediction.read_panels({"A": whole, "B": empty}, {}, read)
    with pytest.raises(ValueError, match="belongs to no panel"):
        prediction.read_panels({"A": whole}, {"C": guess(1)}, read)
    with pytest.raises(ValueError, match="is in 's', not in %"):
        prediction.read_panels({"A": whole}, {"A": guess(1)}, read, ("%",))
