"""The boundaries: what each reader takes one stream of bytes for, byte by byte or case by case.

Plan: the clock of these ledgers is the stream and not the time: a span goes from its first
byte to behind its last, in the lane of the reader that saw it. A panel per ledger, a row
per reader, on a shared axis. Neighbours of one kind and label are drawn as one box, with
the label in it where it fits; at the right end of a row its boxes are counted. Instead of
bytes the places can be cases with names of their own, one place and one box each.

Left out: when the bytes were read (that is the timeline), and what is in them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Look, Words
from helpers.ledger import Ledger, Span

# Each kind's look, and how its boxes are counted at the right: one, many.
BOX_LOOKS: dict[str, tuple[Look, str, str]] = {
    "right": (Look("#EDEDED", "right"), "right", "right"),
    "noticed": (Look("#EBCFDF", "noticed"), "noticed", "noticed"),
    "wrong": (style.WRONG, "wrong", "wrong"),
    "request": (Look(LOOKS["request"].face, "request"), "request", "requests"),
    "refused": (Look("#EBCFDF", "refused"), "refused", "refused"),
    "switched": (
        Look(LOOKS["asleep"].face, "another protocol"),
        "another protocol",
        "another protocol",
    ),
    "sent": (Look(LOOKS["send"].face, "sent"), "sent", "sent"),
    "received": (Look(LOOKS["receive"].face, "received"), "received", "received"),
    "segment": (Look(LOOKS["request"].face, "segment"), "segment", "segments"),
    "unfinished": (Look("#FFFFFF", "not ended yet"), "not ended", "not ended"),
    "dropped": (Look("#FFFFFF", "dropped", "...."), "the rest dropped", "the rest dropped"),
}
_COUNTED_BY_PLACE = ("right", "noticed", "wrong")
_COUNTED = ("request", "sent", "received", "segment")
ROW_IN, BAR = 0.42, 0.66
_AXES_IN = 6.0  # the width of the axes; names at the left and counts at the right take the rest
# Units of a prediction that are places on the axis; all others count something.
PLACES = ("places", "bytes", "byte")
_BOX = {"boxstyle": "round,pad=.18", "fc": "white", "ec": "none", "alpha": 0.94}


_AIR = 1.003  # the axis is this much longer than its longest row


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    axis: str = "byte of the stream",
    cases: Sequence[str] = (),
    gate: str = "",
):
    """Return the figure: a panel per ledger, keyed by what it shows.

    `axis` says what a place is, and `cases` gives the places names. `gate` names a lane: a
    request of another lane that this one has not seen is drawn as what is wrong and goes
    unnoticed. `predictions` gives a panel its guesses, drawn dashed: of a place as a line,
    of how many as a note. A ValueError if a panel is empty, a span ends at no whole place
    or is of an unknown kind, or a prediction belongs to no panel.
    """
    predictions = predictions or {}
    _check(panels, predictions, cases)
    counts = [len(ledger.lanes()) for ledger in panels.values()]
    height_in = sum(ROW_IN * n + 0.62 for n in counts) + 0.35
    figure, axes = style.new_figure(len(panels), height_in)
    figure.subplots_adjust(left=0.19, right=0.84, hspace=0.62 / (ROW_IN * max(counts)))
    right = max(ledger.extent_s()[1] for ledger in panels.values())
    axes[0].set_xlim(0, _AIR * right)
    for ax, (title, ledger) in zip(axes, panels.items(), strict=True):
        lanes = ledger.lanes()
        ax.set_ylim(-0.2, len(lanes))
        places = {lane: len(lanes) - 0.5 - i for i, lane in enumerate(lanes)}
        for lane, y in places.items():
            for span in boxes(ledger, lane, joined=not cases):
                _draw_box(ax, span, y, right, _unseen(ledger, span, gate))
            ax.annotate(
                _count(ledger, lane),
                (ledger.extent_s()[1], y),
                (6, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
                annotation_clip=False,
            )
        if title in predictions:
            _draw_guess(ax, predictions[title], places, ledger)
        ax.set_yticks(list(places.values()), list(places))
        ax.set_title(title, loc="left", fontweight="bold", fontsize=11.5)
    if cases:
        axes[-1].set_xticks([i + 0.5 for i in range(len(cases))], cases)
        axes[-1].tick_params(axis="x", length=0)
        for ax in axes:
            ax.grid(visible=False)
    axes[-1].set_xlabel(axis)
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    axis: str = "byte of the stream",
    cases: Sequence[str] = (),
    gate: str = "",
) -> Words:
    """Return the same figure in words; nothing in it is a measured time."""
    predictions = predictions or {}
    _check(panels, predictions, cases)
    words = Words(" / ".join(panels))
    words.stable.append(f"A row per reader, from left to right: {axis}.")
    for title, ledger in panels.items():
        words.stable.append(f"{title}:")
        for lane in ledger.lanes():
            found = [
                f"{_places(s, cases)} {_said(s, _unseen(ledger, s, gate))}"
                for s in boxes(ledger, lane, joined=not cases)
            ]
            count = _count(ledger, lane).replace("\n", " ")
            words.stable.append(f"{lane}: {count}. In order: {'; '.join(found)}.")
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


def boxes(ledger: Ledger, lane: str, joined: bool = True) -> list[Span]:
    """Return what a reader saw, in order; joined: equal neighbours as one."""
    found: list[Span] = []
    for span in ledger.spans(lane=lane):
        last = found[-1] if found else None
        same = last is not None and (last.kind, last.label) == (span.kind, span.label)
        # Two requests are two, however alike they are.
        if joined and same and last.end_s == span.start_s and span.kind in _COUNTED_BY_PLACE:
            found[-1] = Span(last.start_s, span.end_s, lane, span.kind, span.label)
        else:
            found.append(span)
    return found


# --- questions both share


def _check(panels: Panels, predictions: Guesses, cases: Sequence[str]) -> None:
    def whole(ledger: Ledger) -> Ledger:
        for span in prediction.not_empty(ledger).spans():
            if span.kind not in BOX_LOOKS:
                raise ValueError(f"kind {span.kind!r} is none of {', '.join(BOX_LOOKS)}")
            if span.start_s != int(span.start_s) or span.end_s != int(span.end_s):
                raise ValueError(f"{span} ends at no whole place: is it a time?")
        if cases and ledger.extent_s()[1] > len(cases):
            raise ValueError(f"it has more places than the {len(cases)} cases")
        return ledger

    prediction.read_panels(panels, predictions, whole)


def _count(ledger: Ledger, lane: str) -> str:
    """Return what is in a row, counted: 2 requests; 57 wrong and 1 right; refused."""
    spans = ledger.spans(lane=lane)
    parts = []
    for kind in dict.fromkeys(s.kind for s in spans):
        mine = [s for s in spans if s.kind == kind]
        _, one, many = BOX_LOOKS[kind]
        by_place = kind in _COUNTED_BY_PLACE
        number = int(sum(s.duration_s for s in mine)) if by_place else len(mine)
        text = one if number == 1 else many
        parts.append(f"{number} {text}" if by_place or kind in _COUNTED else text)
    return textwrap.fill(", ".join(parts), 20)


def _places(span: Span, cases: Sequence[str]) -> str:
    first, last = int(span.start_s) + 1, int(span.end_s)
    if cases:
        return ", ".join(" ".join(case.split()) for case in cases[first - 1 : last])
    return str(first) if first == last else f"{first} to {last}"


def _said(span: Span, unseen: str) -> str:
    word = BOX_LOOKS[span.kind][0].word
    said = f"{word} ({' '.join(span.label.split())})" if span.label else word
    return f"{said}, {unseen}" if unseen else said


def _unseen(ledger: Ledger, span: Span, gate: str) -> str:
    """Return the words for a request that the lane `gate` has not seen; nothing for others."""
    if not gate or span.kind != "request" or ledger.spans(gate, "request", span.label):
        return ""
    return f"not seen by {gate}"


# --- drawing


def _draw_box(ax, span: Span, y: float, right: float, unseen: str) -> None:
    look = BOX_LOOKS["wrong" if unseen else span.kind][0]
    ax.broken_barh(
        [(span.start_s, span.duration_s)],
        (y - BAR / 2, BAR),
        facecolor=look.face,
        edgecolor=style.INK,
        hatch=look.hatch,
        lw=0.8,
    )
    points = span.duration_s / right * _AXES_IN * 72
    text = span.label if span.kind != "refused" else f"✕ {span.label}"
    text = _fitting(text.splitlines()[0] if text else "", points) or _fitting(look.word, points)
    if text:
        ax.text(
            (span.start_s + span.end_s) / 2,
            y,
            text,
            ha="center",
            va="center",
            fontsize=8.5,
            color=style.INK,
            bbox=_BOX if look.hatch or span.kind in ("sent", "segment") else None,
        )


def _fitting(text: str, points: float) -> str:
    """Return the text if a box so wide has room for it, else nothing."""
    return text if text and 5.0 * len(text) + 8 < points else ""


def _draw_guess(
    ax, guess: prediction.Prediction, places: Mapping[str, float], ledger: Ledger
) -> None:
    """Draw a guess of a place as a line; write a guess of how many as text, in its row."""
    if guess.unit in PLACES:
        y = places.get(guess.lane)
        # The label stands in the gap above the row, where it covers no box.
        prediction.draw(ax, guess, None if y is None else (y - 0.45, y + 0.66))
        return
    right, end = ax.get_xlim()[1], ledger.extent_s()[1]
    lane = guess.lane if guess.lane in places else min(places, key=places.__getitem__)
    y, row_end = places[lane], max(span.end_s for span in ledger.spans(lane=lane))
    if end < 0.6 * right:  # there is room at the right, behind the count
        prediction.note(ax, guess, end + 0.24 * right, y)
    elif row_end < 0.6 * right:
        prediction.note(ax, guess, 0.98 * right, y, ha="right")
    else:  # the row is full: beside the title
        about = f"{guess.lane}, " if guess.lane in places else ""
        prediction.note(ax, guess, right, len(places) + 0.32, about, ha="right")
