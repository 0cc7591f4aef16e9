"""The latency figure: a dot for each request, as far to the right as its answer took.

Plan: the latencies are the spans of kind "request". Without `rows`, each ledger is a row of
one panel. With `rows`, each ledger is a panel, and a request stands in the row that its
label names (who answered it). Nothing is averaged and nothing hidden: 200 requests are 200
dots. Beside a row stands how many there are and within what time half of them were
answered, 9 of 10 and 99 of 100, each only where ten requests or more lie above it.

Left out: how latency changes in time (the timeline), and means, which no request has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import Words
from helpers.figures.units import either
from helpers.ledger import Ledger, Span

ABOVE = 10  # so many requests must lie above a percentile
PERCENTILES = {50: "half", 90: "9 of 10", 99: "99 of 100"}
STANDS_OUT = 3.0  # a row stands out if its middle is so many times that of any other
MOST_ROWS = 8
ROW_IN, DOTS = 0.42, 0.56  # the height of a row in inches, and the part of it that dots take
_BOX = {"boxstyle": "round,pad=.15", "fc": "white", "ec": "none", "alpha": 0.92}


def percentile(latencies: Sequence[float], p: float) -> float:
    """Return the smallest latency that at least p percent of them do not exceed.

    A ValueError where fewer than ten lie above that place: 99 percent need 1,000 of them.
    """
    if not 0 < p < 100:
        raise ValueError(f"p={p!r}: a percentile lies between 0 and 100")
    place = _place(len(latencies), p)
    if len(latencies) - place < ABOVE:
        raise ValueError(
            f"p{p:g} of {len(latencies)} requests would have {max(0, len(latencies) - place)} "
            f"above it: fewer than {ABOVE} are chance, not a percentile"
        )
    return sorted(latencies)[place - 1]


def _place(n: int, p: float) -> int:
    # Rounded first: 99.9 percent of 10,000 is 9,990, and not a little more.
    return math.ceil(round(n * p / 100, 6))


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    lanes: Sequence[str] | None = None,
    claim: str = "How long each request took",
    rows: Sequence[str] | None = None,
    unit: str = "request",
):
    """Return the figure: a row per ledger, or with `rows` a panel per ledger.

    `rows` names the labels that requests may have, top first; `lanes` the lanes that they
    are taken from; `unit` is what they are called. `claim` is the title where there is one
    panel. `predictions` gives a ledger its guesses (`.guesses`, `.label`, `.unit` "s" or
    "ms"), dashed. A ValueError if a ledger has no request, a request has no row, there are
    too many rows, or a prediction has no ledger or another unit.
    """
    predictions = predictions or {}
    tables = _tables(panels, predictions, lanes, claim, rows)
    high = [ROW_IN * len(table) + 0.75 for table in tables.values()]
    figure, axes = style.new_figure(len(tables), sum(high) + 0.25)
    figure.subplots_adjust(
        left=0.17, right=0.985, hspace=0.85 / (ROW_IN * max(map(len, tables.values())))
    )
    every = [v for table in tables.values() for some in table.values() for v in some]
    guesses = [g for guess in predictions.values() for g in guess.within("s")]
    right = prediction.reach(max(1e-6, *every), guesses)
    size, word = (1, "seconds") if right >= 0.5 else (1000, "milliseconds")
    # At the right there is room for what is said of a row.
    axes[0].set_xlim(-0.02 * right * size, 1.42 * right * size)
    for ax, (title, table) in zip(axes, tables.items(), strict=True):
        places = {name: len(table) - 1 - row for row, name in enumerate(table)}
        for name, some in table.items():
            _draw_row(ax, [size * v for v in some], places[name])
            text = _in_lines(_facts(some, unit))
            _say(ax, text, (1.05 * right * size, places[name]))
        for about, guess in predictions.items():
            if rows is None or about == title:
                y = places.get(about if rows is None else guess.lane)
                span = (-0.5, len(table) - 0.5) if y is None else (y - 0.46, y + 0.46)
                prediction.draw(ax, guess, span, unit="s", at=lambda g: g * size)
        ax.set_yticks(list(places.values()), list(places))
        ax.set_ylim(-0.6, len(table) - 0.3)
        style.head(ax, title, f"a dot is a {unit}")
    # The numbers end with the dots: what stands further right is text.
    axes[-1].set_xticks([x for x in axes[-1].get_xticks() if 0 <= x <= 1.04 * right * size])
    axes[-1].set_xlabel(f"{word} until the answer")
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    lanes: Sequence[str] | None = None,
    claim: str = "How long each request took",
    rows: Sequence[str] | None = None,
    unit: str = "request",
) -> Words:
    """Return the same figure in words: what every run shows, then what this run measured."""
    predictions = predictions or {}
    tables = _tables(panels, predictions, lanes, claim, rows)
    words = Words(claim if rows is None else f"{claim}: {' / '.join(panels)}")
    words.stable.append(f"A dot is a {unit}; the further to the right, the later its answer.")
    for title, table in tables.items():
        total = sum(map(len, table.values()))
        words.stable.append(f"{title}: {style.count(total, unit)}, in the rows {', '.join(table)}.")
        words.stable += _stands_out(table, unit)
        for name, some in table.items():
            words.measured.append(f"{title}, {name}: {', '.join(_facts(some, unit))}.")
        for about, guess in predictions.items():
            if rows is None or about == title:
                words.measured.append(prediction.words(about, guess))
    return words


# --- questions both share


def _tables(
    panels: Panels,
    predictions: Guesses,
    lanes: Sequence[str] | None,
    claim: str,
    rows: Sequence[str] | None,
) -> dict[str, dict[str, list[float]]]:
    """Return by panel and row the latencies in seconds, shortest first."""

    def requests(ledger: Ledger) -> list[Span]:
        spans = [s for s in ledger.spans(kind="request") if lanes is None or s.lane in lanes]
        if not spans:
            where = "" if lanes is None else f" in lanes={list(lanes)}"
            raise ValueError(f"its ledger holds no request{where}")
        if rows and (strange := sorted({s.label for s in spans} - set(rows))):
            raise ValueError(f"requests labelled {strange} have no row")
        return spans

    found = prediction.read_panels(panels, predictions, requests, ("s", "ms"))
    if len(rows or panels) > MOST_ROWS:
        raise ValueError(f"{len(rows or panels)} rows: a latency figure takes 1 to {MOST_ROWS}")
    if rows is None:
        return {claim: {title: sorted(s.duration_s for s in found[title]) for title in found}}
    return {
        title: {name: sorted(s.duration_s for s in spans if s.label == name) for name in rows}
        for title, spans in found.items()
    }


def _facts(some: list[float], unit: str) -> list[str]:
    """Return how many there are, and within what time a part of them was answered."""
    if not some:
        return [f"no {unit}"]
    facts = [
        f"{part} within {either(percentile(some, p))}"
        for p, part in PERCENTILES.items()
        if len(some) - _place(len(some), p) >= ABOVE
    ]
    return [style.count(len(some), unit), *facts, f"all within {either(some[-1])}"]


def _stands_out(table: Mapping[str, list[float]], unit: str) -> list[str]:
    """Name the row, if there is one, whose middle is far above that of any other."""
    middles = {name: some[len(some) // 2] for name, some in table.items() if some}
    ordered = sorted(middles, key=middles.__getitem__)
    if len(ordered) > 1 and middles[ordered[-1]] > STANDS_OUT * middles[ordered[-2]]:
        return [
            f"In the row {ordered[-1]}, half of the {unit}s took more than "
            f"{STANDS_OUT:g} times as long as half of those in any other row."
        ]
    return []


# --- drawing


def _draw_row(ax, some: list[float], y: float) -> None:
    """Draw a dot for each; those beside each other stand at different heights."""
    # Steps of the golden section never line up, and are the same in every run.
    heights = [y + DOTS * ((0.618034 * n) % 1 - 0.5) for n in range(len(some))]
    ax.plot(some, heights, "o", ms=4, mfc=style.INK, mec="white", mew=0.4, alpha=0.6)


def _in_lines(facts: list[str]) -> str:
    """Return the facts in two lines, and in one where there are few."""
    middle = (len(facts) + 1) // 2 if len(facts) > 2 else len(facts)
    return ",\n".join(", ".join(part) for part in (facts[:middle], facts[middle:]) if part)


def _say(ax, text: str, at: tuple[float, float]) -> None:
    ax.text(*at, text, ha="left", va="center", fontsize=8.5, color=style.GREY, bbox=_BOX)
