"""A lesson's own vocabulary: begin, predict, show, verdict, check, close.

Plan: a lesson says which claims it settles; `verdict` looks the claim up in claims.toml
and decides from findings, each a sentence and whether the measurement bears it out. The
outcome follows from the kind of findings, not from an opinion: only support, the claim
holds; only refutation, it does not; both, it is half right; and when a finding fails,
nothing is settled and the verdict is false. What is printed is the same in every run,
so that it can be compared; measured numbers live in figures and in masked blocks.

Left out: panels of sliders (explore.py).
"""

from __future__ import annotations

import asyncio
import html
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from helpers import notebook, servers, system
from helpers.figures import style
from helpers.ledger import Ledger, load_runs, save_runs
from helpers.peers import postgres

HOLDS, HALF_RIGHT, DOES_NOT_HOLD = "holds", "half right", "does not hold"
NOT_SHOWN = "not shown"
# What was not measured here and now is never said to hold.
IN_STORED_RUN = {
    HOLDS: "in the stored run it held",
    HALF_RIGHT: "in the stored run it was half right",
    DOES_NOT_HOLD: "in the stored run it did not hold",
}

# What an experiment may need: whether it is here, and what to do where it is not.
NEEDS: dict[str, tuple[Callable[[], bool], str]] = {
    "linux": (lambda: system.HAS_PROC, "open the course on Linux or on Binder"),
    "curl": (
        lambda: shutil.which("curl") is not None,
        "install it with `apt install curl` (Debian, Ubuntu) or `brew install curl` (macOS)",
    ),
    "postgres": (
        lambda: postgres.programs() is not None,
        "install it with `apt install postgresql` or `brew install postgresql`",
    ),
}


@dataclass(frozen=True)
class Claim:
    """A claim of the notes: the learner's words, what is precisely true, and where it is settled.

    `rating` is what the experiment decides: by lesson, where lessons settle parts of it.
    """

    id: str
    says: str
    precisely: str
    lessons: list[str]
    rating: str | dict[str, str]
    source: str

    def rated(self, lesson: str) -> str:
        """Return what the experiment of this lesson decides."""
        return self.rating if isinstance(self.rating, str) else self.rating[lesson]


def claims() -> dict[str, Claim]:
    """Return every claim of the course by its id."""
    data = tomllib.loads(Path(__file__).with_name("claims.toml").read_text("utf-8"))
    return {id: Claim(id, **entry) for id, entry in data.items()}


@dataclass
class _State:
    number: str = ""
    settled: dict[str, str] = field(default_factory=dict)
    predictions: dict[str, Prediction] = field(default_factory=dict)


_state = _State()


def begin(number: str) -> None:
    """Begin a lesson: switch on what its kernel needs, and say which claims it settles."""
    global _state
    mine = [c.id for c in claims().values() if number in c.lessons and c.rating != "framing"]
    if not re.fullmatch(r"\d\d", number):
        raise ValueError(f"number={number!r}: a lesson has two digits, such as '08'")
    # What was guessed stays when the lesson is run again; what was settled does not.
    kept = _state.predictions if _state.number == number else {}
    _state = _State(number, predictions=kept)
    notebook.make_stop_work()
    notebook.collect_less()
    settles = f"Claims to settle: {', '.join(mine)}." if mine else "No claim to settle."
    print(f"Lesson {number} is ready. {settles}")


def close() -> None:
    """End a lesson: stop its servers and say what was settled.

    While a panel is open, the servers it may need stay, until the kernel stops: whoever runs
    all cells comes back to the panel afterwards.
    """
    explore = sys.modules.get("helpers.explore")
    if explore is not None and explore.is_open():
        print("The panel above may use the servers: they stop with the kernel.")
    else:
        names = servers.running()
        servers.close_all()
        print(f"Servers stopped: {', '.join(names) or 'none was running'}.")
    for id, outcome in sorted(_state.settled.items()):
        print(f"{id}: {outcome}")


# --- predictions


@dataclass
class Prediction:
    """One guess, or a room's guesses, of a number in `unit`; `label` says whose it is.

    `lane` names the lane it is about, if it is about one.
    """

    question: str
    unit: str
    guesses: list[float]
    label: str
    lane: str = ""


def parse_guesses(text: str) -> list[float]:
    """Return the numbers in a text, parted by blanks or commas; a ValueError names the odd word."""
    words = text.replace(",", " ").replace(";", " ").split()
    if not words:
        raise ValueError("no number yet: type one guess, or a room's, such as 0.2 1 1 3")
    guesses = []
    for word in words:
        try:
            guess = float(word)
        except ValueError:
            raise ValueError(f"{word!r} is not a number; write 0.2 for a fifth") from None
        if not 0 <= guess < 1e6:
            raise ValueError(f"{word!r} is out of range: guesses lie between 0 and a million")
        guesses.append(guess)
    return guesses


