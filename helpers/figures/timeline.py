"""The blocking timeline: who was blocked, who was free, who was serving, on one time axis.

Plan: a panel per ledger, above each other, on a shared axis of seconds since the first
request. A lane per actor: spans are bars (those at the same time share the lane's
height), marks are strokes. Neighbours of one kind and label less than a pixel apart are
drawn as one, which is all anybody could see, and keeps a hundred thousand spans quick.
The facts at the right and the words are made from the same questions to the ledger.

Left out: who caused what (that is the sequence figure), and any lane the ledger lacks.
"""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Iterable, Sequence
from itertools import pairwise

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Words
from helpers.figures.units import seconds
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
    in_flight,
    one_after_another,
    share,
)

BAR = 0.5
_BOX = {"boxstyle": "round,pad=.2", "fc": "white", "ec": "none", "alpha": 0.92}
_AXES_IN = 7.6  # the width of the axes; the lanes' names take the rest


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    lanes: Sequence[str] | None = None,
    unit: str = "request",
):
    """Return the figure: a panel per ledger, keyed by what it shows.

    `predictions` gives a panel its guesses in seconds (`.guesses`, `.label`, and `.lane` if
    they are about one lane), drawn dashed; `lanes` chooses and orders the lanes, top first;
    `unit` is what the words call a span of kind "request".
    A ValueError if there is no panel, a panel's ledger is empty, or a prediction belongs
    to no panel.
    """
    predictions = predictions or {}
    prediction.read_panels(panels, predictions, prediction.not_empty, ("s", "ms"))
    names = _lanes(panels, lanes)
    tall = {n: max(_height(ledger.spans(lane=n)) for ledger in panels.values()) for n in names}
    total = sum(tall.values())
    figure, axes = style.new_figure(len(panels), (0.68 * total + 0.85) * len(panels) + 0.25)
    figure.subplots_adjust(left=0.15, right=0.985, hspace=0.62 / (0.68 * total + 0.2))

    left, right = _extent(panels, predictions)
    axes[0].set_xlim(left, right)
    pixel_s = (right - left) / (_AXES_IN * style.DPI)
    for ax, (title, ledger) in zip(axes, panels.items(), strict=True):
        places, top = {}, total
        for name in names:
            top -= tall[name]
            places[name] = top + tall[name] / 2
            _draw_lane(ax, ledger, name, places[name], tall[name], pixel_s)
        ax.set_ylim(0, total + 0.35)
        if title in predictions:
            guess = predictions[title]
            middle, half = places.get(guess.lane), tall.get(guess.lane, 0) / 2
            through = middle is not None
            span = (middle - half + 0.08, middle + half - 0.08) if through else (0.05, total + 0.25)
            prediction.draw(ax, guess, span, unit="s")
        ax.set_yticks(list(places.values()), [_name(panels, n) for n in names])
        style.head(ax, title, " · ".join(_facts(ledger, names, unit)))
    axes[-1].set_xlabel(f"seconds since the first {unit}")
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    lanes: Sequence[str] | None = None,
    unit: str = "request",
) -> Words:
    """Return the same figure in words: what every run shows, then what this run measured."""
    predictions = predictions or {}
    prediction.read_panels(panels, predictions, prediction.not_empty, ("s", "ms"))
    words = Words(" / ".join(panels))
    words.stable.append(
        f"A timeline with {style.count(len(panels), 'panel')} on one axis, "
        f"seconds since the first {unit}."
    )
    names = _lanes(panels, lanes)
    for title, ledger in panels.items():
        words.stable.append(f"{title}: {' '.join(_sentences(ledger, names, unit))}")
        words.measured.append(f"{title}: {', '.join(_facts(ledger, names, unit))}.")
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


# --- questions both share


def window(ledger: Ledger) -> tuple[float, float]:
    """Return when the first request began and the last ended.

    Without a request: when the caller was blocked, else when it was running, else all of it.
    """
    spans = (
        ledger.spans(kind="request")
        or ledger.spans(kind="blocked")
        or ledger.spans(lane=CALLER, kind="running")
        or ledger.spans()
    )
    return spans[0].start_s, max(s.end_s for s in spans)


