"""The waterfall: where the time of one request goes, phase by phase, on one time axis.

Plan: a panel per ledger. One request gets a row per phase (queued, connect, send, wait,
receive, as the HTTP archive format names them) and a row for the server's handling, on
the same clock; several requests get a row each, their phases one after another in it.
What only waits is thin, what moves something is thick. Every bar has its time beside it,
because most phases of a small request are shorter than a pixel is wide.

Left out: more than a dozen requests (that is the latency figure), and the caller's
thread (that is the timeline).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Words
from helpers.figures.units import milliseconds
from helpers.ledger import Ledger, Span, share

PHASES = ("queued", "connect", "send", "wait", "receive")
WAITING = ("queued", "wait")
THIN, THICK = 0.2, 0.56
MOST = 12
_BOX = {"boxstyle": "round,pad=.15", "fc": "white", "ec": "none", "alpha": 0.9}
_AXES_IN = 7.6  # the width of the axes; the rows' names take the rest


@dataclass
class RequestPhases:
    """One request: its phases in order, and what servers handled of it."""

    label: str
    phases: list[Span]
    handling: list[Span]

    @property
    def start_s(self) -> float:
        """Return when the first phase began."""
        return self.phases[0].start_s

    @property
    def end_s(self) -> float:
        """Return when the last phase ended."""
        return max(s.end_s for s in self.phases)

    @property
    def handler_share(self) -> float:
        """Return which part (0 to 1) of the whole the handling covers."""
        return share(self.handling, self.start_s, self.end_s)


def requests(ledger: Ledger) -> list[RequestPhases]:
    """Return the requests whose phases the ledger holds, in order of their start.

    Spans of one lane and label are one request until a phase comes that was there before.
    A ValueError if they overlap: then requests at the same time have the same label.
    """
    spans = [s for s in ledger.spans() if s.kind in PHASES]
    # At equal times the order of the phases decides: some take no time at all.
    spans.sort(key=lambda s: (s.lane, s.label, s.start_s, PHASES.index(s.kind)))
    groups: list[list[Span]] = []
    for span in spans:
        last = groups[-1][-1] if groups else None
        same = last is not None and (last.lane, last.label) == (span.lane, span.label)
        if same and span.start_s < last.end_s:
            raise ValueError(
                f"two requests labelled {span.label!r} overlap: number them, as in ?n=1"
            )
        if same and PHASES.index(span.kind) > PHASES.index(last.kind):
            groups[-1].append(span)
        else:
            groups.append([span])
    found = []
    for group in sorted(groups):
        start_s, end_s = group[0].start_s, max(s.end_s for s in group)
        handling = [
            s
            for s in ledger.spans(kind="serving")
            if s.label == group[0].label and s.end_s > start_s and s.start_s < end_s
        ]
        found.append(RequestPhases(group[0].label, group, handling))
    return found


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    lanes: Sequence[str] | None = None,
):
    """Return the figure: a panel per ledger, keyed by what it shows.

    `predictions` gives a panel its guesses (`.guesses`, `.label`, `.unit`): of the time in
    "s" or "ms", or of the handler's share in "%", drawn dashed. `lanes` chooses the lanes
    the phases are taken from. A ValueError if a panel has no phases, more than a dozen
    requests, or a prediction no panel or another unit.
    """
    predictions = predictions or {}
    found = _found(panels, predictions, lanes)
    single = all(len(some) == 1 for some in found.values())
    names = _rows(found) if single else None
    depth = len(names) if single else max(len(some) for some in found.values())
    figure, axes = style.new_figure(len(panels), (0.44 * depth + 0.8) * len(panels) + 0.3)
    figure.subplots_adjust(left=0.15, right=0.985, hspace=0.75 / (0.44 * depth + 0.3))

    right = max(_right_ms(some, predictions.get(title)) for title, some in found.items())
    axes[0].set_xlim(-0.02 * right, 1.13 * right)
    for ax, (title, some) in zip(axes, found.items(), strict=True):
        rows = names or [_row_name(request) for request in some]
        places = {name: depth - 0.5 - i for i, name in enumerate(rows)}
        if single:
            _draw_phases(ax, some[0], places, right)
        else:
            _draw_requests(ax, some, list(places.values()), right)
        ax.set_ylim(0, depth + 0.15)
        if title in predictions:
            guess = predictions[title]
            if guess.unit == "%":  # no place on an axis of time: a line there would be a phase
                prediction.note(ax, guess, right, 0.35, ha="right")
            else:
                prediction.draw(ax, guess, unit="ms")
        ax.set_yticks(list(places.values()), rows)
        style.head(ax, title, _facts(some))
    if not single:
        _draw_key(axes[-1], found)
    axes[-1].set_xlabel(f"milliseconds since the {'request' if single else 'first request'} began")
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    lanes: Sequence[str] | None = None,
) -> Words:
    """Return the same figure in words: what every run shows, then what this run measured."""
    predictions = predictions or {}
    found = _found(panels, predictions, lanes)
    words = Words(" / ".join(panels))
    words.stable.append(
        f"A waterfall with {style.count(len(panels), 'panel')} on one axis, "
        "milliseconds since the first request began."
    )
    for title, some in found.items():
        words.stable.append(f"{title}: {' '.join(_sentences(some))}")
        words.measured.append(f"{title}: {_facts(some)}.")
        for request in some:
            times = [f"{s.kind} {milliseconds(s.duration_s)}" for s in request.phases]
            times += [f"{s.lane} handling {milliseconds(s.duration_s)}" for s in request.handling]
            longest = max(request.phases, key=lambda s: s.duration_s)
            most = longest.duration_s > 0.75 * (request.end_s - request.start_s)
            mostly = f" Most of it is {longest.kind}." if most else ""
            words.measured.append(f"{_row_name(request)}: {', '.join(times)}.{mostly}")
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


# --- questions both share


def _found(
    panels: Panels,
    predictions: Guesses,
    lanes: Sequence[str] | None,
) -> dict[str, list[RequestPhases]]:
    found = prediction.read_panels(panels, predictions, requests, ("s", "ms", "%"))
    if lanes is not None:
        there = {s.lane for some in found.values() for r in some for s in r.phases}
        if missing := [lane for lane in lanes if lane not in there]:
            raise ValueError(f"lanes={missing}: no phases there; there are in {sorted(there)}")
        found = {t: [r for r in some if r.phases[0].lane in lanes] for t, some in found.items()}
    for title, some in found.items():
        if not some:
            raise ValueError(
                f"panel {title!r}: its ledger holds no phase of a request; record them as spans "
                f"of the kinds {', '.join(PHASES)}"
            )
        if len(some) > MOST:
            raise ValueError(
                f"panel {title!r}: {len(some)} requests, a waterfall shows {MOST} at most"
            )
    return found


def _rows(found: Mapping[str, list[RequestPhases]]) -> list[str]:
    """Return the rows of panels with one request each: the phases, then the servers."""
    there = {s.kind for some in found.values() for r in some for s in r.phases}
    servers = dict.fromkeys(s.lane for some in found.values() for r in some for s in r.handling)
    return [kind for kind in PHASES if kind in there] + [_handling(lane) for lane in servers]


def _handling(lane: str) -> str:
    return f"{lane} (handling)" if len(lane) <= 6 else f"{lane}\n(handling)"


def _row_name(request: RequestPhases) -> str:
    return f"request {request.label}".rstrip()


def _right_ms(some: list[RequestPhases], guess) -> float:
    """Return the end of a panel's axis, in milliseconds since its first request."""
    right = max(r.end_s for r in some) - some[0].start_s
    if guess is not None and guess.unit != "%":
        right = prediction.reach(right, guess.within("s"))
    return 1000 * right


