"""The two rings of io_uring at several moments: where head and tail stand, what lies between.

Plan: an experiment notes each ring's real indices at named moments (`note`): a mark of kind
"ring" each. A column per moment, a row per ring. A ring is drawn as its slots in a circle,
the first at the top, clockwise; the slots from head to tail are full and show their entry.
The indices only grow: slot = index modulo size. Head and tail are pointed at; where they
meet, the ring is empty. Between the two rings stands how many jobs are under way: those that
the kernel has taken, less the receipts it has given (a job has one receipt here).

Left out: time. The moments follow each other, but nothing says how quickly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from helpers.figures import prediction, style
from helpers.figures.style import LOOKS, Words
from helpers.ledger import Ledger

SUBMISSION, COMPLETION = "submission ring", "completion ring"
# What a full slot waits for, and the kind of span whose colour it has.
_WAITS = {SUBMISSION: ("the kernel", "queued"), COMPLETION: ("you", "received")}
_INNER, _OUTER = 0.56, 1.0
_SMALL = {"fontsize": 9, "color": style.GREY}


@dataclass(frozen=True)
class State:
    """A ring at one moment: its indices, its size, and the entries from head to tail."""

    head: int
    tail: int
    size: int
    entries: tuple[str, ...]

    def words(self) -> str:
        """Return the state in words."""
        full = f"holds {', '.join(self.entries)}" if self.entries else "is empty"
        return f"{full} (head {self.head}, tail {self.tail})"


def note(
    ledger: Ledger, moment: str, ring: str, head: int, tail: int, size: int, entries: Sequence[int]
) -> None:
    """Note a ring at a moment; a ValueError if the indices and the entries do not fit."""
    if ring not in _WAITS:
        raise ValueError(f"ring={ring!r}: it is {SUBMISSION!r} or {COMPLETION!r}")
    if not 0 <= head <= tail <= head + size or len(entries) != tail - head:
        raise ValueError(f"head {head}, tail {tail}, size {size}: not a ring with {entries!r}")
    names = ",".join(map(str, entries))
    ledger.mark(ring, "ring", f"{moment}|{head}|{tail}|{size}|{names}")


def moments(ledger: Ledger) -> dict[str, dict[str, State]]:
    """Return both rings at each moment, in order; a ValueError if one was not noted."""
    found: dict[str, dict[str, State]] = {}
    for mark in ledger.marks(kind="ring"):
        moment, head, tail, size, names = mark.label.split("|")
        entries = tuple(names.split(",")) if names else ()
        state = State(int(head), int(tail), int(size), entries)
        found.setdefault(moment, {})[mark.lane] = state
    if not found or any(set(rings) != set(_WAITS) for rings in found.values()):
        raise ValueError("its ledger does not hold both rings at each moment")
    return found


def under_way(rings: Mapping[str, State]) -> int:
    """Return how many jobs the kernel has taken and not yet given a receipt for."""
    return rings[SUBMISSION].head - rings[COMPLETION].tail


def draw(
    panels: Mapping[str, Ledger], predictions: Mapping[str, prediction.Prediction] | None = None
):
    """Return the figure of one run; a ValueError for more than one, or without both rings."""
    title, found = _one(panels, predictions)
    columns = len(found)
    figure, axes = style.new_figure(2, 2 * style.WIDTH_IN / columns * 0.92 + 0.6, columns)
    figure.subplots_adjust(left=0.06, right=0.99, top=0.83, bottom=0.01, wspace=0.02, hspace=0.16)
    figure.suptitle(title, x=0.01, y=0.985, ha="left", fontweight="bold", fontsize=11.5)
    for column, (moment, rings) in enumerate(found.items()):
        for row, name in enumerate(_WAITS):
            ax = axes[row * columns + column]
            _draw_ring(ax, name, rings[name])
            if row == 0:
                ax.set_title(moment, fontsize=10, pad=16)
                _say_under_way(ax, under_way(rings))
    for ax, (name, (waits_for, _)) in zip(axes[::columns], _WAITS.items(), strict=True):
        for text, x, look in ((name, -0.2, {}), (f"full: waits for {waits_for}", -0.1, _SMALL)):
            place = {"rotation": 90, "ha": "center", "va": "center", "transform": ax.transAxes}
            ax.text(x, 0.5, text, **place, **({"fontsize": 10} | look))
    return figure


def describe(
    panels: Mapping[str, Ledger], predictions: Mapping[str, prediction.Prediction] | None = None
) -> Words:
    """Return the same figure in words; the indices are the same in every run."""
    title, found = _one(panels, predictions)
    words = Words(title)
    words.stable.append(f"Two rings at {style.count(len(found), 'moment')}.")
    for moment, rings in found.items():
        states = "; ".join(f"the {name} {rings[name].words()}" for name in _WAITS)
        jobs = style.count(under_way(rings), "job") if under_way(rings) else "no job"
        words.stable.append(f"{' '.join(moment.split())}: {states}; {jobs} under way.")
    return words


def _one(
    panels: Mapping[str, Ledger], predictions: Mapping[str, prediction.Prediction] | None
) -> tuple[str, dict[str, dict[str, State]]]:
    found = prediction.read_panels(panels, predictions or {}, moments)
    if len(found) > 1:
        raise ValueError(f"panels={list(panels)}: rings are drawn of one run")
    return next(iter(found.items()))


# --- drawing


def _draw_ring(ax, name: str, state: State) -> None:
    from matplotlib.patches import Wedge

    ax.grid(visible=False)
    ax.set_axis_off()
    ax.set_aspect("equal")
    ax.set_xlim(-1.62, 1.62)
    ax.set_ylim(-1.5, 1.5)
    step = 360 / state.size
    look = LOOKS[_WAITS[name][1]]
    entries = {(state.head + n) % state.size: text for n, text in enumerate(state.entries)}
    for slot in range(state.size):
        start = 90 - slot * step  # the first at the top, clockwise
        face = look.face if slot in entries else "white"
        hatch = look.hatch if slot in entries else ""
        wedge = Wedge((0, 0), _OUTER, start - step, start, width=_OUTER - _INNER, hatch=hatch)
        wedge.set(facecolor=face, edgecolor=style.INK, lw=0.7)
        ax.add_patch(wedge)
        if slot in entries:
            x, y = _at(start - step / 2, (_INNER + _OUTER) / 2)
            box = {"boxstyle": "circle,pad=.18", "fc": "white", "ec": "none"}
            ax.text(x, y, entries[slot], ha="center", va="center", fontsize=9.5, bbox=box)
    ax.text(0, 0, f"head {state.head}\ntail {state.tail}", ha="center", va="center", fontsize=9)
    head, tail = (90 - index % state.size * step for index in (state.head, state.tail))
    if head == tail:
        _point(ax, head, "head, tail" if head == 90 else "head,\ntail")
    else:
        _point(ax, head, "head")
        _point(ax, tail, "tail")


def _say_under_way(ax, jobs: int) -> None:
    """Say below the upper ring what stands in neither."""
    text = f"{style.count(jobs, 'job')} under way" if jobs else "no job under way"
    look = {"fontsize": 10, "fontweight": "bold"} if jobs else _SMALL
    ax.text(0, -1.55, text, ha="center", va="center", **look)


def _at(degrees: float, radius: float) -> tuple[float, float]:
    return radius * math.cos(math.radians(degrees)), radius * math.sin(math.radians(degrees))


def _point(ax, degrees: float, text: str) -> None:
    """Point from outside at the line where a slot begins."""
    x, _ = tip = _at(degrees, _OUTER + 0.02)
    side = "center" if abs(x) < 0.2 else "left" if x > 0 else "right"
    ax.annotate(
        text,
        tip,
        _at(degrees, _OUTER + 0.3),
        ha=side,
        va="center",
        fontsize=9,
        arrowprops={"arrowstyle": "-|>", "color": style.INK, "lw": 1, "shrinkA": 1, "shrinkB": 0},
    )
