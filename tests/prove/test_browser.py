"""Each lesson in a real JupyterLab, in a real browser: Run All, the figures, the panel.

(What a person types and presses: test_keyboard.py.)
"""

import json
import os
import re
from pathlib import Path

import learner_notes
import nbformat
import pytest
import revisited
import rules
import stored_outputs
from labpage import ALL_RAN, BOOKS, CLEAR, OUTPUTS, ROOT, RUN_ALL, opened

PANELS = [
    path
    for path, book in BOOKS.items()
    if any("explore" in rules.tags(cell) for cell in rules.code_cells(book))
]
PICTURE = """() => {
    const seen = [...document.querySelectorAll('[data-panel] .jp-OutputArea .widget-image')]
        .filter(image => image.offsetParent && image.naturalWidth > 400);
    return seen.length ? seen[seen.length - 1].src : '';
}"""


def explore_cells(path: Path) -> list[str]:
    """Return the ids of the cells with panels."""
    return [c.id for c in rules.code_cells(BOOKS[path]) if "explore" in rules.tags(c)]


def test_there_are_panels():
    assert PANELS


def bring(page, path: Path, cell_id: str):
    """Scroll to a cell, which JupyterLab may leave out far from the screen; return it."""
    [index] = [n for n, cell in enumerate(BOOKS[path].cells) if cell.id == cell_id]
    page.evaluate(
        f"""async () => {{
            const content = jupyterapp.shell.currentWidget.content;
            content.activeCellIndex = {index};
            await content.scrollToCell(content.widgets[{index}], 'start');
            content.widgets.forEach(w => w.node.removeAttribute('data-panel'));
            content.widgets[{index}].node.setAttribute('data-panel', '');
        }}"""
    )
    page.wait_for_timeout(500)
    return page.locator("[data-panel]")


def press_and_move(page, path: Path, cell_id: str) -> None:
    """Press the panel's Run, move its first slider or choose, and see the figure change."""
    panel = bring(page, path, cell_id)
    run = panel.get_by_role("button", name="Run", exact=True)
    run.scroll_into_view_if_needed()
    run.click()
    page.wait_for_function(f"({PICTURE})() !== ''", timeout=60_000)
    before = page.evaluate(PICTURE)
    handle = panel.locator(".widget-slider .noUi-handle:visible")
    if handle.count():
        handle.first.focus()
        for _ in range(2):
            page.keyboard.press("ArrowRight")
    else:  # a panel that only asks for a choice
        panel.locator(".wire-live .widget-radio-box input:not(:checked):visible").first.check()
    page.wait_for_function(f"({PICTURE})() !== {json.dumps(before)}", timeout=60_000)
    if folder := os.environ.get("WIRE_SCREENSHOTS"):
        page.wait_for_timeout(5000)
        page.screenshot(path=Path(folder) / f"{path.stem}-{cell_id}.png")


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_run_all_and_the_panel_in_the_browser(browser, lab, path):
    page, errors = opened(browser, lab, path)
    page.evaluate(CLEAR)
    page.evaluate(RUN_ALL)
    page.wait_for_function(ALL_RAN, timeout=120_000)
    cells = page.evaluate(OUTPUTS)
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert [o for o in outputs if o["output_type"] == "error"] == []
    assert [o for o in outputs if o.get("name") == "stderr"] == []
    stored = sum("figure" in rules.tags(cell) for cell in rules.code_cells(BOOKS[path]))
    assert sum("image/png" in o.get("data", {}) for o in outputs) >= stored
    shown = "\n".join(str(o.get("data", {}).get("text/plain", "")) for o in outputs)
    found = stored_outputs.verdicts_in(shown)
    assert found == {claim: outcome for claim, (outcome, _) in rules.verdicts(BOOKS[path]).items()}
    if folder := os.environ.get("WIRE_SCREENSHOTS"):
        scroll_and_shoot(page, Path(folder), path.stem)
    for cell_id in explore_cells(path):
        press_and_move(page, path, cell_id)
    assert errors == []
    page.close()


def scroll_and_shoot(page, folder: Path, name: str) -> None:
    """Keep a picture of every screen of the notebook, for a person to look at."""
    folder.mkdir(parents=True, exist_ok=True)
    scroller = (
        "[...document.querySelectorAll('.jp-NotebookPanel *')]"
        ".filter(e => e.scrollHeight > e.clientHeight + 500"
        " && getComputedStyle(e).overflowY !== 'visible')[0]"
    )
    page.evaluate(f"{scroller}.scrollTop = 0")
    for number in range(40):
        page.wait_for_timeout(400)
        page.screenshot(path=folder / f"{name}-{number:02}.png")
        top = f"(s => [s.scrollTop, s.scrollTop = s.scrollTop + 1000, s.scrollTop])({scroller})"
        before, _, after = page.evaluate(top)
        if after == before:
            break


RAN_ABOVE = """(last) => {
    const panel = jupyterapp.shell.currentWidget;
    const code = panel.content.widgets.slice(0, last).filter(w => w.model.type === 'code');
    return panel.sessionContext.session.kernel.status === 'idle'
        && code.every(w => w.model.executionCount !== null);
}"""


