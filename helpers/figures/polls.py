"""The polls of a long job: when each client asked, and when it learned that the job was done.

Plan: a ledger holds the work, one span in the lane `WORK`, and a lane for each way of asking
with its polls, spans of kind "request" whose label names the client. Of each way one client
is drawn, the first: a hollow dot is an answer "not yet", a full one the answer that it is
done. What lies between the end of the work and that answer is drawn as waiting. At the right
stands what one client of this way needed on average.

Left out: when a question was sent; at this scale it is where its answer is.
"""

from __future__ import annotations

from typing import NamedTuple

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Words
from helpers.ledger import Ledger

WORK = "the work"
ROW_IN, COLUMNS = 0.52, ("requests", "too late by")


class Way(NamedTuple):
    """A way of asking: the answers of its first client, and the averages of all of them."""

    lane: str
    answers: list[float]
    requests: float
    delay_s: float


def done_s(ledger: Ledger) -> float:
    """Return when the work was done, on the ledger's clock; a ValueError if it holds no work."""
    work = ledger.spans(WORK)
    if len(work) != 1:
        raise ValueError(f"its ledger holds {len(work)} spans in the lane {WORK!r}, not one")
    return work[0].end_s


def ways(ledger: Ledger) -> list[Way]:
    """Return the ways of asking in the order in which they were written; errors as `done_s`."""
    end_s = done_s(ledger)
    found: dict[str, dict[str, list[float]]] = {}
    for _, answered_s, lane, kind, client in list(ledger.rows):
        if kind == "request":
            found.setdefault(lane, {}).setdefault(client, []).append(answered_s)
    if not found:
        raise ValueError("its ledger holds no request")
    result = []
    for lane, clients in found.items():
        answers = [sorted(some) for _, some in sorted(clients.items())]
        requests = sum(map(len, answers)) / len(answers)
        delay_s = sum(some[-1] - end_s for some in answers) / len(answers)
        result.append(Way(lane, answers[0], requests, delay_s))
    return result


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    what: str = "the job",
    order: tuple[str, ...] = (),
):
    """Return the figure; `what` is done in the end, `order` the lanes from top to bottom.

    A prediction counts seconds from the end of the work; its `lane` names the row. A
    ValueError for more or less than one panel, or for a ledger without work or requests.
    """
    predictions = predictions or {}
    title, ledger, rows = _found(panels, predictions, order)
    end_s, start_s = done_s(ledger), ledger.spans(WORK)[0].start_s
    figure, (ax,) = style.new_figure(1, ROW_IN * (len(rows) + 1) + 1.05)
    figure.subplots_adjust(left=0.22, right=0.76, top=1 - 0.62 / figure.get_figheight())
    last_s = max(row.answers[-1] for row in rows) - start_s
    guesses = [end_s - start_s + g for p in predictions.values() for g in p.within("s")]
    ax.set_xlim(0, 1.04 * prediction.reach(last_s, guesses))
    ax.set_ylim(-len(rows) - 0.55, 0.5)
    ax.barh(0, end_s - start_s, 0.5, facecolor=LOOKS["serving"].face, edgecolor=style.INK, lw=0.7)
    ax.plot([end_s - start_s] * 2, ax.get_ylim(), color=style.INK, lw=1.2, zorder=2)
    ax.annotate(
        f"{what} is done",
        (end_s - start_s, 0),
        (-6, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=9.5,
        color="white",
        fontweight="bold",
    )
    places = {row.lane: -n for n, row in enumerate(rows, 1)}
    for row in rows:
        _draw_row(ax, places[row.lane], [a - start_s for a in row.answers], end_s - start_s)
        _write(ax, 1.10, places[row.lane], f"{row.requests:.3g}")
        _write(ax, 1.27, places[row.lane], f"{row.delay_s:.2f} s")
    ax.set_yticks([0, *places.values()], [WORK, *(row.lane for row in rows)])
    for x, name in zip((1.10, 1.27), COLUMNS, strict=True):
        _write(ax, x, 0.12, name, color=style.GREY)
    _write(ax, 1.185, -0.4, "(mean of all clients)", color=style.GREY, fontsize=8)
    if title in predictions:
        guess = predictions[title]
        y = places.get(guess.lane)
        span = None if y is None else (y - 0.45, y + 0.45)
        prediction.draw(ax, guess, span, unit="s", at=lambda g: end_s - start_s + g)
    ax.set_xlabel("seconds since the job was submitted (one client of each kind)")
    _explain(ax)
    style.head(ax, title, "")
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    what: str = "the job",
    order: tuple[str, ...] = (),
) -> Words:
    """Return the same figure in words: the ways of asking; as measured, what each needed."""
    predictions = predictions or {}
    title, _, rows = _found(panels, predictions, order)
    words = Words(title)
    words.stable.append(
        f"The work, a bar over time, until {what} is done. Below, a row for each way of asking: "
        f"{', '.join(' '.join(row.lane.split()) for row in rows)}. Each answer is a dot, hollow "
        "as long as the work goes on; the last is full, and comes after the end of the work."
    )
    for row in rows:
        name = " ".join(row.lane.split())
        words.measured.append(
            f"{name}: {row.requests:.3g} requests a client, {row.delay_s:.2f} s too late."
        )
    if title in predictions:
        words.measured.append(prediction.words(title, predictions[title]))
    return words


def _found(panels, predictions, order) -> tuple[str, Ledger, list[Way]]:
    if len(panels) != 1:
        raise ValueError(f"panels={list(panels)}: the figure shows one ledger")
    [(title, ledger)] = panels.items()
    try:
        rows = ways(ledger)
    except ValueError as error:
        raise ValueError(f"panel {title!r}: {error}") from None
    prediction.check(predictions, panels, ("s", "ms"))
    return title, ledger, sorted(rows, key=lambda row: _place(order, row.lane))


def _place(order: tuple[str, ...], lane: str) -> int:
    return order.index(lane) if lane in order else len(order)


# --- drawing


def _draw_row(ax, y: float, answers: list[float], done: float) -> None:
    look = LOOKS["queued"]
    ax.barh(
        y,
        answers[-1] - done,
        0.3,
        left=done,
        facecolor=look.face,
        edgecolor=style.INK,
        hatch=look.hatch,
        lw=0.6,
        zorder=3,
    )
    dot = {"mec": style.INK, "ms": 6, "ls": "", "zorder": 4}
    ax.plot(answers[:-1], [y] * (len(answers) - 1), "o", mfc="white", mew=0.9, **dot)
    ax.plot(answers[-1:], [y], "o", mfc=style.INK, **dot)


def _write(ax, x: float, y: float, text: str, color: str = style.INK, fontsize: float = 9.5):
    options = {"ha": "center", "va": "center", "fontsize": fontsize, "color": color}
    ax.text(x, y, text, transform=ax.get_yaxis_transform(), **options)


def _explain(ax) -> None:
    """Say under the axis what the signs mean."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    look = LOOKS["queued"]
    dot = {"ls": "", "marker": "o", "ms": 6, "mec": style.INK}
    late = {"facecolor": look.face, "hatch": look.hatch, "edgecolor": style.INK, "lw": 0.6}
    signs = [
        Line2D([], [], mfc="white", label="answer: not yet", **dot),
        Line2D([], [], mfc=style.INK, label="answer: done", **dot),
        Patch(label="done, and the client does not know it", **late),
    ]
    ax.figure.legend(
        handles=signs,
        loc="upper left",
        bbox_to_anchor=(0.0, 0.02),
        ncol=3,
        frameon=False,
        fontsize=9,
    )
