"""A panel of sliders over an experiment function, the same one that a cell runs.

Plan: the callback of a widget, which comes in the main thread or in another with a loop
under way, only says that a run is wanted. The panel's own thread starts one run at a time
(in the background), tells how long it has been going on, draws the figure, and starts the
next if somebody has moved a slider meanwhile: with the values of then, whatever lay
between. Everything the panel shows is painted from its state, under one lock.

Left out: panels without a reader. Unattended, a panel is one line of text, no widget.
"""

from __future__ import annotations

import contextvars
import html
import inspect
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping

from helpers.course import notebook, page
from helpers.figures import style, units
from helpers.hosting import registry
from helpers.ledger import Ledger, now_s
from helpers.panel import before
from helpers.panel.background import Run, TookTooLong
from helpers.panel.controls import Choice, Slider, choice, label_width, seconds, whole

__all__ = ["choice", "panel", "seconds", "whole"]

SETTLE_S = 0.3  # a slider that is still moved does not start a run
TICK_S = 0.25  # so often the panel says how long the run has been going on
GRACE_S = 3.0  # so long a run that was told to end may take to do so


def panel(
    experiment: Callable[..., Awaitable[Mapping[str, Ledger]]],
    *,
    figure,
    limit_s: float = 20.0,
    options: Mapping[str, object] | None = None,
    **controls: Slider | Choice,
) -> None:
    """Show sliders for the experiment's arguments, a Run button and the figure of the last run.

    `experiment` is an async function that returns ledgers by their titles, as `lesson.show`
    takes them; `figure` one of helpers.figures, drawn with `options`; `controls` say by the
    names of its arguments what can be moved. Moving a slider runs it too. A run ends after
    `limit_s` seconds. Unattended it prints one line. A TypeError if the controls are no
    controls, or not those the experiment takes.
    """
    if not inspect.iscoroutinefunction(experiment):
        raise TypeError(f"experiment={experiment!r} is no async function")
    if not limit_s > 0:
        raise ValueError(f"limit_s={limit_s!r}: a run needs a time above 0")
    for name, control in controls.items():
        if not isinstance(control, Slider | Choice):
            raise TypeError(f"{name}={control!r} is no control: use whole, seconds or choice")
    try:
        inspect.signature(experiment).bind(**controls)
    except TypeError as error:
        raise TypeError(f"{experiment.__name__} and its controls do not fit: {error}") from None
    nouns = {
        name: c.noun or name.removesuffix("_s").replace("_", " ") for name, c in controls.items()
    }
    if not notebook.attended():
        ranges = "; ".join(f"{nouns[name]}: {c.range()}" for name, c in controls.items())
        print(f"A panel of sliders ({ranges}). Run this cell in JupyterLab to move them.")
        return
    cell, message = _whose(experiment)
    for old in list(_panels):
        if old.cell == cell and old.message != message:
            old.close()
    new = Panel(experiment, figure, limit_s, dict(options or {}), controls, nouns)
    new.cell, new.message = cell, message
    _panels.append(new)
    registry.keep_for("a panel")
    new.show()


_panels: list[Panel] = []


def _whose(experiment: Callable) -> tuple[str, str]:
    """Return the cell that runs now, or else the experiment's name; and the id of its message."""
    parent = notebook.shell().kernel.get_parent()
    cell = parent.get("metadata", {}).get("cellId")
    return cell or experiment.__qualname__, parent.get("header", {}).get("msg_id", "")


