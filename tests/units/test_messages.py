"""The figure of what became of each message: one rule for dots, counts and words."""

import pytest

from helpers.figures import messages, style
from helpers.figures.prediction import Prediction
from helpers.ledger import Ledger

CALLED = {"right": "arrived", "wrong": "lost", "noticed": "not confirmed"}


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger()
    for n in range(4):
        made.mark("kept", "right", str(n), 10.0 + n)
        made.mark("thrown\naway", "wrong" if n else "right", str(n), 10.0 + n)
    made.mark("kept", "noticed", "4", 14.0)
    made.mark("broker", "event", "it dies", 13.5)
    return made


def test_the_words_say_how_messages_ended_and_as_measured_how_many(ledger):
    guess = Prediction("how many?", "messages lost", [3], "kept")
    words = messages.describe({"A": ledger}, {"A": guess}, called=CALLED)
    assert "A, meanwhile: it dies." in words.stable
    assert "A, kept: arrived." in words.stable, "whether any was unconfirmed differs"
    assert "A, thrown away: arrived, lost." in words.stable
    assert "A, kept: 4 arrived, 1 not confirmed." in words.measured
    assert "A, thrown away: 1 arrived, 3 lost." in words.measured
    assert "one possible guess: 3 messages lost" in words.measured[-1]


def test_it_draws_a_dot_for_each_message_since_the_first_and_what_happened(ledger):
    guess = Prediction("how many?", "messages lost", [3], "kept")
    figure = messages.draw({"A": ledger}, {"A": guess}, called=CALLED)
    [ax] = figure.axes
    dots = [line for line in ax.lines if line.get_transform() == ax.transData]
    assert sum(len(line.get_xdata()) for line in dots) == 9
    assert min(min(line.get_xdata()) for line in dots) == 0
    texts = {text.get_text() for text in ax.texts}
    assert {"it dies", "4 arrived", "1 not confirmed", "3 lost"} <= texts
    assert style.png(figure).startswith(b"\x89PNG")


def test_kinds_that_are_not_called_anything_are_left_out(ledger):
    words = messages.describe({"A": ledger}, called={"right": "arrived"})
    assert words.measured == ["A, kept: 4 arrived.", "A, thrown away: 1 arrived."]


def test_what_it_cannot_draw_is_refused(ledger):
    for call in (messages.draw, messages.describe):
        with pytest.raises(ValueError, match="at least one ledger"):
            call({}, called=CALLED)
        with pytest.raises(ValueError, match="a message ends"):
            call({"A": ledger}, called={"serving": "served"})
        with pytest.raises(ValueError, match="holds no message"):
            call({"A": Ledger()}, called=CALLED)
        with pytest.raises(ValueError, match="belongs to no panel"):
            call({"A": ledger}, {"B": Prediction("?", "s", [1])}, called=CALLED)
