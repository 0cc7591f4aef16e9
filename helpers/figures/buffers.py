"""The buffers: what waits in the kernel over time, stacked, under the lanes of who waits.

Plan: a panel per ledger. At the bottom of each the levels that a gauge has read (spans of
kind "level"), one hop stacked on the other, as steps: a level holds until the next
reading. Bytes are never the same twice, so their hops are named at the right, with how many
are there in the end. Above the levels a strip per actor, with a bar per span and its label.
All share one axis of seconds, so that a change of a level stands under its cause. A limit
that the kernel was given (a mark of kind "limit") is a line through the levels.

Left out: rates, and who caused what (that is the sequence figure).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Words
from helpers.kernel.gauges import LEVEL
from helpers.ledger import Ledger, Span

AREA, STRIP, BAR = 2.3, 0.62, 0.46  # heights, in units of UNIT_IN
UNIT_IN = 0.42
LINE = 0.44  # as high as a line of text
BYTES_AREA = 3.4  # where bytes wait in several hops, each must be seen
MOMENT_S = 0.05  # what waits less long than this, does not stay
# All that waits is orange; a hop is told from the next by hatch and by shade.
HOPS = (("#E69F00", "...."), ("#F6D797", ""), ("#B87F00", "////"), ("#FBEFD5", "xx"))
_BOX = {"boxstyle": "round,pad=.15", "fc": "white", "ec": "none", "alpha": 0.92}
_AXES_IN = 7.6  # the width of the axes; the lanes' names take the rest
_IN_BYTES = {"kB": 1e3, "MB": 1e6}  # the units a guess may have beside the levels' own


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    lanes: Sequence[str] | None = None,
    unit: str = "connection",
    least: float = 0,
):
    """Return the figure: a panel per ledger, keyed by what it shows.

    `lanes` chooses and orders the strips; `unit` is what the levels count, "byte" or
    another noun. `predictions` gives a panel its guesses, dashed: across if they are in
    seconds (through the strip of their `.lane`, if it has one), else along; bytes may be
    guessed in kB or MB. The axis of the levels goes up to `least` at least, to be compared
    with another figure's. A ValueError if
    a panel has no level, or more than four, a chosen lane is in none, or a prediction
    belongs to no panel.
    """
    predictions = predictions or {}
    prediction.read_panels(panels, predictions, _levels)
    strips = {title: _strips(ledger, panels, lanes) for title, ledger in panels.items()}
    area = BYTES_AREA if unit == "byte" else AREA
    total = area + STRIP * max(map(len, strips.values()))
    figure, axes = style.new_figure(len(panels), (UNIT_IN * total + 0.8) * len(panels) + 0.2)
    right = 0.79 if unit == "byte" else 0.985
    figure.subplots_adjust(left=0.15, right=right, hspace=0.8 / (UNIT_IN * total))
    left, right = _extent(panels, predictions)
    axes[0].set_xlim(left, right)
    pixel_s = (right - left) / (_AXES_IN * style.DPI)
    top = max(_most(ledger, predictions.get(title)) for title, ledger in panels.items())
    top = max(top, least)
    for ax, (title, ledger) in zip(axes, panels.items(), strict=True):
        high = area + STRIP * len(strips[title])
        ax.set_ylim(0, high + 0.1)
        ticks = _draw_levels(ax, ledger, area * 0.86 / top, top, unit)
        places = {lane: high - STRIP * (row + 0.5) for row, lane in enumerate(strips[title])}
        for lane, y in places.items():
            _draw_strip(ax, ledger, lane, y, pixel_s)
            ticks[y] = lane
        if title in predictions:
            _draw_guess(ax, predictions[title], area * 0.86 / top, high, places)
        ax.set_yticks(list(ticks), list(ticks.values()))
        style.head(ax, title, _facts(ledger, unit))
    axes[-1].set_xlabel("seconds")
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    lanes: Sequence[str] | None = None,
    unit: str = "connection",
    least: float = 0,
) -> Words:
    """Return the same figure in words: what every run shows, then what this run measured."""
    predictions = predictions or {}
    prediction.read_panels(panels, predictions, _levels)
    words = Words(" / ".join(panels))
    words.stable.append(
        f"How many {unit}s wait, over time, in {style.count(len(panels), 'panel')}."
    )
    for title, ledger in panels.items():
        sentences = []
        for lane in _strips(ledger, panels, lanes):
            said = [s.label or LOOKS[s.kind].word for s in _bars(ledger, lane)]
            runs = [(text, len(list(same))) for text, same in groupby(said)]
            parts = [text if n == 1 else f"{text} ({n} times)" for text, n in runs]
            sentences.append(f"{lane}: {', then '.join(parts) or 'nothing'}.")
        for lane in _hops(ledger):
            levels = [int(s.label) for s in ledger.spans(lane, LEVEL)]
            if unit == "byte":  # how many is never the same twice
                some = "bytes wait there" if levels[-1] else "nothing waits there"
                sentences.append(f"{lane}: in the end {some}.")
            elif most := _most_that_stay(ledger, lane):
                grows = style.count(most, unit)
                sentences.append(f"{lane}: grows to {grows}, ends at {levels[-1]}.")
            else:
                sentences.append(f"{lane}: no {unit} stays there for longer than a moment.")
            for _, text in _limits(ledger, lane):
                sentences.append(f"Its limit: {text}.")
        words.stable.append(f"{title}: {' '.join(sentences)}")
        words.measured.append(f"{title}: {_facts(ledger, unit)}.")
        if unit == "byte":
            ends = [f"{lane} {_amount(_last(ledger, lane), unit)}" for lane in _hops(ledger)]
            words.measured.append(f"{title}, in the end: {', '.join(ends)}.")
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


# --- questions both share


def _levels(ledger: Ledger) -> list[str]:
    """Return the lanes that have levels; a ValueError for none, or more than can be drawn."""
    levels = _hops(ledger)
    if not 0 < len(levels) <= len(HOPS):
        raise ValueError(f"its ledger holds {len(levels)} levels, not 1 to {len(HOPS)}")
    return levels


def _hops(ledger: Ledger) -> list[str]:
    """Return the lanes with a level, in the order in which they were first read."""
    return list(dict.fromkeys(row[2] for row in sorted(ledger.rows) if row[3] == LEVEL))


def _most_that_stay(ledger: Ledger, lane: str) -> int:
    """Return the highest level of a lane that lasted longer than a moment; 0 if none did."""
    spans = ledger.spans(lane, LEVEL)
    return max((int(s.label) for s in spans if s.duration_s >= MOMENT_S), default=0)


def _bars(ledger: Ledger, lane: str) -> list[Span]:
    return [s for s in ledger.spans(lane) if s.kind in LOOKS]


def _strips(ledger: Ledger, panels: Panels, chosen: Sequence[str] | None) -> list[str]:
    """Return the lanes of a ledger that are drawn as strips, top first."""
    there = [lane for lane in ledger.lanes() if _bars(ledger, lane)]
    if chosen is None:
        return there
    known = {lane for other in panels.values() for lane in other.lanes()}
    if missing := [lane for lane in chosen if lane not in known]:
        raise ValueError(f"lanes={missing}: no ledger has them; there are {sorted(known)}")
    return [lane for lane in chosen if lane in there]


def _limits(ledger: Ledger, lane: str) -> list[tuple[int, str]]:
    """Return the limits of a level and what they are called; their labels end in the number."""
    return [(int(m.label.split()[-1]), m.label) for m in ledger.marks(lane, "limit")]


def _origin(ledger: Ledger) -> float:
    """Return the moment that is 0 on the axis: the first bar's start, or else the first level's."""
    starts = [row[0] for row in ledger.rows if row[3] in LOOKS]
    return min(starts) if starts else min(row[0] for row in ledger.rows)


def _extent(panels: Panels, predictions: Guesses) -> tuple[float, float]:
    left, right = 0.0, 0.0
    for ledger in panels.values():
        origin = _origin(ledger)
        drawn = [row for row in ledger.rows if row[3] in LOOKS or row[3] == LEVEL]
        left = min(left, min(row[0] for row in drawn) - origin)
        right = max(right, max(row[1] for row in drawn) - origin)
    timed = [guess for guess in predictions.values() if guess.unit == "s"]
    right = prediction.reach(right, [g for guess in timed for g in guess.guesses])
    margin = 0.03 * (right - left)
    return left - margin, right + margin


def _stacked(ledger: Ledger) -> tuple[list[float], list[list[int]]]:
    """Return the moments at which a level changes, and each hop's level from then on."""
    hops = [ledger.spans(lane, LEVEL) for lane in _hops(ledger)]
    times = sorted({t for spans in hops for s in spans for t in (s.start_s, s.end_s)})
    levels = [[_level(spans, t) for t in times] for spans in hops]
    return times, levels


