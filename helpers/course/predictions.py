"""Predictions: ask for a number before the run.

Plan: somebody at the keyboard gets a field. Whatever stands in it when the experiment's
cell draws its figure is the prediction: the field tells the kernel of each change, so
nothing has to be kept, and Enter and leaving the field need no care. Under the field
stands what was understood, or why it was not, and whether a figure has drawn it. Unattended,
one possible guess stands in, and is called that: nobody collected any.

Left out: what a prediction is and how it is drawn (figures/prediction.py).
"""

from __future__ import annotations

import html
import re

from helpers.course import notebook, page
from helpers.figures import style
from helpers.figures.prediction import Prediction

MOST = 1e9
_TIMES = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}
_NUMBER = r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?"


def parse_guesses(text: str, unit: str) -> list[float]:
    """Return the numbers in a text, in `unit`: one guess, or a room's.

    Numbers are parted by blanks, semicolons, or commas with a blank behind; within a number
    a comma is a decimal comma. The unit may be written, and a time in s, ms or µs is
    converted. A ValueError says in words what can't be read.
    """
    example = f"such as {_example(unit)}"
    cleaned = re.sub(r"[,;]+(?=\s|$)|;", " ", text.replace("\N{GREEK SMALL LETTER MU}", "µ"))
    cleaned = cleaned.replace(" %", "%").strip()
    if not cleaned:
        raise ValueError(f"No guess yet. Type a number, {example}.")
    guesses, words = [], cleaned.split()
    for word in words:
        if word in (unit, *_TIMES) and guesses and unit in (word, *_TIMES):
            guesses[-1] = _in_unit(guesses[-1], word, unit)
            continue
        guesses.append(_guess(word, unit, example))
    for guess in guesses:
        most = 100 if unit == "%" else MOST
        if not 0 <= guess <= most:
            top = "100 %" if unit == "%" else f"a thousand million {unit}"
            raise ValueError(f"{guess:g} is out of range: a guess lies between 0 and {top}.")
    return guesses


def _guess(word: str, unit: str, example: str) -> float:
    """Return the number that a word stands for, with or without its unit."""
    match = re.fullmatch(rf"({_NUMBER})([a-zµ%]*)", word)
    if match is None and word.count(",") > 1:
        raise ValueError(f"Put a blank between the numbers of {word!r}, {example}.")
    if match is None or match[2] not in ("", unit, *(_TIMES if unit in _TIMES else ())):
        raise ValueError(f"{word!r} is not a number of {unit}. Type a number, {example}.")
    if re.fullmatch(r"[1-9]\d{0,2},\d{3}", match[1]):
        whole = match[1].replace(",", "")
        raise ValueError(f"{word!r} can be read in two ways: write {whole}, or write a point.")
    return _in_unit(float(match[1].replace(",", ".")), match[2] or unit, unit)


def _in_unit(number: float, given: str, unit: str) -> float:
    if given == unit or given not in _TIMES or unit not in _TIMES:
        return number
    return number * _TIMES[given] / _TIMES[unit]


def _example(unit: str) -> str:
    number = {"s": "0.2", "ms": "20", "µs": "50", "%": "30"}.get(unit, "3")
    return f"{number} {unit}"


def predict(
    question: str, *, possible: float, unit: str = "s", lane: str = "", kept: dict[str, Prediction]
) -> Prediction:
    """Ask for a guess before the experiment runs; return it, to be drawn beside the result.

    With somebody at the keyboard it shows a field for one guess or a room's; what was
    guessed before stays when the cell runs again. Until then, and where nobody is there,
    `possible` is drawn, as one possible guess. `kept` holds the predictions of this lesson
    by their question.
    """
    prediction = kept.setdefault(question, Prediction(question, unit, [possible], lane))
    if notebook.attended():
        Field(prediction, possible).show()
    else:
        print(f"{question}\nOne possible guess: {possible:g} {unit}.")
    return prediction


class Field:
    """The field for a prediction: what is typed is the prediction, at every moment."""

    def __init__(self, prediction: Prediction, possible: float):
        import ipywidgets as widgets

        self.prediction, self.possible, self._written = prediction, possible, 0
        before = " ".join(f"{g:g}" for g in prediction.guesses) if prediction.asked else ""
        self.text = widgets.Text(
            value=before,
            placeholder=f"{_example(prediction.unit)}, or a room's guesses: 1 2 2 5",
            description="Your guess:",
            tooltip=prediction.question,
            style={"description_width": "6em"},
            layout=widgets.Layout(width="30em"),
        )
        self.unit = widgets.HTML(html.escape(prediction.unit))
        self.status = widgets.HTML("<span role='status'></span>")
        self.dots = widgets.Image(layout=widgets.Layout(display="none"))
        self.text.observe(lambda change: self.read(), names="value")
        prediction.when_drawn = self.read
        if before:
            self.read()

    def show(self) -> None:
        """Show the field in the cell that runs."""
        import ipywidgets as widgets
        from IPython.display import display

        question = widgets.HTML(f"<b>{html.escape(self.prediction.question)}</b>")
        row = widgets.HBox([self.text, self.unit])
        box = widgets.VBox([question, row, self.status, self.dots])
        box.add_class(page.LIVE)
        display(box)
        page.prepare()

    def read(self) -> None:
        """Take what stands in the field as the prediction, and say what was understood."""
        guess, text = self.prediction, self.text.value
        try:
            guess.guesses, guess.asked = parse_guesses(text, guess.unit), True
        except ValueError as error:
            guess.guesses, guess.asked = [self.possible], False
            drawn = f" The figure shows {guess.label()}." if guess.drawn == guess.guesses else ""
            self._say("alert", (f"✕ {error}" if text.strip() else str(error)) + drawn)
            self._draw([])
            return
        told = f"✔ {guess.label()[0].upper()}{guess.label()[1:]}."
        if guess.drawn is None:
            told += " It will be drawn into the figure, dashed."
        elif guess.drawn == guess.guesses:
            told += " The figure shows it, dashed."
        else:
            told += " Run the experiment's cell again to see it in the figure."
        self._say("status", told)
        self._draw(guess.guesses)

    def _say(self, role: str, text: str) -> None:
        self._written += 1  # so that the page can tell that it was written
        said = f"<span role='{role}' data-written='{self._written}'>{html.escape(text)}</span>"
        self.status.value = said

    def _draw(self, guesses: list[float]) -> None:
        """Show a room's guesses as a strip of dots; nothing for a single one."""
        several = len(guesses) > 1
        if several:
            self.dots.value = style.png(_strip(guesses, self.prediction.unit))
        self.dots.layout.display = "block" if several else "none"


def _strip(guesses: list[float], unit: str):
    """Return a figure with a dot per guess, equal ones stacked."""
    figure, (ax,) = style.new_figure(1, 1.3)
    heights: dict[float, int] = {}
    for guess in guesses:
        heights[guess] = heights.get(guess, -1) + 1
        ax.plot(guess, heights[guess], "o", ms=8, mfc="white", mec=style.INK)
    ax.set_ylim(-0.7, max(heights.values()) + 0.9)
    ax.set_yticks([])
    ax.set_xlabel(f"the room's guesses, {unit}")
    return figure