def silence_s(marks: Iterable[Mark], start_s: float, end_s: float) -> float:
    """Return the longest stretch of the time from start_s to end_s that has no mark in it."""
    inside = sorted(mark.time_s for mark in marks if start_s < mark.time_s < end_s)
    return max(b - a for a, b in pairwise([start_s, *inside, end_s]))


def _lanes(panels: Panels, chosen: Sequence[str] | None) -> list[str]:
    """Return the lanes of all panels, the caller's first; a ValueError for a chosen one not there.

    Panels that are compared have the same lanes, so that an empty one is seen to be empty.
    """
    there = list(dict.fromkeys(lane for ledger in panels.values() for lane in ledger.lanes()))
    if chosen is not None:
        if missing := [lane for lane in chosen if lane not in there]:
            raise ValueError(f"lanes={missing}: no ledger has them; there are {there}")
        return list(chosen)
    first = (CALLER, SYSTEM_STATE, SYSTEM_CPU, HEARTBEAT)
    hidden = (*first, REQUESTS)
    return [lane for lane in first if lane in there] + [n for n in there if n not in hidden]


def _facts(ledger: Ledger, names: Sequence[str], unit: str) -> list[str]:
    requests = ledger.spans(kind="request")
    beats = ledger.marks(lane=HEARTBEAT)
    facts = []
    if requests:
        total = seconds(duration_s(requests))
        facts.append(f"{total} for {style.count(len(requests), unit)}")
    if len(beats) > 1 and HEARTBEAT in names:
        facts.append(f"longest silence {seconds(silence_s(beats, *window(ledger)))}")
    if REQUESTS in names and len(requests) > 1:
        first_s = min(r.end_s for r in requests) - requests[0].start_s
        facts.append(f"first answer after {seconds(first_s)}")
    return facts or [f"{seconds(duration_s(ledger.spans()))} in all"]


def _sentences(ledger: Ledger, names: Sequence[str], unit: str) -> list[str]:
    """Return what the panel shows in sentences that a run under load repeats word for word."""
    start_s, end_s = window(ledger)
    requests = ledger.spans(kind="request")
    sentences = []
    if requests:
        most = in_flight(requests)
        order = "one after another" if one_after_another(requests) else f"{most} in flight at once"
        if len(requests) == 1:
            order = "on its own"
        sentences.append(f"{style.count(len(requests), unit)}, {order}.")
    if REQUESTS in names and len(requests) > 1:
        ends = [request.end_s for request in requests]
        spread = max(ends) - min(ends) > (end_s - start_s) / 2
        sentences.append(
            "The answers come one by one." if spread else "All answers come close together."
        )
    for name in names:
        spans = [s for s in ledger.spans(lane=name) if s.end_s > start_s and s.start_s < end_s]
        if not spans and not ledger.marks(lane=name):
            sentences.append(f"The lane of {name} is empty.")
        for kind in ("blocked", "asleep", "free"):
            some = [s for s in spans if s.kind == kind]
            if some and share(some, start_s, end_s) > 0.5:
                where = {s.label for s in some if s.duration_s > (end_s - start_s) / 20} - {""}
                # Of more than a few, each would be a bar of its own: nothing to be named.
                inside = f" in {' and '.join(sorted(where))}" if 0 < len(where) <= 4 else ""
                sentences.append(f"The {name} is {LOOKS[kind].word}{inside} most of the time.")
        if name == SYSTEM_CPU and spans:
            little = duration_s(spans) < (end_s - start_s) / 5
            sentences.append(f"The {name} is {'less' if little else 'more'} than a fifth of that.")
        kinds = list(dict.fromkeys(s.kind for s in spans))
        if kinds == ["queued", "running"]:
            sentences.append(f"In the lane of {name}: queued, then running.")
        serving = [s for s in spans if s.kind == "serving"]
        if serving:
            most = in_flight(serving)
            at_once = "one at a time" if most == 1 else f"{most} at once"
            sentences.append(f"The {name} serves {len(serving)}, {at_once}.")
        for mark in ledger.marks(lane=name, kind="error"):
            sentences.append(f"In the lane of {name}: {mark.label}.")
    if HEARTBEAT in names:
        sentences += _silence(ledger, start_s, end_s, unit)
    return sentences


