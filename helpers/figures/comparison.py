"""The comparison: one row a run, so that several ways to wait are seen at one glance.

Plan: every run has a row on one axis, seconds since its call began. The upper bar is the
caller's thread during the call: blocked, free, or running. The strokes under it are the
marks of one lane, the heartbeat unless another is chosen. What was counted stands at the
right. The bars are drawn by the timeline's own hand, so that they look the same.

Left out: the servers, and what happened in which order (the timeline shows that).
"""

from __future__ import annotations

from helpers.figures import prediction, style, timeline
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Words, count
from helpers.figures.units import seconds
from helpers.ledger import CALLER, HEARTBEAT, Ledger, Mark, Span, in_flight, share

_BAR_Y, _MARKS_Y = 0.66, 0.2  # in a row that is 1 high
_AXES_IN = 4.9  # the width of the axes; the runs' names and the facts take the rest
_STATES = ("blocked", "running", "free")


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    title: str,
    marks: str = HEARTBEAT,
):
    """Return the figure: a row per ledger, keyed by what it shows.

    `title` says what is compared; `marks` names the lane of the strokes. A prediction in
    seconds is drawn among the strokes if it is about their lane, else through the row. A
    ValueError if there is no ledger, an empty one, or a prediction that belongs to none.
    """
    predictions = predictions or {}
    prediction.read_panels(panels, predictions, prediction.not_empty, ("s", "ms"))
    rows = len(panels)
    figure, (ax,) = style.new_figure(1, 0.78 * rows + 0.75)
    figure.subplots_adjust(left=0.265, right=0.265 + _AXES_IN / style.WIDTH_IN)
    ax.set_xlim(*_extent(panels, predictions, marks))
    ax.set_ylim(0, rows)
    pixel_s = (ax.get_xlim()[1] - ax.get_xlim()[0]) / (_AXES_IN * style.DPI)
    for index, (name, ledger) in enumerate(panels.items()):
        bottom = rows - 1 - index
        _draw_row(ax, ledger, bottom, marks, pixel_s)
        facts = "\n".join(_facts(ledger, marks))
        place = {"xycoords": ("axes fraction", "data"), "va": "center", "annotation_clip": False}
        ax.annotate(facts, (1.02, bottom + 0.47), **place, fontsize=9.5, color=style.GREY)
        if name in predictions:
            guess = predictions[name]
            low, high = (0.06, 0.42) if guess.lane == marks else (0.06, 0.94)
            prediction.draw(ax, guess, (bottom + low, bottom + high), unit="s")
    ax.set_yticks([rows - 1 - n + 0.47 for n in range(rows)], list(panels))
    ax.set_xlabel(f"seconds since the call began (strokes: {marks})")
    ax.set_title(title, loc="left", x=-0.265 * style.WIDTH_IN / _AXES_IN, **_TITLE)
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    title: str,
    marks: str = HEARTBEAT,
) -> Words:
    """Return the same figure in words: what every run shows, then what this run measured."""
    predictions = predictions or {}
    prediction.read_panels(panels, predictions, prediction.not_empty, ("s", "ms"))
    words = Words(title)
    words.stable.append(
        f"{count(len(panels), 'row')}, one a run; the axis counts seconds since the call began."
    )
    for name, ledger in panels.items():
        row = " ".join(name.split())
        words.stable.append(f"{row}: {' '.join(_sentences(ledger, marks))}")
        words.measured.append(f"{row}: {', '.join(_facts(ledger, marks))}.")
        if name in predictions:
            words.measured.append(prediction.words(row, predictions[name]))
    return words


_TITLE = {"fontweight": "bold", "fontsize": 11.5}


# --- questions both share


def _beats(ledger: Ledger, marks: str) -> list[Mark]:
    """Return the marks that fall into the call."""
    start_s, end_s = timeline.window(ledger)
    return [mark for mark in ledger.marks(lane=marks) if start_s < mark.time_s < end_s]


def _state(ledger: Ledger) -> str:
    """Return what the caller's thread did for more than half of the call, "" if nothing did."""
    start_s, end_s = timeline.window(ledger)
    for kind in _STATES:
        if share(ledger.spans(lane=CALLER, kind=kind), start_s, end_s) > 0.5:
            return kind
    return ""


def _facts(ledger: Ledger, marks: str) -> list[str]:
    start_s, end_s = timeline.window(ledger)
    requests = ledger.spans(kind="request")
    noun, number = "beat" if marks == HEARTBEAT else "mark", len(_beats(ledger, marks))
    some = count(number, noun) if number else f"no {noun}"
    facts = [f"{some} in {seconds(end_s - start_s)}"]
    if len(requests) > 1:
        facts.append(f"{in_flight(requests)} in flight at most")
    return facts


def _sentences(ledger: Ledger, marks: str) -> list[str]:
    """Return what the row shows in sentences that a run under load repeats word for word."""
    start_s, end_s = timeline.window(ledger)
    requests = ledger.spans(kind="request")
    sentences = []
    if len(requests) > 1:
        sentences.append(f"{len(requests)} requests, {in_flight(requests)} in flight at most.")
    if state := _state(ledger):
        sentences.append(f"The {CALLER} is {LOOKS[state].word} most of the time.")
    silent = timeline.silence_s(ledger.marks(lane=marks), start_s, end_s) > 0.8 * (end_s - start_s)
    sentences.append(f"The {marks} {'is silent' if silent else 'goes on'}.")
    return sentences


# --- drawing


def _extent(
    panels: Panels,
    predictions: Guesses,
    marks: str,
) -> tuple[float, float]:
    """Return the x range that holds every call, its marks and, within reason, its guesses."""
    left, right = 0.0, 0.0
    for ledger in panels.values():
        start_s, end_s = timeline.window(ledger)
        times = [mark.time_s for mark in ledger.marks(lane=marks)] + [end_s]
        left, right = min(left, min(times) - start_s), max(right, max(times) - start_s)
    right = prediction.reach(right, [g for p in predictions.values() for g in p.within("s")])
    margin = 0.03 * (right - left)
    return left - margin, right + margin


def _draw_row(ax, ledger: Ledger, bottom: float, marks: str, pixel_s: float) -> None:
    start_s, end_s = timeline.window(ledger)
    inside = [
        Span(max(s.start_s, start_s), min(s.end_s, end_s), s.lane, s.kind, s.label)
        for s in ledger.spans(lane=CALLER)
        if s.kind in _STATES and s.start_s < end_s and s.end_s > start_s
    ]
    for kind in _STATES:
        if some := [span for span in inside if span.kind == kind]:
            some = timeline.joined(some, pixel_s)
            height = timeline.BAR
            timeline.draw_bars(ax, some, bottom + _BAR_Y, height, start_s, pixel_s, named=False)
    if state := _state(ledger):
        [word, *_] = sorted({s.label for s in inside if s.kind == state == "running"} - {""}) or [
            LOOKS[state].word
        ]
        timeline.draw_word(ax, (end_s - start_s) / 2, bottom + _BAR_Y, word)
    times = [mark.time_s - start_s for mark in ledger.marks(lane=marks)]
    ax.plot(times, [bottom + _MARKS_Y] * len(times), "|", ms=9, mew=1.2, color=style.INK)
    if bottom:
        ax.axhline(bottom, color=style.GRID, lw=0.8)
