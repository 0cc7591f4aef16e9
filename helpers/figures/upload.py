"""An upload over time: how much of the file the server has kept, and where it was cut.

Plan: a panel per ledger, all on the same two axes: seconds since the upload began, and the
part of the file that the server has kept. What was kept is a lane of levels (spans of kind
"level", the label the number of bytes), drawn as a line in steps with its ground filled;
a cut is a cross on it (a mark of kind "error"), other events a small upright line with their
words. The height of the whole file is a thin line: `size` bytes.

Left out: bytes under way; they are not kept until the server says so.
"""

from __future__ import annotations

from itertools import pairwise

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Words, count
from helpers.figures.units import seconds
from helpers.ledger import Ledger, Span

PANEL_IN = 2.0


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    size: int,
):
    """Return the figure; a ValueError for a ledger without levels, or a prediction of no panel."""
    predictions = predictions or {}
    kept = prediction.read_panels(panels, predictions, _levels, ("s", "ms"))
    figure, axes = style.new_figure(len(panels), PANEL_IN * len(panels) + 0.4)
    figure.subplots_adjust(left=0.1, right=0.97, hspace=0.55)
    right = max(_times(ledger)[1] for ledger in panels.values())
    axes[0].set_xlim(-0.02 * right, 1.06 * right)
    for ax, (title, ledger) in zip(axes, panels.items(), strict=True):
        ax.set_ylim(0, 1.32 * size)
        ax.set_yticks([0, size / 2, size], ["nothing", "half", "all"])
        ax.axhline(size, color=style.GREY, lw=0.8)
        _draw_kept(ax, ledger, kept[title])
        _draw_events(ax, ledger, kept[title], size)
        if title in predictions:
            prediction.draw(ax, predictions[title], unit="s")
        style.head(ax, title, _facts(ledger))
    axes[-1].set_xlabel("seconds since the upload began · upwards: what the server has kept")
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    size: int,
) -> Words:
    """Return the same figure in words."""
    predictions = predictions or {}
    kept = prediction.read_panels(panels, predictions, _levels, ("s", "ms"))
    words = Words(" / ".join(panels))
    words.stable.append("How much of the file the server has kept, over time.")
    for title, ledger in panels.items():
        levels = [int(span.label) for span in kept[title]]
        falls = any(b < a for a, b in pairwise(levels))
        sentences = [
            "It never has less than before." if not falls else "It begins at nought again."
        ]
        sentences.append("In the end it has all." if levels[-1] == size else "It never has all.")
        cuts = ledger.marks(kind="error")
        sentences.append(f"{count(len(cuts), 'cut')}.")
        sentences += [f"Then: {mark.label}." for mark in ledger.marks(kind="event")]
        words.stable.append(f"{title}: {' '.join(sentences)}")
        words.measured.append(f"{title}: {_facts(ledger)}.")
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


def _levels(ledger: Ledger) -> list[Span]:
    """Return how much the server has kept, step by step; a ValueError if nobody noted it."""
    levels = ledger.spans(kind="level")
    if not levels:
        raise ValueError("its ledger holds no level")
    return levels


def _times(ledger: Ledger) -> tuple[float, float]:
    """Return when the upload began, and how long it took, in seconds."""
    start_s, end_s = ledger.extent_s()
    return start_s, end_s - start_s


def _facts(ledger: Ledger) -> str:
    cuts = len(ledger.marks(kind="error"))
    return f"{count(cuts, 'cut')} · {seconds(_times(ledger)[1])}"


def _draw_kept(ax, ledger: Ledger, levels: list[Span]) -> None:
    origin, _ = _times(ledger)
    xs, ys = [], []
    for span in levels:
        xs += [span.start_s - origin, span.end_s - origin]
        ys += [int(span.label)] * 2
    ax.fill_between(xs, ys, color=LOOKS["serving"].face, alpha=0.18, lw=0)
    ax.plot(xs, ys, color=LOOKS["serving"].face, lw=1.6, zorder=3)


def _draw_events(ax, ledger: Ledger, levels: list[Span], size: int) -> None:
    origin, _ = _times(ledger)
    for mark in ledger.marks(kind="error"):
        before = [int(span.label) for span in levels if span.start_s <= mark.time_s] or [0]
        cross = {"mfc": LOOKS["error"].face, "mec": style.INK, "zorder": 5}
        spot = (mark.time_s - origin, before[-1])
        ax.plot(*spot, "X", ms=9, **cross)
        ax.annotate("cut", spot, (8, -11), textcoords="offset points", fontsize=8.5)
    for mark in ledger.marks(kind="event"):
        x = mark.time_s - origin
        late = x > 0.8 * ax.get_xlim()[1]
        ax.plot([x, x], [0, 1.1 * size], color=style.INK, lw=1)
        ax.annotate(
            mark.label,
            (x, 1.12 * size),
            (-3 if late else 3, 0),
            textcoords="offset points",
            fontsize=8.5,
            ha="right" if late else "left",
            va="bottom",
            color=style.INK,
        )
