"""The sequence: who told whom what, and how long it was under way; arrows in true time.

Plan: a panel per ledger, a horizontal lifeline per party, time to the right. A message is
an arrow from when it left to when it arrived, so it slopes as long as it was under way.
Messages are spans of kind "message" in a lane named "client→server", or what a relay has
written (kinds "sent" and "received", of which one end is the client and the other the
server). On the lifelines lie the requests and what was served; a ✕ is where it broke.
Arrows that nobody could tell apart are drawn as one, and a label stands where it fits.

Left out: threads and loops (that is the timeline), and the bytes of a message.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Words
from helpers.figures.units import either, milliseconds, seconds
from helpers.ledger import Ledger, Mark, Span, in_flight

CLIENT, SERVER = "client", "server"
MOST_NAMED = 12
_LONG_S = 0.01  # a relay without delay passes a piece on in much less, also under load
_APART_IN, _BAR = 1.35, 0.13
_AXES_IN = 7.6  # the width of the axes; the parties' names take the rest
_TEXT = 0.16  # the height of a label, where two lifelines are 1 apart
_BOX = {"boxstyle": "round,pad=.15", "fc": "white", "ec": "none", "alpha": 0.9}

_Box = tuple[float, float, float, float]  # left, low, right, high
_Line = tuple[float, float, float, float]  # from x, y to x, y


@dataclass(frozen=True)
class Message:
    """What one party told another: it left at `left_s` and arrived at `came_s`."""

    left_s: float
    came_s: float
    sender: str
    receiver: str
    label: str
    named: bool = True  # by the lesson; else it is a piece as the relay happened to read it

    @property
    def under_way_s(self) -> float:
        """Return how long it was under way, in seconds."""
        return self.came_s - self.left_s


def messages(ledger: Ledger, lanes: Sequence[str] | None = None) -> list[Message]:
    """Return the messages a ledger holds, in order of leaving; of these lanes, or (None) all.

    A ValueError for a message whose lane does not name its parties, as "client→server" does.
    """
    wires = {s.lane for s in ledger.spans() if s.kind in ("sent", "received")}
    ends = CLIENT, _server(ledger)
    found = []
    for span in ledger.spans():
        if lanes is not None and span.lane not in lanes:
            continue
        if span.kind == "message":
            sender, arrow, receiver = span.lane.partition("→")
            if not (sender and arrow and receiver):
                raise ValueError(f"lane {span.lane!r}: a message's lane is like 'client→server'")
            found.append(Message(span.start_s, span.end_s, sender, receiver, span.label))
        elif span.kind in ("sent", "received"):
            label = f"{span.lane}: {span.label}" if len(wires) > 1 else span.label
            there = ends if span.kind == "sent" else ends[::-1]
            found.append(Message(span.start_s, span.end_s, *there, label, named=False))
    return sorted(found, key=lambda m: (m.left_s, m.came_s))


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    lanes: Sequence[str] | None = None,
    parties: Sequence[str] | None = None,
):
    """Return the figure: a panel per ledger, keyed by what it shows.

    `lanes` chooses the lanes the messages come from, `parties` orders the lifelines, top
    first. `predictions` gives a panel its guesses in seconds (`.guesses`, `.label`), drawn
    dashed. A ValueError if a panel has no message, a prediction no panel, or if `parties`
    leaves one out.
    """
    predictions = predictions or {}
    found = _found(panels, predictions, lanes)
    names = _parties(found, parties)
    tall = _APART_IN * (len(names) - 1) + 0.5
    figure, axes = style.new_figure(len(panels), (tall + 0.65) * len(panels) + 0.3)
    figure.subplots_adjust(left=0.12, right=0.985, hspace=0.62 / tall)
    left, right = _extent(panels, found, predictions)
    unit = 1000 if right < 0.1 else 1
    axes[0].set_xlim(left * unit, right * unit)
    pixel_s = (right - left) / (_AXES_IN * style.DPI)
    for ax, (title, some) in zip(axes, found.items(), strict=True):
        ledger, origin = panels[title], _origin(panels[title], some)
        heights = {name: len(names) - 1.0 - i for i, name in enumerate(names)}
        ax.set_ylim(-0.35, len(names) - 1 + 0.3)
        ax.set_yticks(list(heights.values()), names)
        for y in heights.values():
            ax.axhline(y, color=style.INK, lw=1.0, zorder=1)
        for span in _bars(ledger, some):
            if (lane := _lifeline(span, names)) in heights:
                _draw_bar(ax, span, heights[lane], origin, unit, pixel_s)
        placed: list[_Box] = []
        for mark in _errors(ledger, lanes):
            _draw_error(ax, mark, (len(names) - 1) / 2, origin, unit, placed)
        _draw_messages(ax, _joined(some, pixel_s), heights, origin, unit, placed)
        if title in predictions:
            prediction.draw(ax, predictions[title], unit="ms" if unit == 1000 else "s")
        style.head(ax, title, _facts(some))
    first = (
        "request" if any(ledger.spans(kind="request") for ledger in panels.values()) else "message"
    )
    axes[-1].set_xlabel(f"{'milliseconds' if unit == 1000 else 'seconds'} since the first {first}")
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    lanes: Sequence[str] | None = None,
    parties: Sequence[str] | None = None,
) -> Words:
    """Return the same figure in words: what every run shows, then what this run measured."""
    predictions = predictions or {}
    found = _found(panels, predictions, lanes)
    names = _parties(found, parties)
    words = Words(" / ".join(panels))
    words.stable.append(
        f"A sequence with {style.count(len(panels), 'panel')}: lifelines of {', '.join(names)}; "
        "an arrow per message, time to the right."
    )
    for title, some in found.items():
        ledger, origin = panels[title], _origin(panels[title], some)
        words.stable.append(f"{title}: {' '.join(_sentences(ledger, some, lanes))}")
        words.measured.append(f"{title}: {_facts(some)}.")
        for m in some[:MOST_NAMED]:
            words.measured.append(
                f"{m.sender} to {m.receiver}, {m.label or 'no label'}: left at "
                f"{milliseconds(m.left_s - origin)}, arrived at {milliseconds(m.came_s - origin)}."
            )
        if len(some) > MOST_NAMED:
            words.measured.append(f"And {len(some) - MOST_NAMED} more.")
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


# --- questions both share


def _found(
    panels: Panels,
    predictions: Guesses,
    lanes: Sequence[str] | None,
) -> dict[str, list[Message]]:
    def some(ledger: Ledger) -> list[Message]:
        found = messages(ledger, lanes)
        if not found:
            raise ValueError(
                "its ledger holds no message; record a relay's, or write spans of kind 'message' "
                "in lanes like 'client→server'"
            )
        return found

    return prediction.read_panels(panels, predictions, some, ("s", "ms"))


def _server(ledger: Ledger) -> str:
    """Return the name of the one server that served, else just "server"."""
    names = {span.lane for span in ledger.spans(kind="serving")}
    return names.pop() if len(names) == 1 else SERVER


def _parties(found: Mapping[str, list[Message]], chosen: Sequence[str] | None) -> list[str]:
    """Return the lifelines of all panels: as chosen, or in the order in which they speak."""
    there = dict.fromkeys(
        p for some in found.values() for m in some for p in (m.sender, m.receiver)
    )
    if chosen is None:
        first = [CLIENT] if CLIENT in there else []
        return first + [party for party in there if party not in first]
    if missing := [party for party in there if party not in chosen]:
        raise ValueError(f"parties={list(chosen)} leaves out {missing}, who send or receive")
    return list(chosen)


def _lifeline(span: Span, names: Sequence[str]) -> str:
    """Return whose lifeline a request or something served lies on."""
    return names[0] if span.kind == "request" else span.lane


def _bars(ledger: Ledger, some: list[Message]) -> list[Span]:
    """Return the requests and what was served, as far as messages are about them."""
    first_s, last_s = some[0].left_s, max(m.came_s for m in some)
    spans = ledger.spans(kind="request") + ledger.spans(kind="serving")
    return [s for s in spans if s.end_s >= first_s and s.start_s <= last_s]


def _errors(ledger: Ledger, lanes: Sequence[str] | None) -> list[Mark]:
    wires = {s.lane for s in ledger.spans() if s.kind in ("sent", "received", "message")}
    wires = wires if lanes is None else set(lanes)
    return [mark for mark in ledger.marks(kind="error") if mark.lane in wires]


def _origin(ledger: Ledger, some: list[Message]) -> float:
    return min([some[0].left_s, *(s.start_s for s in _bars(ledger, some))])


def _facts(some: list[Message]) -> str:
    whole_s = max(m.came_s for m in some) - some[0].left_s
    whole = either(whole_s)
    noun = "message" if all(m.named for m in some) else "piece"
    facts = [f"{whole} for {style.count(len(some), noun)}"]
    slowest = max(m.under_way_s for m in some)
    if slowest > _LONG_S:
        facts.append(f"up to {seconds(slowest)} under way")
    return " · ".join(facts)


def _sentences(ledger: Ledger, some: list[Message], lanes: Sequence[str] | None) -> list[str]:
    """Return what the panel shows in sentences that a run under load repeats word for word."""
    sentences = []
    named = [m for m in some if m.named]
    for m in named[:MOST_NAMED]:
        sentences.append(f"{m.sender} to {m.receiver}: {m.label}.")
    if len(named) > MOST_NAMED:
        sentences.append(f"And {len(named) - MOST_NAMED} more.")
    ways = dict.fromkeys((m.sender, m.receiver) for m in some if not m.named)
    for sender, receiver in ways:
        # How a stream is cut into pieces differs by run: the way as a whole is told.
        middle = statistics.median(
            m.under_way_s for m in some if (m.sender, m.receiver) == (sender, receiver)
        )
        way = "more" if middle > _LONG_S else "less"
        sentences.append(f"From {sender} to {receiver} a piece mostly needs {way} than 10 ms.")
    requests, served = ledger.spans(kind="request"), ledger.spans(kind="serving")
    if requests:
        most = in_flight(requests)
        at_once = f", up to {most} in flight" if most > 1 else ""
        sentences.append(f"On the client's line {style.count(len(requests), 'request')}{at_once}.")
    for lane in dict.fromkeys(s.lane for s in served):
        sentences.append(f"The {lane} serves {sum(s.lane == lane for s in served)}.")
    return sentences + [f"✕ {mark.label}." for mark in _errors(ledger, lanes)]


# --- drawing


def _extent(
    panels: Panels,
    found: Mapping[str, list[Message]],
    predictions: Guesses,
) -> tuple[float, float]:
    """Return the x range that holds every panel and its prediction, in seconds."""
    right = 0.0
    for title, some in found.items():
        origin = _origin(panels[title], some)
        ends = [m.came_s for m in some] + [s.end_s for s in _bars(panels[title], some)]
        ends += [mark.time_s for mark in _errors(panels[title], None)]
        right = max(right, max(ends) - origin)
    guesses = [g for guess in predictions.values() for g in guess.within("s")]
    right = prediction.reach(right, guesses)
    return -0.03 * right, 1.06 * right


def _joined(some: list[Message], pixel_s: float) -> list[Message]:
    """Return the messages with those joined that would lie on each other."""
    joined: list[Message] = []
    last: dict[tuple[str, str], int] = {}
    for m in some:
        way = m.sender, m.receiver
        at = last.get(way)
        before = joined[at] if at is not None else None
        near = before is not None and (
            m.left_s - before.left_s < pixel_s and abs(m.came_s - before.came_s) < pixel_s
        )
        if near:
            label = before.label or m.label
            if before.label and m.label and not label.endswith(" …"):
                label += " …"
            joined[at] = replace(before, label=label)
        else:
            last[way] = len(joined)
            joined.append(m)
    return joined


def _draw_bar(ax, span: Span, y: float, origin: float, unit: float, pixel_s: float) -> None:
    look = LOOKS[span.kind]
    ax.broken_barh(
        [((span.start_s - origin) * unit, max(span.duration_s, 2 * pixel_s) * unit)],
        (y - _BAR / 2, _BAR),
        facecolor=look.face,
        edgecolor=style.INK,
        hatch=look.hatch,
        lw=0.7,
        zorder=2,
    )


def _draw_messages(
    ax,
    some: list[Message],
    heights: Mapping[str, float],
    origin: float,
    unit: float,
    placed: list[_Box],
) -> None:
    """Draw an arrow per message, and the labels: of many, only the first each way."""
    many = len(some) > MOST_NAMED
    lines: list[_Line] = []
    for m in some:
        start = (m.left_s - origin) * unit, heights[m.sender]
        end = (m.came_s - origin) * unit, heights[m.receiver]
        lines.append((*start, *end))
        arrow = {"arrowstyle": "-|>", "color": LOOKS["sent"].face, "lw": 0.7 if many else 1.3}
        arrow |= {"shrinkA": 0, "shrinkB": 0, "mutation_scale": 7 if many else 11}
        ax.annotate("", end, start, arrowprops=arrow, zorder=3)
    seen: set[tuple[str, str]] = set()
    for m, line in zip(some, lines, strict=True):
        way = m.sender, m.receiver
        if m.label and not (many and way in seen):
            _place_label(ax, m.label, line, [other for other in lines if other != line], placed)
        seen.add(way)


def _place_label(ax, text: str, line: _Line, others: list[_Line], placed: list[_Box]) -> None:
    """Write the label on its arrow or beside it, best where nothing else is; or not at all."""
    low_x, high_x = ax.get_xlim()
    pixel = (high_x - low_x) / (_AXES_IN * style.DPI)
    wide = _width(text) * pixel
    x1, y1, x2, y2 = line
    free: list[tuple[int, _Box]] = []
    for part in (0.5, 0.36, 0.64, 0.24, 0.76):
        x, y = x1 + part * (x2 - x1), y1 + part * (y2 - y1)
        beside = [x + 7 * pixel, x - wide - 7 * pixel]
        on_it = [x - wide / 2] if abs(x2 - x1) > wide else []
        for left in on_it + beside:
            box = left, y - _TEXT / 2, left + wide, y + _TEXT / 2
            if low_x <= left and box[2] <= high_x and not any(_overlap(box, b) for b in placed):
                free.append((sum(_crosses(box, other) for other in others), box))
    if free:
        _, box = min(free, key=lambda candidate: candidate[0])
        placed.append(box)
        middle = (box[1] + box[3]) / 2
        ax.text(
            box[0], middle, text, va="center", fontsize=8.5, color=style.INK, bbox=_BOX, zorder=4
        )


def _width(text: str) -> float:
    """Return about how many pixels a label is wide."""
    return 6.3 * len(text)


def _overlap(a: _Box, b: _Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _crosses(box: _Box, line: _Line) -> bool:
    """Tell whether a line goes through a box; looked at in forty places."""
    x1, y1, x2, y2 = line
    return any(
        box[0] <= x1 + n / 40 * (x2 - x1) <= box[2] and box[1] <= y1 + n / 40 * (y2 - y1) <= box[3]
        for n in range(41)
    )


def _draw_error(ax, mark: Mark, y: float, origin: float, unit: float, placed: list[_Box]) -> None:
    x = (mark.time_s - origin) * unit
    ax.plot([x], [y], "X", ms=10, mfc=LOOKS["error"].face, mec=style.INK, zorder=5)
    left, right = ax.get_xlim()
    pixel, at_right = (right - left) / (_AXES_IN * style.DPI), x > (left + right) / 2
    offset, side = ((-9, 0), "right") if at_right else ((9, 0), "left")
    wide = (_width(mark.label) + 16) * pixel
    placed.append((x - wide, y - _TEXT / 2, x + 9 * pixel, y + _TEXT / 2))
    if not at_right:
        placed[-1] = (x - 9 * pixel, y - _TEXT / 2, x + wide, y + _TEXT / 2)
    ax.annotate(
        mark.label,
        (x, y),
        offset,
        textcoords="offset points",
        ha=side,
        va="center",
        fontsize=8.5,
        color=style.INK,
        bbox=_BOX,
        zorder=5,
    )
