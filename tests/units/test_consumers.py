"""The figure of who handled which message: counts, turns, what was held, and in words."""

import pytest

from helpers.figures import consumers, style
from helpers.figures.prediction import Prediction
from helpers.ledger import Ledger

TWO = {"consumers": ["slow", "fast"]}


def run(ledger: Ledger, name: str, who: str) -> Ledger:
    """Write a run: a letter for each message, s for the slow consumer and f for the fast one.

    All are delivered at second 0; each is in hand for a second, one after another.
    """
    for number, letter in enumerate(who):
        lane = f"{name}: {'slow' if letter == 's' else 'fast'}"
        ledger.add(lane, "queued", 0.0, number, str(number))
        ledger.add(lane, "serving", number, number + 1.0, str(number))
    return ledger


def test_who_handled_what_in_order_and_how_many_the_first_one_held():
    ledger = run(run(Ledger(), "one", "ssfs"), "other", "ff")
    row = consumers.row(ledger, "one", ("slow", "fast"))
    assert row.handled_by == ["slow", "slow", "fast", "slow"]
    assert row.counts(("slow", "fast")) == [3, 1]
    assert row.held == 3
    assert consumers.row(ledger, "other", ("slow", "fast")).held == 0


def test_the_order_is_that_of_the_messages_not_of_the_handling():
    ledger = Ledger()
    ledger.add("one: slow", "serving", 0.0, 1.0, "10")
    ledger.add("one: fast", "serving", 2.0, 3.0, "9")
    row = consumers.row(ledger, "one", ("slow", "fast"))
    assert row.handled_by == ["fast", "slow"]


def test_the_words_say_who_got_all_none_a_part_and_as_measured_how_many():
    ledger = run(run(Ledger(), "all", "ssss"), "turns", "sfsf")
    guess = Prediction("how many?", "messages", [2], "turns")
    words = consumers.describe({"A": ledger}, {"A": guess}, runs=["all", "turns"], **TWO)
    assert "A, all: 4 messages; slow all, fast none." in words.stable
    assert "A, turns: 4 messages; slow a part, fast a part." in words.stable
    assert words.measured[0].endswith("slow 4, fast 0; unacknowledged at once at the slow one, at "
                                      "most: 4.")  # fmt: skip
    assert words.measured[1].endswith("They take turns.")
    assert "one possible guess: 2 messages" in words.measured[2]


def test_it_draws_a_cell_for_each_message_and_the_guess():
    ledger = run(run(Ledger(), "all", "ssss"), "turns", "sfsf")
    guess = Prediction("how many?", "messages", [2], "turns")
    figure = consumers.draw({"A": ledger, "B": ledger}, {"A": guess}, runs=["all", "turns"], **TWO)
    cells = [len(bars.get_paths()) for bars in figure.axes[0].collections]
    assert sum(cells) == 8
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert {"4 : 0", "2 : 2", "one possible guess: 2 messages"} <= set(texts)
    assert style.png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"runs": ["nowhere"], **TWO}, "no message was handled in the run 'nowhere'"),
        ({"runs": [], **TWO}, "at least one run"),
        ({"runs": ["all"], "consumers": ["slow"]}, "tells two apart"),
    ],
)
def test_what_it_cannot_draw_is_refused(options, what):
    for call in (consumers.draw, consumers.describe):
        with pytest.raises(ValueError, match=what):
            call({"A": run(Ledger(), "all", "ss")}, **options)


def test_a_prediction_of_no_panel_is_refused():
    guess = Prediction("how many?", "messages", [2])
    with pytest.raises(ValueError, match="belongs to no panel"):
        consumers.draw({"A": run(Ledger(), "all", "s")}, {"B": guess}, runs=["all"], **TWO)
