"""A person at the keyboard, in a real JupyterLab: types, presses Stop, restarts, looks.

Plan: a notebook of a few cells stands in for a lesson, so that nothing here depends on what a
lesson says; where it matters that it is a lesson, one of the course is taken. Keys are
pressed one by one, buttons are the toolbar's own. WIRE_SCREENSHOTS keeps pictures to look at.
"""

import json
import os
import re
from pathlib import Path

import nbformat
import pytest
import rules
from labpage import BOOKS, opened

SETUP = """
import asyncio
import time
import aiohttp
from aiohttp import web
from helpers import explore, lesson
from helpers.figures import timeline
from helpers.instruments import record
from helpers.servers import serve

lesson.begin("10")

async def slow(request):
    await asyncio.sleep(0.2)
    return web.Response(text="done")

server = serve("server", [web.get("/", slow)])
LIMIT = aiohttp.ClientTimeout(total=10)

async def ask(requests=2):
    async with record(server, expect={"request": requests}) as ledger:
        async with aiohttp.ClientSession(timeout=LIMIT) as session:
            for n in range(requests):
                with ledger.span("requests", "request", str(n)):
                    async with session.get(f"{server.url}/?n={n}") as response:
                        await response.read()
    return {"Two requests": ledger}
"""
CELLS = {
    "setup": SETUP.strip(),
    "predict": 'guess = lesson.predict("How long do both take?", possible=0.2)',
    "run": 'lesson.show(timeline, await ask(), {"Two requests": guess})',
    "verdict": (
        "run = await ask()\n"
        'lesson.verdict("S2", runs=run["Two requests"], supports={"it is so": True})'
    ),
    "busy": "await asyncio.sleep(0)\nwhile True: pass",
    "next": 'print("still" + " here")',
    "panel": 'explore.panel(ask, figure=timeline, requests=explore.whole(1, 5, 2, "requests"))',
    "long": "time.sleep(8)",
}
ORDER = list(CELLS)
TEXT = """(index) => jupyterapp.shell.currentWidget.content.widgets[index].model.toJSON()"""
IDLE = "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
SELECT = """async (index) => {
    const panel = jupyterapp.shell.currentWidget, content = panel.content;
    content.activeCellIndex = index;
    content.mode = 'command';
    await content.scrollToCell(content.widgets[index], 'start');
    content.node.focus();
}"""


# The lowest contrast (WCAG 2, 1.4.3) of what stands in the outputs, and whose it is.
CONTRAST = """() => {
    const rgb = text => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
    const light = colour => {
        const [r, g, b] = colour.map(c => c / 255)
            .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = element => {
        for (let e = element; e; e = e.parentElement) {
            const found = rgb(getComputedStyle(e).backgroundColor);
            if (found.length < 4 || found[3] > 0.5) return found.slice(0, 3);
        }
        return [255, 255, 255];
    };
    return [...document.querySelectorAll('.jp-OutputArea *')]
        .filter(e => e.offsetParent && !e.disabled
            && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
        .map(e => {
            const [a, b] = [light(rgb(getComputedStyle(e).color).slice(0, 3)), light(behind(e))];
            return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.textContent];
        }).sort((one, other) => one[0] - other[0]);
}"""


