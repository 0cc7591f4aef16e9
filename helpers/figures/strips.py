"""Strips: the bytes of a question and of its answer, with what matters in them marked.

Plan: a panel per protocol, the question at the left, the answer at the right, a cell a
byte. A printable byte is written as its character, any other in hexadecimal. Marked are
spans of the ledger, whose clock is the stream and not the time: what says where a message
ends ("boundary"), to which question it belongs ("match"), and what was asked or answered
("content"). Each has its name below. A long stretch that is not marked is left out, and
its bytes are counted.

Left out: when the bytes came, and who read them (that is boundaries.py).
"""

from __future__ import annotations

from typing import NamedTuple

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import Words
from helpers.ledger import Ledger, Span

LANES = "question", "answer"
# How what is marked looks: its ground, its ink, what the bytes say.
LOOKS = {
    "boundary": ("#882255", "white", "where it ends"),
    "match": ("#332288", "white", "to which question it belongs"),
    "content": ("#DDDDDD", style.INK, "what is asked or answered"),
}
CELLS = 25  # in a line
LONG, GAP_CELLS = 7, 4  # from so many bytes on a stretch is left out, and takes so many cells
_LINE_IN, _HEAD_IN = 0.41, 0.31
_COLUMN_IN, _BETWEEN_IN = 4.45, 0.3


class Cell(NamedTuple):
    """What stands in one place of a strip: a byte, or (`skipped`) bytes left out."""

    text: str
    width: int
    mark: Span | None
    skipped: int = 0


def data(ledger: Ledger, lane: str) -> bytes:
    """Return the bytes of the question or of the answer."""
    return b"".join(s.label.encode("latin-1") for s in ledger.spans(lane, "bytes"))


def marks(ledger: Ledger, lane: str) -> list[Span]:
    """Return what is marked, in order."""
    return [span for span in ledger.spans(lane) if span.kind in LOOKS]


def cells(ledger: Ledger, lane: str) -> list[Cell]:
    """Return a strip: a cell a byte, but for long stretches that are not marked."""
    stream, found, at = data(ledger, lane), [], 0
    for mark in marks(ledger, lane):
        found += _plain(stream[at : int(mark.start_s)])
        inside = stream[int(mark.start_s) : int(mark.end_s)]
        if not inside:  # the packet ends here
            found.append(Cell("", 0, mark))
        found += [Cell(_written(byte), 1, mark) for byte in inside]
        at = int(mark.end_s)
    return found + _plain(stream[at:])


def lines(ledger: Ledger, lane: str) -> list[list[Cell]]:
    """Return the strip in lines of at most CELLS cells."""
    found: list[list[Cell]] = [[]]
    for cell in cells(ledger, lane):
        if sum(c.width for c in found[-1]) + cell.width > CELLS:
            found.append([])
        found[-1].append(cell)
    return found


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
):
    """Return the figure: a panel per ledger, keyed by its protocol.

    A guess is of how many bytes a lane has, and stands beside their number. A ValueError
    for a panel without the bytes of its two lanes, for marks that overlap or leave the
    strip, or for a prediction of no panel.
    """
    predictions = predictions or {}
    prediction.read_panels(panels, predictions, _whole, ("bytes",))
    deep = [
        max(len(lines(ledger, lane)) for lane in LANES) * _LINE_IN + _HEAD_IN
        for ledger in panels.values()
    ]
    height_in = sum(deep) + 0.4
    figure, [ax] = style.new_figure(1, height_in)
    figure.subplots_adjust(left=0, right=1, bottom=0, top=1)
    ax.set_axis_off()
    ax.set_xlim(0, style.WIDTH_IN)
    ax.set_ylim(0, height_in)
    _draw_legend(ax, height_in - 0.14)
    top = height_in - 0.4
    for (title, ledger), height in zip(panels.items(), deep, strict=True):
        ax.text(0, top - 0.1, title, fontsize=11.5, fontweight="bold", va="center")
        for column, lane in enumerate(LANES):
            left = column * (_COLUMN_IN + _BETWEEN_IN)
            count = f"{lane}: {style.count(len(data(ledger, lane)), 'byte')}"
            guess = predictions.get(title)
            if guess and (guess.lane or LANES[1]) == lane:
                count = f"({guess.label()})  {count}"
            place = (left + _COLUMN_IN, top - 0.1)
            ax.text(*place, count, fontsize=9, color=style.GREY, ha="right", va="center")
            _draw_strip(ax, lines(ledger, lane), left, top - 0.22)
        top -= height
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
) -> Words:
    """Return the same figure in words."""
    predictions = predictions or {}
    prediction.read_panels(panels, predictions, _whole, ("bytes",))
    words = Words(" / ".join(panels))
    words.stable.append("A row per protocol: the bytes of the question, the bytes of the answer.")
    for title, ledger in panels.items():
        for lane in LANES:
            kinds = {span.kind for span in marks(ledger, lane)}
            said = [text for kind, (_, _, text) in LOOKS.items() if kind in kinds]
            marked = f"marked are {'; '.join(said)}" if said else "nothing is marked"
            words.stable.append(f"{title}, {lane}: {marked}.")
            named = [span.label for span in marks(ledger, lane)]
            size = style.count(len(data(ledger, lane)), "byte")
            words.measured.append(f"{title}, {lane}: {size}; {', '.join(named) or 'no mark'}.")
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


