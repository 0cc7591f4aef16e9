"""A curve: how one number depends on another, a line per lane, beside what a formula says.

Plan: an experiment notes its results as points (`point`): marks of kind "value" whose label
holds x and y. A panel per ledger, a line per lane, told apart by colour and shape, named at
its right end. A formula is a thin grey line without points: it was not measured. The words
say how each line runs, and, as measured, its points.

Left out: error bars. Many runs stand behind a point; the lesson says how many.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import Words
from helpers.ledger import Ledger

PANEL_IN = 3.3
# A line that varies by less than this part of its highest value is level; of one that does
# not, steps of less than a tenth say nothing: a loaded machine makes such steps.
_LEVEL, _STEP = 0.4, 0.1


def point(ledger: Ledger, lane: str, x: float, y: float) -> None:
    """Note a point of a line; a ValueError if a number is not finite."""
    if not abs(x) + abs(y) < float("inf"):
        raise ValueError(f"x={x!r}, y={y!r}: a point has two finite numbers")
    ledger.mark(lane, "value", f"{x!r} {y!r}")


def points(ledger: Ledger) -> dict[str, list[tuple[float, float]]]:
    """Return the points of each line, in order of x; a ValueError if there is none."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for mark in ledger.marks(kind="value"):
        x, y = map(float, mark.label.split())
        lines.setdefault(mark.lane, []).append((x, y))
    if not lines:
        raise ValueError("its ledger holds no point of a curve")
    return {lane: sorted(some) for lane, some in lines.items()}


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    x: str,
    y: str,
    log: str = "",
    formula: tuple[str, Callable[[float], float]] | None = None,
    nested: bool = False,
):
    """Return the figure; `x` and `y` say what the axes count, `log` which are by tens ("xy").

    `formula` is a name and a function of x. `nested` draws each line thinner than those under
    it, so that lines that lie on each other can be seen. A prediction of a panel is a height. A
    ValueError for a ledger without points, more than five lines, or a prediction of no panel.
    """
    predictions = predictions or {}
    found = prediction.read_panels(panels, predictions, _lines)
    figure, axes = style.new_figure(len(panels), PANEL_IN * len(panels) + 0.4)
    figure.subplots_adjust(left=0.09, right=0.72, hspace=0.4)
    for ax, (title, lines) in zip(axes, found.items(), strict=True):
        _scale(ax, lines, log, predictions.get(title), formula)
        for n, ((colour, marker), some) in enumerate(
            zip(style.LINES, lines.values(), strict=False), 1
        ):
            xs, ys = zip(*some, strict=True)
            above = (len(lines) - n) if nested else 0
            size = {"ms": 6 + 2 * above, "lw": 1.4 + above}
            ax.plot(xs, ys, color=colour, marker=marker, **size, zorder=3)
        if formula:
            _draw_formula(ax, formula)
        _name_lines(ax, lines, formula)
        if title in predictions:
            prediction.draw(ax, predictions[title], across=True)
        ax.grid(axis="y", color=style.GRID, lw=0.6)
        ax.set_ylabel(y)
        style.head(ax, title, "")
    axes[-1].set_xlabel(x)
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    x: str,
    y: str,
    log: str = "",
    formula: tuple[str, Callable[[float], float]] | None = None,
    nested: bool = False,
) -> Words:
    """Return the same figure in words."""
    predictions = predictions or {}
    words = Words(" / ".join(panels))
    words.stable.append(f"A curve: from left to right {x}, upwards {y}.")
    if formula:
        name = " ".join(formula[0].split())
        words.stable.append(f"A thin grey line is what a formula says: {name}.")
    for title, lines in prediction.read_panels(panels, predictions, _lines).items():
        for lane, some in lines.items():
            name = " ".join(lane.split())
            words.stable.append(f"{title}, {name}: {_course([y for _, y in some])}.")
            values = ", ".join(f"{a:g}: {b:.3g}" for a, b in some)
            words.measured.append(f"{title}, {name}: {values}.")
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


def _lines(ledger: Ledger) -> dict[str, list[tuple[float, float]]]:
    """Return the lines to draw; a ValueError for none, or more than can be told apart."""
    lines = points(ledger)
    if len(lines) > len(style.LINES):
        raise ValueError(f"{len(lines)} lines, it shows {len(style.LINES)} at most")
    return lines


def _course(values: list[float]) -> str:
    """Return how a line runs, in words that a run under load repeats."""
    whole = max(values)
    if whole - min(values) < _LEVEL * whole or whole == min(values):
        return "level"
    steps = [b - a for a, b in pairwise(values) if abs(b - a) > _STEP * whole]
    if all(step > 0 for step in steps):
        return "rising"
    if all(step < 0 for step in steps):
        return "falling"
    falls_first = [step < 0 for step in steps] == sorted((step < 0 for step in steps), reverse=True)
    return "first falling, then rising" if falls_first else "going up and down"


# --- drawing


def _scale(ax, lines, log: str, guess, formula) -> None:
    """Set both axes, with room for a guess and for the formula."""
    xs = [a for some in lines.values() for a, _ in some]
    ys = [b for some in lines.values() for _, b in some]
    if formula:
        ys += [formula[1](value) for value in xs]
    top = prediction.reach(max(ys), guess.guesses if guess else [])
    if "x" in log:
        ax.set_xscale("log")
        ax.set_xlim(min(xs) / 1.3, max(xs) * 1.3)
        ax.set_xticks(sorted(set(xs)), [_number(value) for value in sorted(set(xs))])
    else:
        margin = 0.05 * (max(xs) - min(xs))
        ax.set_xlim(min(xs) - margin, max(xs) + margin)
        if all(value == int(value) for value in xs):
            ax.xaxis.get_major_locator().set_params(integer=True)
    if "y" in log:
        ax.set_yscale("log")
        ax.set_ylim(min(ys) / 1.5, top * 1.5)
        low, high = ax.get_ylim()
        steps = [step * 10**power for power in range(-6, 9) for step in (1, 2, 5)]
        ticks = [value for value in steps if low <= value <= high]
        ax.set_yticks(ticks, [_number(value) for value in ticks])
    else:
        ax.set_ylim(0, top * 1.12)
    ax.minorticks_off()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def _draw_formula(ax, formula) -> None:
    left, right = ax.get_xlim()
    parts = [n / 500 for n in range(501)]  # so many that a step looks like one
    steps = [left + (right - left) * part for part in parts]
    if ax.get_xscale() == "log":
        steps = [left * (right / left) ** part for part in parts]
    ax.plot(steps, [formula[1](value) for value in steps], color=style.GREY, lw=0.9, zorder=2)


def _name_lines(ax, lines, formula) -> None:
    """Name each line at the right, as high as it ends; names that would touch are moved apart."""
    right = ax.get_xlim()[1]
    names = [
        (some[-1][1], lane, colour)
        for (colour, _), (lane, some) in zip(style.LINES, lines.items(), strict=False)
    ]
    if formula:
        names.append((formula[1](right), formula[0], style.GREY))
    low, high = ax.transData.transform([(right, limit) for limit in ax.get_ylim()])[:, 1]
    line = 18.0  # pixels for one line of a name
    place, below = -float("inf"), 0.0
    for value, name, colour in sorted(names, key=lambda entry: entry[0]):
        y = min(max(ax.transData.transform((right, value))[1], low), high)
        half = line * (name.count("\n") + 1) / 2
        place = max(y, place + below + half)
        below = half
        ax.annotate(
            name,
            (1.0, (place - low) / (high - low)),
            (8, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            fontsize=9.5,
            color=colour,
            annotation_clip=False,
        )
