"""Panels without a front end: their controls, one run in the background, the unattended line.

What needs a kernel and the messages of widgets is in tests/prove/test_panel.py.
"""

import asyncio
import subprocess
import sys
import threading

import pytest

from helpers import explore
from helpers.course import notebook
from helpers.figures import answers, latency, order, timeline
from helpers.instruments import record
from helpers.ledger import Ledger, one_after_another
from helpers.panel import before
from helpers.panel.background import Run, TookTooLong
from helpers.panel.controls import label_width

LONG_S = 30.0


async def experiment(n, delay_s=0.1):
    async with record() as ledger:
        with ledger.span("requests", "request", str(n)):
            await asyncio.sleep(delay_s)
    return {"Waiting": ledger}


def started(function, limit_s=LONG_S, **values):
    run = Run(function, values, limit_s)
    run.start()
    return run


# --- controls


def test_a_slider_says_its_range_and_its_values():
    slider = explore.seconds(0.05, 0.5, 0.2, "delay")
    assert slider.range() == "0.05 to 0.5 s" and slider.say(0.15000000000000002) == "0.15 s"
    slider = explore.whole(1, 10, 5, "requests")
    assert slider.range() == "1 to 10" and slider.say(7) == "7"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: explore.whole(1, 1, 1), "low=1 does not lie below high=1"),
        (lambda: explore.whole(1, 10, 11), "start=11 lies outside of 1 to 10"),
        (lambda: explore.seconds(0.5, 0.1, 0.2), "low=0.5"),
        (lambda: explore.seconds(0.1, 0.5, 0.2, step=0), "step=0"),
        (lambda: explore.seconds(0.1, 0.5, 0.2, step=1), "step=1"),
        (lambda: explore.choice(["one"]), "a choice needs two"),
        (lambda: explore.choice(["a", "a"]), "two have the same name"),
        (lambda: explore.choice(["a", "b"], start="c"), "start='c' is none of"),
    ],
)
def test_controls_that_do_not_fit_together_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_a_whole_number_is_whole():
    with pytest.raises(TypeError, match=r"start=2\.5"):
        explore.whole(1, 10, 2.5)


def test_a_choice_names_functions_and_takes_labels():
    def get_blocking():
        """Never called."""

    choice = explore.choice([get_blocking, "awaiting"])
    assert choice.options == {"get blocking": get_blocking, "awaiting": "awaiting"}
    assert choice.start == "get blocking" and choice.say(get_blocking) == "get blocking"
    labelled = explore.choice({"short": 0.1, "long": 1.0}, start="long")
    assert labelled.say(0.1) == "short" and labelled.range() == "short, long"


def test_widgets_start_where_the_controls_do():
    assert explore.whole(1, 10, 5).widget("n", "9em").value == 5
    slider = explore.seconds(0.05, 0.5, 0.2).widget("delay", "9em")
    assert (slider.value, slider.description, slider.continuous_update) == (0.2, "delay (s)", False)
    buttons = explore.choice({"short": 0.1, "long": 1.0}, start="long").widget("wait", "9em")
    assert buttons.value == 1.0


def test_the_label_at_the_left_has_room_for_the_longest():
    assert label_width(["n", "requests at the same time"]) == "15.0em"
    assert label_width(["n"]) == label_width([]) == "6.0em"


# --- one run in the background


def test_a_run_has_a_thread_and_a_loop_of_its_own():
    seen = {}

    async def look(n):
        seen["thread"], seen["loop"] = threading.current_thread(), asyncio.get_running_loop()
        return await experiment(n)

    async def from_a_loop():
        run = started(look, n=3)
        await asyncio.to_thread(run.ended.wait, LONG_S)
        return run, asyncio.get_running_loop()

    run, loop = asyncio.run(from_a_loop())
    assert run.error is None and len(run.panels["Waiting"].spans(kind="request", label="3")) == 1
    assert seen["thread"] is not threading.current_thread() and seen["loop"] is not loop


def test_two_runs_do_not_measure_at_once():
    runs = [started(experiment, n=n) for n in range(3)]
    assert all(run.ended.wait(LONG_S) for run in runs)
    spans = [s for run in runs for s in run.panels["Waiting"].spans(kind="request")]
    assert len(spans) == 3
    assert one_after_another(spans)


def test_cancelling_ends_the_coroutine_where_it_awaits():
    waiting, tidied = threading.Event(), threading.Event()

    async def forever():
        waiting.set()
        try:
            await asyncio.sleep(600)
        finally:
            tidied.set()

    run = started(forever)
    assert waiting.wait(LONG_S)
    run.cancel()
    assert run.ended.wait(LONG_S) and tidied.is_set()
    assert isinstance(run.error, asyncio.CancelledError) and run.panels is None


@pytest.mark.parametrize("ended_by", ["cancel", "limit"])
def test_code_that_only_computes_is_ended_too(ended_by):
    computing = threading.Event()

    async def computes():
        computing.set()
        while True:
            pass

    run = started(computes, limit_s=LONG_S if ended_by == "cancel" else 0.3)
    assert computing.wait(LONG_S)
    if ended_by == "cancel":
        run.cancel()
    assert run.ended.wait(10)
    kind = asyncio.CancelledError if ended_by == "cancel" else TookTooLong
    assert isinstance(run.error, kind)


