"""The cost figure: how long something takes against how large it is, both axes logarithmic.

Plan: a panel per ledger, on one axis of bytes; a line per lane, or a lone mark where there
is one size. Spans of the kinds "parsing" and "request" are the measurements, labelled with
the number of bytes; of those of one lane and size the shortest is drawn, because whatever
else the machine did can only have made the others longer. On such axes a line that rises
one decade per decade is a cost per byte, and a flat one a cost per message.

Left out: the spread of the measurements (that is the latency figure), and fitted lines.
"""

from __future__ import annotations

from collections.abc import Mapping

from helpers.figures import prediction, style, units
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import Words
from helpers.ledger import Ledger

PANEL_IN = 2.6
# What is drawn: calls of a parser, and whole requests beside them.
MEASURED = ("parsing", "request")


def costs(ledger: Ledger) -> dict[str, dict[int, float]]:
    """Return by lane and size in bytes the shortest time measured, in seconds.

    A ValueError if there is no span of the kinds MEASURED, or one whose label is no number.
    """
    found: dict[str, dict[int, float]] = {}
    for span in [span for span in ledger.spans() if span.kind in MEASURED]:
        if not span.label.isdigit() or span.label == "0":
            raise ValueError(f"the label {span.label!r} of {span.lane!r} is no number of bytes")
        sizes = found.setdefault(span.lane, {})
        size = int(span.label)
        sizes[size] = min(span.duration_s, sizes.get(size, span.duration_s))
    if not found:
        raise ValueError("its ledger holds no span of kind 'parsing' or 'request'")
    order = dict.fromkeys(row[2] for row in ledger.rows)
    return {lane: dict(sorted(found[lane].items())) for lane in order if lane in found}


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    compare: tuple[str, str] | None = None,
):
    """Return the figure: a panel per ledger, keyed by what it shows.

    `predictions` gives a panel its guesses (`.guesses`, `.label`, `.unit` "µs", "ms" or
    "s"), drawn dashed; `compare` names two lanes, whose ratio is written above their panel.
    A ValueError if a ledger has nothing to show or more than five lanes, or if a prediction
    belongs to no panel or is in another unit.
    """
    predictions = predictions or {}
    found = prediction.read_panels(panels, predictions, _lines, units.IN_SECONDS)
    figure, axes = style.new_figure(len(panels), PANEL_IN * len(panels) + 0.4)
    figure.subplots_adjust(left=0.1, right=0.78, hspace=0.32)
    sizes = [size for lines in found.values() for line in lines.values() for size in line]
    for ax, (title, lines) in zip(axes, found.items(), strict=True):
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlim(min(sizes) / 1.4, max(sizes) * 1.4)
        ax.grid(axis="y", color=style.GRID, lw=0.6)
        for (colour, marker), line in zip(style.LINES, lines.values(), strict=False):
            ax.plot(
                list(line), list(line.values()), color=colour, marker=marker, ms=5, lw=1.3, mew=0
            )
        low, high = ax.get_ylim()
        # Steps of ten leave room for guesses far above what was measured.
        high = max([high * 3] + [g * 3 for g in _guesses(predictions, title) if g < 30 * high])
        ax.set_ylim(low / 1.5, high)
        if title in predictions:
            prediction.draw(ax, predictions[title], unit="s", across=True)
        _label_ends(ax, lines)
        ax.yaxis.set_major_formatter(lambda value, _: units.time(value))
        ax.xaxis.set_major_formatter(lambda value, _: units.size(value))
        ax.minorticks_off()
        style.head(ax, title, _fact(lines, compare))
    axes[-1].set_xlabel("size (logarithmic)")
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    compare: tuple[str, str] | None = None,
) -> Words:
    """Return the same figure in words: what every run shows, then what this run measured."""
    predictions = predictions or {}
    words = Words(" / ".join(panels))
    words.stable.append("Time against size, both axes logarithmic; of several times the shortest.")
    for title, lines in prediction.read_panels(
        panels, predictions, _lines, units.IN_SECONDS
    ).items():
        words.stable.append(f"{title}: {style.count(len(lines), 'line')}: {', '.join(lines)}.")
        for lane, line in lines.items():
            sizes = list(line)
            span = f"from {units.size(sizes[0])} to {units.size(sizes[-1])}"
            words.stable.append(f"{lane}: {style.count(len(line), 'size')}, {span}.")
            words.measured.append(
                f"{lane}: {', '.join(f'{units.size(s)} {units.time(t)}' for s, t in line.items())}."
            )
        if fact := _fact(lines, compare):
            words.measured.append(f"{title}: {fact}.")
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


# --- questions both share


def _lines(ledger: Ledger) -> dict[str, dict[int, float]]:
    """Return the lines to draw; a ValueError for none, or more than can be told apart."""
    lines = costs(ledger)
    if len(lines) > len(style.LINES):
        raise ValueError(f"{len(lines)} lines, it shows {len(style.LINES)} at most")
    return lines


def _guesses(predictions: Guesses, title: str) -> list[float]:
    return predictions[title].within("s") if title in predictions else []


def _fact(lines: Mapping[str, Mapping[int, float]], compare: tuple[str, str] | None) -> str:
    """Return how many times as long the first of two lanes takes, at their smallest size."""
    if not compare or not set(compare) <= set(lines):
        return ""
    slow, quick = (lines[lane] for lane in compare)
    if not (common := set(slow) & set(quick)):
        return ""
    size = min(common)
    return f"{units.size(size)}: {compare[0]} takes {slow[size] / quick[size]:.1f} × {compare[1]}"


# --- drawing


def _label_ends(ax, lines: Mapping[str, Mapping[int, float]]) -> None:
    """Write each line's name beside its last point, moved apart where they would overlap."""
    import math

    low, high = (math.log10(y) for y in ax.get_ylim())
    least = 0.085 * (high - low)  # a line of text
    ends = sorted(
        (math.log10(list(line.values())[-1]), name) for name, line in lines.items() if len(line) > 1
    )
    below, rightmost = -math.inf, max(max(line) for line in lines.values())
    names = list(lines)
    for name in [name for name in names if len(lines[name]) == 1]:
        # A lone mark has no line to run into above it.
        [(size, time_s)] = lines[name].items()
        ax.annotate(
            f"{name}, {units.time(time_s)}",
            (size, time_s),
            (0, 6),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=9,
            color=style.LINES[names.index(name)][0],
        )
    for y, name in ends:
        below = max(y, below + least)
        ax.annotate(
            f"{name}, {units.time(list(lines[name].values())[-1])}",
            (rightmost, 10**below),
            (8, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=style.LINES[names.index(name)][0],
            annotation_clip=False,
        )
