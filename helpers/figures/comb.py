"""The comb: how many requests reach a server in each short stretch of time.

Plan: a panel per ledger, all on the same two axes: time since the first arrival of its run,
and how many arrivals (marks of one kind) fall into each bin of `bin_s` seconds. The fullest
bin is named. Clients that ask in step make the teeth of a comb, others a level lawn. Where
another kind of mark says which of them asked in vain (`in_vain`), that part of a bar is crossed.

Left out: how long the requests took (the latency figure shows that).
"""

from __future__ import annotations

from collections import Counter

from helpers.figures import prediction, style, units
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Words
from helpers.ledger import Ledger

PANEL_IN = 1.75


def bins(ledger: Ledger, bin_s: float, kind: str = "event") -> list[int]:
    """Return how many marks fall into each bin, from the first mark on.

    A ValueError if there is none.
    """
    return _bins(ledger, bin_s, kind, kind)


def _bins(ledger: Ledger, bin_s: float, kind: str, counted: str) -> list[int]:
    """Return how many marks of the kind `counted` fall into each bin of those of `kind`."""
    times = [mark.time_s for mark in ledger.marks(kind=kind)]
    if not times:
        raise ValueError(f"its ledger holds no {kind}")
    last = int((times[-1] - times[0]) / bin_s)
    counts = Counter(int((mark.time_s - times[0]) / bin_s) for mark in ledger.marks(kind=counted))
    return [counts[n] for n in range(last + 1)]


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    bin_s: float = 0.05,
    kind: str = "event",
    noun: str = "request",
    in_vain: str = "",
):
    """Return the figure; a prediction is a number of arrivals in a bin.

    `in_vain` is a kind of mark, one at the moment of each arrival that was in vain.
    A ValueError for no panel, for a ledger without arrivals, or a prediction of no panel.
    """
    predictions = predictions or {}
    found = _found(panels, predictions, bin_s, kind)
    figure, axes = style.new_figure(len(panels), PANEL_IN * len(panels) + 0.5)
    figure.subplots_adjust(left=0.08, right=0.97, hspace=0.42)
    guesses = [g for guess in predictions.values() for g in guess.guesses]
    top = prediction.reach(max(max(some) for some in found.values()), guesses)
    width_s = bin_s * max(len(some) for some in found.values())
    for ax, (title, some) in zip(axes, found.items(), strict=True):
        ax.bar(
            [bin_s * n for n in range(len(some))],
            some,
            bin_s,
            align="edge",
            facecolor=LOOKS["sent"].face,
            edgecolor="white",
            lw=0.5,
        )
        if in_vain:
            _draw_in_vain(ax, _bins(panels[title], bin_s, kind, in_vain), bin_s)
        ax.set_xlim(-0.01 * width_s, 1.01 * width_s)
        ax.set_ylim(0, 1.22 * top)
        fullest = some.index(max(some))
        ax.annotate(
            f"{max(some)}",
            (bin_s * (fullest + 0.5), max(some)),
            (0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=9.5,
        )
        if title in predictions:
            prediction.draw(ax, predictions[title], across=True)
        ax.grid(axis="y", color=style.GRID, lw=0.6)
        vain = _in_vain(panels[title], in_vain)
        style.head(ax, title, f"{sum(some):,} {noun}s{vain}, {max(some)} at most in a bar")
    axes[-1].set_xlabel(f"seconds since the first {noun}; each bar is {units.seconds(bin_s)} wide")
    figure.supylabel(f"{noun}s in a bar", fontsize=10, x=0.01)
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    bin_s: float = 0.05,
    kind: str = "event",
    noun: str = "request",
    in_vain: str = "",
) -> Words:
    """Return the same figure in words: how many there are; as measured, the fullest bar."""
    predictions = predictions or {}
    words = Words(" / ".join(panels))
    words.stable.append(f"Bars: how many {noun}s come in each {units.seconds(bin_s)}.")
    for title, some in _found(panels, predictions, bin_s, kind).items():
        words.measured.append(
            f"{title}: {sum(some):,} {noun}s{_in_vain(panels[title], in_vain)} "
            f"in {len(some) * bin_s:.2f} s, "
            f"{max(some)} at most in a bar, none in {some.count(0)} of {len(some)} bars."
        )
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


def _draw_in_vain(ax, counts: list[int], bin_s: float) -> None:
    look = LOOKS["error"]
    ax.bar(
        [bin_s * n for n in range(len(counts))],
        counts,
        bin_s,
        align="edge",
        facecolor=look.face,
        hatch=look.hatch,
        edgecolor="white",
        lw=0.5,
    )


def _in_vain(ledger: Ledger, kind: str) -> str:
    return f", {len(ledger.marks(kind=kind))} of them in vain (crossed)" if kind else ""


def _found(panels, predictions, bin_s: float, kind: str) -> dict[str, list[int]]:
    if not bin_s > 0:
        raise ValueError(f"bin_s={bin_s!r}: a bin has a length above 0")
    return prediction.read_panels(panels, predictions, lambda ledger: bins(ledger, bin_s, kind))
