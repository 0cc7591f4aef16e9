"""The blocking timeline: the picture and its words are made from the same record."""

import random
from itertools import pairwise

import pytest
from matplotlib.figure import Figure

from helpers.figures import style, timeline, units
from helpers.figures.prediction import Prediction
from helpers.ledger import (
    CALLER,
    HEARTBEAT,
    REQUESTS,
    SYSTEM_CPU,
    SYSTEM_STATE,
    Ledger,
    Mark,
    Span,
    duration_s,
)

PIXEL_S = 0.001
WIDTH_PX = timeline._AXES_IN * style.DPI


def a_ledger(requests=3, blocking=True, noise_s=0.0, seed=1):
    """Return what an exchange with a server that takes 0.2 s writes, `noise_s` late at most."""
    chance, ledger, now_s = random.Random(seed), Ledger(), 100.0
    caller = ("blocked", "recv") if blocking else ("free", "")

    def late_s():
        return chance.uniform(0, noise_s)

    for n in range(requests):
        start_s = now_s + late_s()
        end_s = start_s + 0.2 + late_s()
        ledger.add(REQUESTS, "request", start_s, end_s, f"{n}")
        ledger.add("server", "serving", start_s + 0.01, end_s - 0.01, f"{n}")
        ledger.add(CALLER, caller[0], start_s + late_s(), end_s, caller[1])
        if blocking:
            now_s = end_s + 0.001
    first_s, last_s = ledger.extent_s()
    beat_s = first_s - 0.06
    while beat_s < last_s + 0.06:
        if not (blocking and first_s < beat_s < last_s):
            ledger.mark(HEARTBEAT, "beat", "every 10 ms", time_s=beat_s)
        beat_s += 0.01 + late_s() / 4
    return ledger


def sentence(panels, title, **options):
    """Return the stable words of one panel."""
    found = [s for s in timeline.describe(panels, **options).stable if s.startswith(f"{title}: ")]
    assert len(found) == 1
    return found[0].removeprefix(f"{title}: ")


def bars(ax):
    """Return (left, right) of every rectangle drawn, in seconds on the axis."""
    return [
        (path.vertices[:, 0].min(), path.vertices[:, 0].max())
        for collection in ax.collections
        for path in collection.get_paths()
    ]


def texts(ax):
    return [text.get_text() for text in ax.texts]


# --- the picture


def test_there_is_a_panel_per_ledger_with_its_title_and_all_share_one_axis():
    panels = {"A": a_ledger(), "B": a_ledger(blocking=False), "C": a_ledger(requests=1)}
    figure = timeline.draw(panels)
    assert isinstance(figure, Figure)
    assert [ax.get_title("left") for ax in figure.axes] == ["A", "B", "C"]
    assert len({ax.get_xlim() for ax in figure.axes}) == 1
    left, right = figure.axes[0].get_xlim()
    for ax in figure.axes:
        assert all(left <= low <= high <= right for low, high in bars(ax))
    assert style.png(figure).startswith(b"\x89PNG")


def test_panels_have_the_same_lanes_the_callers_first_and_an_empty_one_says_so():
    other = a_ledger()
    other.rows = [row for row in other.rows if row[2] != "server"]
    figure = timeline.draw({"A": a_ledger(), "B": other})
    for ax in figure.axes:
        names = [label.get_text().split("\n")[0] for label in ax.get_yticklabels()]
        assert names == [CALLER, HEARTBEAT, "server"]
        assert list(ax.get_yticks()) == sorted(ax.get_yticks(), reverse=True)
    assert ["nothing" in texts(ax) for ax in figure.axes] == [False, True]
    assert "The lane of server is empty." in sentence({"A": a_ledger(), "B": other}, "B")


def test_chosen_lanes_are_drawn_and_described_in_their_order_and_no_others():
    panels, lanes = {"A": a_ledger()}, ["server", CALLER]
    [ax] = timeline.draw(panels, lanes=lanes).axes
    assert [label.get_text().split("\n")[0] for label in ax.get_yticklabels()] == lanes
    assert "heartbeat" not in sentence(panels, "A", lanes=lanes)