def _facts(some: list[RequestPhases]) -> str:
    whole = milliseconds(max(r.end_s for r in some) - some[0].start_s)
    facts = [f"{whole} in all" if len(some) == 1 else f"{whole} for {len(some)} requests"]
    if any(r.handling for r in some):
        facts.append(f"the handler's share {_handler_share(some):.0%}")
    return " · ".join(facts)


def _handler_share(some: list[RequestPhases]) -> float:
    """Return which part (0 to 1) of the requests' times together is the server's handling."""
    part = sum(r.handler_share * (r.end_s - r.start_s) for r in some)
    return part / sum(r.end_s - r.start_s for r in some)


def _sentences(some: list[RequestPhases]) -> list[str]:
    """Return what the panel shows in sentences that a run under load repeats word for word."""
    sentences = []
    for request in some:
        kinds = [s.kind for s in request.phases]
        text = f"{_row_name(request).capitalize()} has the phases {', '.join(kinds)}."
        if "connect" not in kinds and "send" in kinds:
            text += " Its connection was there already."
        sentences.append(text)
    if len(some) > 1:
        apart = all(a.end_s <= b.start_s for a, b in pairwise(some))
        sentences.append(f"They go on {'one after another' if apart else 'at the same time'}.")
    return sentences


# --- drawing