def _whole(ledger: Ledger) -> Ledger:
    """Return the ledger; a ValueError unless it holds both strips, with their marks in place."""
    for lane in LANES:
        size, at = len(data(ledger, lane)), 0
        if not size:
            raise ValueError(f"its ledger holds no bytes of the {lane}")
        for span in marks(ledger, lane):
            if span.start_s < at or span.end_s > size:
                raise ValueError(
                    f"{lane}: {span.label!r} overlaps another mark, or leaves the {size} bytes"
                )
            at = span.end_s
    return ledger


def _written(byte: int) -> str:
    return chr(byte) if 32 < byte < 127 else f"{byte:02x}"


def _plain(stream: bytes) -> list[Cell]:
    """Return the cells of bytes that are not marked."""
    if len(stream) >= LONG:
        return [Cell(f"{len(stream)} more", GAP_CELLS, None, len(stream))]
    return [Cell(_written(byte), 1, None) for byte in stream]


# --- drawing


def _draw_legend(ax, y: float) -> None:
    x = 0.0
    for ground, ink, text in LOOKS.values():
        box = {"boxstyle": "square,pad=.25", "fc": ground, "ec": style.INK, "lw": 0.6}
        ax.text(x + 0.06, y, text, fontsize=8.5, color=ink, va="center", bbox=box)
        x += 0.24 + 0.069 * len(text)
    ax.text(
        x,
        y,
        "a cell a byte, as a character or in hexadecimal",
        fontsize=8.5,
        color=style.GREY,
        va="center",
    )


def _draw_strip(ax, rows: list[list[Cell]], left: float, top: float) -> None:
    from matplotlib.patches import Rectangle

    unit, high = _COLUMN_IN / CELLS, 0.21
    named: set[int] = set()
    for number, row in enumerate(rows):
        x, y = left, top - number * _LINE_IN - high
        free = left  # from here on there is room for a name
        for place, cell in enumerate(row):
            wide = cell.width * unit
            ground, ink = ("white", style.GREY) if cell.mark is None else LOOKS[cell.mark.kind][:2]
            if cell.width == 0:
                look = {"fc": ground, "lw": 0, "clip_on": False}
                ax.add_patch(Rectangle((x - 0.02, y - 0.04), 0.05, high + 0.08, **look))
            else:
                edge = style.INK if cell.mark else "#BBBBBB"
                look = {"fc": ground, "ec": edge, "lw": 0.6, "ls": ":" if cell.skipped else "-"}
                look["clip_on"] = False
                ax.add_patch(Rectangle((x, y), wide, high, **look))
                font = {"family": "DejaVu Sans Mono", "fontsize": 7.2 if cell.width == 1 else 7}
                middle = (x + wide / 2, y + high / 2 - 0.005)
                ax.text(*middle, cell.text, color=ink, ha="center", va="center", **font)
            if cell.mark and id(cell.mark) not in named:
                named.add(id(cell.mark))
                free = _name(ax, cell.mark, row, place, (x, y), unit, free, left)
            x += wide


def _name(ax, mark, row, place, at, unit, free, left) -> float:
    """Write the name of what is marked below it, where there is room; return where that ends."""
    x, y = at
    long = 0.062 * len(mark.label)
    start = max(free, min(x, left + _COLUMN_IN - long))
    behind = sum(cell.width for cell in row[place:] if cell.mark is mark) * unit
    if start > x + behind + 0.25 or start + long > left + _COLUMN_IN + 0.02:
        return free
    colour = LOOKS[mark.kind][0] if mark.kind != "content" else style.INK
    ax.text(start, y - 0.035, mark.label, fontsize=7.6, color=colour, va="top", ha="left")
    return start + long + 0.08
