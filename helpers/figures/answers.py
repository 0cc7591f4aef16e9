"""The answers figure: each answer a dot at the moment it came, a row per run.

Plan: all rows share one axis of time since the question came up. Where somebody is watched
among the others (`watched`, a lane), that answer is a diamond with its time beside it, and
it is loud if another request was answered before it. What a run cost stands at the right,
in columns: entries of kind "value", one lane a column.

Left out: when each request was sent, and where it waited (the timeline shows that).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from helpers.figures import prediction, style, units
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import Words
from helpers.ledger import Ledger, Span

ROW_IN, COLUMN_IN = 0.54, 1.05
LOUD, QUIET = style.LOOKS["blocked"].face, style.LOOKS["free"].face
_UNITS = {"s": 1.0, "ms": 1000.0}


class Row(NamedTuple):
    """A run: how long its answers took, and the one that is watched, in seconds."""

    answers: list[float]
    watched: float | None
    values: list[str]

    @property
    def is_late(self) -> bool:
        """Tell whether somebody was answered before the one that is watched."""
        return self.watched is not None and any(a < self.watched for a in self.answers)


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    claim: str = "When the answers came",
    kind: str = "request",
    watched: str = "",
    columns: Sequence[str] = (),
    unit: str = "s",
    axis: str = "since the question came up",
    last: str = "the last",
    noun: str = "answer",
):
    """Return the figure: a row per ledger, keyed by what it shows; `claim` is its title.

    The answers are spans of this kind; `watched` is the lane of one that is watched among
    them; `columns` are lanes with one value each; `axis` says from when the time counts, and
    `last` what the latest answer of a row is called, and `noun` what each dot is. A ValueError
    if a ledger lacks what is asked for, or a prediction has no row.
    """
    predictions = predictions or {}
    rows = _rows(panels, predictions, kind, watched, columns, unit)
    figure, (ax,) = style.new_figure(1, ROW_IN * len(rows) + 0.75 + 0.3 * bool(columns))
    right = 0.985 - COLUMN_IN * len(columns) / style.WIDTH_IN
    widest = max(len(part) for title in rows for part in title.split("\n"))
    figure.subplots_adjust(left=min(0.45, 0.02 + 0.0085 * widest), right=right)
    factor = _UNITS[unit]
    longest = max(factor * a for row in rows.values() for a in [*row.answers, row.watched or 0.0])
    guesses = [g for guess in predictions.values() for g in guess.within(unit)]
    ax.set_xlim(0, 1.06 * prediction.reach(longest, guesses))
    ax.set_ylim(-len(rows) + 0.4, 0.6)
    ax.set_yticks([-n for n in range(len(rows))], list(rows))
    for n, (title, row) in enumerate(rows.items()):
        text = f"{watched or last}: {_time(row.watched or row.answers[-1], unit)}"
        _draw_row(ax, row, -n, factor, text, title in predictions)
        if title in predictions:
            prediction.draw(ax, predictions[title], (-n + 0.12, -n + 0.46), unit=unit)
    for place, column in enumerate(columns):
        x = 1 + (place + 0.55) * COLUMN_IN / (style.WIDTH_IN * (right - ax.get_position().x0))
        _write_column(ax, x, column, [row.values[place] for row in rows.values()])
    ax.set_xlabel(f"{'seconds' if unit == 's' else 'milliseconds'} {axis}")
    most = max(len(row.answers) for row in rows.values())
    head = "" if columns else f"each dot is one of {style.count(most, noun)}"
    if columns:
        # The columns' names take the line of the title.
        ax.set_title(claim, loc="left", fontweight="bold", fontsize=11.5, pad=24)
    else:
        style.head(ax, claim, head)
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    claim: str = "When the answers came",
    kind: str = "request",
    watched: str = "",
    columns: Sequence[str] = (),
    unit: str = "s",
    axis: str = "since the question came up",
    last: str = "the last",
    noun: str = "answer",
) -> Words:
    """Return the same figure in words: what every run shows, then what this run measured."""
    predictions = predictions or {}
    rows = _rows(panels, predictions, kind, watched, columns, unit)
    words = Words(claim)
    words.stable.append(
        f"Each {noun} is a dot, in {style.count(len(rows), 'row')} on one axis of "
        f"{'seconds' if unit == 's' else 'milliseconds'} {axis}."
    )
    for panel, row in rows.items():
        title = " ".join(panel.split())
        text = f"{title}: {style.count(len(row.answers), noun)}."
        measured = f"{title}: {_range(row.answers, unit)} ({last})"
        if row.watched is not None:
            before = "before" if not row.is_late else "behind some of"
            text += f" The {noun} to {watched} comes {before} the others."
            measured += f", {watched} {_time(row.watched, unit)}"
        facts = [f"{name} {value}" for name, value in zip(columns, row.values, strict=True)]
        words.stable.append(text)
        words.measured.append(f"{', '.join([measured, *facts])}.")
        if panel in predictions:
            words.measured.append(prediction.words(title, predictions[panel]))
    return words


# --- questions both share


def _rows(panels, predictions, kind, watched, columns, unit) -> dict[str, Row]:
    if unit not in _UNITS:
        raise ValueError(f"unit={unit!r}: the figure counts {' or '.join(_UNITS)}")
    return prediction.read_panels(
        panels, predictions, lambda ledger: _row(ledger, kind, watched, columns), ("s", "ms")
    )


def _row(ledger: Ledger, kind: str, watched: str, columns: Sequence[str]) -> Row:
    spans = ledger.spans(kind=kind)
    others = sorted(s.duration_s for s in spans if s.lane != watched)
    if not others:
        raise ValueError(f"its ledger holds no {kind}")
    alone = [s for s in spans if s.lane == watched]
    if watched and len(alone) != 1:
        raise ValueError(f"{len(alone)} spans in the lane {watched!r}, not one")
    values = []
    for column in columns:
        marks = ledger.marks(column, "value")
        if len(marks) != 1:
            raise ValueError(f"{len(marks)} values of {column!r}, not one")
        values.append(marks[0].label)
    if not alone:
        return Row(others, None, values)
    # Somebody watched is compared by the clock: who had an answer first?
    start_s = min(span.start_s for span in spans)
    others = sorted(s.end_s - start_s for s in spans if s.lane != watched)
    return Row(others, _end_s(alone[0], start_s), values)


def _end_s(span: Span, start_s: float) -> float:
    return span.end_s - start_s


def _time(value_s: float, unit: str) -> str:
    return f"{value_s:.2f} s" if unit == "s" else units.milliseconds(value_s)


def _range(answers: list[float], unit: str) -> str:
    first, last = _time(answers[0], unit), _time(answers[-1], unit)
    return f"{first} to {last}"


# --- drawing


def _draw_row(ax, row: Row, y: float, factor: float, text: str, is_crowded: bool) -> None:
    xs = [factor * answer for answer in row.answers]
    alpha = 0.9 if len(xs) < 20 else 0.35
    ax.plot(xs, [y] * len(xs), "o", ms=7, mfc=QUIET, mec=style.INK, mew=0.5, alpha=alpha, zorder=3)
    x = xs[-1]
    if row.watched is not None:
        x = factor * row.watched
        face = LOUD if row.is_late else style.LOOKS["serving"].face
        ax.plot([x], [y], "D", ms=8, mfc=face, mec=style.INK, mew=0.8, zorder=4)
    _label(ax, x, y, text, xs, is_crowded)


def _label(ax, x: float, y: float, text: str, dots: list[float], is_crowded: bool) -> None:
    """Write a text at the right of a dot, or under it where there is no room at the right."""
    left, right = ax.get_xlim()
    pixel = (right - left) / (ax.get_position().width * style.WIDTH_IN * style.DPI)
    width = 6.4 * len(text) * pixel
    free = x + width + 12 * pixel < right and not any(x < d < x + width + 18 * pixel for d in dots)
    if free and not is_crowded:
        ax.annotate(text, (x, y), (9, 0), va="center", **_TEXT)
        return
    middle = min(max(x, left + width / 2), right - width / 2)
    ax.annotate(text, (middle, y), (0, -7), ha="center", va="top", **_TEXT)


_TEXT = {"textcoords": "offset points", "fontsize": 9, "color": style.INK}


def _write_column(ax, x: float, name: str, values: Sequence[str]) -> None:
    across = ax.get_yaxis_transform()
    style_of = {"transform": across, "ha": "center", "va": "center", "fontsize": 9.5}
    ax.text(x, 0.95, name, **(style_of | {"va": "bottom", "color": style.GREY}))
    for n, value in enumerate(values):
        ax.text(x, -n, value, **style_of, color=style.INK)
