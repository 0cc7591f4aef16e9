"""What a request's time is made of, by the distance between client and server.

Plan: a panel per ledger, a row per lane that holds requests: one lane, one distance. A row
shows the shortest of its requests, the one that was disturbed least (of those that found a
connection, if any did), as a bar of 100 %: the handler at the left, then the making of the
connection, then all the rest. So the rows can be compared although one request lasts a
thousand times as long as another; how long it lasted stands at the right.

Left out: the order in which these parts come (that is the waterfall).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Words
from helpers.figures.units import milliseconds
from helpers.ledger import Ledger, Span, share

ROW_IN, BAR = 0.3, 0.66
# The parts of a bar, from the left: whose look they have, and what they are called.
PARTS = {
    "serving": "the handler",
    "connect": "making the connection",
    "wait": "the rest: the wire, the kernel, the client",
}
_NARROW = 0.12  # a part smaller than that has no room for its own number


@dataclass(frozen=True)
class Row:
    """The shortest request of a lane: how long it took, and which part (0 to 1) went where."""

    request: Span
    handler: float
    connect: float

    @property
    def rest(self) -> float:
        """Return the part that is neither the handler's nor the connection's."""
        return 1 - self.handler - self.connect


def rows(ledger: Ledger) -> dict[str, Row]:
    """Return a row for each lane with requests, in order of time; a ValueError if there is none."""
    found = {}
    for lane in ledger.lanes():
        requests = ledger.spans(lane, "request")
        if requests:
            # What goes on within a request is the request's own: one follows another.
            connects = ledger.spans(lane, "connect")
            again = [r for r in requests if not any(map(r.contains, connects))]
            shortest = min(again or requests, key=lambda span: span.duration_s)
            window = shortest.start_s, shortest.end_s
            handler = [s for s in ledger.spans(kind="serving") if shortest.contains(s)]
            connect = [s for s in connects if shortest.contains(s)]
            found[lane] = Row(shortest, share(handler, *window), share(connect, *window))
    if not found:
        raise ValueError("its ledger holds no request")
    return found


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
):
    """Return the figure: a panel per ledger, keyed by what it shows.

    `predictions` gives a panel its guess of the handler's share, in %, of the row that is
    the guess's lane. A ValueError if a panel holds no request, or a prediction belongs to no
    panel or no row, or has another unit.
    """
    predictions = predictions or {}
    found = _found(panels, predictions)
    deep = max(len(some) for some in found.values())
    figure, axes = style.new_figure(len(panels), (ROW_IN * deep + 0.62) * len(panels) + 0.55)
    figure.subplots_adjust(left=0.22, right=0.88, hspace=0.62 / (ROW_IN * deep))
    axes[0].set_xlim(0, 100)
    for ax, (title, some) in zip(axes, found.items(), strict=True):
        places = {lane: len(some) - 0.5 - i for i, lane in enumerate(some)}
        ax.set_ylim(0, len(some))
        ax.axvline(50, color=style.GREY, lw=0.9, zorder=4, ls=(0, (1, 2)))
        for lane, row in some.items():
            _draw_row(ax, row, places[lane])
        if title in predictions:
            y = places[predictions[title].lane]
            prediction.draw(ax, predictions[title], (y - 0.5, y + 0.5))
        ax.set_yticks(list(places.values()), list(places))
        style.head(ax, title, _facts(some))
    axes[-1].set_xlabel(
        "percent of the request's time (dotted: one half) · at the right: how long it took"
    )
    _draw_key(axes[-1], found)
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
) -> Words:
    """Return the same figure in words: what every run shows, then what this run measured."""
    predictions = predictions or {}
    found = _found(panels, predictions)
    words = Words(" / ".join(panels))
    words.stable.append("A bar of 100 % for each distance: the shortest request of several.")
    for title, some in found.items():
        words.stable.append(f"{title}: a row each for {', '.join(f'“{lane}”' for lane in some)}.")
        words.measured.append(f"{title}: {_facts(some)}.{_order(some)}")
        for lane, row in some.items():
            connect = f", making the connection {percent(row.connect)}" if row.connect else ""
            words.measured.append(
                f"{lane}: {milliseconds(row.request.duration_s)}, the handler "
                f"{percent(row.handler)}{connect}, the rest {percent(row.rest)}."
            )
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


def _found(panels: Panels, predictions: Guesses) -> dict[str, dict[str, Row]]:
    found = prediction.read_panels(panels, predictions, rows, ("%",))
    for title, guess in predictions.items():
        if guess.lane not in found[title]:
            raise ValueError(f"predictions[{title!r}] is about {guess.lane!r}: no such row")
    return found


def _order(some: Mapping[str, Row]) -> str:
    """Say in which row the handler's share is largest, and in which smallest."""
    if len(some) < 2:
        return ""
    shares = {lane: row.handler for lane, row in some.items()}
    most, least = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    return f" The handler's share is largest for “{most}” and smallest for “{least}”."


def percent(part: float) -> str:
    """Return a part (0 to 1) in percent; hardly anything is not nothing."""
    return "under 1 %" if 0 < part < 0.01 else f"{100 * part:.0f} %"


def _facts(some: Mapping[str, Row]) -> str:
    times = [row.handler * row.request.duration_s for row in some.values()]
    return f"the handler takes {milliseconds(min(times))}"


# --- drawing


def _draw_row(ax, row: Row, y: float) -> None:
    left = 0.0
    for kind, part in zip(PARTS, (row.handler, row.connect, row.rest), strict=True):
        ax.barh(y, 100 * part, BAR, left, facecolor=LOOKS[kind].face, edgecolor=style.INK, lw=0.7)
        if kind == "serving":
            inside = part > _NARROW
            ax.text(
                50 * part if inside else 100 * (part + row.connect) + 1,
                y,
                percent(part) if inside else f"handler {percent(part)}",
                ha="center" if inside else "left",
                va="center",
                fontsize=8.5,
                color="white" if inside else style.INK,
                zorder=5,
            )
        left += 100 * part
    ax.annotate(
        milliseconds(row.request.duration_s),
        (100, y),
        (6, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        annotation_clip=False,
    )


def _draw_key(ax, found: Mapping[str, Mapping[str, Row]]) -> None:
    from matplotlib.patches import Patch

    connects = any(row.connect for some in found.values() for row in some.values())
    kinds = [kind for kind in PARTS if kind != "connect" or connects]
    looks = [Patch(fc=LOOKS[kind].face, ec=style.INK, lw=0.7) for kind in kinds]
    ax.legend(
        looks,
        [PARTS[kind] for kind in kinds],
        ncol=len(kinds),
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        borderaxespad=4.2,
        frameon=False,
        handlelength=1.6,
        columnspacing=1.6,
        fontsize=9,
    )