def test_each_span_and_each_beat_is_drawn_where_it_was_measured():
    ledger = a_ledger(requests=2)
    [ax] = timeline.draw({"A": ledger}, lanes=["server"]).axes
    served = [(s.start_s - 100, s.end_s - 100) for s in ledger.spans("server")]
    assert [x for bar in sorted(bars(ax)) for x in bar] == pytest.approx(sum(served, ()))
    [ax] = timeline.draw({"A": ledger}, lanes=[HEARTBEAT]).axes
    drawn = [x for line in ax.lines for x in line.get_xdata()]
    assert drawn == pytest.approx([mark.time_s - 100 for mark in ledger.marks(HEARTBEAT)])


def test_spans_at_the_same_time_do_not_cover_each_other():
    ledger = a_ledger(requests=8, blocking=False)
    [ax] = timeline.draw({"A": ledger}, lanes=["server"]).axes
    heights = sorted(
        (path.vertices[:, 1].min(), path.vertices[:, 1].max())
        for collection in ax.collections
        for path in collection.get_paths()
    )
    assert len(heights) == 8
    assert all(below[1] <= above[0] + 1e-9 for below, above in pairwise(heights))
    assert heights[0][0] >= 0
    assert heights[-1][1] <= ax.get_ylim()[1]


def answers_at(*ends):
    ledger = Ledger()
    for n, end_s in enumerate(ends):
        ledger.add(REQUESTS, "request", n / 1000, end_s, f"{n}")
    return ledger


def test_requests_that_are_under_way_together_are_drawn_in_the_order_of_their_answers():
    panels = {"A": answers_at(0.5, 0.1, 0.3)}
    [ax] = timeline.draw(panels, lanes=[REQUESTS]).axes
    boxes = [path.vertices for collection in ax.collections for path in collection.get_paths()]
    from_the_top = sorted(boxes, key=lambda box: -box[:, 1].max())
    assert [box[:, 0].max() for box in from_the_top] == pytest.approx([0.1, 0.3, 0.5])
    [name] = [label.get_text() for label in ax.get_yticklabels()]
    assert " ".join(name.split()) == "requests (in the order of the answers)"


def test_the_words_say_whether_answers_come_one_by_one():
    panels = {"A": answers_at(0.1, 0.3, 0.5), "B": answers_at(0.48, 0.49, 0.5)}
    assert "The answers come one by one." in sentence(panels, "A", lanes=[REQUESTS])
    assert "All answers come close together." in sentence(panels, "B", lanes=[REQUESTS])
    assert "first answer after 0.10 s" in timeline.describe(panels, lanes=[REQUESTS]).measured[0]
    assert "first answer" not in timeline.describe(panels).measured[0]


def test_a_moment_is_drawn_without_the_white_edge_that_would_cover_it():
    ledger = a_ledger(requests=1)
    ledger.add("server", "serving", 100.3, 100.3001)
    [ax] = timeline.draw({"A": ledger}, lanes=["server"]).axes
    [bars_drawn] = ax.collections
    [long, moment] = bars_drawn.get_linewidths()
    assert long > 0
    assert moment == 0


def test_a_free_thread_is_not_said_to_wait_for_what_is_answered_already():
    ledger = Ledger()
    ledger.add(REQUESTS, "request", 0.0, 0.1)
    ledger.add(REQUESTS, "request", 0.9, 1.0)
    ledger.add(CALLER, "free", 0.0, 1.0)
    [ax] = timeline.draw({"A": ledger}).axes
    assert texts(ax) == ["thread free"]
    ledger.add(REQUESTS, "request", 0.0, 1.0)
    [ax] = timeline.draw({"A": ledger}).axes
    assert texts(ax) == ["2 requests in flight, thread free"]


def test_an_error_is_drawn_and_said_with_its_name():
    ledger = a_ledger(requests=1)
    ledger.mark(CALLER, "error", "TimeoutError", time_s=100.1)
    [ax] = timeline.draw({"A": ledger}).axes
    assert "TimeoutError" in texts(ax)
    assert "In the lane of caller's thread: TimeoutError." in sentence({"A": ledger}, "A")


