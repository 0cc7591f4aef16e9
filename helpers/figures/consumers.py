"""Consumers: which consumer handled which message, a row per run.

Plan: a row is a strip with a cell for each message, in the order in which they were sent; the
cell's look says which of two consumers handled it. So a pattern is seen at once: one took
all, they took turns, one took a block and then little. At the right stand the counts, and
how many messages the first of the two had at once, at most, that it had not acknowledged.
In the ledger a lane is "run: consumer"; a span of kind "serving" is the handling of the
message its label numbers, one of kind "queued" its wait at the consumer.

Left out: when a message was handled, and more than two consumers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Words
from helpers.ledger import Ledger, in_flight

ROW_IN, _CELL = 0.5, 0.52
# The first consumer of a figure, and the second.
_LOOKS = (
    {"facecolor": LOOKS["serving"].face, "hatch": ""},
    {"facecolor": "#FFFFFF", "hatch": "////"},
)


class Row(NamedTuple):
    """A run: for each message, in order, which consumer handled it; what the first held."""

    handled_by: list[str]
    held: int

    def counts(self, consumers: Sequence[str]) -> list[int]:
        """Return how many messages each consumer handled."""
        return [self.handled_by.count(name) for name in consumers]


def row(ledger: Ledger, run: str, consumers: Sequence[str]) -> Row:
    """Return who handled what in a run; a ValueError if nothing was handled in it.

    What a consumer holds is delivered to it and not acknowledged: it waits, or is in hand.
    """
    handled = {
        int(span.label): name
        for name in consumers
        for span in ledger.spans(f"{run}: {name}", "serving")
    }
    if not handled:
        raise ValueError(f"no message was handled in the run {run!r}")
    first = f"{run}: {consumers[0]}"
    waits = {span.label: span.start_s for span in ledger.spans(first, "queued")}
    held = [
        span._replace(start_s=waits.get(span.label, span.start_s))
        for span in ledger.spans(first, "serving")
    ]
    return Row([handled[number] for number in sorted(handled)], in_flight(held))


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    runs: Sequence[str],
    consumers: Sequence[str],
):
    """Return the figure: a panel per ledger, in it a row for each of `runs`.

    `consumers` are the two, the one that joined first first. A prediction is a number of
    messages; its `lane` names its run. A ValueError for a run without messages.
    """
    predictions = predictions or {}
    found = _found(panels, predictions, runs, consumers)
    figure, axes = style.new_figure(len(found), (ROW_IN * len(runs) + 0.6) * len(found) + 0.75)
    figure.subplots_adjust(left=0.16, right=0.7, hspace=0.7 / (ROW_IN * len(runs)))
    most = max(len(one.handled_by) for rows in found.values() for one in rows.values())
    axes[0].set_xlim(0, most)
    for ax, (title, rows) in zip(axes, found.items(), strict=True):
        ax.set_ylim(-len(runs) + 0.3, 0.45)
        ax.grid(visible=False)
        for n, one in enumerate(rows.values()):
            for look, name in zip(_LOOKS, consumers, strict=True):
                cells = [(i, 1) for i, who in enumerate(one.handled_by) if who == name]
                bar = look | {"edgecolor": style.INK, "lw": 0.5}
                ax.broken_barh(cells, (-n - _CELL / 2, _CELL), **bar)
            _write(ax, 1.09, -n, " : ".join(map(str, one.counts(consumers))))
            _write(ax, 1.34, -n, str(one.held))
        ax.set_yticks([-n for n in range(len(runs))], runs)
        if title in predictions:
            guess = predictions[title]
            place = runs.index(guess.lane) if guess.lane in runs else 0
            prediction.note(ax, guess, most / 60, -place - 0.5)
        pad = 34 if ax is axes[0] else 7  # above the first panel stand the columns' names
        ax.set_title(title, loc="left", fontweight="bold", fontsize=11.5, pad=pad)
    _write_head(axes[0], consumers)
    axes[-1].set_xlabel("the messages, in the order in which they were sent")
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    runs: Sequence[str],
    consumers: Sequence[str],
) -> Words:
    """Return the same figure in words: who got all, none, a part; as measured, how many."""
    predictions = predictions or {}
    words = Words(" / ".join(panels))
    words.stable.append(
        f"A row per run, with a cell for each message: handled by the "
        f"{' or the '.join(consumers)} consumer."
    )
    for title, rows in _found(panels, predictions, runs, consumers).items():
        for run, one in rows.items():
            total, counts = len(one.handled_by), one.counts(consumers)
            parts = ["none" if not n else "all" if n == total else "a part" for n in counts]
            shares = ", ".join(f"{who} {n}" for who, n in zip(consumers, parts, strict=True))
            words.stable.append(f"{title}, {run}: {style.count(total, 'message')}; {shares}.")
            numbers = ", ".join(f"{who} {n}" for who, n in zip(consumers, counts, strict=True))
            turns = " They take turns." if _take_turns(one.handled_by) else ""
            words.measured.append(
                f"{title}, {run}: {numbers}; unacknowledged at once at the "
                f"{consumers[0]} one, at most: {one.held}.{turns}"
            )
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


def _take_turns(handled_by: Sequence[str]) -> bool:
    return all(a != b for a, b in pairwise(handled_by))


def _found(panels, predictions, runs, consumers) -> dict[str, dict[str, Row]]:
    if not runs:
        raise ValueError("runs=[]: the figure needs at least one run")
    if len(consumers) != 2:
        raise ValueError(f"consumers={consumers!r}: the figure tells two apart")

    def rows(ledger: Ledger) -> dict[str, Row]:
        return {run: row(ledger, run, consumers) for run in runs}

    return prediction.read_panels(panels, predictions, rows)


# --- drawing


def _write(ax, x: float, y: float, text: str, **options) -> None:
    """Write a text at the right of the axes, in a column."""
    look = {"ha": "center", "va": "center", "fontsize": 9.5, "color": style.INK} | options
    ax.text(x, y, text, transform=ax.get_yaxis_transform(), **look)


def _write_head(ax, consumers: Sequence[str]) -> None:
    """Say above the cells which look is whose, and above the columns what they count."""
    from matplotlib.patches import Patch

    keys = [
        Patch(**look, edgecolor=style.INK, lw=0.5, label=f"handled by the {name} consumer")
        for look, name in zip(_LOOKS, consumers, strict=True)
    ]
    ax.legend(
        handles=keys, loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=2, frameon=False,
        fontsize=9.5, handlelength=1.6, borderaxespad=0,
    )  # fmt: skip
    grey = {"va": "bottom", "color": style.GREY, "fontsize": 9}
    _write(ax, 1.09, 0.52, f"{consumers[0]} :\n{consumers[1]}", **grey)
    _write(ax, 1.34, 0.52, f"unacknowledged at the\n{consumers[0]} one, at most", **grey)
