"""The fate of requests: how long each client waits, how long its server works, for whom.

Plan: a panel per ledger, a row per server. Above in a row, a thin bar: the request of the
client (kind "request", labelled with the server's lane), which ends in an answer or, crossed
out, because the client leaves. Below it the work (kind "serving"). What is done after the
client has left is done for nobody: that part of the bar is hollow. A client has left if there
is a mark of kind "noticed" with the server's lane; the words follow from the same rule.

Left out: more than one request to a server, and what passes between the two.
"""

from __future__ import annotations

from typing import NamedTuple

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Words
from helpers.figures.units import seconds
from helpers.ledger import Ledger, Span

ROW_IN, _WORK = 0.62, 0.4  # the height of a row in inches; of a bar of work, in rows
_SOON = 1 / 3  # of the longest work; whoever works longer than that for nobody, "works on"
_SEEN = 1 / 20  # of the longest work: less of it for nobody is not drawn
_ANSWERED, _STOPS, _WORKS_ON = "answers its client", "stops", "works on, for nobody"


class Telling(NamedTuple):
    """The words of a figure: for a client that asks, waits and is answered, unless told otherwise.

    `stayed`, `stopped` and `went_on` are what the server does in the three fates.
    """

    rows: str = "A row per server: above how long its client waits, below how long it works."
    axis: str = "seconds since the client asked"
    client: str = "waits"
    leaves: str = "leaves"
    server: str = "works"
    stayed: str = _ANSWERED
    stopped: str = _STOPS
    went_on: str = _WORKS_ON
    key: str = ""  # what the bars mean, above them at the right

    def of(self, row: Row) -> str:
        """Return what the server of a row did."""
        return {_ANSWERED: self.stayed, _STOPS: self.stopped, _WORKS_ON: self.went_on}[row.fate]


ASKING = Telling()


class Row(NamedTuple):
    """A server: the request it got, its work, and whether the client left."""

    name: str
    request: Span
    work: Span
    left: bool
    longest_s: float  # of all the work in its panel

    @property
    def wasted_s(self) -> float:
        """Return for how many seconds it worked after its client had left."""
        return max(0.0, self.work.end_s - self.request.end_s) if self.left else 0.0

    @property
    def fate(self) -> str:
        """Return what the server did, in words."""
        if not self.left:
            return _ANSWERED
        return _WORKS_ON if self.wasted_s > _SOON * self.longest_s else _STOPS


def rows(ledger: Ledger) -> list[Row]:
    """Return a row per server, in the order in which they were asked.

    A ValueError if a server does not have exactly one request and one piece of work.
    """
    asked = ledger.spans(kind="request")
    gone = {mark.label for mark in ledger.marks(kind="noticed")}
    longest_s = max((span.duration_s for span in ledger.spans(kind="serving")), default=0.0)
    found = []
    for name in dict.fromkeys(span.label for span in asked):
        requests = [span for span in asked if span.label == name]
        work = ledger.spans(name, "serving")
        if len(requests) != 1 or len(work) != 1:
            raise ValueError(
                f"{name!r} has {len(requests)} requests and {len(work)} pieces of work"
            )
        found.append(Row(name, requests[0], work[0], name in gone, longest_s))
    if not found:
        raise ValueError("its ledger holds no request")
    return found


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    telling: Telling = ASKING,
):
    """Return the figure: a panel per ledger, keyed by what it shows; `telling` has its words.

    A prediction in seconds since the request began is drawn in the row of its `lane`. A
    ValueError for a ledger whose rows are not whole, or a prediction of no panel.
    """
    predictions = predictions or {}
    found = prediction.read_panels(panels, predictions, rows, ("s", "ms"))
    most = max(len(some) for some in found.values())
    figure, axes = style.new_figure(len(found), (ROW_IN * most + 0.55) * len(found) + 0.35)
    widest = max(len(part) for some in found.values() for row in some for part in _parts(row.name))
    figure.subplots_adjust(
        left=max(0.13, 0.02 + 0.0085 * widest), right=0.76, hspace=0.55 / (ROW_IN * most)
    )
    ends = [_end_s(row) for some in found.values() for row in some]
    guesses = [g for guess in predictions.values() for g in guess.within("s")]
    axes[0].set_xlim(0, 1.04 * prediction.reach(max(ends), guesses))
    for ax, (title, some) in zip(axes, found.items(), strict=True):
        places = {row.name: len(some) - 1 - n for n, row in enumerate(some)}
        ax.set_ylim(-0.5, len(some) - 0.4)
        guessed = predictions[title].lane if title in predictions else ""
        for row in some:
            _draw_row(ax, row, places[row.name], telling, is_crowded=row.name == guessed)
        ax.set_yticks(list(places.values()), list(places))
        if title in predictions:
            guess = predictions[title]
            y = places.get(guess.lane)
            prediction.draw(ax, guess, None if y is None else (y - 0.42, y + 0.14), unit="s")
        style.head(ax, title, telling.key)
    axes[-1].set_xlabel(telling.axis)
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    telling: Telling = ASKING,
) -> Words:
    """Return the same figure in words: what each server did; as measured, for how long."""
    predictions = predictions or {}
    words = Words(" / ".join(panels))
    words.stable.append(telling.rows)
    for title, some in prediction.read_panels(panels, predictions, rows, ("s", "ms")).items():
        for row in some:
            name = f"{title}, {' '.join(_parts(row.name))}"
            stays = telling.leaves if row.left else "stays"
            words.stable.append(f"{name}: the client {stays}; the server {telling.of(row)}.")
            waits, works = seconds(row.request.duration_s), seconds(row.work.duration_s)
            words.measured.append(
                f"{name}: the client {telling.client} {waits}, "
                f"the server {telling.server} {works}, "
                f"{seconds(row.wasted_s)} of it after the client has left."
            )
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