def test_guesses_are_drawn_dashed_where_they_lie_and_the_axis_holds_them():
    guess = Prediction("How long?", "s", [0.5, 1.0, 0.8], HEARTBEAT, asked=True)
    [first, second] = timeline.draw({"A": a_ledger(), "B": a_ledger()}, {"A": guess}).axes
    lines = [line for line in first.lines if line.is_dashed()]
    assert [line.get_xdata()[0] for line in lines] == [0.5, 0.8, 1.0]
    assert not any(line.is_dashed() for line in second.lines)
    assert first.get_xlim()[1] > 1.0
    assert "the room's 3 guesses: the middle one 0.8 s" in texts(first)
    words = timeline.describe({"A": a_ledger(), "B": a_ledger()}, {"A": guess})
    [line] = [line for line in words.measured if "dashed" in line]
    assert line.startswith(
        f"A (about {HEARTBEAT}), dashed: the room's 3 guesses: the middle one 0.8 s"
    )


def test_a_guess_about_a_lane_stays_in_it():
    ledger = a_ledger()

    def height(lane):
        guess = Prediction("How long?", "s", [0.5], lane, asked=True)
        [ax] = timeline.draw({"A": ledger}, {"A": guess}).axes
        [line] = [line for line in ax.lines if line.is_dashed()]
        return abs(line.get_ydata()[1] - line.get_ydata()[0])

    assert height(HEARTBEAT) < height("") / 2


def test_the_longest_silence_is_that_within_the_requests():
    marks = [Mark(t, HEARTBEAT, "beat") for t in (0.0, 0.9, 1.5, 2.1, 9.0)]
    assert timeline.silence_s(marks, 1.0, 2.0) == pytest.approx(0.5)
    assert timeline.silence_s(marks[:2], 1.0, 2.0) == pytest.approx(1.0)
    assert timeline.silence_s([], 1.0, 2.0) == pytest.approx(1.0)


def test_without_a_request_the_time_starts_where_the_caller_is_held_up():
    ledger = Ledger()
    ledger.add(CALLER, "free", 0.0, 1.0)
    ledger.add("cell 1", "running", 0.2, 0.3)
    assert timeline.window(ledger) == (0.0, 1.0)
    ledger.add(CALLER, "running", 1.0, 1.4, "computing")
    assert timeline.window(ledger) == (1.0, 1.4)
    ledger.add(CALLER, "blocked", 2.0, 2.5, "recv")
    assert timeline.window(ledger) == (2.0, 2.5)
    ledger.add(REQUESTS, "request", 3.0, 3.5)
    assert timeline.window(ledger) == (3.0, 3.5)


# --- the words


def test_the_words_say_how_the_requests_went():
    panels = {
        "one": a_ledger(requests=1),
        "blocking": a_ledger(requests=5),
        "awaiting": a_ledger(requests=5, blocking=False),
    }
    assert sentence(panels, "one") == (
        "1 request, on its own. The caller's thread is blocked in recv most of the time. "
        "The server serves 1, one at a time. The heartbeat is silent as long as the requests last."
    )
    assert "5 requests, one after another." in sentence(panels, "blocking")
    assert "blocked in recv most of the time" in sentence(panels, "blocking")
    assert "The server serves 5, one at a time." in sentence(panels, "blocking")
    assert "silent as long as the requests last" in sentence(panels, "blocking")
    assert "5 requests, 5 in flight at once." in sentence(panels, "awaiting")
    assert "The caller's thread is free most of the time." in sentence(panels, "awaiting")
    assert "The server serves 5, 5 at once." in sentence(panels, "awaiting")
    assert "The heartbeat goes on." in sentence(panels, "awaiting")


@pytest.mark.parametrize(("calls", "where"), [(4, " in a and b and c and d"), (5, "")])
def test_a_few_calls_are_named_and_many_are_not(calls, where):
    ledger = Ledger()
    for n, name in enumerate("abcde"[:calls]):
        ledger.add("pool", "blocked", n, n + 1, name)
    assert f"The pool is blocked{where} most of the time." in sentence({"A": ledger}, "A")


