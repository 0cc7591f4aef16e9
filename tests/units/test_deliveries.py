"""The figure of deliveries says who is late, what is lost and what waits, and draws the same."""

import pytest

from helpers.figures import deliveries, style
from helpers.figures.prediction import Prediction
from helpers.ledger import Ledger


def run(ada_s=0.01, ben_s=1.0, lost=(), waiting=3):
    """Return a run of four events, one every 0.1 s from 10.0 on, with how late they came."""
    made = Ledger()
    for number in range(1, 5):
        due_s = 10.0 + 0.1 * number
        made.add("Ada", "delivery", due_s, due_s + ada_s, f"{number} A")
        if number in lost:
            made.mark("Ben", "lost", str(number), due_s)
        else:
            made.add("Ben", "delivery", due_s, due_s + ben_s, f"{number} A")
    made.add("waiting for Ben", "level", 10.0, 11.0, str(waiting))
    return made


def written(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def colours(figure, marker):
    """Return how many marks there are of each colour."""
    lines = [line for line in figure.axes[0].lines if line.get_marker() == marker]
    found = {}
    for line in lines:
        face = line.get_markerfacecolor()
        found[face] = found.get(face, 0) + len(line.get_xdata())
    return found


def test_the_words_say_who_is_late_and_what_is_lost():
    panels = {"block": run(ada_s=0.8), "drop": run(lost=[2, 3])}
    words = deliveries.describe(panels, slow="Ben")
    assert words.stable[1:] == [
        "block: everybody but Ben is late; nothing is lost.",
        "drop: everybody but Ben is on time; many events for Ben are lost.",
    ]
    assert words.measured == [
        "block: Ben late by 1.00 s at most, the others by 0.80 s; nothing lost; 3 waiting at most.",
        "drop: Ben late by 1.00 s at most, the others by 10 ms; 2 lost; 3 waiting at most.",
    ]


def test_one_lost_event_of_many_is_a_hiccup_and_the_words_do_not_name_its_client():
    ledger = run(lost=[2, 3])
    for n in range(40):
        ledger.add("Ben", "delivery", 2.0 + n, 2.01 + n, str(n))
    assert deliveries.describe({"drop": ledger}, slow="Ben").stable[1:] == [
        "drop: everybody but Ben is on time; nobody loses many."
    ]


def test_a_dot_is_loud_by_the_rule_of_the_words_and_a_cross_is_a_loss():
    panels = {"block": run(ada_s=0.8), "drop": run(lost=[2, 3])}
    figure = deliveries.draw(panels, slow="Ben")
    assert colours(figure, "o") == {deliveries.LATE: 4 + 4 + 2, deliveries.ON_TIME: 4}
    assert colours(figure, "X") == {style.LOOKS["error"].face: 2}
    assert {"0.80 s", "10 ms", "2", "nothing", "Ada", "Ben", "block", "drop"} <= set(
        written(figure)
    )


@pytest.mark.parametrize(("ada_s", "said"), [(0.24, "on time"), (0.26, "late")])
def test_clients_are_late_from_a_quarter_of_a_second_on(ada_s, said):
    words = deliveries.describe({"one": run(ada_s=ada_s)}, slow="Ben")
    assert words.stable[1] == f"one: everybody but Ben is {said}; nothing is lost."


def test_one_late_event_makes_nobody_late():
    made = run()
    for n in range(5, 10):
        made.add("Ada", "delivery", 11.0, 11.0 + 0.1 * (n == 5) * 4, f"{n} A")
    words = deliveries.describe({"one": made}, slow="Ben")
    assert words.stable[1] == "one: everybody but Ben is on time; nothing is lost."


def test_what_was_judged_and_guessed_stands_under_its_row():
    made = run()
    made.mark("judged", "right", "Nobody waits.")
    made.mark("judged", "wrong", "Memory stays small.")
    guess = {"one": Prediction("how late?", "s", [0.5])}
    figure = deliveries.draw({"one": made}, guess, slow="Ben")
    said = ["✔ Nobody waits.", "✘ Memory stays small."]
    assert set(said) <= set(written(figure))
    note = next(t for t in figure.axes[0].texts if t.get_text() == "one possible guess: 0.5 s")
    value = next(t for t in figure.axes[0].texts if t.get_text() == "10 ms")
    assert note.get_position()[0] == value.get_position()[0]  # under the number it is about
    words = deliveries.describe({"one": made}, guess, slow="Ben")
    assert words.stable[2:] == [f"one: {sentence}" for sentence in said]
    assert words.measured[-1] == "one, dashed: one possible guess: 0.5 s."


def test_what_waits_is_given_in_bytes_too_if_all_events_have_one_size():
    figure = deliveries.draw({"one": run(waiting=3)}, slow="Ben", event_bytes=10_000)
    assert "3 events\n30 kB" in written(figure)
    words = deliveries.describe({"one": run(waiting=3)}, slow="Ben", event_bytes=10_000)
    assert words.measured[0].endswith("; 3 waiting at most (30 kB).")


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="at least one ledger"):
        deliveries.draw({}, slow="Ben")
    with pytest.raises(ValueError, match="no delivery to 'Eve'"):
        deliveries.draw({"one": run()}, slow="Eve")
    with pytest.raises(ValueError, match="belongs to no panel"):
        deliveries.draw({"one": run()}, {"two": Prediction("?", "s", [1.0])}, slow="Ben")
    with pytest.raises(ValueError, match="is in 'MB'"):
        deliveries.describe({"one": run()}, {"one": Prediction("?", "MB", [1.0])}, slow="Ben")
