"""The shares: who answered how many, a bar per listener.

Plan: a panel per ledger, a row per lane that could serve, a bar as long as the number of
its spans of kind "serving", the number beside it. The lanes are named by the caller, so
that one which served nothing has a row too, with a 0. All panels share one axis.

Left out: when and in which order (that is the timeline), and shares of time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Words
from helpers.ledger import Ledger

ROW_IN, BAR = 0.36, 0.62
_BOX = {"boxstyle": "round,pad=.15", "fc": "white", "ec": "none", "alpha": 0.92}


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    lanes: Sequence[str] | None = None,
    unit: str = "connection",
):
    """Return the figure: a panel per ledger, keyed by what it shows.

    `lanes` names who could have served, top first (None: those who did); `unit` is what is
    counted. `predictions` gives a panel guesses of a number, dashed, through the row of
    their `.lane` or through all. A ValueError if there is no panel, nobody in a panel, or
    a prediction belongs to no panel or to no row.
    """
    predictions = predictions or {}
    counts = _counts(panels, predictions, lanes)
    most = max(len(rows) for rows in counts.values())
    figure, axes = style.new_figure(len(panels), (ROW_IN * most + 0.75) * len(panels) + 0.2)
    figure.subplots_adjust(left=0.2, right=0.985, hspace=0.8 / (ROW_IN * most + 0.1))
    guesses = [g for guess in predictions.values() for g in guess.guesses]
    most_served = max(1, *(n for rows in counts.values() for n in rows.values()))
    right = prediction.reach(most_served, guesses)
    for ax, (title, rows) in zip(axes, counts.items(), strict=True):
        places = {lane: len(rows) - 1 - row for row, lane in enumerate(rows)}
        look = LOOKS["serving"]
        for lane, n in rows.items():
            y = places[lane]
            ax.barh(y, n, BAR, facecolor=look.face, edgecolor=style.INK, lw=0.7)
            ax.annotate(
                str(n),
                (n, y),
                (5, 0),
                textcoords="offset points",
                va="center",
                fontsize=9.5,
                bbox=_BOX,
                zorder=4,
            )
        ax.set_yticks(list(places.values()), list(places))
        ax.set_ylim(-0.6, len(rows) - 0.1)
        ax.set_xlim(-0.012 * right, right * 1.12)
        if title in predictions:
            guess = predictions[title]
            y = places.get(guess.lane)
            prediction.draw(ax, guess, span=None if y is None else (y - 0.46, y + 0.46))
        style.head(ax, title, _fact(rows, unit))
    axes[-1].set_xlabel(f"{unit}s answered")
    axes[-1].xaxis.get_major_locator().set_params(integer=True)
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    lanes: Sequence[str] | None = None,
    unit: str = "connection",
) -> Words:
    """Return the same figure in words: what every run shows, then what this run measured."""
    predictions = predictions or {}
    words = Words(" / ".join(panels))
    words.stable.append(
        f"How many {unit}s each one answered, in {style.count(len(panels), 'panel')}."
    )
    for title, rows in _counts(panels, predictions, lanes).items():
        total = sum(rows.values())
        sentences = [f"{style.count(total, unit)} in all."]
        for lane, n in rows.items():
            part = "none" if n == 0 else "all of them" if n == total else "a part"
            sentences.append(f"{lane}: {part}.")
        words.stable.append(f"{title}: {' '.join(sentences)}")
        numbers = ", ".join(f"{lane} {n}" for lane, n in rows.items())
        words.measured.append(f"{title}: {numbers}.")
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


# --- questions both share


def _counts(
    panels: Panels,
    predictions: Guesses,
    lanes: Sequence[str] | None,
) -> dict[str, dict[str, int]]:
    """Return by panel and lane how many were served."""

    def count(ledger: Ledger) -> dict[str, int]:
        served = [row[2] for row in ledger.rows if row[3] == "serving"]
        names = list(lanes) if lanes is not None else sorted(set(served))
        if not names:
            raise ValueError("nobody served, and lanes= names nobody")
        if missing := sorted(set(served) - set(names)):
            raise ValueError(f"{missing} served too, and lanes= leaves them out")
        return {name: served.count(name) for name in names}

    counts = prediction.read_panels(panels, predictions, count)
    for title, guess in predictions.items():
        if guess.lane and guess.lane not in counts[title]:
            raise ValueError(f"predictions[{title!r}] is about {guess.lane!r}, who has no row")
    return counts


def _fact(rows: Mapping[str, int], unit: str) -> str:
    return f"{style.count(sum(rows.values()), unit)}: {' · '.join(str(n) for n in rows.values())}"


# --- drawing
