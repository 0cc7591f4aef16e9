"""Deliveries: who of many clients got which event when, who is late, what is lost, what waits.

Plan: a row per ledger, and in it a thin line per client, in the order of the clients' names: a
dot where an event arrived (the end of a span of kind "delivery", which begins when the event
was due), a cross where one was lost (a mark of kind "lost"). A dot is loud if its event came
late; clients are late, or lose many, if it is so of many of their events. At the right the
same in numbers: how late events came at most, to the client that is watched (`slow`) and to
the others, how many were lost, and how many waited at once (levels), in bytes, too, if all
events have one size. What a lesson judged of a run (marks "right" and "wrong") stands in
sentences under its row.

Left out: when an event was sent; only what its receiver notices counts.
"""

from __future__ import annotations

from typing import NamedTuple

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Words
from helpers.figures.units import seconds, size
from helpers.kernel.gauges import LEVEL
from helpers.ledger import Ledger, Span

LATE_S = 0.25  # an event that came later than this is late
MANY = 0.15  # more than this part of a client's events: one hiccup of the machine is not enough
LINE_IN, GAP_IN, SAID_IN = 0.21, 0.2, 0.26  # a client, between two rows, a sentence: in inches
COLUMN_IN = 0.92
LEFT = 0.17  # the part of the width that the names of rows and clients take
ON_TIME, LATE = LOOKS["free"].face, LOOKS["blocked"].face
SIGNS = {"right": "✔", "wrong": "✘"}


class Row(NamedTuple):
    """A run: each client's deliveries and when it lost something; what waited, at most."""

    deliveries: dict[str, list[Span]]
    lost: dict[str, list[float]]
    waiting: int
    judged: list[str]
    start_s: float

    def latest_s(self, lanes: list[str]) -> float:
        """Return how late an event came at most to these clients."""
        return max((s.duration_s for lane in lanes for s in self.deliveries[lane]), default=0.0)

    def are_late(self, lanes: list[str]) -> bool:
        """Tell whether many of the events for these clients came late."""
        spans = [s for lane in lanes for s in self.deliveries[lane]]
        return sum(s.duration_s > LATE_S for s in spans) > MANY * len(spans)

    def loses_many(self, lane: str) -> bool:
        """Tell whether this client loses many of its events."""
        number = len(self.lost[lane])
        return number > MANY * (number + len(self.deliveries[lane]))

    def others(self, slow: str) -> list[str]:
        """Return all clients but one."""
        return [lane for lane in self.deliveries if lane != slow]

    @property
    def lost_in_all(self) -> int:
        """Return how many events somebody never got."""
        return sum(map(len, self.lost.values()))


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    slow: str,
    claim: str = "Who gets what, and when",
    event_bytes: int = 0,
):
    """Return the figure: a row per ledger, keyed by what it shows; `slow` is the client watched.

    A prediction in seconds is how late the others are in its row, and stands under that number.
    With `event_bytes`, the size of an event, what waits is given in bytes, too. A ValueError
    for a ledger without deliveries to the client watched, or a prediction of no row.
    """
    predictions = predictions or {}
    rows = _rows(panels, predictions, slow)
    heights = [_height(row, title in predictions) for title, row in rows.items()]
    right = 0.99 - 4 * COLUMN_IN / style.WIDTH_IN
    figure, (ax,) = style.new_figure(1, sum(heights) + 1.05)
    figure.subplots_adjust(left=LEFT, right=right)
    last_s = max(
        s.end_s - row.start_s
        for row in rows.values()
        for some in row.deliveries.values()
        for s in some
    )
    ax.set_xlim(-0.02 * last_s, 1.03 * last_s)
    ax.set_ylim(-sum(heights), 0.1)
    ax.set_yticks([])
    places = [1 + (n + 0.55) * COLUMN_IN / (style.WIDTH_IN * (right - LEFT)) for n in range(4)]
    heads = ("the others:\nlate by", f"{slow}:\nlate by", "lost", "waiting\nat most")
    for x, head in zip(places, heads, strict=True):
        _write(ax, x, 0.16, head, ha="center", va="bottom", fontsize=9, color=style.GREY)
    top = 0.0
    for (title, row), height in zip(rows.items(), heights, strict=True):
        y = _draw_clients(ax, row, top)
        middle = top - LINE_IN * (len(row.deliveries) + 1) / 2
        _write(ax, 0.01 - LEFT / (right - LEFT), middle, title, fontsize=10)
        for x, (value, is_loud) in zip(places, _values(row, slow, event_bytes), strict=True):
            weight = "bold" if is_loud else "normal"
            _write(ax, x, middle, value, ha="center", fontweight=weight)
        if title in predictions:
            y -= SAID_IN
            place = {"transform": ax.get_yaxis_transform(), "ha": "center"}
            prediction.note(ax, predictions[title], places[0], y, **place)
        for sentence in row.judged:
            y -= SAID_IN
            ax.text(0.0, y, sentence, va="center", fontsize=9.5, color=style.INK)
        top -= height
    look = {"va": "bottom", "fontsize": 11.5, "fontweight": "bold"}
    _write(ax, 0.01 - LEFT / (right - LEFT), 0.2, claim, **look)
    ax.set_xlabel(f"seconds · dot: an event arrived (orange: over {LATE_S:g} s late) · cross: lost")
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    slow: str,
    claim: str = "Who gets what, and when",
    event_bytes: int = 0,
) -> Words:
    """Return the same figure in words: what every run shows, then what this run measured."""
    predictions = predictions or {}
    rows = _rows(panels, predictions, slow)
    words = Words(claim)
    clients = next(iter(rows.values())).deliveries
    words.stable.append(
        f"A row for each of {style.count(len(rows), 'run')}, and in it a line for each of "
        f"{', '.join(clients)}: "
        "a dot where an event arrived, a cross where one was lost."
    )
    for panel, row in rows.items():
        title = " ".join(panel.split())
        others = "late" if row.are_late(row.others(slow)) else "on time"
        many = [lane for lane in row.deliveries if row.loses_many(lane)]
        lost = "nobody loses many" if row.lost_in_all else "nothing is lost"
        if many:
            lost = f"many events for {' and '.join(many)} are lost"
        words.stable.append(f"{title}: everybody but {slow} is {others}; {lost}.")
        words.stable += [f"{title}: {sentence}" for sentence in row.judged]
        late, late_slow, number, _ = (value for value, _ in _values(row, slow))
        in_bytes = f" ({size(row.waiting * event_bytes)})" if event_bytes else ""
        words.measured.append(
            f"{title}: {slow} late by {late_slow} at most, the others by {late}; "
            f"{number} lost; {row.waiting} waiting at most{in_bytes}."
        )
        if panel in predictions:
            words.measured.append(prediction.words(title, predictions[panel]))
    return words


