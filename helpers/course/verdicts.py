"""A verdict: what the findings of whole runs say of a claim, and how that is shown.

Plan: each finding is a sentence and a bool that the measurement decides. The word follows
from the kind of findings, not from an opinion: only support, the claim holds (a question
is answered); only refutation, it does not hold; both, it holds in part. Nothing is shown
if a finding is not borne out, if a run is not whole (`Ledger.problems`), or if what should
be a bool is something else: a number, a coroutine nobody awaited, a function not called.

Left out: which claims there are (claims.py).
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from helpers.course.claims import ANSWERED, DOES_NOT_HOLD, HOLDS, IN_PART, NOT_SHOWN, Claim
from helpers.figures import style
from helpers.ledger import Ledger

# What was not measured here and now is never said to hold.
IN_STORED_RUN = {
    HOLDS: "in the stored run it held",
    IN_PART: "in the stored run it held in part",
    DOES_NOT_HOLD: "in the stored run it did not hold",
    ANSWERED: "answered by the stored run",
}
_COLOURS = {HOLDS: "serving", ANSWERED: "serving", IN_PART: "queued", DOES_NOT_HOLD: "blocked"}


@dataclass
class Verdict:
    """The word for a claim, the findings behind it, and what keeps the runs from being whole."""

    claim: Claim
    word: str
    supports: dict[str, bool]
    refutes: dict[str, bool]
    runs: list[Ledger]
    problems: list[str] = field(default_factory=list)

    @property
    def stored(self) -> bool:
        """Tell whether a run behind it was not made here and now."""
        return any(run.provenance for run in self.runs)

    @property
    def said(self) -> str:
        """Return the word as it is shown: of a stored run it is never said that it holds."""
        return IN_STORED_RUN.get(self.word, self.word) if self.stored else self.word


def decide(
    claim: Claim,
    runs: Iterable[Ledger],
    supports: Mapping[str, bool] | None = None,
    refutes: Mapping[str, bool] | None = None,
) -> Verdict:
    """Return the verdict on a claim.

    A ValueError without findings or without runs, a TypeError for a run that is no ledger.
    """
    supports, refutes = dict(supports or {}), dict(refutes or {})
    runs = list(runs)
    if not supports and not refutes:
        raise ValueError(f"the verdict on {claim.says!r} has no findings: nothing is measured")
    if not runs:
        raise ValueError(f"runs=[]: the verdict on {claim.says!r} rests on no run")
    odd = [run for run in runs if not isinstance(run, Ledger)]
    if odd:
        raise TypeError(f"runs={odd[0]!r:.60}: a run is a ledger")
    problems = [f"a run is not whole: {what}" for run in runs for what in run.problems()]
    found = [*supports.items(), *refutes.items()]
    problems += [
        f"“{sentence}” is decided by {value!r:.60}, which is neither True nor False"
        for sentence, value in found
        if type(value) is not bool
    ]
    problems += [f"“{sentence}” is for and against" for sentence in supports if sentence in refutes]
    problems = list(dict.fromkeys(problems))
    word = NOT_SHOWN
    if not problems and all(value for _, value in found):
        word = (IN_PART if refutes else HOLDS) if supports else DOES_NOT_HOLD
        if claim.is_question and word != DOES_NOT_HOLD:
            word = ANSWERED
    return Verdict(claim, word, supports, refutes, runs, problems)


def plain(verdict: Verdict) -> str:
    """Return the verdict as text."""
    return "\n".join(
        [f"Verdict: {verdict.said}", f"“{verdict.claim.says}”", *_evidence(verdict), _last(verdict)]
    )


def as_html(verdict: Verdict) -> str:
    """Return the verdict as HTML; a bar at the left has a colour for each word."""
    kind = _COLOURS.get(verdict.word)
    colour = style.LOOKS[kind].face if kind else style.GREY
    lines = "".join(
        f"<li style='list-style:none'>{_rendered(line)}</li>" for line in _evidence(verdict)
    )
    return (
        f"<div style='border-left:6px solid {colour};padding:.3em 1em;margin:.4em 0'>"
        f"<div><i>“{_rendered(verdict.claim.says)}”</i></div>"
        f"<div><b>Verdict: {verdict.said}</b></div>"
        f"<ul style='margin:.4em 0;padding:0'>{lines}</ul>"
        f"<div>{_rendered(_last(verdict))}</div></div>"
    )


def _evidence(verdict: Verdict) -> list[str]:
    lines = [("for", text, ok) for text, ok in verdict.supports.items()]
    lines += [("against", text, ok) for text, ok in verdict.refutes.items()]
    both = bool(verdict.supports and verdict.refutes)
    return [
        f"{'✔' if ok is True else '✘ not borne out:'} {f'({side}) ' if both else ''}{text}"
        for side, text, ok in lines
    ] + [f"✘ {problem}" for problem in verdict.problems]


def _last(verdict: Verdict) -> str:
    if verdict.word == NOT_SHOWN:
        return "Nothing is settled by this run."
    return f"Precisely: {verdict.claim.precisely}"


def _rendered(text: str) -> str:
    """Return text as HTML, with what stands between backticks as code."""
    parts = html.escape(text).split("`")
    return "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))
