"""The latency figure: how many requests were answered within a time, a line per ledger.

Plan: the latencies are the spans of kind "request". Each ledger becomes a line of steps
that rises by one request at each latency (the empirical distribution), on a logarithmic
axis: nothing is averaged, smoothed or put into boxes, so two groups of requests are seen
as two steps with a flat stretch between. A percentile is named with the number of
requests it comes from, and refused where fewer than ten requests lie above it.

Left out: how latency changes in time (the timeline), and means, which no request has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from helpers.figures import prediction, style
from helpers.figures.style import Words, milliseconds
from helpers.ledger import Ledger

ABOVE = 10  # so many requests must lie above a percentile
PERCENTILES = (50, 90, 99, 99.9)
GAP = 3.0  # neighbours so many times apart part two groups


def percentile(latencies: Sequence[float], p: float) -> float:
    """Return the smallest latency that at least p percent of them do not exceed.

    A ValueError where fewer than ten lie above that place: 99 percent need 1,000 of them.
    """
    if not 0 < p < 100:
        raise ValueError(f"p={p!r}: a percentile lies between 0 and 100")
    place = _place(len(latencies), p)
    if len(latencies) - place < ABOVE:
        raise ValueError(
            f"p{p:g} of {len(latencies)} requests would have {max(0, len(latencies) - place)} "
            f"above it: fewer than {ABOVE} are chance, not a percentile"
        )
    return sorted(latencies)[place - 1]


def _place(n: int, p: float) -> int:
    # Rounded first: 99.9 percent of 10,000 is 9,990, and not a little more.
    return math.ceil(round(n * p / 100, 6))


def groups(latencies: Sequence[float]) -> list[list[float]]:
    """Return the latencies in groups with a wide gap between them, quickest first.

    A gap is wide where the next latency is three times as long, the widest first; a tenth
    of all requests (two at least) make a group, fewer are stragglers of another.
    """
    ordered = sorted(latencies)
    least = max(2, len(ordered) / 10)
    wide = [(b / a, i) for i, (a, b) in enumerate(pairwise(ordered), start=1) if b > GAP * a]
    cuts = [0, len(ordered)]
    for _, i in sorted(wide, reverse=True):
        if min(abs(i - cut) for cut in cuts) >= least:
            cuts.append(i)
    return [ordered[a:b] for a, b in pairwise(sorted(cuts))]


def draw(
    panels: Mapping[str, Ledger],
    predictions: Mapping[str, prediction.Prediction] | None = None,
    lanes: Sequence[str] | None = None,
    claim: str = "Requests answered within a time",
):
    """Return the figure: a line per ledger, keyed by what it shows; `claim` is its title.

    `predictions` gives a line its guesses (`.guesses`, `.label`, `.unit` "s" or "ms"), drawn
    dashed; `lanes` chooses the lanes the requests are taken from. A ValueError if a ledger
    has no request, there are more than five, or a prediction has no line or another unit.
    """
    predictions = predictions or {}
    series = _series(panels, predictions, lanes)
    figure, (ax,) = style.new_figure(1, 3.3 + 0.25 * len(series))
    figure.subplots_adjust(left=0.15, right=0.985)
    ax.grid(axis="y", color=style.GRID, lw=0.6)
    every = [1000 * v for some in series.values() for v in some]
    guesses = [g for guess in predictions.values() for g in guess.within("ms")]
    # A guess may stretch the axis by a step of ten either way; beyond it is an arrow.
    every += [g for g in guesses if min(every) / 10 <= g <= max(every) * 10]
    ax.set_xscale("log")
    ax.set_xlim(min(every) / 1.5, max(every) * 1.5)
    for (title, some), (colour, marker) in zip(series.items(), style.LINES, strict=False):
        _draw_line(ax, [1000 * v for v in some], colour, marker)
        if title in predictions:
            prediction.draw(ax, predictions[title], (-0.1, 1), unit="ms")
    _label_ends(ax, series)
    ax.set_ylim(-0.13 if predictions else -0.03, 1.06 + 0.1 * len(series))
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["none", "a quarter", "half", "three quarters", "all"])
    _ticks(ax)
    ax.set_xlabel("milliseconds from asking to the answer (logarithmic)")
    fewest = min(series.values(), key=len)
    style.head(ax, claim, _refused(fewest))
    return figure


def describe(
    panels: Mapping[str, Ledger],
    predictions: Mapping[str, prediction.Prediction] | None = None,
    lanes: Sequence[str] | None = None,
    claim: str = "Requests answered within a time",
) -> Words:
    """Return the same figure in words: what every run shows, then what this run measured."""
    predictions = predictions or {}
    series = _series(panels, predictions, lanes)
    words = Words(f"{claim}: {' / '.join(panels)}")
    words.stable.append(
        f"The part of the requests answered within a time, {style.count(len(series), 'line')} "
        "on a logarithmic axis of milliseconds."
    )
    for title, some in series.items():
        text = f"{title}: {style.count(len(some), 'request')}"
        facts, parts = [*_facts(some), _refused(some)], groups(some)
        if len(parts) > 1:
            text += f", in {len(parts)} groups with a wide gap between"
            facts.insert(0, f"groups of {' and '.join(str(len(part)) for part in parts)}")
        words.stable.append(f"{text}.")
        words.measured.append(f"{title}: {', '.join(fact for fact in facts if fact)}.")
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    words.stable += _order(series)
    return words


# --- questions both share


def _series(
    panels: Mapping[str, Ledger],
    predictions: Mapping[str, prediction.Prediction],
    lanes: Sequence[str] | None,
) -> dict[str, list[float]]:
    """Return the latencies of each ledger, in seconds, shortest first."""
    if not 0 < len(panels) <= len(style.LINES):
        raise ValueError(
            f"panels={sorted(panels)}: a latency figure takes 1 to {len(style.LINES)} ledgers"
        )
    series = {}
    for title, ledger in panels.items():
        spans = [s for s in ledger.spans(kind="request") if lanes is None or s.lane in lanes]
        if not spans:
            where = "" if lanes is None else f" in lanes={list(lanes)}"
            raise ValueError(f"panel {title!r}: its ledger holds no request{where}")
        # A logarithmic axis has no zero, and no request takes less than a clock can tell.
        series[title] = sorted(max(s.duration_s, 1e-7) for s in spans)
    prediction.check(predictions, panels, ("s", "ms"))
    return series


def _middle(some: list[float]) -> float:
    return some[len(some) // 2]


def _facts(some: list[float]) -> list[str]:
    """Return the percentiles that so many requests bear, or the range where they bear none."""
    facts = [
        f"p{p:g} {milliseconds(percentile(some, p))}"
        for p in PERCENTILES
        if len(some) - _place(len(some), p) >= ABOVE
    ]
    if len(some) == 1:
        facts = [milliseconds(some[0])]
    elif not facts:
        facts = [f"{milliseconds(some[0])} to {milliseconds(some[-1])}"]
    return [*facts, f"n {len(some):,}"]


def _refused(some: list[float]) -> str:
    """Say from which percentile on the requests are too few, or nothing."""
    for p in PERCENTILES:
        if len(some) - _place(len(some), p) < ABOVE:
            needed = math.ceil(round(ABOVE / (1 - p / 100), 6))
            return f"p{p:g} needs {needed:,} requests"
    return ""


def _order(series: Mapping[str, list[float]]) -> list[str]:
    """Say which line is quicker, where it is clear: their middles differ by half or more."""
    if len(series) < 2:
        return []
    ordered = sorted(series, key=lambda title: _middle(series[title]))
    clear = all(_middle(series[b]) > 1.5 * _middle(series[a]) for a, b in pairwise(ordered))
    if clear:
        return [f"From the quickest middle request to the slowest: {', '.join(ordered)}."]
    return []


# --- drawing


def _draw_line(ax, some: list[float], colour: str, marker: str) -> None:
    """Draw the steps, with a few marks on them that tell the lines apart without colour."""
    n = len(some)
    xs = [some[0], *some]
    ys = [i / n for i in range(n + 1)]
    # A mark at every request where they are few, else some along the line.
    every = [i for i in range(1, n + 1) if n <= 30 or i % (n // 8) == n // 16]
    ax.step(xs, ys, where="post", color=colour, lw=1.8, zorder=3)
    ax.plot(
        [xs[i] for i in every],
        [ys[i] for i in every],
        marker,
        ms=5,
        mfc="white",
        mec=colour,
        mew=1.3,
        zorder=4,
    )
    for a, b in pairwise(groups(some)):
        height = sum(v <= a[-1] for v in some) / n
        ax.annotate(
            "none between",
            (math.sqrt(a[-1] * b[0]), height),
            (0, 5),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8.5,
            color=style.GREY,
            zorder=5,
            bbox={"boxstyle": "round,pad=.1", "fc": "white", "ec": "none", "alpha": 0.9},
        )


def _label_ends(ax, series: Mapping[str, list[float]]) -> None:
    """Name each line above its end; the one that ends first stands highest."""
    titles = list(series)
    by_end = sorted(titles, key=lambda title: series[title][-1], reverse=True)
    left, right = (math.log(x) for x in ax.get_xlim())
    for level, title in enumerate(by_end):
        colour, _ = style.LINES[titles.index(title)]
        x = 1000 * series[title][-1]
        y = 1.08 + 0.1 * level
        ax.plot([x, x], [1, y - 0.01], color=colour, lw=0.8, zorder=2)
        ax.annotate(
            f"{title} · {' · '.join(_facts(series[title]))}",
            (x, y),
            (3, 0),
            textcoords="offset points",
            ha="right" if (math.log(x) - left) / (right - left) > 0.5 else "left",
            va="center",
            fontsize=9,
            color=colour,
            zorder=5,
            bbox={"boxstyle": "round,pad=.1", "fc": "white", "ec": "none"},
        )


def _ticks(ax) -> None:
    """Write 1, 10, 100 along the axis, and 2 and 5 between them where it is short."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = ax.get_xlim()
    steps = (1, 2, 5) if high / low < 1000 else (1,)
    ax.xaxis.set_major_locator(LogLocator(base=10, subs=steps))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
