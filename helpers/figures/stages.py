"""The stages of one exchange: a row for each, of both sides, on one time axis.

Plan: a panel per ledger; a row per span in the order in which they begin, named after who
does what ("server: parse"). Every bar has its time beside it, because some are shorter
than a pixel is wide. Which side a row belongs to stands in its name, what kind of work it
is in its colour.

Left out: more than one exchange (that is the timeline or the waterfall), and what a
library does inside of a stage.
"""

from __future__ import annotations

from collections.abc import Iterable

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Words
from helpers.figures.units import milliseconds
from helpers.ledger import Ledger, Span, duration_s, share

ROW_IN, BAR, MOST = 0.34, 0.62, 20
_AXES_IN = 6.9  # the width of the axes; the rows' names take the rest


def draw(panels: Panels, predictions: Guesses | None = None):
    """Return the figure: a panel per ledger, keyed by what it shows.

    `predictions` gives a panel its guesses of the handling's share (`.guesses`, `.label`,
    `.unit` "%"), written under the last row. A ValueError if a
    panel has no stage or more than twenty, or a prediction no panel or another unit.
    """
    predictions = predictions or {}
    found = prediction.read_panels(panels, predictions, _stages, ("%",))
    rows = max(map(len, found.values()))
    rows += any(title in predictions for title in panels)
    figure, axes = style.new_figure(len(panels), (ROW_IN * rows + 0.7) * len(panels) + 0.3)
    figure.subplots_adjust(left=0.25, right=0.985, hspace=0.75 / (ROW_IN * rows))
    right = max(1000 * duration_s(stages) for stages in found.values())
    axes[0].set_xlim(-0.01 * right, 1.12 * right)
    for ax, (title, stages) in zip(axes, found.items(), strict=True):
        origin = stages[0].start_s
        places = [rows - 0.5 - i for i in range(len(stages))]
        for stage, y in zip(stages, places, strict=True):
            _draw_stage(ax, stage, y, origin, right)
        ax.set_ylim(0, rows)
        if title in predictions:
            # A share has no place on an axis of time: it is written, under the last row.
            about = "the handling's share, "
            prediction.note(ax, predictions[title], right, 0.5, about, ha="right")
        ax.set_yticks(places, [_name(stage) for stage in stages])
        style.head(ax, title, _facts(stages))
    axes[-1].set_xlabel("milliseconds since the first stage began")
    return figure


def describe(panels: Panels, predictions: Guesses | None = None) -> Words:
    """Return the same figure in words: what every run shows, then what this run measured."""
    predictions = predictions or {}
    prediction.read_panels(panels, predictions, _stages, ("%",))
    words = Words(" / ".join(panels))
    words.stable.append("The stages of an exchange, a row each, in the order in which they begin.")
    for title, ledger in panels.items():
        stages = ledger.spans()
        by_lane = {s.lane: [t.label for t in stages if t.lane == s.lane] for s in stages}
        for lane in sorted(by_lane):
            words.stable.append(f"{title}: the {lane} does this: {', '.join(by_lane[lane])}.")
        handled = share([s for s in stages if s.kind == "serving"], *ledger.extent_s())
        if handled < 0.25 or handled > 0.75:
            part = "less than a quarter" if handled < 0.25 else "more than three quarters"
            words.stable.append(f"{title}: the handling is {part} of the whole.")
        words.measured.append(f"{title}: {_facts(stages)}.")
        times = [f"{_name(s)} {milliseconds(s.duration_s)}" for s in stages]
        words.measured.append(f"{', '.join(times)}.")
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


def broken_needs(ledger: Ledger, needs: Iterable[tuple[str, str]]) -> list[str]:
    """Return a sentence for each stage that ends before what it needs has begun; none if all fit.

    `needs` are pairs of names, such as ("server parse", "client send"): a lane, a blank, and
    the label. A stage that is not there breaks every pair it stands in: what is missing
    can't be shown to fit.
    """
    found: dict[str, Span] = {f"{span.lane} {span.label}": span for span in ledger.spans()}
    broken = []
    for stage, need in needs:
        missing = [name for name in (stage, need) if name not in found]
        if missing:
            broken.append(f"there is no {' and no '.join(missing)}")
        elif found[stage].end_s < found[need].start_s:
            broken.append(f"{stage} ends before {need} has begun")
    return broken


# --- questions both share


def _stages(ledger: Ledger) -> list[Span]:
    stages = ledger.spans()
    if not 0 < len(stages) <= MOST:
        raise ValueError(f"{len(stages)} stages, it shows 1 to {MOST}")
    if odd := {s.kind for s in stages} - set(LOOKS):
        raise ValueError(f"no such kind: {', '.join(sorted(odd))}")
    return stages


def _name(stage: Span) -> str:
    return f"{stage.lane}: {stage.label or LOOKS[stage.kind].word}"


def _facts(stages: list[Span]) -> str:
    first, last = stages[0].start_s, max(s.end_s for s in stages)
    facts = [f"{milliseconds(last - first)} in all"]
    if handling := [s for s in stages if s.kind == "serving"]:
        facts.append(f"the handling's share {share(handling, first, last):.0%}")
    return " · ".join(facts)


# --- drawing


def _draw_stage(ax, stage: Span, y: float, origin: float, right: float) -> None:
    look = LOOKS[stage.kind]
    pixel = right / (_AXES_IN * style.DPI)
    start, wide = (stage.start_s - origin) * 1000, stage.duration_s * 1000
    ax.broken_barh(
        # Three pixels at least: what lasted a moment is still seen.
        [(start, max(wide, 3 * pixel))],
        (y - BAR / 2, BAR),
        facecolor=look.face,
        edgecolor=style.INK,
        hatch=look.hatch,
        lw=0.7,
    )
    ax.annotate(
        milliseconds(stage.duration_s),
        (start + max(wide, 3 * pixel), y),
        (5, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
    )