# --- questions both share


def _rows(panels: Panels, predictions: Guesses, slow: str) -> dict[str, Row]:
    return prediction.read_panels(
        panels, predictions, lambda ledger: _row(ledger, slow), ("s", "ms")
    )


def _row(ledger: Ledger, slow: str) -> Row:
    spans = ledger.spans(kind="delivery")
    lanes = sorted({span.lane for span in spans})
    if slow not in lanes:
        raise ValueError(f"its ledger holds no delivery to {slow!r}")
    return Row(
        deliveries={lane: [span for span in spans if span.lane == lane] for lane in lanes},
        lost={lane: [mark.time_s for mark in ledger.marks(lane, "lost")] for lane in lanes},
        waiting=max((int(span.label) for span in ledger.spans(kind=LEVEL)), default=0),
        judged=[f"{SIGNS[m.kind]} {m.label}" for m in ledger.marks() if m.kind in SIGNS],
        start_s=spans[0].start_s,
    )


def _values(row: Row, slow: str, event_bytes: int = 0) -> list[tuple[str, bool]]:
    """Return the numbers at the right of a row; harm to others and loss are written loud."""
    others = row.others(slow)
    waiting = str(row.waiting)
    if event_bytes:
        waiting = f"{style.count(row.waiting, 'event')}\n{size(row.waiting * event_bytes)}"
    return [
        (seconds(row.latest_s(others)), row.are_late(others)),
        (seconds(row.latest_s([slow])), False),
        (str(row.lost_in_all or "nothing"), row.lost_in_all > 0),
        (waiting, False),
    ]


# --- drawing


def _height(row: Row, has_guess: bool) -> float:
    lines = LINE_IN * len(row.deliveries) + GAP_IN
    return lines + SAID_IN * (len(row.judged) + has_guess)


def _draw_clients(ax, row: Row, top: float) -> float:
    """Draw a line per client; return how low the last one is."""
    y = top
    for lane, some in row.deliveries.items():
        y -= LINE_IN
        _write(ax, -0.015, y, lane, ha="right", fontsize=8.5, color=style.GREY)
        for is_late, face in ((False, ON_TIME), (True, LATE)):
            xs = [s.end_s - row.start_s for s in some if (s.duration_s > LATE_S) == is_late]
            ax.plot(xs, [y] * len(xs), "o", ms=4.6, mfc=face, mec=style.INK, mew=0.4, zorder=3)
        xs = [time_s - row.start_s for time_s in row.lost[lane]]
        face = LOOKS["error"].face
        ax.plot(xs, [y - 0.09] * len(xs), "X", ms=4.6, mfc=face, mec=style.INK, mew=0.4, zorder=4)
    return y


def _write(ax, x: float, y: float, text: str, **options) -> None:
    """Write a text at a part of the axes' width and at a height of the data."""
    default = {"va": "center", "fontsize": 9.5, "color": style.INK}
    ax.text(x, y, text, transform=ax.get_yaxis_transform(), **(default | options))
