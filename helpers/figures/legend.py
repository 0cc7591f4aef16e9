"""The legend: every bar and stroke that a timeline can hold, and what each of them means.

Plan: one sample a kind, drawn by the timeline's own hand in the look of style.LOOKS, so
that it shows what the timelines show; beside it the kind's word and what it means.

Left out: the phases of a request, which the waterfall names in its own rows.
"""

from __future__ import annotations

from collections.abc import Mapping

from helpers import ledger
from helpers.figures import style, timeline
from helpers.figures.style import LOOKS, Words
from helpers.ledger import Ledger, Span

# In the ledger's own words; an error is drawn where it ended.
SHOWN = ("request", "serving", "blocked", "free", "queued", "error", "asleep", "running")
MEANINGS = {kind: ledger.KINDS[kind] for kind in SHOWN}
MARKS = {
    "beat": "a stroke: something happened at this moment",
    "prediction": "a dashed line: what was guessed before the run",
}
COLUMNS = 2
_HATCHES = {
    "/": "hatched with strokes",
    "-": "ruled",
    ".": "dotted",
    "x": "cross-hatched",
    "": "plain",
}
_TITLE = "How to read a timeline: time goes from left to right"


def draw(
    panels: Mapping[str, Ledger] | None = None, predictions: Mapping[str, object] | None = None
):
    """Return the figure; it is the same for all ledgers."""
    entries = [*MEANINGS.items(), *MARKS.items()]
    rows = -(-len(entries) // COLUMNS)
    figure, (ax,) = style.new_figure(1, 0.5 * rows + 0.4)
    figure.subplots_adjust(left=0.01, right=0.99)
    ax.axis("off")
    ax.set_xlim(0, COLUMNS)
    ax.set_ylim(0, rows)
    for index, (key, meaning) in enumerate(entries):
        left, y = index // rows, rows - index % rows - 0.5
        _draw_sample(ax, key, left, y)
        word = LOOKS[key].word if key in LOOKS else key
        ax.text(left + 0.2, y + 0.19, word, va="center", fontweight="bold", fontsize=9.5)
        ax.text(left + 0.2, y - 0.19, meaning, va="center", fontsize=9, color=style.GREY)
    style.head(ax, _TITLE, "")
    return figure


def _draw_sample(ax, key: str, left: float, y: float) -> None:
    if key in LOOKS:
        bar = [Span(left, left + 0.16, "", key)]
        # At ten pixels wide, no label of its own would fit into the bar.
        timeline.draw_bars(ax, bar, y, timeline.BAR, 0.0, pixel_s=0.016)
        if key == "error":
            timeline.draw_error(ax, left + 0.16, y, "")
    elif key == "beat":
        beats = [left + 0.04 * n for n in range(5)]
        ax.plot(beats, [y] * 5, "|", ms=11, mew=1.2, color=style.INK)
    else:
        ax.plot([left + 0.08] * 2, [y - 0.4, y + 0.4], **style.DASHED)


def describe(
    panels: Mapping[str, Ledger] | None = None, predictions: Mapping[str, object] | None = None
) -> Words:
    """Return the same in words; nothing of it is measured."""
    words = Words(_TITLE)
    for key, meaning in MEANINGS.items():
        look = _HATCHES[LOOKS[key].hatch[:1]]
        words.stable.append(f"A bar, {look}, is “{LOOKS[key].word}”: {meaning}.")
    words.stable += [f"A {name} is {meaning}." for name, meaning in MARKS.items()]
    return words
