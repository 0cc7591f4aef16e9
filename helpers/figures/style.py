"""The one look of all figures: colours that mean the same everywhere, and the words' form.

Plan: a kind of span has one colour, one hatch and one word, safe for the colour-blind
(Okabe and Ito's palette) and never told apart by colour alone. Figures are built without
pyplot, whose global state is not safe in threads; settings are changed by one thread at
a time. Measured numbers in a figure's words stand between two markers, so that a
comparison of two runs can leave them out.

Left out: themes. A figure keeps its white ground in a dark front end.
"""

from __future__ import annotations

import html
import io
import threading
from dataclasses import dataclass, field

INK, GREY, GRID = "#222222", "#595959", "#e2e2e2"
WIDTH_IN, DPI = 9.2, 100
MEASURED = "[measured]", "[/measured]"
_settings = threading.Lock()
# The line of a prediction: what was guessed is dashed in every figure.
DASHED = {"ls": (0, (4, 3)), "color": INK, "lw": 1.1}


@dataclass(frozen=True)
class Look:
    """How a kind of span is drawn, and what it is called in words."""

    face: str
    word: str
    hatch: str = ""
    alpha: float = 1.0


LOOKS = {
    "blocked": Look("#D55E00", "blocked", "////"),
    "free": Look("#56B4E9", "free", alpha=0.45),
    "serving": Look("#009E73", "serving"),
    "request": Look("#F2F2F2", "request in flight"),
    "queued": Look("#E69F00", "queued", "...."),
    "error": Look("#CC79A7", "error", "xxxx"),
    "asleep": Look("#E8E8E8", "asleep", "---"),
    "running": Look("#222222", "running"),
    # The phases of a request, by the names of the HTTP archive format (HAR).
    "connect": Look("#F0E442", "connecting"),
    "send": Look("#0072B2", "sending"),
    "wait": Look("#BDBDBD", "waiting"),
    "receive": Look("#8FC1E3", "receiving", "\\\\\\\\"),
    "parsing": Look("#B8A1D9", "parsing"),
    # What a relay passes on, from the client's point of view.
    "sent": Look("#0072B2", "on the way to the server"),
    "received": Look("#8FC1E3", "on the way to the client", "\\\\\\\\"),
}

# The loudest look is for what is wrong without anybody noticing.
WRONG = Look("#B2182B", "wrong", "////")

# The lines of a chart: none but ink has the colour of a kind of span; shapes differ, too.
LINES = ((INK, "o"), ("#332288", "s"), ("#6B6B00", "^"), ("#882255", "D"), (GREY, "v"))


@dataclass
class Words:
    """A figure in words: sentences every run repeats, and sentences with measured numbers."""

    title: str
    stable: list[str] = field(default_factory=list)
    measured: list[str] = field(default_factory=list)

    def plain(self) -> str:
        """Return the words as plain text."""
        return "\n".join(
            [f"Figure: {self.title}", *self.stable, MEASURED[0], *self.measured, MEASURED[1]]
        )

    def html(self) -> str:
        """Return the words folded under a summary, as HTML."""

        def paragraphs(sentences: list[str]) -> str:
            return "".join(f"<p>{html.escape(s)}</p>" for s in sentences)

        return (
            "<details><summary>This figure in words</summary>"
            f"{paragraphs(self.stable)}<!--{MEASURED[0]}-->{paragraphs(self.measured)}"
            f"<!--{MEASURED[1]}--></details>"
        )


def new_figure(rows: int, height_in: float, columns: int = 1):
    """Return a Figure and its axes in rows and columns, read line by line, with the one look."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with _settings, rc_context({"font.size": 10, "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, facecolor="white")
        axes = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
    for ax in axes:
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.grid(axis="x", color=GRID, lw=0.6)
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
    return figure, list(axes)


def head(ax, claim: str, facts: str) -> None:
    """Write the bold claim at the left above the axes, the measured facts at the right."""
    ax.set_title(claim, loc="left", fontweight="bold", fontsize=11.5)
    ax.set_title(facts, loc="right", fontsize=9.5, color=GREY)


def note_above(figure, text: str) -> None:
    """Write a note above everything in the figure, where nothing else can be."""
    box = figure.get_tightbbox()  # in inches
    place = box.x0 / figure.get_figwidth(), (box.y1 + 0.08) / figure.get_figheight()
    figure.text(*place, text, ha="left", va="bottom", fontsize=10, fontstyle="italic")


def png(figure) -> bytes:
    """Return the figure as a PNG picture."""
    for artist in figure.findobj(lambda artist: hasattr(artist, "set_hatch_linewidth")):
        artist.set_hatch_linewidth(0.7)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.08)
    return buffer.getvalue()


def count(number: int, noun: str) -> str:
    """Return a number with its noun: 1 request, 5 requests."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