def predict(question: str, *, common: float, unit: str = "s", lane: str = "") -> Prediction:
    """Ask for a guess before the experiment runs; return it, to be drawn beside the result.

    With somebody at the keyboard it shows a field for one guess or a room's guesses, and
    draws them; what was guessed before is kept when the cell runs again. Until then, and
    where nobody is there, the prediction is a guess that many people make, labelled so.
    """
    prediction = _state.predictions.setdefault(
        question, Prediction(question, unit, [common], "a common guess", lane)
    )
    if notebook.attended():
        _ask(prediction)
    else:
        print(f"{question}\nNobody was asked in this run; a common guess: {common:g} {unit}.")
    return prediction


def _ask(prediction: Prediction) -> None:
    import ipywidgets as widgets
    from IPython.display import display

    text = widgets.Text(
        placeholder=f"one guess in {prediction.unit}, or a room's: 0.2 1 1 3",
        description="Guess:",
        layout=widgets.Layout(width="26em"),
        continuous_update=False,
    )
    keep = widgets.Button(description="Keep it", tooltip="Keep the guess and draw it below")
    said, picture = widgets.HTML(), widgets.Image(layout=widgets.Layout(display="none"))

    def kept(_=None) -> None:
        try:
            prediction.guesses = parse_guesses(text.value)
        except ValueError as error:
            said.value = f"<span role='alert'>✕ {html.escape(str(error))}</span>"
            return
        prediction.label = "predicted"
        tell()

    def tell() -> None:
        number = style.count(len(prediction.guesses), "guess").replace("guesss", "guesses")
        middle = sorted(prediction.guesses)[len(prediction.guesses) // 2]
        said.value = (
            f"✔ {number} kept, the middle one {middle:g} {prediction.unit}. "
            "The figure below draws them dashed: run on."
        )
        if len(prediction.guesses) > 1:
            picture.value = style.png(_draw_guesses(prediction))
            picture.layout.display = "block"

    keep.on_click(kept)
    text.on_submit(kept) if hasattr(text, "on_submit") else None
    question = widgets.HTML(f"<b>{html.escape(prediction.question)}</b>")
    if prediction.label == "predicted":
        tell()
    display(widgets.VBox([question, widgets.HBox([text, keep]), said, picture]))


def _draw_guesses(prediction: Prediction):
    """Return a strip with a dot per guess, equal ones stacked."""
    figure, (ax,) = style.new_figure(1, 1.3)
    heights: dict[float, int] = {}
    for guess in prediction.guesses:
        heights[guess] = heights.get(guess, -1) + 1
        ax.plot(guess, heights[guess], "o", ms=8, mfc="white", mec=style.INK)
    ax.set_ylim(-0.7, max(heights.values()) + 0.9)
    ax.set_yticks([])
    ax.set_xlabel(f"the room's guesses, {prediction.unit}")
    return figure


# --- figures


def show(
    figure,
    panels: Mapping[str, Ledger],
    predictions: Mapping[str, Prediction] | None = None,
    **options,
) -> None:
    """Show a figure of helpers.figures and, folded under it, the same in words."""
    words = figure.describe(panels, predictions, **options)
    stored = sorted({run.provenance["made"] for run in panels.values() if run.provenance})
    if stored:
        words.title += f" (a stored run of {', '.join(stored)})"
    drawn = figure.draw(panels, predictions, **options)
    notebook.show(words.plain(), words.html(), style.png(drawn))


def browser_link(server: servers.Server, path: str = "/") -> None:
    """Show a link that opens a server in a browser tab; with nobody there, one stable line.

    It leads through the Jupyter server and behind its token (jupyter-server-proxy), so it
    works on Binder too; where no Jupyter server runs, it leads straight to the server. A
    ValueError if the path does not begin with a slash.
    """
    if not path.startswith("/"):
        raise ValueError(f"path={path!r}: a path begins with a slash, as in '/tea'")
    what = f"{path} of the server {server.name!r}"
    if not notebook.attended():
        print(f"With somebody at the keyboard, a link stands here. It opens {what}.")
        return
    base, direct = notebook.jupyter_base(), server.url + path
    address = direct if base is None else f"{base}proxy/{server.port}{path}"
    link = f"<a href='{html.escape(address)}' target='_blank' rel='noopener'>Open {what}</a>"
    # On a hub the learner's browser runs elsewhere: its own 127.0.0.1 is another machine.
    near = base is not None and "JUPYTERHUB_SERVICE_PREFIX" not in os.environ
    straight = f" or, in a browser on this machine, type <code>{html.escape(direct)}</code>"
    notebook.show(f"Open {what}: {address}", f"<p>{link}{straight if near else ''}</p>")


# --- experiments that need what is not everywhere


async def measure(
    name: str, experiment: Callable[[], Awaitable[Ledger]], needs: str | Sequence[str]
) -> Ledger:
    """Run an experiment where its needs are met; elsewhere return the stored run, and say so.

    With WIRE_RECORD set, the run is also stored. With CI set, a missing need is a
    RuntimeError. A FileNotFoundError where there is no stored run of that name.
    """
    needs = [needs] if isinstance(needs, str) else needs
    missing = [need for need in needs if not NEEDS[need][0]()]
    path = notebook.folder() / "data" / f"{_state.number}.ledger.json"
    if not missing:
        ledger = await experiment()
        if os.environ.get("WIRE_RECORD"):
            _store(path, name, ledger)
        return ledger
    if os.environ.get("CI"):
        raise RuntimeError(f"experiment {name!r} needs {' and '.join(missing)}, missing here")
    for need in missing:
        print(f"This experiment needs {need}: {NEEDS[need][1]}. Shown instead: a stored run.")
    runs = load_runs(path)
    if name not in runs:
        raise FileNotFoundError(f"no stored run {name!r} in {path.name}")
    return runs[name]


def _store(path: Path, name: str, ledger: Ledger) -> None:
    import datetime
    import platform

    runs = load_runs(path)
    ledger = Ledger.load(ledger.save())
    ledger.provenance = {
        "made": datetime.date.today().isoformat(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    runs[name] = ledger
    path.parent.mkdir(exist_ok=True)
    save_runs(path, runs)


# --- verdicts and checks


def verdict(
    claim_id: str,
    *,
    supports: Mapping[str, bool] | None = None,
    refutes: Mapping[str, bool] | None = None,
    run: Ledger | None = None,
) -> None:
    """Settle a claim by findings, and show the outcome and the evidence.

    `supports` and `refutes` map a sentence to whether the measurement bears it out. `run`
    is the ledger they come from, if it may be a stored one: then the verdict says so. A
    KeyError for a claim that does not exist, a ValueError for one of another lesson or
    for a verdict without findings.
    """
    known = claims()
    if claim_id not in known:
        raise KeyError(f"{claim_id!r} is no claim of this course: {', '.join(known)}")
    claim = known[claim_id]
    if _state.number not in claim.lessons:
        raise ValueError(f"claim {claim_id} belongs to lesson {' and '.join(claim.lessons)}")
    supports, refutes = dict(supports or {}), dict(refutes or {})
    if not supports and not refutes:
        raise ValueError(f"verdict({claim_id!r}) has no findings: nothing is measured")
    borne_out = all([*supports.values(), *refutes.values()])
    outcome = NOT_SHOWN
    if borne_out:
        outcome = (HALF_RIGHT if refutes else HOLDS) if supports else DOES_NOT_HOLD
        if run is not None and run.provenance:
            outcome = IN_STORED_RUN[outcome]
    _state.settled[claim_id] = outcome
    _show_verdict(claim, outcome, supports, refutes)


def _show_verdict(claim: Claim, outcome: str, supports: dict, refutes: dict) -> None:
    lines = [("for", text, ok) for text, ok in supports.items()]
    lines += [("against", text, ok) for text, ok in refutes.items()]
    both = bool(supports and refutes)
    evidence = [
        f"{'✔' if ok else '✘ not borne out:'} {f'({side}) ' if both else ''}{text}"
        for side, text, ok in lines
    ]
    settled = outcome != NOT_SHOWN
    plain = [f"Verdict {claim.id}: {outcome}", f"“{claim.says}”", *evidence]
    plain.append(f"Precisely: {claim.precisely}" if settled else "Nothing is settled by this run.")
    colour = {True: style.KINDS["serving"].face, False: style.KINDS["blocked"].face}[settled]
    body = "".join(f"<li style='list-style:none'>{html.escape(line)}</li>" for line in evidence)
    notebook.show(
        "\n".join(plain),
        f"<div style='border-left:6px solid {colour};padding:.3em 1em;margin:.4em 0'>"
        f"<div><b>Verdict {claim.id}: {outcome}</b></div>"
        f"<div><i>“{html.escape(claim.says)}”</i></div>"
        f"<ul style='margin:.4em 0;padding:0'>{body}</ul>"
        f"<div>{html.escape(plain[-1])}</div></div>",
    )


def findings(title: str, found: Mapping[str, bool]) -> None:
    """Show what was found beside the claims, each finding in one line."""
    print(f"{title}:")
    for text, ok in found.items():
        print(f"{'✔' if ok else '✘ not borne out:'} {text}")


async def check(
    name: str, attempt: Callable[[], Awaitable[Mapping[str, bool]]], timeout_s: float = 10.0
) -> None:
    """Try a learner's solution: run attempt() and show its findings.

    A NotImplementedError from the untouched stub reads "not tried yet"; any other
    exception, and no end within `timeout_s`, is shown in one line and the lesson goes on.
    """
    try:
        async with asyncio.timeout(timeout_s) as limit:
            findings = await attempt()
    except NotImplementedError:
        print(f"{name}: not tried yet.")
        return
    except Exception as error:
        words = " ".join(str(error).split())
        why = f"raised {type(error).__name__}: {words}"
        if limit.expired():
            why = f"did not end within {timeout_s:g} s."
        print(f"{name}: not solved yet. Your code {why}")
        return
    solved = bool(findings) and all(findings.values())
    print(f"{name}: {'solved' if solved else 'not solved yet'}.")
    for text, ok in findings.items():
        print(f"{'✔' if ok else '✘'} {text}")
