"""A lesson's own vocabulary: begin, predict, show, verdict, check, close.

Plan: a door. A lesson says here which number it has; what it then uses stands in course/:
claims, predictions, verdicts, exercises, stored runs. What is printed is the same in every
run, so that it can be compared; measured numbers live in figures and in masked blocks.

Left out: panels of sliders (explore.py).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from helpers import servers
from helpers.course import (
    exercises,
    missing_cells,
    notebook,
    predictions,
    progress,
    stop_button,
    stored_runs,
    verdicts,
)
from helpers.course.browser_link import browser_link
from helpers.course.claims import claims, claims_of
from helpers.course.exercises import check
from helpers.course.export import export
from helpers.course.needs import NEEDS
from helpers.course.stored_runs import has
from helpers.course.tables import table
from helpers.figures import style
from helpers.hosting import registry
from helpers.ledger import Ledger

__all__ = [
    "begin",
    "browser_link",
    "check",
    "close",
    "export",
    "findings",
    "has",
    "predict",
    "program",
    "run_or_stored",
    "show",
    "table",
    "verdict",
]

Program = TypeVar("Program", bound=servers.Program)


@dataclass
class _State:
    number: str = ""
    settled: dict[str, verdicts.Verdict] = field(default_factory=dict)
    predictions: dict[str, predictions.Prediction] = field(default_factory=dict)


_state = _State()


def begin(number: str) -> None:
    """Begin a lesson: switch on what its kernel needs, and say how many claims it settles."""
    global _state
    if not re.fullmatch(r"\d\d", number):
        raise ValueError(f"number={number!r}: a lesson has two digits, such as '10'")
    # What was guessed stays when the lesson is run again; what was settled does not.
    kept = _state.predictions if _state.number == number else {}
    _state = _State(number, predictions=kept)
    stop_button.install()
    exercises.begin(number)
    notebook.collect_less()
    progress.switch_on()
    mine = len(claims_of(number))
    settles = style.count(mine, "claim") if mine else "no claim"
    print(f"Lesson {number} is ready. It settles {settles}.")


def close() -> None:
    """End a lesson: stop its servers and say what was settled.

    While a panel is open, the servers it may need stay, until the kernel stops: whoever runs
    all cells comes back to the panel afterwards.
    """
    if registry.kept_for():
        print("The panel above may use the servers: they stop with the kernel.")
    else:
        names = servers.running()
        try:
            servers.close_all()
        except registry.StillRunning as error:
            print(f"Not stopped: {error}.")
        missing_cells.forget()
        stopped = [name for name in names if name not in servers.running()]
        print(f"Servers stopped: {', '.join(stopped) or 'none was running'}.")
    for _, verdict in sorted(_state.settled.items()):
        print(f"“{verdict.claim.says}”: {verdict.said}")


def predict(
    question: str, *, possible: float, unit: str = "s", lane: str = ""
) -> predictions.Prediction:
    """Ask for a guess of a number in `unit` before the run; return it, to be drawn beside it.

    Unattended it is `possible`, drawn as one possible guess. `lane` names the lane it is
    about, if it is about one.
    """
    return predictions.predict(
        question, possible=possible, unit=unit, lane=lane, kept=_state.predictions
    )


def show(
    figure,
    panels: Mapping[str, Ledger],
    predictions: Mapping[str, predictions.Prediction] | None = None,
    **options,
) -> None:
    """Show a figure of helpers.figures and, folded under it, the same in words."""
    words = figure.describe(panels, predictions, **options)
    stored = sorted({run.provenance["made"] for run in panels.values() if run.provenance})
    if stored:
        words.title += f" (a stored run of {', '.join(stored)})"
    drawn = figure.draw(panels, predictions, **options)
    if stored:
        style.note_above(drawn, f"A stored run of {', '.join(stored)}, not measured here.")
    notebook.show(words.plain(), words.html(), style.png(drawn))
    for guess in (predictions or {}).values():
        guess.note_drawn()


async def run_or_stored(
    name: str, experiment: Callable[[], Awaitable[Ledger]], needs: str | Sequence[str]
) -> Ledger:
    """Run an experiment where its needs are met; elsewhere return the stored run, and say so."""
    needs = [needs] if isinstance(needs, str) else needs
    return await stored_runs.run_or_stored(_state.number, name, experiment, needs)


def program(need: str, make: Callable[[], Program]) -> Program | None:
    """Start a real program that the lesson's cells share, and say so; it ends with the lesson.

    One that runs already is kept, so that the cell may run again. Where it is missing, one line
    says how to get it, and None is returned: the cells that talk to it then print nothing.
    """
    if stored_runs.missing_here(f"lesson {_state.number}", [need]):
        name, remedy = NEEDS[need].name, NEEDS[need].remedy()
        print(f"This experiment needs {name}. To get it: {remedy}. Shown instead: stored runs.")
        return None
    made = servers.keep_running(make())
    print(f"{made.name} runs, on this machine alone.")
    return made


def verdict(
    claim_id: str,
    *,
    runs: Ledger | Iterable[Ledger],
    supports: Mapping[str, bool] | None = None,
    refutes: Mapping[str, bool] | None = None,
) -> None:
    """Settle a claim by findings that rest on whole runs, and show the word and the evidence.

    `supports` and `refutes` map a sentence to whether the measurement bears it out; `runs`
    are the ledgers behind them. A KeyError for a claim that does not exist, a ValueError for
    one of another lesson, or for a verdict without findings or runs.
    """
    known = claims()
    if claim_id not in known:
        raise KeyError(f"{claim_id!r} is no claim of this course: {', '.join(known)}")
    claim = known[claim_id]
    if _state.number not in claim.lessons:
        raise ValueError(f"claim {claim_id} belongs to lesson {' and '.join(claim.lessons)}")
    runs = [runs] if isinstance(runs, Ledger) else list(runs)
    decided = verdicts.decide(claim, runs, supports, refutes)
    _state.settled[claim_id] = decided
    notebook.show(verdicts.plain(decided), verdicts.as_html(decided))


def findings(title: str, found: Mapping[str, bool]) -> None:
    """Show what was found beside the claims, each finding in one line."""
    print(f"{title}:")
    for text, ok in found.items():
        print(f"{'✔' if ok is True else '✘ not borne out:'} {text}")