class Person:
    """Somebody at the keyboard, with one notebook open."""

    def __init__(self, page, order=ORDER):
        self.page, self.order = page, order

    def run(self, name, wait=True):
        """Select a cell and press Shift+Enter."""
        index = self.order.index(name)
        self.page.evaluate(SELECT, index)
        before = self.cell(name)["execution_count"]
        self.page.keyboard.press("Shift+Enter")
        if wait:
            # While a cell waits for the kernel its count is null: that is not yet a run.
            ran = f"count !== null && count !== {json.dumps(before)} && ({IDLE})()"
            ran = f"() => {{ const count = ({TEXT})({index}).execution_count; return {ran}; }}"
            self.page.wait_for_function(ran, timeout=60_000)

    def cell(self, name):
        return self.page.evaluate(TEXT, self.order.index(name))

    def said(self, name):
        """Return what a cell shows, as text."""
        parts = []
        for output in self.cell(name)["outputs"]:
            parts.append("".join(output.get("text", "")))
            parts.append("".join(output.get("data", {}).get("text/plain", "")))
            parts.append("\n".join(output.get("traceback", [])))
        return "\n".join(parts)

    def look(self, name):
        if folder := os.environ.get("WIRE_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.wait_for_timeout(500)
            self.page.screenshot(path=Path(folder) / f"keyboard-{name}.png")


@pytest.fixture
def notebook(course, lab, request):
    """Write the notebook into the folder of the copies, one for each test; return its path."""
    cells = [nbformat.v4.new_code_cell(code, id=name) for name, code in CELLS.items()]
    cells.append(nbformat.v4.new_markdown_cell("\n\n".join(["The end."] * 40)))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    path = course / f"my_lessons/{re.sub(r'[^a-z]+', '_', request.node.name.lower())}.ipynb"
    nbformat.write(book, path)
    return path


@pytest.fixture
def person(browser, lab, notebook):
    page, errors = opened(browser, lab, notebook)
    page.set_viewport_size({"width": 1280, "height": 800})
    person = Person(page)
    person.run("setup")
    yield person
    # A restart cancels what JupyterLab asked the kernel of before.
    assert [error for error in errors if "Canceled future" not in error] == []
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.close()


# --- a prediction


@pytest.fixture
def field(person):
    person.run("predict")
    text = person.page.get_by_placeholder(re.compile("guess")).first
    text.wait_for(timeout=30_000)
    return text


def type_into(field, text, enter=False):
    field.click()
    field.press("Control+a")
    field.press("Delete")
    field.press_sequentially(text, delay=30)
    if enter:
        field.press("Enter")
    field.page.wait_for_timeout(700)


@pytest.mark.parametrize("enter", [True, False], ids=["Enter", "and clicks elsewhere"])
def test_what_stands_in_the_field_is_the_prediction(person, field, enter):
    type_into(field, "0.7", enter)
    person.look("typed")
    person.run("run")
    assert "your guess: 0.7 s" in person.said("run")
    person.page.get_by_text("The figure shows it, dashed.").wait_for(timeout=10_000)
    person.look("drawn")
    type_into(field, "0,6", enter)
    assert person.page.get_by_text("cell again").count() >= 1, "it does not say to run again"
    person.run("run")
    assert "your guess: 0.6 s" in person.said("run")


def test_a_thousand_with_a_comma_is_asked_back_and_a_huge_guess_leaves_the_bars_their_size(
    person, field
):
    type_into(field, "5,000", enter=True)
    assert person.page.locator("[role=alert]").count() >= 1
    type_into(field, "5000", enter=True)
    person.run("run")
    person.look("huge")
    assert re.search(r"5,?000", person.said("run"))


def test_a_room_guesses_and_a_word_that_is_no_number_is_named(person, field):
    type_into(field, "0.2 1 1 half", enter=True)
    person.page.get_by_text("'half' is not a number").wait_for(timeout=20_000)
    type_into(field, "0.2 1 1 3", enter=True)
    person.look("room")
    person.run("run")
    assert "the middle one 1 s" in person.said("run")


# --- Stop, restart


def test_the_stop_button_ends_a_busy_cell_and_the_next_one_runs(person):
    person.run("busy", wait=False)
    person.page.wait_for_timeout(1000)
    person.page.locator(
        "[data-command='notebook:interrupt-kernel'], [title^='Interrupt']"
    ).first.click()
    person.page.wait_for_function(IDLE, timeout=3000)
    assert person.cell("busy")["outputs"][-1]["output_type"] == "error"
    person.look("stopped")
    person.run("next")
    assert "still here" in person.said("next")


def test_after_a_restart_a_cell_from_the_middle_says_what_to_do(browser, lab):
    path, book = next((p, b) for p, b in BOOKS.items() if p.name.startswith("10"))
    page, _ = opened(browser, lab, path)
    page.set_viewport_size({"width": 1280, "height": 800})
    ids = [cell.id for cell in book.cells]
    middle = [c for c in rules.code_cells(book) if "lesson." in c.source][3]
    person = Person(page, ids)
    person.run(middle.id)
    person.look("middle")
    shown = person.said(middle.id).strip()
    assert shown.count("\n") == 0
    assert shown.endswith("Choose Run → Run All Above Selected Cell, then run this cell again.")
    page.close()


def test_a_stale_panel_and_a_stale_field_say_that_their_cell_must_run_again(person, field):
    person.run("panel")
    person.page.get_by_role("button", name="Run", exact=True).last.wait_for(timeout=30_000)
    person.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    told = person.page.get_by_text("The kernel was restarted and knows nothing of this any more")
    told.nth(1).wait_for(timeout=20_000)
    person.look("stale")
    assert told.count() == 2


def test_a_panel_is_not_silent_while_a_cell_is_busy(person):
    person.run("panel")
    run = person.page.get_by_role("button", name="Run", exact=True).last
    run.wait_for(timeout=30_000)
    person.run("long", wait=False)
    person.page.wait_for_timeout(500)
    person.page.evaluate(SELECT, ORDER.index("panel"))
    run.click()
    heard = person.page.get_by_text(re.compile("Running with|The kernel has not answered yet"))
    heard.first.wait_for(timeout=5000)
    person.look("busy")
    person.page.get_by_text(re.compile("Measured with requests 2")).wait_for(timeout=30_000)


# --- by keyboard alone, at 1280 × 800, in the dark


def test_the_panel_by_keyboard_alone_fits_one_screen(person):
    page = person.page
    person.run("panel")
    page.get_by_role("button", name="Run", exact=True).last.wait_for(timeout=30_000)
    page.evaluate(SELECT, ORDER.index("panel"))
    slider = page.get_by_role("slider", name=re.compile("requests, 1 to 5"))
    slider.wait_for(timeout=10_000)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('role')") == "slider":
            break
    else:
        pytest.fail("the slider can't be reached by Tab")
    page.keyboard.press("ArrowRight")
    page.get_by_text(re.compile("Measured with requests 3")).wait_for(timeout=30_000)
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Run":
            break
    page.keyboard.press("Enter")
    page.get_by_text(re.compile("the run before, with requests 3")).wait_for(timeout=30_000)
    page.evaluate(SELECT, ORDER.index("panel"))
    person.look("panel")
    image = page.locator(".jp-OutputArea .widget-image:visible").last.bounding_box()
    assert image["y"] > 0 and image["y"] + image["height"] <= 800


def test_after_shift_enter_the_figure_is_in_view(person, field):
    person.run("run")
    person.page.wait_for_timeout(1000)
    person.look("in-view")
    image = person.page.locator(".jp-OutputArea img:visible").last.bounding_box()
    assert image["y"] >= 0 and image["y"] + image["height"] <= 800


def test_it_can_be_read_in_the_dark(person, field):
    page = person.page
    page.evaluate(
        "jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
    )
    page.wait_for_timeout(2000)
    type_into(field, "0.7", enter=True)
    person.run("run")
    person.run("verdict")
    person.run("panel")
    page.get_by_role("button", name="Run", exact=True).last.click()
    page.get_by_text(re.compile("Measured with requests 2")).wait_for(timeout=30_000)
    page.evaluate(SELECT, ORDER.index("run"))
    person.look("dark")
    page.evaluate(SELECT, ORDER.index("panel"))
    person.look("dark-panel")
    seen = page.evaluate(CONTRAST)
    texts = " ".join(text for _, text in seen)
    assert "The figure shows it" in texts and "Measured with" in texts
    assert "This figure in words" in texts and "Verdict: holds" in texts
    # JupyterLab's own buttons are a little paler than the 4.5 of the guideline.
    assert [pair for pair in seen if pair[0] < (3 if pair[1] == "Run" else 4.5)] == []
    page.evaluate(
        "jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})"
    )
    page.wait_for_timeout(1000)