def _silence(ledger: Ledger, start_s: float, end_s: float, unit: str) -> list[str]:
    """Say whether the heartbeat goes on in the time of the requests.

    A silence is a stretch five beats long; a loaded machine delays a beat by one or two.
    """
    times = [m.time_s for m in ledger.marks(lane=HEARTBEAT)]
    gaps = [Span(a, b, HEARTBEAT, "silence") for a, b in pairwise(times)]
    if not gaps:
        return []
    usual_s = statistics.median(gap.duration_s for gap in gaps)
    silent = share([gap for gap in gaps if gap.duration_s > 5 * usual_s], start_s, end_s)
    if silent > 0.8:
        return [f"The heartbeat is silent as long as the {unit}s last."]
    return ["The heartbeat goes on." if silent < 0.4 else "The heartbeat falters."]


# --- drawing


def _name(panels: Panels, lane: str) -> str:
    """Return the lane's name with, on a second line, what its strokes or bars are."""
    for ledger in panels.values():
        if lane == HEARTBEAT and (beats := ledger.marks(lane=lane)):
            return f"{lane}\n({beats[0].label})"
        if ledger.spans(lane=lane, kind="serving"):
            return f"{lane}\n(handling)"
    for ledger in panels.values():
        requests = ledger.spans(lane=REQUESTS)
        if lane == REQUESTS and 1 < len(requests) == in_flight(requests):
            return f"{lane}\n(in the order\nof the answers)"
    return lane


def _height(spans: list[Span]) -> float:
    """Return how tall a lane is: one unit, more where many spans go on at once."""
    return max(1.0, 0.18 * (max(_stack(spans), default=0) + 1))


def _extent(panels: Panels, predictions: Guesses) -> tuple[float, float]:
    """Return the x range that holds every panel and its prediction, in seconds."""
    left, right = 0.0, 0.0
    for ledger in panels.values():
        origin = window(ledger)[0]
        first, last = ledger.extent_s()
        left, right = min(left, first - origin), max(right, last - origin)
    guesses = [g for guess in predictions.values() for g in guess.within("s")]
    right = prediction.reach(right, guesses)
    margin = 0.03 * (right - left)
    return left - margin, right + margin


def _draw_lane(ax, ledger: Ledger, lane: str, y: float, tall: float, pixel_s: float) -> None:
    start_s, end_s = window(ledger)
    marks, spans = ledger.marks(lane=lane), ledger.spans(lane=lane)
    beats = [m.time_s - start_s for m in marks if m.kind != "error"]
    ax.plot(beats, [y] * len(beats), "|", ms=11, mew=1.2, color=style.INK)
    if lane == CALLER:
        spans = [_clipped(s, start_s, end_s) for s in spans if s.end_s > start_s]
        spans = [s for s in spans if s.duration_s > 0]
    levels = _stack(spans)
    if lane == REQUESTS and in_flight(spans) == len(spans):
        levels = _by_end(spans)
    depth = max(levels, default=0) + 1
    height = BAR if depth == 1 else (tall - 0.4) / depth
    bars: dict[tuple[int, str], list[Span]] = {}
    for level, span in zip(levels, spans, strict=True):
        bars.setdefault((level, span.kind), []).append(span)
    for (level, _), group in bars.items():
        middle = y + (depth - 1) / 2 * height - level * height
        draw_bars(ax, joined(group, pixel_s), middle, height, start_s, pixel_s)
    for mark in marks:
        if mark.kind == "error":
            draw_error(ax, mark.time_s - start_s, y, mark.label)
    if not spans and not marks:
        ax.text(0, y, "nothing", va="center", fontsize=9, color=style.GREY)
    _label_lane(ax, ledger, lane, y, pixel_s)


