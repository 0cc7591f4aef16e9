"""Predictions: a number guessed before the run, to be drawn beside what was measured.

Plan: somebody at the keyboard gets a field for one guess or a room's; unattended, one
possible guess stands in, and is called that: nobody collected any.

Left out: how a prediction is drawn (figures).
"""

from __future__ import annotations

import html
from dataclasses import dataclass

from helpers.course import notebook
from helpers.figures import style

POSSIBLE = "one possible guess"


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


def predict(
    question: str, *, possible: float, unit: str = "s", lane: str = "", kept: dict[str, Prediction]
) -> Prediction:
    """Ask for a guess before the experiment runs; return it, to be drawn beside the result.

    With somebody at the keyboard it shows a field for one guess or a room's guesses, and
    draws them; what was guessed before is kept when the cell runs again. Until then, and
    where nobody is there, `possible` is drawn, labelled as one possible guess. `kept` holds
    the predictions of this lesson by their question.
    """
    prediction = kept.setdefault(question, Prediction(question, unit, [possible], POSSIBLE, lane))
    if notebook.attended():
        _ask(prediction)
    else:
        print(f"{question}\nOne possible guess: {possible:g} {unit}.")
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