def _draw_phases(ax, request: RequestPhases, places: Mapping[str, float], right: float) -> None:
    """Draw one request, a row per phase, each with its time beside it."""
    for span in request.phases:
        _bar(ax, span, places[span.kind], request.start_s, right)
        _beside(ax, [span], places[span.kind], request.start_s, right)
    for a, b in pairwise(request.phases):
        x = (b.start_s - request.start_s) * 1000
        ax.plot([x, x], [places[a.kind], places[b.kind]], color=style.GREY, lw=0.6, zorder=1)
    for lane in dict.fromkeys(s.lane for s in request.handling):
        mine = [s for s in request.handling if s.lane == lane]
        for span in mine:
            _bar(ax, span, places[_handling(lane)], request.start_s, right)
        _beside(ax, mine, places[_handling(lane)], request.start_s, right)


def _draw_requests(ax, some: list[RequestPhases], places: list[float], right: float) -> None:
    """Draw several requests, a row each: the client's phases above, the handling below them."""
    for request, y in zip(some, places, strict=False):
        for span in request.phases:
            _bar(ax, span, y + 0.12, some[0].start_s, right)
        for span in request.handling:
            _bar(ax, span, y - 0.32, some[0].start_s, right, height=THIN)
        _beside(ax, request.phases, y + 0.12, some[0].start_s, right)


def _draw_key(ax, found: Mapping[str, list[RequestPhases]]) -> None:
    """Say under the figure which bar is which phase: in a row of bars there is no place."""
    from matplotlib.patches import Patch

    spans = [s for some in found.values() for r in some for s in [*r.phases, *r.handling]]
    kinds = [kind for kind in (*PHASES, "serving") if any(s.kind == kind for s in spans)]
    looks = [
        Patch(fc=LOOKS[kind].face, ec=style.INK, hatch=LOOKS[kind].hatch, lw=0.7) for kind in kinds
    ]
    words = ["the server's handling" if kind == "serving" else kind for kind in kinds]
    ax.legend(
        looks,
        words,
        ncol=len(kinds),
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=ax.transAxes,
        borderaxespad=4.2,
        frameon=False,
        handlelength=1.6,
        columnspacing=1.6,
        fontsize=9,
    )


def _bar(
    ax, span: Span, y: float, origin: float, right: float, height: float | None = None
) -> None:
    look = LOOKS[span.kind]
    height = height or (THIN if span.kind in WAITING else THICK)
    # Three pixels at least: what lasted a moment is still seen.
    wide = max(span.duration_s * 1000, 3 * right / (_AXES_IN * style.DPI))
    ax.broken_barh(
        [((span.start_s - origin) * 1000, wide)],
        (y - height / 2, height),
        facecolor=look.face,
        edgecolor=style.INK,
        hatch=look.hatch,
        lw=0.7,
        zorder=3 if span.kind == "serving" else 2,
    )


def _beside(ax, spans: list[Span], y: float, origin: float, right: float) -> None:
    """Write how long the spans took at the right of the last one."""
    end_s = max(s.end_s for s in spans)
    ax.annotate(
        milliseconds(end_s - spans[0].start_s),
        ((end_s - origin) * 1000 + 3 * right / (_AXES_IN * style.DPI), y),
        (5, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color=style.INK,
    )
