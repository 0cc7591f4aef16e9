"""What can be moved in a panel: a slider over numbers, a choice of values.

Plan: a control is plain data that says what it stands for, checks that it fits together
when it is made, puts a value into words, and makes its widget when somebody is there to
move it.

Left out: free text, and anything that depends on another control.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


def label_width(labels: Sequence[str]) -> str:
    """Return the width at the left that the longest of some labels needs."""
    return f"{min(24.0, max(6.0, 0.56 * max(map(len, labels), default=0) + 1)):.1f}em"


@dataclass(frozen=True)
class Slider:
    """Numbers from low to high; `unit` is empty for whole numbers of something."""

    low: float
    high: float
    start: float
    step: float
    noun: str
    unit: str = ""

    def __post_init__(self):
        if not self.low < self.high:
            raise ValueError(f"low={self.low!r} does not lie below high={self.high!r}")
        if not self.low <= self.start <= self.high:
            raise ValueError(f"start={self.start!r} lies outside of {self.low!r} to {self.high!r}")
        if not 0 < self.step <= self.high - self.low:
            raise ValueError(f"step={self.step!r}: a step lies between 0 and high - low")

    def say(self, value: float) -> str:
        """Return a value in words."""
        return f"{value:g} {self.unit}".rstrip()

    def range(self) -> str:
        """Return in words what can be chosen."""
        return f"{self.low:g} to {self.say(self.high)}"

    def label(self, description: str) -> str:
        """Return what stands at the left, with the unit."""
        return f"{description} ({self.unit})" if self.unit else description

    def widget(self, description: str, width: str):
        """Return the slider, which tells its value when it is let go; `width` of its label."""
        import ipywidgets as widgets

        kind = widgets.FloatSlider if self.unit else widgets.IntSlider
        return kind(
            min=self.low,
            max=self.high,
            value=self.start,
            step=self.step,
            description=self.label(description),
            continuous_update=False,
            tooltip=f"{description}, {self.range()}",
            style={"description_width": width},
            layout={"width": f"calc({width} + 27em)", "max_width": "98%"},
        )

    def row(self, widget, width: str):
        """Return what stands in the panel: the slider, which brings its own label."""
        return widget


@dataclass(frozen=True)
class Choice:
    """One of several values, each with its label."""

    options: Mapping[str, object]
    start: str
    noun: str = ""

    def __post_init__(self):
        if len(self.options) < 2:
            raise ValueError(f"options={list(self.options)}: a choice needs two at least")
        if self.start not in self.options:
            raise ValueError(f"start={self.start!r} is none of {list(self.options)}")

    def say(self, value: object) -> str:
        """Return a value in words: its label."""
        return next(label for label, option in self.options.items() if option is value)

    def range(self) -> str:
        """Return in words what can be chosen."""
        return ", ".join(self.options)

    def label(self, description: str) -> str:
        """Return what stands at the left."""
        return description

    def widget(self, description: str, width: str):
        """Return the buttons of which one is pressed."""
        import ipywidgets as widgets

        return widgets.RadioButtons(
            options=list(self.options.items()),
            value=self.options[self.start],
            tooltip=description,
            orientation="horizontal",
            layout={"width": "auto"},
        )

    def row(self, widget, width: str):
        """Return what stands in the panel: the buttons, and at their left what they choose."""
        import ipywidgets as widgets

        label = widgets.HTML(
            f"<div style='text-align:right'>{html.escape(widget.tooltip)}</div>",
            layout={"width": width, "margin": "2px 8px 0 2px"},
        )
        return widgets.HBox([label, widget], layout={"align_items": "baseline"})


def whole(low: int, high: int, start: int, noun: str = "") -> Slider:
    """Return a slider over whole numbers; a ValueError if they do not fit together."""
    for name, value in (("low", low), ("high", high), ("start", start)):
        if not isinstance(value, int):
            raise TypeError(f"{name}={value!r}: a whole number, please")
    return Slider(low, high, start, 1, noun)


def seconds(low: float, high: float, start: float, noun: str = "", step: float = 0.05) -> Slider:
    """Return a slider over times in seconds; a ValueError if they do not fit together."""
    return Slider(low, high, start, step, noun, "s")


def choice(
    options: Mapping[str, object] | Sequence[object], noun: str = "", start: str | None = None
) -> Choice:
    """Return a choice of values: by their labels, or functions and words that name themselves."""
    if not isinstance(options, Mapping):
        named = [getattr(o, "__name__", str(o)).replace("_", " ") for o in options]
        if len(set(named)) < len(named):
            raise ValueError(f"options={named}: two have the same name")
        options = dict(zip(named, options, strict=True))
    return Choice(options, next(iter(options), "") if start is None else start, noun)
