"""The order figure: requests in the order they were asked, and when each was answered.

Plan: a panel per protocol, two beside each other where there are many, all on one time
axis. A row per request, in the order of asking: a bar from asking to answer; in it the
time it was worked on, where the server told. Hatched as queued is what the words call
waiting behind another, by the same rule. At the end of a bar stands which answer it was.

Left out: what the requests were about, and more than a handful of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Words
from helpers.figures.units import seconds
from helpers.ledger import Ledger, Span

HEIGHT = 0.56
_ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th")


def asked(ledger: Ledger) -> list[str]:
    """Return the labels of the requests in the order they were asked."""
    return [span.label for span in ledger.spans(kind="request")]


def answered(ledger: Ledger) -> list[str]:
    """Return the labels of the requests in the order their answers came."""
    return [s.label for s in sorted(ledger.spans(kind="request"), key=lambda s: s.end_s)]


def waited_behind_another(ledger: Ledger) -> list[str]:
    """Return the requests that waited behind another, in the order they were asked.

    This is head-of-line blocking, in either of its two forms (`_waits`).
    """
    return [
        request.label for request in ledger.spans(kind="request") if any(_waits(ledger, request))
    ]


def _work(ledger: Ledger) -> dict[str, Span]:
    """Return the work on each request, where the server told of it."""
    labels = set(asked(ledger))
    return {span.label: span for span in ledger.spans(kind="serving") if span.label in labels}


def _waits(ledger: Ledger, request: Span) -> tuple[bool, bool]:
    """Tell whether a request waited before the work on it, and its answer after the work.

    Both are a matter of order, not of time, so that a machine under load changes nothing.
    Before: the work on another, under way when this one was asked, was over first. After:
    the work was done, and yet the answer came only behind that of another which was not.
    Work shorter than a quarter of the longest makes nobody wait.
    """
    work = _work(ledger)
    mine = work.get(request.label)
    if mine is None:
        return False, False
    least_s = max(span.duration_s for span in work.values()) / 4
    answers = {span.label: span.end_s for span in ledger.spans(kind="request")}
    others = [span for label, span in work.items() if label != request.label]
    long = [span for span in others if span.duration_s > least_s]
    before = any(request.start_s < other.end_s <= mine.start_s for other in long)
    after = any(mine.end_s < other.end_s and answers[other.label] < request.end_s for other in long)
    return before, after


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    lanes: Sequence[str] | None = None,
    columns: int | None = None,
):
    """Return the figure: a panel per ledger, keyed by its protocol, in one column or two.

    `predictions` gives a panel its guesses in seconds since asking, dashed; their `.lane`
    may name the request they are about. A ValueError for no panel, a ledger without
    requests or with more than nine, or a prediction that belongs to no panel.
    """
    predictions = predictions or {}
    requests = prediction.read_panels(panels, predictions, _requests, ("s", "ms"))
    columns = columns or (2 if len(panels) > 3 else 1)
    rows = -(-len(panels) // columns)
    deep = max(map(len, requests.values()))
    figure, axes = style.new_figure(rows, rows * (0.36 * deep + 0.72) + 0.3, columns)
    figure.subplots_adjust(left=0.09, right=0.99, wspace=0.2, hspace=0.62 / (0.36 * deep + 0.1))
    ends = [s.end_s - _origin(ledger) for ledger in panels.values() for s in ledger.spans()]
    guesses = [g for guess in predictions.values() for g in guess.within("s")]
    last = prediction.reach(max(ends), guesses)
    axes[0].set_xlim(-0.02 * last, 1.22 * last)
    for ax, (title, ledger) in zip(axes, panels.items(), strict=False):
        guessed = predictions[title].lane if title in predictions else ""
        _draw_panel(ax, ledger, deep, guessed)
        if title in predictions:
            guess, labels = predictions[title], asked(ledger)
            middle = len(labels) - 1 - labels.index(guess.lane) if guess.lane in labels else None
            span = None if middle is None else (middle - 0.45, middle + 0.45)
            prediction.draw(ax, guess, span, unit="s")
        style.head(ax, title, _fact(ledger))
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    for ax in axes[max(0, len(panels) - columns) : len(panels)]:
        ax.tick_params(labelbottom=True)
        ax.set_xlabel("seconds since asking")
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    lanes: Sequence[str] | None = None,
) -> Words:
    """Return the same figure in words."""
    predictions = predictions or {}
    requests = prediction.read_panels(panels, predictions, _requests, ("s", "ms"))
    words = Words(" / ".join(panels))
    words.stable.append(
        f"{style.count(len(panels), 'panel')} on one axis, seconds since asking; a row per request."
    )
    for title, ledger in panels.items():
        waited = waited_behind_another(ledger)
        behind = f"Waited behind another: {', '.join(waited)}." if waited else ""
        if _work(ledger) and not waited:
            behind = "None waited behind another."
        words.stable.append(
            f"{title}: asked {', '.join(asked(ledger))}; "
            f"answered {', '.join(answered(ledger))}. {behind}".strip()
        )
        times = [f"{s.label} after {seconds(s.duration_s)}" for s in requests[title]]
        words.measured.append(f"{title}: {', '.join(times)}.")
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


def _requests(ledger: Ledger) -> list[Span]:
    requests = ledger.spans(kind="request")
    if not 1 <= len(requests) <= len(_ORDINALS):
        raise ValueError("one to nine requests can be drawn")
    return requests


def _origin(ledger: Ledger) -> float:
    return ledger.spans(kind="request")[0].start_s


def _fact(ledger: Ledger) -> str:
    same = answered(ledger) == asked(ledger)
    return "answered in order" if same else "answered out of order"


def _draw_panel(ax, ledger: Ledger, deep: int, guessed: str) -> None:
    """Draw a row per request; no words in the bars of the one that a guess is about."""
    origin, order, work = _origin(ledger), answered(ledger), _work(ledger)
    requests = ledger.spans(kind="request")
    for row, request in enumerate(requests):
        y = deep - 1 - row
        works, waits = ("", "") if request.label == guessed else ("worked on", "waits")
        _bar(ax, request, y, "request", origin)
        if worked := work.get(request.label):
            before, after = _waits(ledger, request)
            if before:
                gap = Span(request.start_s, worked.start_s, request.lane, "queued", waits)
                _bar(ax, gap, y, "queued", origin)
            if after:
                gap = Span(worked.end_s, request.end_s, request.lane, "queued", waits)
                _bar(ax, gap, y, "queued", origin)
            _bar(ax, worked._replace(label=works), y, "serving", origin)
        ax.annotate(
            _ORDINALS[order.index(request.label)],
            (request.end_s - origin, y),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    ax.set_yticks([deep - 1 - row for row in range(len(requests))], asked(ledger))
    ax.set_ylim(-0.55, deep - 0.35)


def _bar(ax, span: Span, y: float, kind: str, origin: float) -> None:
    look = LOOKS[kind]
    ax.broken_barh(
        [(span.start_s - origin, max(span.duration_s, 0.002))],
        (y - HEIGHT / 2, HEIGHT),
        facecolor=look.face,
        edgecolor=style.INK if kind == "request" else "white",
        hatch=look.hatch,
        lw=0.7 if kind == "request" else 0.5,
    )
    _, right = ax.get_xlim()
    if kind != "request" and span.label and span.duration_s > 0.17 * right:
        middle = (span.start_s + span.end_s) / 2 - origin
        box = {"boxstyle": "round,pad=.15", "fc": "white", "ec": "none", "alpha": 0.92}
        ax.text(middle, y, span.label, ha="center", va="center", fontsize=8.5, bbox=box)