def test_the_words_say_what_was_queued_and_whether_it_ran():
    ledger = Ledger()
    ledger.add("cell 1", "queued", 1.0, 1.1)
    ledger.add("cell 1", "running", 1.1, 1.3)
    ledger.add("cell 2", "queued", 1.0, 3.0)
    ledger.mark("cell 2", "error", "never came back", time_s=3.0)
    words = sentence({"A": ledger}, "A")
    assert words == (
        "In the lane of cell 1: queued, then running. In the lane of cell 2: never came back."
    )


def test_the_words_say_what_the_system_saw():
    ledger = a_ledger(requests=1)
    ledger.add(SYSTEM_STATE, "asleep", 100.0, 100.2, "poll")
    ledger.add(SYSTEM_CPU, "running", 100.0, 100.01)
    said = sentence({"A": ledger}, "A")
    assert "The state of the thread is asleep in poll most of the time." in said
    assert "The CPU time it got is less than a fifth of that." in said
    ledger.add(SYSTEM_CPU, "running", 100.01, 100.2)
    assert "The CPU time it got is more than a fifth of that." in sentence({"A": ledger}, "A")


def test_words_and_picture_tell_the_same_facts():
    panels = {"A": a_ledger(requests=5), "B": a_ledger(requests=5, blocking=False)}
    facts = [ax.get_title("right").split(" · ") for ax in timeline.draw(panels).axes]
    measured = timeline.describe(panels).measured
    assert measured == [f"{t}: {', '.join(f)}." for t, f in zip(panels, facts, strict=True)]
    for ledger, (total, silence) in zip(panels.values(), facts, strict=True):
        total_s = duration_s(ledger.spans(REQUESTS))
        silent_s = timeline.silence_s(ledger.marks(), *timeline.window(ledger))
        assert total == f"{units.seconds(total_s)} for 5 requests"
        assert silence == f"longest silence {units.seconds(silent_s)}"


@pytest.mark.parametrize("blocking", [True, False])
def test_stable_sentences_are_the_same_in_every_run_that_differs_only_in_noise(blocking):
    def words(seed):
        ledger = a_ledger(requests=5, blocking=blocking, noise_s=0.06, seed=seed)
        return timeline.describe({"A": ledger})

    runs = [words(seed) for seed in range(20)]
    assert len({tuple(run.stable) for run in runs}) == 1
    assert len({tuple(run.measured) for run in runs}) > 1


def test_stable_sentences_hold_no_measured_time():
    panels = {"A": a_ledger(), "B": a_ledger(blocking=False)}
    for said in timeline.describe(panels).stable:
        assert " ms" not in said
        assert " s for" not in said


def test_measured_words_stand_between_the_markers_that_a_comparison_leaves_out():
    words = timeline.describe({"A": a_ledger()})
    lines = words.plain().splitlines()
    start, end = (lines.index(marker) for marker in style.MEASURED)
    assert lines[start + 1 : end] == words.measured != []
    assert lines[:start] == ["Figure: A", *words.stable]
    assert lines[end + 1 :] == []


# --- what is refused


@pytest.mark.parametrize("make", [timeline.draw, timeline.describe])
def test_what_cannot_be_drawn_is_refused_by_its_name(make):
    with pytest.raises(ValueError, match="needs at least one ledger"):
        make({})
    with pytest.raises(ValueError, match="panel 'B': its ledger holds no span"):
        make({"A": a_ledger(), "B": Ledger()})
    guess = Prediction("How long?", "s", [1.0], asked=True)
    with pytest.raises(ValueError, match=r"predictions\['C'\] belongs to no panel: \['A'\]"):
        make({"A": a_ledger()}, {"C": guess})
    with pytest.raises(ValueError, match=r"lanes=\['nowhere'\]"):
        make({"A": a_ledger()}, lanes=["server", "nowhere"])


# --- many spans


