"""The order figure: what was asked, what was answered, and who waited behind whom."""

import pytest

from helpers.figures import order, style
from helpers.ledger import Ledger


def ledger(**requests):
    """Return a ledger of requests name=(asked, work from, work to, answered), in seconds."""
    made = Ledger()
    for name, (asked_s, from_s, to_s, answered_s) in requests.items():
        made.add("requests", "request", asked_s, answered_s, name)
        if from_s is not None:
            made.add("server", "serving", from_s, to_s, name)
    return made


PIPELINED = ledger(
    slow=(0, 0, 0.3, 0.3), fast=(0.001, 0.3, 0.3, 0.302), mid=(0.002, 0.302, 0.4, 0.4)
)
FREE = ledger(
    slow=(0, 0, 0.3, 0.3), fast=(0.001, 0.001, 0.001, 0.002), mid=(0.002, 0.003, 0.1, 0.1)
)
UNSEEN = ledger(a=(0, None, None, 0.2), b=(0.001, None, None, 0.1))


def test_asking_and_answering_have_each_their_order():
    assert order.asked(FREE) == ["slow", "fast", "mid"]
    assert order.answered(FREE) == ["fast", "mid", "slow"]
    assert order.answered(PIPELINED) == order.asked(PIPELINED)


def test_waiting_behind_another_is_time_without_work():
    assert order.waited_behind_another(PIPELINED) == ["fast", "mid"]
    assert order.waited_behind_another(FREE) == []


def hatched(figure):
    """Return the starts and lengths of what is drawn as waiting, for each panel."""
    queued = style.LOOKS["queued"].hatch
    bars = [[c for c in ax.collections if c.get_hatch() == queued] for ax in figure.axes]
    return [
        [path.get_extents().bounds[:3:2] for c in some for path in c.get_paths()] for some in bars
    ]


def test_an_answer_that_is_ready_and_must_not_go_first_waits_too():
    ready = ledger(
        slow=(0, 0, 0.3, 0.3), fast=(0.001, 0.001, 0.002, 0.301), mid=(0.002, 0, 0.1, 0.302)
    )
    assert order.waited_behind_another(ready) == ["fast", "mid"]
    [bars] = hatched(order.draw({"all at once, in order": ready}))
    assert [round(start_s, 2) for start_s, _ in bars] == [0.0, 0.1]
    assert [round(length_s, 1) for _, length_s in bars] == [0.3, 0.2]


def test_waiting_is_drawn_where_the_words_say_that_one_waited_and_nowhere_else():
    late = ledger(slow=(0, 0.02, 0.33, 0.36), fast=(0.01, 0.03, 0.03, 0.06))
    assert hatched(order.draw({"free": FREE, "loaded": late})) == [[], []]
    assert len(hatched(order.draw({"piped": PIPELINED}))[0]) == 2


def test_work_on_something_else_is_not_work_on_a_request():
    other = ledger(a=(0.1, 0.1, 0.2, 0.2))
    other.add("server", "serving", 0.0, 0.15, "the connection")
    assert order.waited_behind_another(other) == []
    assert order.describe({"x": other}).stable[1].endswith("None waited behind another.")


def test_where_the_work_was_not_seen_nobody_is_said_to_wait():
    assert order.waited_behind_another(UNSEEN) == []
    assert "behind" not in order.describe({"x": UNSEEN}).stable[1]


def test_the_words_say_both_orders_and_who_waited():
    words = order.describe({"piped": PIPELINED, "free": FREE})
    assert words.stable[1] == (
        "piped: asked slow, fast, mid; answered slow, fast, mid. Waited behind another: fast, mid."
    )
    assert words.stable[2] == (
        "free: asked slow, fast, mid; answered fast, mid, slow. None waited behind another."
    )
    assert "fast after" in words.measured[0]


def test_noise_of_a_loaded_machine_changes_no_stable_word():
    late = ledger(
        slow=(0, 0.02, 0.33, 0.36), fast=(0.01, 0.03, 0.03, 0.06), mid=(0.02, 0.04, 0.15, 0.19)
    )
    assert order.describe({"x": late}).stable == order.describe({"x": FREE}).stable


@pytest.mark.parametrize(("panels", "columns"), [(1, 1), (3, 1), (4, 2), (5, 2)])
def test_panels_stand_two_beside_each_other_where_there_are_many(panels, columns):
    figure = order.draw({f"protocol {n}": FREE for n in range(panels)})
    seen = [ax for ax in figure.axes if ax.get_visible()]
    assert len(seen) == panels
    assert len({round(ax.get_position().x0, 3) for ax in seen}) == columns
    assert len(style.png(figure)) > 5_000


def test_at_the_end_of_each_bar_stands_which_answer_it_was():
    [ax] = order.draw({"free": FREE}).axes
    ordinals = {text.get_text() for text in ax.texts} - {"worked on"}
    assert ordinals == {"1st", "2nd", "3rd"}
    assert ax.get_title(loc="right") == "answered out of order"


@pytest.mark.parametrize(
    ("panels", "predictions", "named"),
    [({}, {}, "panels"), ({"x": Ledger()}, {}, "'x'"), ({"x": FREE}, {"y": None}, "'y'")],
)
def test_what_cannot_be_drawn_is_refused_by_name(panels, predictions, named):
    for figure in (order.draw, order.describe):
        with pytest.raises(ValueError, match=named):
            figure(panels, predictions)