def _level(spans: list[Span], time_s: float) -> int:
    """Return the level from a moment on: the last reading's at the very end, 0 outside."""
    for span in reversed(spans):
        if span.start_s <= time_s < span.end_s or time_s == spans[-1].end_s:
            return int(span.label)
    return 0


def _most(ledger: Ledger, guess: prediction.Prediction | None) -> float:
    """Return how high the axis of the levels must reach."""
    _, levels = _stacked(ledger)
    values = [sum(column) for column in zip(*levels, strict=True)]
    values += [limit for lane in _hops(ledger) for limit, _ in _limits(ledger, lane)]
    most = max(1, *values)
    return prediction.reach(most, _counted(guess) if guess is not None else [])


def _counted(guess: prediction.Prediction) -> list[float]:
    """Return guesses of a level in what the levels count; none of a time."""
    if guess.unit == "s":
        return []
    return [value * _IN_BYTES.get(guess.unit, 1.0) for value in guess.guesses]


def _last(ledger: Ledger, lane: str) -> int:
    return int(ledger.spans(lane, LEVEL)[-1].label)


def _facts(ledger: Ledger, unit: str) -> str:
    _, levels = _stacked(ledger)
    sums = [sum(column) for column in zip(*levels, strict=True)]
    if not max(sums):
        return "nothing waits"
    return f"at most {_amount(max(sums), unit)} waiting, {_amount(sums[-1], unit)} at the end"