def many(number, labels):
    """Return a ledger of `number` short spans one after another, over two seconds."""
    ledger, step_s = Ledger(), 2 / number
    for n in range(number):
        start_s = n * step_s
        ledger.add(CALLER, "blocked", start_s, start_s + step_s / 2, labels(n))
        ledger.add("server", "serving", start_s, start_s + step_s / 2, labels(n))
        ledger.mark(HEARTBEAT, "beat", "every 10 ms", time_s=start_s)
    return ledger


@pytest.mark.parametrize("labels", [lambda n: "recv", str], ids=["one label", "all different"])
def test_a_hundred_thousand_spans_are_drawn_as_what_can_be_seen(labels):
    figure = timeline.draw({"A": many(50_000, labels)})
    [ax] = figure.axes
    assert 0 < len(bars(ax)) < 4 * WIDTH_PX
    assert len(ax.texts) < 50
    assert style.png(figure).startswith(b"\x89PNG")


def spans(*times, label=""):
    return [Span(start_s, end_s, "lane", "kind", label) for start_s, end_s in times]


def chance_spans(seed, longest_s):
    chance = random.Random(seed)
    starts = [chance.uniform(0, 1) for _ in range(300)]
    return sorted(
        Span(s, s + chance.uniform(0, longest_s), "lane", "kind", chance.choice("ab"))
        for s in starts
    )


@pytest.mark.parametrize("seed", range(5))
def test_spans_on_one_level_never_overlap_and_no_level_is_wasted(seed):
    some = chance_spans(seed, longest_s=0.05)
    levels = timeline._stack(some)
    by_level = {}
    for level, span in zip(levels, some, strict=True):
        by_level.setdefault(level, []).append(span)
    for row in by_level.values():
        assert all(a.end_s <= b.start_s for a, b in pairwise(row))
    edges = sorted((t, step) for s in some for t, step in ((s.start_s, 1), (s.end_s, -1)))
    count = most = 0
    for _, step in edges:
        count += step
        most = max(most, count)
    assert set(levels) == set(range(most))


@pytest.mark.parametrize("seed", range(5))
def test_joining_neither_loses_nor_invents_more_time_than_a_pixel_a_gap(seed):
    some = chance_spans(seed, longest_s=0.003)
    one_row = [s for s, level in zip(some, timeline._stack(some), strict=True) if level == 0]
    joined = timeline.joined(one_row, PIXEL_S)
    assert len(joined) <= len(one_row)
    assert all(any(j.contains(s) for j in joined) for s in one_row)
    assert all(a.end_s <= b.start_s for a, b in pairwise(joined))
    assert {j.start_s for j in joined} <= {s.start_s for s in one_row}
    assert {j.end_s for j in joined} <= {s.end_s for s in one_row}
    gaps = sum(b.start_s - a.end_s for a, b in pairwise(one_row))
    kept = sum(b.start_s - a.end_s for a, b in pairwise(joined))
    assert gaps - kept <= PIXEL_S * (len(one_row) - len(joined))


def test_neighbours_are_joined_only_when_nobody_could_tell_them_apart():
    def joined(first, second, *labels):
        pair = spans(first, label=labels[0]) + spans(second, label=labels[-1])
        return len(timeline.joined(pair, PIXEL_S)) == 1

    long, near, far = (0, 0.1), (0.1005, 0.2), (0.102, 0.2)
    assert joined(long, near, "recv")
    assert not joined(long, far, "recv")
    assert not joined(long, near, "recv", "send")
    assert joined((0, 0.0004), (0.0005, 0.0009), "recv", "send")
    assert timeline.joined([], PIXEL_S) == []


def test_a_span_of_kind_request_can_have_another_name():
    words = timeline.describe({"A": a_ledger(requests=2)}, unit="call")
    assert words.stable[0].endswith("seconds since the first call.")
    assert words.stable[1].startswith("A: 2 calls, ") and "as long as the calls" in words.stable[1]
    assert "for 2 calls" in words.measured[0]
    [ax] = timeline.draw({"A": a_ledger()}, unit="call").axes
    assert ax.get_xlabel() == "seconds since the first call"