def draw_error(ax, x: float, y: float, text: str) -> None:
    """Draw the cross of an error at a moment, with its text at the left."""
    ax.plot([x], [y], "X", ms=10, mfc=LOOKS["error"].face, mec=style.INK)
    ax.annotate(
        text,
        (x, y),
        (-9, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=8.5,
        color=style.INK,
        bbox=_BOX,
    )


def _clipped(span: Span, start_s: float, end_s: float) -> Span:
    low, high = max(span.start_s, start_s), min(span.end_s, end_s)
    return Span(low, max(low, high), span.lane, span.kind, span.label)


def _stack(spans: list[Span]) -> list[int]:
    """Return for each span (in order of start) the lowest level free at its start."""
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    levels = []
    for span in spans:
        while busy and busy[0][0] <= span.start_s:
            heapq.heappush(free, heapq.heappop(busy)[1])
        level = heapq.heappop(free) if free else len(busy)
        heapq.heappush(busy, (span.end_s, level))
        levels.append(level)
    return levels


def _by_end(spans: list[Span]) -> list[int]:
    """Return for each span how many end before it: requests, in the order of their answers."""
    order = sorted(range(len(spans)), key=lambda index: spans[index].end_s)
    return [order.index(index) for index in range(len(spans))]


def joined(spans: list[Span], pixel_s: float) -> list[Span]:
    """Return the spans with neighbours joined that nobody could tell apart."""
    joined: list[Span] = []
    for span in spans:
        last = joined[-1] if joined else None
        near = last is not None and span.start_s - last.end_s < pixel_s
        slivers = near and span.duration_s < pixel_s and last.duration_s < pixel_s
        if near and (span.label == last.label or slivers):
            end_s = max(last.end_s, span.end_s)
            joined[-1] = Span(last.start_s, end_s, last.lane, last.kind, last.label)
        else:
            joined.append(span)
    return joined


def draw_bars(
    ax,
    spans: list[Span],
    y: float,
    height: float,
    origin: float,
    pixel_s: float,
    *,
    named: bool = True,
) -> None:
    """Draw spans of one kind as bars at height y, their times counted from the origin.

    With `named` a bar with room for it says what it is.
    """
    kind = spans[0].kind
    look = LOOKS[kind]
    outlined = kind in ("request", "asleep", "running")
    edge = 0.7 if outlined or height < BAR else 1.2
    ax.broken_barh(
        # Two pixels at least: what lasted a moment is still seen.
        [(s.start_s - origin, max(s.duration_s, 2 * pixel_s)) for s in spans],
        (y - height / 2, height),
        facecolor=look.face,
        edgecolor=style.INK if outlined else "white",
        hatch=look.hatch,
        alpha=look.alpha,
        # A white edge would leave nothing of so narrow a bar.
        lw=[edge if outlined or s.duration_s > 4 * pixel_s else 0 for s in spans],
    )
    for span in spans:
        text = {
            "blocked": f"blocked in {span.label}",
            "asleep": f"asleep in {span.label}" if span.label else "asleep",
            "error": f"✕ {span.label}",
            "running": span.label,
        }.get(kind, "")
        if named and text and height >= BAR and _fits(text, span.duration_s, pixel_s):
            draw_word(ax, (span.start_s + span.end_s) / 2 - origin, y, text)


def _fits(text: str, duration_s: float, pixel_s: float) -> bool:
    """Tell whether a text of the size used in bars is narrower than a bar."""
    return duration_s / pixel_s > 6.3 * len(text)


def draw_word(ax, x: float, y: float, text: str) -> None:
    """Write a word into a bar."""
    ax.text(x, y, text, ha="center", va="center", fontsize=8.5, color=style.INK, bbox=_BOX)


def _label_lane(ax, ledger: Ledger, lane: str, y: float, pixel_s: float) -> None:
    """Say in the lane what its bars alone do not: a free caller's requests, a CPU time."""
    start_s, end_s = window(ledger)
    requests = ledger.spans(kind="request")
    text, right_s = "", end_s
    if lane == CALLER and requests:
        if share(ledger.spans(lane=lane, kind="free"), start_s, end_s) > 0.5:
            text = f"{style.count(in_flight(requests), 'request')} in flight, thread free"
            if share(requests, start_s, end_s) < 0.5:
                text = "thread free"  # most of the time nothing is in flight
        if text and _fits(text, end_s - start_s, pixel_s):
            return draw_word(ax, (end_s - start_s) / 2, y, text)
    elif lane == SYSTEM_CPU and (spans := ledger.spans(lane=lane)):
        text, right_s = seconds(duration_s(spans)), spans[-1].end_s
    ax.annotate(
        text, (right_s - start_s, y), (6, 0), textcoords="offset points", va="center", fontsize=9
    )
    return None