def test_a_run_cancelled_before_it_begins_never_begins():
    begun = []

    async def note():
        begun.append(1)

    run = Run(note, {}, LONG_S)
    run.cancel()
    run.start()
    assert run.ended.wait(LONG_S) and not begun


def test_cancelling_an_ended_run_does_nothing():
    run = started(experiment, n=1)
    assert run.ended.wait(LONG_S)
    run.cancel()
    assert run.error is None and run.panels


def test_a_run_has_a_limit():
    run = started(asyncio.sleep, limit_s=0.2, delay=600)
    assert run.ended.wait(LONG_S) and isinstance(run.error, TookTooLong)


def test_a_time_out_of_the_experiment_is_its_own():
    async def times_out():
        raise TimeoutError("no answer")

    run = started(times_out)
    assert run.ended.wait(LONG_S) and str(run.error) == "no answer"


@pytest.mark.parametrize("returned", [None, {}, {"A": 1}, Ledger(), [Ledger()]])
def test_what_is_no_panel_is_refused(returned):
    async def wrong():
        return returned

    run = started(wrong)
    assert run.ended.wait(LONG_S) and isinstance(run.error, TypeError)
    assert "its ledgers by their titles" in str(run.error)


# --- the run before, behind the new one


def requests(*times):
    ledger = Ledger()
    for start_s, end_s in times:
        ledger.add("requests", "request", start_s, end_s, "1")
        ledger.add("server", "serving", start_s, end_s, "1")
    return ledger


SHORT, LONG, LONGEST = ({"A": requests((0, t)), "B": requests((0, t / 2))} for t in (1, 4, 9))


@pytest.mark.parametrize("figure", [timeline, order])
def test_the_run_before_stands_pale_behind_the_new_one_on_the_same_axes(figure):
    assert before.draw(figure, SHORT, None, None, {})[1] == ""
    drawn, where = before.draw(figure, SHORT, LONG, LONGEST, {})
    assert where == "Pale and dotted"
    front, back, outline, spare = (drawn.axes[n : n + 2] for n in (0, 2, 4, 6))
    assert all(ax.get_zorder() > one.get_zorder() for ax, one in zip(outline, front, strict=True))
    for one, other in zip(front, back, strict=True):
        assert one.get_position().bounds == other.get_position().bounds
        assert one.get_xlim() == other.get_xlim() and one.get_ylim() == other.get_ylim()
        assert one.get_zorder() > other.get_zorder()
        assert not other.axison and not other.get_title(loc="left")
    assert one.get_xlim()[1] >= 9, "the axis does not stay as wide as the widest run"
    assert not any(ax.get_visible() for ax in spare)
    assert [ax.get_title(loc="left") for ax in front] == ["A", "B"]
    assert front[-1].get_xlabel()


def test_rows_that_are_not_the_same_are_not_laid_over_each_other_but_share_the_axis():
    several = {"A": requests((0, 3), (1, 4)), "B": requests((0, 3))}
    drawn, where = before.draw(order, SHORT, several, None, {})
    assert where == ""
    assert [ax.get_visible() for ax in drawn.axes] == [True, True, *[False] * 4]
    assert drawn.axes[0].get_xlim()[1] >= 4
    assert before.draw(timeline, SHORT, {"A": LONG["A"]}, None, {})[1] == ""


@pytest.mark.parametrize("figure", [latency, answers])
def test_where_each_ledger_is_a_row_the_run_before_gets_rows_of_its_own(figure):
    drawn, where = before.draw(figure, SHORT, LONG, LONGEST, {})
    assert where == "In the rows “before”"
    rows = [label.get_text() for label in drawn.axes[0].get_yticklabels()]
    assert rows == ["A", "B", "A, before", "B, before"]


def test_the_width_of_a_run_is_that_of_its_longest_ledger():
    assert before.width_s(LONG) == 4
    assert before.width_s({"empty": Ledger()}) == 0


# --- the panel where nobody is


def test_unattended_it_prints_one_line(capsys):
    assert not notebook.attended()
    explore.panel(
        experiment,
        figure=timeline,
        n=explore.whole(1, 10, 5, "requests"),
        delay_s=explore.seconds(0.05, 0.5, 0.2),
    )
    assert capsys.readouterr().out == (
        "A panel of sliders (requests: 1 to 10; delay: 0.05 to 0.5 s). "
        "Run this cell in JupyterLab to move them.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({}, TypeError, "missing a required argument: 'n'"),
        ({"n": explore.whole(1, 2, 1), "m": explore.whole(1, 2, 1)}, TypeError, "'m'"),
        ({"n": 5}, TypeError, "n=5 is no control"),
        ({"n": explore.whole(1, 2, 1), "limit_s": 0}, ValueError, "limit_s=0"),
        ({"experiment": len}, TypeError, "is no async function"),
    ],
)
def test_a_panel_that_cannot_work_is_refused_at_once(arguments, error, said):
    with pytest.raises(error, match=said):
        explore.panel(**{"experiment": experiment, "figure": timeline, **arguments})


def test_importing_it_loads_no_widgets():
    code = "import sys; from helpers import explore; print('ipywidgets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n", done.stderr