def test_a_browser_tab_is_a_client_of_the_lessons_server(browser, lab):
    """The link leads through the lab's token; who has no token does not get there."""
    [path] = [path for path in BOOKS if path.name.startswith("00")]
    [after] = [index for index, cell in enumerate(BOOKS[path].cells) if cell.id == "guestbook"]
    page, errors = opened(browser, lab, path)
    page.evaluate(CLEAR)
    page.evaluate(f"jupyterapp.shell.currentWidget.content.activeCellIndex = {after}")
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-above')")
    page.wait_for_function(RAN_ABOVE, arg=after, timeout=120_000)

    with page.expect_popup() as opening:
        page.get_by_role("link", name="Open /tea of the server").click()
    tab = opening.value
    tab.get_by_text("One tea. Enjoy!").wait_for(timeout=20_000)
    assert re.search(r"/proxy/\d+/tea$", tab.url)
    stranger = browser.new_context()
    outside = stranger.new_page()
    outside.goto(tab.url)
    assert "One tea" not in outside.content()
    assert outside.url != tab.url, "a browser without the token was not sent to the login"
    stranger.close()

    page.evaluate(f"jupyterapp.shell.currentWidget.content.activeCellIndex = {after}")
    page.evaluate("jupyterapp.commands.execute('notebook:run-cell')")
    page.get_by_text(re.compile(r"Mozilla/.* asked for tea")).wait_for(timeout=20_000)
    assert errors == []
    tab.close()
    page.close()


PICTURES_OF = """index => {
    const cell = jupyterapp.shell.currentWidget.content.widgets[index].node;
    const images = [...cell.querySelectorAll('.jp-MarkdownOutput img')];
    return images.every(image => image.complete && image.naturalWidth > 100) && images.length;
}"""
IN_VIEW = "heading => { const at = heading.getBoundingClientRect().top; return at > 0 && at < 800 }"


def test_the_page_of_the_notes_shows_its_pictures_and_leads_to_the_lessons(browser, lab):
    path = ROOT / "notebooks" / learner_notes.notes()["file"]
    cells = nbformat.read(path, 4).cells
    page, errors = opened(browser, lab, path)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator("strong", has_text="Of your ").wait_for(timeout=20_000)
    if folder := os.environ.get("WIRE_SCREENSHOTS"):
        scroll_and_shoot(page, Path(folder), path.stem)
    scroll = "i => jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')"
    for index, cell in enumerate(cells):
        page.evaluate(scroll, index)
        wanted = cell.source.count(f"({revisited.FOLDER}/")
        page.wait_for_function(f"i => ({PICTURES_OF})(i) === {wanted}", arg=index, timeout=20_000)
    title = "Can you do work while you wait?"
    [there] = [index for index, cell in enumerate(cells) if title in cell.source]
    page.evaluate(scroll, there)
    page.get_by_role("link", name=re.compile(re.escape(title))).first.click()
    heading = page.locator("h2:visible", has_text=title)
    heading.wait_for(timeout=60_000)
    page.wait_for_function(IN_VIEW, arg=heading.element_handle(), timeout=20_000)
    if folder:
        page.screenshot(path=Path(folder) / f"{path.stem}-followed.png")
    assert errors == []
    page.close()


def run_cell(page, path: Path, cell_id: str) -> None:
    """Run one cell, and wait until the kernel has nothing more to do."""
    [index] = [n for n, cell in enumerate(BOOKS[path].cells) if cell.id == cell_id]
    page.evaluate(f"jupyterapp.shell.currentWidget.content.activeCellIndex = {index}")
    page.evaluate("jupyterapp.commands.execute('notebook:run-cell')")
    page.wait_for_function(
        "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'",
        timeout=60_000,
    )


def test_notifications_arrive_in_a_browser_tab(browser, lab):
    """Through the lab's proxy, by the keyboard alone; who leaves misses what is said meanwhile."""
    [path] = [path for path in BOOKS if path.name.startswith("13")]
    [say] = [index for index, cell in enumerate(BOOKS[path].cells) if cell.id == "say"]
    page, errors = opened(browser, lab, path)
    page.evaluate(CLEAR)
    page.evaluate(f"jupyterapp.shell.currentWidget.content.activeCellIndex = {say}")
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-above')")
    page.wait_for_function(RAN_ABOVE, arg=say, timeout=120_000)

    with page.expect_popup() as opening:
        page.get_by_role("link", name="Open / of the server").click()
    tab = opening.value
    tab.on("pageerror", lambda error: errors.append(str(error)))
    status, news = tab.get_by_role("status"), tab.get_by_role("listitem")
    status.filter(has_text="You are connected.").wait_for(timeout=20_000)
    assert re.search(r"/proxy/\d+/$", tab.url)
    assert tab.locator("ol").get_attribute("aria-live") == "polite"

    run_cell(page, path, "say")
    news.filter(has_text="Ben logged in").wait_for(timeout=20_000)
    page.get_by_text("told 1", exact=True).wait_for(timeout=20_000)

    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")  # Leave
    status.filter(has_text="You are not connected.").wait_for(timeout=20_000)
    run_cell(page, path, "say")
    page.get_by_text("told 0", exact=True).wait_for(timeout=20_000)
    tab.keyboard.press("Enter")  # Come back
    status.filter(has_text="You are connected.").wait_for(timeout=20_000)
    assert news.count() == 1
    run_cell(page, path, "say")
    news.nth(1).wait_for(timeout=20_000)
    assert news.count() == 2
    assert errors == []
    tab.close()
    page.close()
