"""Amounts: how much of something each row has, as bars from nought.

Plan: an experiment notes its results (`amount`): a mark of kind "value" a row, whose label
is the number. A panel per ledger, all on one axis; the number stands behind its bar. A row
of nought has no bar and says so: nothing is easily overlooked.

Left out: time. Amounts are what is there in the end.
"""

from __future__ import annotations

from helpers.figures import prediction, style, units
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Words
from helpers.ledger import Ledger

ROW_IN, BAR = 0.5, 0.58


def amount(ledger: Ledger, lane: str, value: float) -> None:
    """Note how much a row has; a ValueError below 0 or if it is not finite."""
    if not 0 <= value < float("inf"):
        raise ValueError(f"value={value!r}: an amount is a finite number from 0 on")
    ledger.mark(lane, "value", f"{value!r}")


def amounts(ledger: Ledger) -> dict[str, float]:
    """Return the amount of each row, in the order noted; a ValueError if there is none."""
    found = {mark.lane: float(mark.label) for mark in ledger.marks(kind="value")}
    if not found:
        raise ValueError("its ledger holds no amount")
    return found


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    unit: str,
    kind: str = "sent",
    at_most: float | None = None,
):
    """Return the figure; `unit` says what is counted ("bytes" are written as kB and MB).

    `kind` gives the bars their look; a row with more than `at_most` is loud: it is wrong. A
    prediction's `lane` names its row. A ValueError for a ledger without amounts, or a
    prediction of no panel.
    """
    predictions = predictions or {}
    found = prediction.read_panels(panels, predictions, amounts)
    rows = [len(some) for some in found.values()]
    figure, axes = style.new_figure(len(panels), ROW_IN * sum(rows) + 0.75 * len(rows) + 0.3)
    figure.subplots_adjust(left=0.3, right=0.95, hspace=0.75 * len(rows) / (ROW_IN * sum(rows)))
    guesses = [g for guess in predictions.values() for g in guess.guesses]
    most = max(value for some in found.values() for value in some.values())
    right = prediction.reach(most, guesses) or 1.0
    axes[0].set_xlim(-0.012 * right, 1.2 * right)
    for ax, (title, some) in zip(axes, found.items(), strict=True):
        places = {lane: len(some) - 1 - row for row, lane in enumerate(some)}
        ax.set_ylim(-0.6, len(some) - 0.4)
        for lane, value in some.items():
            look = style.WRONG if _is_too_much(value, at_most) else LOOKS[kind]
            bar = {"facecolor": look.face, "edgecolor": style.INK, "hatch": look.hatch, "lw": 0.7}
            ax.barh(places[lane], value, BAR, **bar)
            text = written(value, unit)
            ax.annotate(
                text, (value, places[lane]), (6, 0), textcoords="offset points", va="center"
            )
        ax.set_yticks(list(places.values()), list(places))
        if title in predictions:
            guess = predictions[title]
            y = places.get(guess.lane)
            prediction.draw(ax, guess, None if y is None else (y - 0.46, y + 0.46))
        style.head(ax, title, "")
    axes[-1].set_xlabel(unit)
    if all(v == int(v) for some in found.values() for v in some.values()):
        axes[-1].xaxis.get_major_locator().set_params(integer=True)
    if unit == "bytes":
        axes[-1].xaxis.set_major_formatter(lambda value, _: written(value, unit))
        axes[-1].set_xlabel("")
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    unit: str,
    kind: str = "sent",
    at_most: float | None = None,
) -> Words:
    """Return the same figure in words: which rows have nothing; as measured, the numbers."""
    predictions = predictions or {}
    words = Words(" / ".join(panels))
    words.stable.append(f"Bars: how many {unit} each row has.")
    for title, some in prediction.read_panels(panels, predictions, amounts).items():
        nothing = [lane for lane, value in some.items() if not value]
        words.stable.append(f"{title}: {', '.join(_one_line(lane) for lane in some)}.")
        if nothing:
            words.stable.append(f"{title}, none at all: {', '.join(map(_one_line, nothing))}.")
        loud = [_one_line(lane) for lane, value in some.items() if _is_too_much(value, at_most)]
        if loud:
            words.stable.append(f"{title}, in red, more than {at_most:g}: {'; '.join(loud)}.")
        values = (f"{_one_line(lane)} {written(value, unit)}" for lane, value in some.items())
        words.measured.append(f"{title}: {', '.join(values)}.")
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


def written(value: float, unit: str) -> str:
    """Return an amount as people write it."""
    if unit != "bytes":
        return f"{value:,.0f}" if value == int(value) else f"{value:,.3g}"
    return units.size(value)


def _is_too_much(value: float, at_most: float | None) -> bool:
    return at_most is not None and value > at_most


def _one_line(lane: str) -> str:
    return " ".join(lane.split())
