"""A prediction: a number guessed before the run, and how every figure draws it.

Plan: the guess is data (what was asked, in which unit, whose it is); one overlay draws it,
as a dashed line at its value on an axis, or as a note where the figure has no such axis. A
guess never squeezes what was measured: a figure leaves room for guesses up to twice the
measured range (`reach`), and what lies beyond is an arrow at the edge. The label always
says whose guess it is and what it was. Figure and words use the same sentence. Each figure
reads its ledgers through `read_panels`, so that all refuse the same things in the same words.

Left out: asking for it (course/predictions.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from helpers.figures import style
from helpers.figures.units import IN_SECONDS
from helpers.ledger import Ledger

POSSIBLE = "one possible guess"
_BOX = {"boxstyle": "round,pad=.15", "fc": "white", "ec": "none", "alpha": 0.92}


@dataclass
class Prediction:
    """One guess, or a room's guesses, of a number in `unit`.

    `asked` tells whether somebody gave it; else it is one possible guess, given by the lesson.
    `lane` names the lane it is about, if it is about one; `drawn` holds the guesses as a figure
    has shown them last, and `when_drawn` is called each time one has.
    """

    question: str
    unit: str
    guesses: list[float]
    lane: str = ""
    asked: bool = False
    drawn: list[float] | None = None
    when_drawn: Callable[[], None] | None = None

    @property
    def whose(self) -> str:
        """Return whose guess this is, in words."""
        if not self.asked:
            return POSSIBLE
        return "your guess" if len(self.guesses) == 1 else f"the room's {len(self.guesses)} guesses"

    @property
    def middle(self) -> float:
        """Return the middle guess (of an even number the upper of the two)."""
        return sorted(self.guesses)[len(self.guesses) // 2]

    def label(self) -> str:
        """Return whose guess it is and what it was: "your guess: 0.7 s"."""
        value = f"{self.middle:g} {self.unit}"
        return f"{self.whose}: {value if len(self.guesses) == 1 else f'the middle one {value}'}"

    def note_drawn(self) -> None:
        """Take note that a figure has shown it as it is now."""
        self.drawn = list(self.guesses)
        if self.when_drawn is not None:
            self.when_drawn()

    def within(self, unit: str) -> list[float]:
        """Return the guesses in another unit of time, smallest first; as they are if equal."""
        if unit == self.unit:
            return sorted(self.guesses)
        return sorted(guess * IN_SECONDS[self.unit] / IN_SECONDS[unit] for guess in self.guesses)


# What a figure is drawn from: a ledger a panel, and the guesses of some of the panels.
Panels = Mapping[str, Ledger]
Guesses = Mapping[str, Prediction]
Content = TypeVar("Content")


def read_panels(
    panels: Panels,
    predictions: Guesses,
    read: Callable[[Ledger], Content],
    units: Collection[str] | None = None,
) -> dict[str, Content]:
    """Return what `read` finds in the ledger of each panel, for a figure to draw or describe.

    A ValueError if there is no panel, for a ledger that `read` refuses (it names the panel),
    and for a prediction that `check` refuses.
    """
    if not panels:
        raise ValueError("panels={}: a figure needs at least one ledger")
    found = {}
    for title, ledger in panels.items():
        try:
            found[title] = read(ledger)
        except ValueError as error:
            raise ValueError(f"panel {title!r}: {error}") from None
    check(predictions, panels, units)
    return found


def not_empty(ledger: Ledger) -> Ledger:
    """Return the ledger of a figure that draws whatever it holds; a ValueError if empty."""
    if not ledger.rows:
        raise ValueError("its ledger holds no span")
    return ledger


def check(
    predictions: Mapping[str, Prediction],
    panels: Collection[str],
    units: Collection[str] | None = None,
) -> None:
    """Raise a ValueError for a prediction of no panel, or in a unit that the figure can't draw."""
    for title, guess in predictions.items():
        if title not in panels:
            raise ValueError(f"predictions[{title!r}] belongs to no panel: {sorted(panels)}")
        if units is not None and guess.unit not in units:
            raise ValueError(
                f"predictions[{title!r}] is in {guess.unit!r}, not in {', '.join(sorted(units))}"
            )


