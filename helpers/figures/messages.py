"""The messages figure: what became of each message, a dot at the moment it was sent.

Plan: a row per lane. A dot is an entry of the kind that says how it ended: "right" (it
arrived), "queued" (it was kept, and arrived later), "noticed" (it did not arrive, or nobody
knows, and the sender knows that) and "wrong" (it is lost, and the sender believes otherwise).
What happened meanwhile are marks of kind "event": a dashed line through all rows with its
words above. At the right each row's dots are counted. The loudest colour is for what is lost
unnoticed; shapes differ, too.

Left out: when a message arrived.
"""

from __future__ import annotations

from collections.abc import Mapping

from helpers.figures import prediction, style
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import LOOKS, Words
from helpers.ledger import Ledger

ROW_IN = 0.62
# Each kind's colour, its shape, and where in its row it stands, so that crowds do not mix.
_LOOKS = {
    "right": (LOOKS["serving"].face, "o"),
    "queued": (LOOKS["queued"].face, "s"),
    "noticed": (LOOKS["error"].face, "^"),
    "wrong": ("#B2182B", "X"),
}


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    called: Mapping[str, str],
):
    """Return the figure: a panel per ledger; `called` says what each kind of end is called.

    A prediction is a number of messages; its `lane` names its row. A ValueError for a ledger
    without messages, or a kind that has no look.
    """
    predictions = predictions or {}
    found = _found(panels, predictions, called)
    most = max(len(rows) for rows in found.values())
    figure, axes = style.new_figure(len(found), (ROW_IN * most + 0.8) * len(found) + 0.4)
    figure.subplots_adjust(left=0.21, right=0.66, hspace=1.0 / (ROW_IN * most))
    ends = [m.time_s - _start_s(panels[t]) for t in panels for m in _ends(panels[t], called)]
    axes[0].set_xlim(-0.03 * max(ends), 1.03 * max(ends))
    for ax, (title, rows) in zip(axes, found.items(), strict=True):
        ledger = panels[title]
        ax.set_ylim(-len(rows) + 0.45, 0.6)
        for n, (lane, kinds) in enumerate(rows.items()):
            size = 9 if max(kinds.values()) < 20 else 5.5
            for kind in kinds:
                face, marker = _LOOKS[kind]
                xs = [m.time_s - _start_s(ledger) for m in ledger.marks(lane, kind)]
                look = {"mfc": face, "mec": style.INK, "mew": 0.4, "ms": size, "zorder": 3}
                ax.plot(xs, [-n] * len(xs), marker, alpha=0.9, **look)
            _count(ax, -n, [(kind, f"{count} {called[kind]}") for kind, count in kinds.items()])
        for mark in ledger.marks(kind="event"):
            x = mark.time_s - _start_s(ledger)
            ax.axvline(x, color=style.INK, lw=1.2, zorder=2)
            where = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
            ax.annotate(mark.label, (x, 1.0), (0, 3), ha="center", fontsize=9, **where)
        ax.set_yticks([-n for n in range(len(rows))], list(rows))
        if title in predictions:
            guess = predictions[title]
            place = list(rows).index(guess.lane) if guess.lane in rows else 0
            prediction.note(ax, guess, 0.0, -place - 0.4)
        pad = 22 if ledger.marks(kind="event") else 8
        ax.set_title(title, loc="left", fontweight="bold", fontsize=11.5, pad=pad)
    axes[-1].set_xlabel("seconds since the first message was sent")
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    called: Mapping[str, str],
) -> Words:
    """Return the same figure in words: how messages ended in each row; as measured, how many.

    How many were not confirmed ("noticed"), and whether any was, differs from run to run.
    """
    predictions = predictions or {}
    words = Words(" / ".join(panels))
    words.stable.append("A row per way, a dot for each message at the moment it was sent.")
    for title, rows in _found(panels, predictions, called).items():
        happened = [mark.label for mark in panels[title].marks(kind="event")]
        if happened:
            words.stable.append(f"{title}, meanwhile: {'; '.join(happened)}.")
        for lane, kinds in rows.items():
            name = " ".join(lane.split())
            sure = [called[kind] for kind in kinds if kind != "noticed"]
            words.stable.append(f"{title}, {name}: {', '.join(sure)}.")
            counts = ", ".join(f"{n} {called[kind]}" for kind, n in kinds.items())
            words.measured.append(f"{title}, {name}: {counts}.")
        if title in predictions:
            words.measured.append(prediction.words(title, predictions[title]))
    return words


# --- questions both share


def _ends(ledger: Ledger, called: Mapping[str, str]):
    return [mark for mark in ledger.marks() if mark.kind in called]


def _start_s(ledger: Ledger) -> float:
    return min(mark.time_s for mark in ledger.marks() if mark.kind in _LOOKS)


def _found(panels, predictions, called) -> dict[str, dict[str, dict[str, int]]]:
    """Return by panel and row how many messages ended in each way, in the order of `called`."""
    if odd := sorted(set(called) - set(_LOOKS)):
        raise ValueError(f"called={odd}: a message ends {', '.join(_LOOKS)}")

    def rows(ledger: Ledger) -> dict[str, dict[str, int]]:
        lanes = list(dict.fromkeys(tick[1] for tick in ledger.ticks if tick[2] in called))
        if not lanes:
            raise ValueError("its ledger holds no message")
        return {
            lane: {k: len(ledger.marks(lane, k)) for k in called if ledger.marks(lane, k)}
            for lane in lanes
        }

    return prediction.read_panels(panels, predictions, rows)


# --- drawing


def _count(ax, y: float, lines: list[tuple[str, str]]) -> None:
    """Write the counts of a row at its right, each with its shape."""
    step = 0.27
    top = y + step * (len(lines) - 1) / 2
    across = ax.get_yaxis_transform()
    for n, (kind, text) in enumerate(lines):
        face, marker = _LOOKS[kind]
        place = top - n * step
        look = {"mfc": face, "mec": style.INK, "mew": 0.4, "ms": 6, "clip_on": False}
        ax.plot([1.03], [place], marker, transform=across, **look)
        ax.text(1.055, place, text, transform=across, va="center", fontsize=9, color=style.INK)