def _amount(value: float, unit: str) -> str:
    if unit != "byte":
        return style.count(int(value), unit)
    for size, name in ((1e6, "MB"), (1e3, "kB")):
        if value >= size:
            return (
                f"{value / size:.2g} {name}" if value < 10 * size else f"{value / size:.0f} {name}"
            )
    return f"{value:.0f} B"


# --- drawing


def _draw_levels(ax, ledger: Ledger, scale: float, top: float, unit: str) -> dict[float, str]:
    """Draw the levels as stacked steps; return where the axis has which label."""
    times, levels = _stacked(ledger)
    xs = [t - _origin(ledger) for t in times]
    below = [0.0] * len(xs)
    for lane, row, (face, hatch) in zip(_hops(ledger), levels, HOPS, strict=False):
        above = [b + scale * level for b, level in zip(below, row, strict=True)]
        ax.fill_between(
            xs, below, above, step="post", facecolor=face, edgecolor="white", hatch=hatch, lw=0
        )
        ax.step(xs, above, where="post", color=style.INK, lw=0.9)
        if unit != "byte":
            _name_hop(ax, lane, xs, below, above)
        for limit, text in _limits(ledger, lane):
            y = scale * limit
            ax.axhline(y, color=style.GREY, lw=1.0, ls=(0, (1, 1.5)))
            ax.annotate(
                text,
                (0.995, y),
                (0, 2),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha="right",
                va="bottom",
                fontsize=8.5,
                color=style.GREY,
            )
        below = above
    if unit == "byte":
        _name_at_the_right(ax, ledger, scale)
    if unit == "byte" or top > 10:
        return {0.0: "0", scale * top / 2: _amount(top / 2, unit), scale * top: _amount(top, unit)}
    step = -(-int(top) // 4)  # four numbers above the 0 at most: more would touch each other
    return {scale * n: str(n) for n in range(0, int(top) + 1, step)}


def _name_at_the_right(ax, ledger: Ledger, scale: float) -> None:
    """Name each hop beside its end, with its bytes; names that would touch are moved apart."""
    low, top = 0.0, -LINE / 2
    for lane, (face, hatch) in zip(_hops(ledger), HOPS, strict=False):
        amount = _last(ledger, lane)
        y = max(low + scale * amount / 2, top + 1.1 * LINE)
        low, top = low + scale * amount, y
        place = {"transform": ax.get_yaxis_transform(), "clip_on": False}
        sample = {"facecolor": face, "hatch": hatch, "edgecolor": style.INK, "lw": 0.6}
        height = LINE * 0.6
        ax.barh(y, 0.022, height, left=1.012, **sample, **place)
        text = f"{lane}: {_amount(amount, 'byte')}"
        ax.text(1.042, y, text, va="center", fontsize=9, color=style.INK, **place)
    ax.text(
        1.012, top + 1.1 * LINE, "in the end", va="center", fontsize=9, color=style.GREY, **place
    )


def _name_hop(ax, lane: str, xs: list[float], below: list[float], above: list[float]) -> None:
    """Write a hop's name into it, in the middle of the longest stretch where it is thick."""
    stretches: list[tuple[float, float]] = []
    for i in range(len(xs) - 1):
        if above[i] - below[i] > LINE:
            joins = stretches and stretches[-1][1] == xs[i]
            start = stretches.pop()[0] if joins else xs[i]
            stretches.append((start, xs[i + 1]))
    stretches = [(start, end) for start, end in stretches if end - start >= MOMENT_S]
    if not stretches:  # nothing to write in: the name stands above the empty line
        at = (xs[0], max(above))
        ax.annotate(f"{lane}: (nearly) empty", at, (4, 4), textcoords="offset points", fontsize=9)
        return
    start, end = max(stretches, key=lambda stretch: stretch[1] - stretch[0])
    left, right = ax.get_xlim()
    half = 3.3 * len(lane) * (right - left) / (_AXES_IN * style.DPI)
    middle = min(max((start + end) / 2, left + half), right - half)
    # Of the steps near the middle, the one with the most room for a line.
    i = max(
        (i for i in range(len(xs) - 1) if xs[i] <= middle),
        key=lambda i: (above[i] - below[i] > LINE, xs[i]),
    )
    ax.text(
        middle,
        (below[i] + above[i]) / 2,
        lane,
        ha="center",
        va="center",
        fontsize=9,
        color=style.INK,
        bbox=_BOX,
    )


def _draw_strip(ax, ledger: Ledger, lane: str, y: float, pixel_s: float) -> None:
    origin = _origin(ledger)
    spans = _bars(ledger, lane)
    for span in spans:
        look = LOOKS[span.kind]
        # Two pixels at least: what lasted a moment is still seen.
        length = max(span.duration_s, 2 * pixel_s)
        ax.broken_barh(
            [(span.start_s - origin, length)],
            (y - BAR / 2, BAR),
            facecolor=look.face,
            edgecolor=style.INK,
            hatch=look.hatch,
            alpha=look.alpha,
            lw=0.6,
        )
    for span in spans:
        text = f"✕ {span.label}" if span.kind == "error" else span.label
        if not text:
            continue
        inside = span.duration_s / pixel_s > 6.3 * len(text)
        if inside:
            x = (span.start_s + span.end_s) / 2 - origin
            ax.text(x, y, text, ha="center", va="center", fontsize=8.5, color=style.INK, bbox=_BOX)
        elif span is spans[-1]:  # behind the last bar there is room
            ax.annotate(
                text,
                (span.end_s - origin, y),
                (5, 0),
                textcoords="offset points",
                va="center",
                fontsize=8.5,
                color=style.INK,
            )


def _draw_guess(
    ax, guess: prediction.Prediction, scale: float, high: float, places: Mapping[str, float]
) -> None:
    """Draw guesses of a level along the levels, guesses of a time across them or one strip."""
    if guess.unit != "s":
        factor = scale * _IN_BYTES.get(guess.unit, 1.0)
        # At the right end, where the levels have come to rest: they fill up at the left.
        prediction.draw(ax, guess, at=lambda g: factor * g, across=True, label_at_end=True)
        return
    y = places.get(guess.lane)
    prediction.draw(ax, guess, (0.05, high - 0.05) if y is None else (y - STRIP / 2, y + STRIP / 2))