def reach(measured: float, guesses: Iterable[float]) -> float:
    """Return how far an axis goes: to the last guess within twice of what was measured."""
    return max([measured, *(guess for guess in guesses if guess <= 2 * measured)])


def words(title: str, guess: Prediction) -> str:
    """Return the sentence for a figure's words."""
    about = f" (about {' '.join(guess.lane.split())})" if guess.lane else ""
    values = ""
    if len(guess.guesses) > 1:
        values = f" (all: {', '.join(f'{g:g}' for g in sorted(guess.guesses))})"
    return f"{title}{about}, dashed: {guess.label()}{values}."


def draw(
    ax,
    guess: Prediction,
    span: Sequence[float] | None = None,
    *,
    unit: str = "",
    at: Callable[[float], float] = float,
    across: bool = False,
    label_at_end: bool = False,
) -> None:
    """Draw the guesses as dashed lines at their values; set the axis' limits before.

    `unit` is the axis' unit of time, if it has one; `at` turns a guess, in that unit or in
    its own, into a place on the axis; `span` is the stretch of the other axis that
    the lines take (None: all of it). `across` draws them from left to right, at heights, with
    the label at their left end (`label_at_end`: at their right).
    """
    low, high = sorted(ax.get_ylim() if across else ax.get_xlim())
    span = tuple(span or (ax.get_xlim() if across else ax.get_ylim()))
    values = guess.within(unit or guess.unit)
    places = sorted(map(at, values))
    # A line on the very edge could not be told from it.
    edge = 0.004 * (high - low) if _is_linear(ax, across) else 0.0
    inside = [max(place, low + edge) for place in places if place <= high]
    for place in inside:
        line = (span, [place] * 2) if across else ([place] * 2, span)
        ax.plot(*line, **style.DASHED, zorder=5)
    middle = at(values[len(values) // 2])
    _write(ax, guess.label(), min(max(middle, low + edge), high), span, across, label_at_end)
    if len(inside) < len(places):
        _point_beyond(ax, high, span, across)


def note(ax, guess: Prediction, x: float, y: float, about: str = "", **options) -> None:
    """Write the guess as text at a place of the axes (data coordinates), dashed around it.

    `about` says what it is about, where the place does not.
    """
    box = {"boxstyle": "round,pad=.3", "fc": "white", "ec": style.INK, "ls": style.DASHED["ls"]}
    text = {"ha": "left", "va": "center", "fontsize": 8.5, "color": style.INK, "zorder": 6}
    ax.text(x, y, f"{about}{guess.label()}", bbox=box, **(text | options))


def _is_linear(ax, across: bool) -> bool:
    return (ax.get_yscale() if across else ax.get_xscale()) == "linear"


def _fraction(ax, place: float, across: bool) -> float:
    """Return where a place lies between the axis' ends, from 0 to 1."""
    axis = ax.transData.transform((0 if not across else ax.get_xlim()[0], place))
    if not across:
        axis = ax.transData.transform((place, ax.get_ylim()[0]))
    fraction = ax.transAxes.inverted().transform(axis)
    return fraction[1 if across else 0]


def _write(
    ax, text: str, place: float, span: Sequence[float], across: bool, at_end: bool = False
) -> None:
    """Write the label beside its line, on the side where there is room."""
    far = _fraction(ax, place, across) > 0.62
    if across:
        where, offset = (span[at_end], place), (-4 if at_end else 4, -3 if far else 3)
        alignment = {"ha": "right" if at_end else "left", "va": "top" if far else "bottom"}
    else:
        where, offset = (place, max(span)), (-4 if far else 4, -2)
        alignment = {"ha": "right" if far else "left", "va": "top"}
    ax.annotate(
        text,
        where,
        offset,
        textcoords="offset points",
        fontsize=8.5,
        color=style.INK,
        bbox=_BOX,
        zorder=6,
        annotation_clip=False,
        **alignment,
    )


def _point_beyond(ax, edge: float, span: Sequence[float], across: bool) -> None:
    """Draw an arrow at the axis' end: the guess lies beyond."""
    middle = sum(span) / 2
    marker, where = ("^", (middle, edge)) if across else (">", (edge, middle))
    ax.plot(*where, marker, ms=9, mfc="white", mec=style.INK, mew=1.3, clip_on=False, zorder=6)
