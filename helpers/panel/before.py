"""The run before, faint behind the figure of the new one, on an axis that stays.

Plan: a figure draws the panels of the new run, of the one before, and of the widest so far as
if they were one figure, so all share their axes. Then each panel of the run before is moved
behind its twin, without its words and pale, and once more before it, as dotted outlines: they
tell where a shorter bar ended. The widest is taken away. Panels are twins
by their place. Where the rows of twins are not the same (another number of clients), the new
run stands alone, on the axis that stays; where a run is a panel with a row for each ledger,
the run before gets rows of its own.

Left out: what changed, in words; the eye compares.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from helpers.ledger import Ledger

PALE, OUTLINE = 0.28, "#222222"

Panels = Mapping[str, Ledger]


def width_s(panels: Panels) -> float:
    """Return how long the longest ledger of a run is."""
    ends = [
        max(s.end_s for s in spans) - min(s.start_s for s in spans)
        for ledger in panels.values()
        if (spans := ledger.spans())
    ]
    return max(ends, default=0.0)


def draw(figure, panels: Panels, before: Panels | None, widest: Panels | None, options: Mapping):
    """Return the figure of a run, and where in it the run before is, in words ("" if nowhere).

    `widest` is drawn along for its axis alone, if it is neither of the two.
    """
    alone = figure.draw(panels, None, **options)
    if before is None or len(before) != len(panels):
        return alone, ""
    fronts = _used(alone)
    takes = inspect.signature(figure.draw).parameters
    # How many panels stand beside each other; of some figures they are columns of a table.
    if "columns" in takes and takes["columns"].default != ():
        options = {**options, "columns": _columns(fronts[0])}
    every = dict(panels) | {f"{title}, before": ledger for title, ledger in before.items()}
    if len(fronts) == 1 < len(panels):  # one panel, and a row for each ledger
        return figure.draw(every, None, **options), "In the rows “before”"
    every |= {f"{title}, outlined": ledger for title, ledger in before.items()}
    if widest is not None and widest is not panels and widest is not before:
        every |= {f"{title}, widest": ledger for title, ledger in widest.items()}
    together = figure.draw(every, None, **options)
    axes = _used(together)
    if len(axes) != len(every) or _columns(fronts[0]) != _columns(axes[0]):
        return alone, ""
    count = len(panels)
    seen, backs, outlines = (axes[n * count : (n + 1) * count] for n in range(3))
    fits = all(_rows(one) == _rows(other) for one, other in zip(seen, backs, strict=True))
    for front, back, outline in zip(seen, backs, outlines, strict=True):
        if fits:
            _lay_over(front, back, outline)
    for spare in axes[3 * count if fits else count :]:
        spare.set_visible(False)
    for ax in seen[-_columns(seen[0]) :]:
        ax.tick_params(labelbottom=True)
        ax.set_xlabel(axes[-1].get_xlabel())
    return together, "Pale and dotted" if fits else ""


def _used(figure) -> list:
    return [ax for ax in figure.axes if ax.get_visible()]


def _columns(ax) -> int:
    spec = ax.get_subplotspec()
    return spec.get_gridspec().ncols if spec else 1


def _rows(ax) -> list:
    """Return what stands at the left of a panel, and where, unless it is a scale of numbers."""
    if ax.get_yscale() == "log":
        return []
    labels = [label.get_text() for label in ax.get_yticklabels()]
    return [(round(float(y), 6), text) for y, text in zip(ax.get_yticks(), labels, strict=True)]


def _lay_over(front, back, outline) -> None:
    """Lay the run before behind a panel, pale, and its outlines before it; both without words."""
    from matplotlib.lines import Line2D

    every = (front, back, outline)
    low, high = min(ax.get_ylim()[0] for ax in every), max(ax.get_ylim()[1] for ax in every)
    for ax in every:
        ax.set_ylim(low, high)
    for ax, order in ((back, -1), (outline, 1)):
        ax.set_position(front.get_position())
        ax.set_zorder(front.get_zorder() + order)
        ax.axis("off")
        ax.set_title("", loc="left")
        ax.set_title("", loc="right")
        for text in list(ax.texts):
            text.set_visible(False)
    front.patch.set_visible(False)
    for artist in [*back.patches, *back.lines, *back.collections]:
        alpha = artist.get_alpha()
        artist.set_alpha(PALE * (1.0 if alpha is None else float(alpha)))
    for artist in [*outline.patches, *outline.lines, *outline.collections]:
        if isinstance(artist, Line2D) or not hasattr(artist, "set_hatch"):
            artist.set_visible(False)
            continue
        artist.set(facecolor="none", edgecolor=OUTLINE, linewidth=0.8, linestyle=":", hatch=None)