class Panel:
    """The widgets of a panel, and the thread that runs the experiment for them."""

    def __init__(self, experiment, figure, limit_s, options, controls, nouns):
        import ipywidgets as widgets

        self.cell = self.message = ""
        self._experiment, self._figure = experiment, figure
        self._limit_s, self._options = limit_s, options
        self._controls, self._nouns = controls, nouns
        self._lock = threading.RLock()
        self._run: Run | None = None  # the one under way
        self._wanted_s: float | None = None  # when the next may start
        self._worker: threading.Thread | None = None
        self._closed = False
        self._said, self._alert = "Not measured yet: press Run, or move a slider.", ""
        self._shown = ""  # the values of the figure shown
        self._behind = ""  # where the run before is in it, and its values
        self._last: Mapping[str, Ledger] | None = None
        self._widest: Mapping[str, Ledger] | None = None
        self._where, self._painted = "", 0

        width = label_width([c.label(nouns[name]) for name, c in controls.items()])
        self._sliders = {name: c.widget(nouns[name], width) for name, c in controls.items()}
        self._start = widgets.Button(
            description="Run",
            tooltip="Run the experiment with these values",
            button_style="primary",
        )
        self._cancel = widgets.Button(description="Cancel", tooltip="Cancel the run", disabled=True)
        self._bar = widgets.FloatProgress(
            min=0, max=limit_s, layout={"width": "12em", "visibility": "hidden"}
        )
        self._clock, self._status, self._words = widgets.HTML(), widgets.HTML(), widgets.HTML()
        # Not wider than the page, and with the controls on one screen.
        layout = {"display": "none", "width": "auto", "max_width": "100%", "max_height": "58vh"}
        layout |= {"object_fit": "contain", "align_self": "flex-start"}
        self._image = widgets.Image(format="png", layout=layout)
        self._start.on_click(lambda _: self.want(0.0))
        self._cancel.on_click(lambda _: self.cancel())
        for slider in self._sliders.values():
            slider.observe(lambda _: self.want(SETTLE_S), names="value")
        buttons = widgets.HBox([self._start, self._cancel, self._bar, self._clock])
        rows = [c.row(self._sliders[name], width) for name, c in controls.items()]
        rows += [buttons, self._status, self._image, self._words]
        self._box = widgets.VBox(rows)
        self._box.add_class(page.LIVE)
        self._paint()

    def show(self) -> None:
        """Show the panel in the cell that runs now."""
        from IPython.display import display

        display(self._box)
        page.prepare()

    def want(self, settle_s: float) -> None:
        """Ask for a run with the values of then, `settle_s` from now if nothing else moves."""
        with self._lock:
            if self._closed:
                return
            self._wanted_s = now_s() + settle_s
            if self._worker is None:
                main = contextvars.copy_context().run
                self._worker = threading.Thread(
                    target=main, args=(self._work,), name="panel", daemon=True
                )
                self._worker.start()
            self._paint()

    def cancel(self) -> None:
        """Cancel the run under way, and the one that waits for its end."""
        with self._lock:
            self._wanted_s = None
            if self._run is not None:
                self._run.cancel()
            self._paint()

    def close(self) -> None:
        """Cancel what runs and take the panel away: its cell runs again."""
        with self._lock:
            self._closed = True
            self.cancel()
            _panels.remove(self)
            _close(self._box)

    # --- the panel's thread

    def _work(self) -> None:
        """Start one run after the other, as long as one is wanted."""
        while True:
            with self._lock:
                if self._wanted_s is None:
                    self._worker = None
                    self._paint()
                    return
                settle_s = self._wanted_s - now_s()
                if settle_s <= 0:
                    self._wanted_s = None
                    values = {name: slider.value for name, slider in self._sliders.items()}
                    run = self._run = Run(self._experiment, values, self._limit_s)
                    run.start()
                    self._paint()
            if settle_s > 0:
                time.sleep(settle_s)
            else:
                self._follow(run)

    def _follow(self, run: Run) -> None:
        """Wait for the end of a run, tell how long it has taken so far, and show what it gave."""
        while not run.ended.wait(TICK_S):
            if now_s() - run.start_s > run.limit_s + GRACE_S:
                run.cancel()
                break
            self._paint()
        said, alert, png, words = self._outcome(run)
        with self._lock:
            self._run = None
            self._said, self._alert = said, alert
            if png:
                self._behind = (
                    f"{self._where}: the run before, with {self._shown}" if self._where else ""
                )
                self._shown = self._say(run.values)
                self._words.value = words
                self._image.value = png
                self._image.layout.display = "block"
            self._paint()

    def _outcome(self, run: Run) -> tuple[str, str, bytes, str]:
        """Return what to say of an ended run, as a status or an alert, its figure and words."""
        took_s = now_s() - run.start_s
        if not run.ended.is_set():
            return (
                "",
                f"The run goes on after {run.limit_s + GRACE_S:g} s and cannot be cancelled: a "
                "blocking call holds its thread. Run again when that call has ended.",
                b"",
                "",
            )
        error = run.error
        try:
            if error is None:
                words = self._figure.describe(run.panels, None, **self._options)
                png = style.png(self._draw(run.panels))
                said = f"✔ Measured with {self._say(run.values)}, in {units.seconds(took_s)}."
                return said, "", png, words.html()
        except Exception as raised:
            error = raised
        if run.cancelled:
            return "Cancelled.", "", b"", ""
        return "", _in_words(error, run.limit_s), b"", ""

    def _draw(self, panels: Mapping[str, Ledger]):
        """Return the figure of a run, with the run before behind it; remember the run."""
        last, widest = self._last, self._widest
        if widest is None or before.width_s(panels) > before.width_s(widest):
            self._widest = panels
        self._last = panels
        figure, self._where = before.draw(self._figure, panels, last, widest, self._options)
        return figure

    # --- what it shows

    def _say(self, values: Mapping[str, object]) -> str:
        return ", ".join(
            f"{html.escape(self._nouns[name])} {html.escape(self._controls[name].say(value))}"
            for name, value in values.items()
        )

    def _paint(self) -> None:
        """Show the panel's state."""
        with self._lock:
            if self._closed:
                return
            run, waits = self._run, self._wanted_s is not None
            now = self._say({name: slider.value for name, slider in self._sliders.items()})
            said, clock = self._said, ""
            if run is not None:
                past_s = now_s() - run.start_s
                self._bar.value = min(past_s, run.limit_s)
                clock = f"running for {past_s:.1f} s, {run.limit_s:g} s at most"
                said = f"Running with {self._say(run.values)}."
                if run.cancelled or past_s > run.limit_s:
                    clock = "stopping"
                    said = "Stopping. A blocking call has to end first, if there is one."
                if waits:
                    said += f" Next: {now}."
            elif waits:
                said = f"Not measured yet with {now}: about to run."
            if self._shown and (run or waits or not said.startswith("✔")):
                said += f" The figure below is the one of {self._shown}."
            elif self._behind:
                said += f" {self._behind}."
            self._clock.value = clock
            self._bar.layout.visibility = "visible" if run else "hidden"
            self._cancel.disabled = not (run or waits) or (run is not None and run.cancelled)
            alert = "" if run or waits else self._alert
            self._painted += 1
            self._status.value = (
                f"<div role='alert'>✕ {alert}</div>" if alert else ""
            ) + f"<div role='status' data-written='{self._painted}'>{said}</div>"


def _close(widget) -> None:
    """Close a widget and all it holds."""
    for child in getattr(widget, "children", ()):
        _close(child)
    widget.close()


def _in_words(error: BaseException, limit_s: float) -> str:
    """Return what went wrong, as HTML: one sentence, and for the curious where it happened."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TookTooLong):
        return (
            f"The run had not ended after {limit_s:g} s and was cancelled. "
            "Choose smaller values, and run again."
        )
    text = f"{type(error).__name__}: {error}".rstrip(": ")
    if isinstance(error, OSError) and not isinstance(error, TimeoutError):
        text += ". If its server was stopped, run the server's cell again."
    where = "".join(traceback.format_exception(error))
    return (
        f"The run failed. {html.escape(text)}"
        f"<details><summary>Where it happened</summary><pre>{html.escape(where)}</pre></details>"
    )