def _parts(name: str) -> list[str]:
    return name.split("\n")


def _end_s(row: Row) -> float:
    return max(row.request.end_s, row.work.end_s) - row.request.start_s


def _draw_row(ax, row: Row, y: float, telling: Telling, is_crowded: bool) -> None:
    """Draw what the client does above what its server does, and what came of it at the right.

    Where a guess is drawn, too, no word stands in the bar.
    """
    start_s, end_s = row.request.start_s, row.request.end_s
    _bar(ax, 0.0, end_s - start_s, y + 0.27, 0.16, "request")
    served_s = min(row.work.end_s, end_s) if row.left else row.work.end_s
    _bar(ax, row.work.start_s - start_s, served_s - start_s, y - 0.06, _WORK, "serving")
    if row.wasted_s > _SEEN * row.longest_s:
        hollow = {"facecolor": "white", "hatch": "////", "edgecolor": LOOKS["serving"].face}
        bar = [(served_s - start_s, row.wasted_s)]
        ax.broken_barh(bar, (y - 0.06 - _WORK / 2, _WORK), **hollow, lw=1.2, zorder=3)
        if row.fate == _WORKS_ON and not is_crowded:
            middle = served_s - start_s + row.wasted_s / 2
            ax.text(
                middle, y - 0.06, "for nobody", ha="center", va="center", fontsize=8.5, bbox=_BOX
            )
    if row.left:
        look = LOOKS["error"]
        ax.plot([end_s - start_s], [y + 0.27], "X", ms=9, mfc=look.face, mec=style.INK, zorder=4)
        ax.annotate(telling.leaves, (end_s - start_s, y + 0.27), (8, 0), **_TEXT, fontsize=8.5)
    place = {"xycoords": ("axes fraction", "data"), "annotation_clip": False}
    ax.annotate(f"the server {telling.of(row)}", (1.0, y), (8, 0), **_TEXT, **place, fontsize=9.5)


_BOX = {"boxstyle": "round,pad=.15", "fc": "white", "ec": "none", "alpha": 0.92}
_TEXT = {"textcoords": "offset points", "va": "center", "color": style.INK}


def _bar(ax, left: float, right: float, y: float, height: float, kind: str) -> None:
    look = LOOKS[kind]
    edge = {"edgecolor": style.INK, "lw": 0.7}
    bar = [(left, max(0.0, right - left))]
    ax.broken_barh(bar, (y - height / 2, height), facecolor=look.face, hatch=look.hatch, **edge)
