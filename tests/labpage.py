"""A real JupyterLab in a real browser, for the tests that look and type.

JupyterLab is started by the command behind `make lab`; Chromium is driven by playwright.
Where Chromium is missing this is a clear skip on a laptop, and a failure in CI.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pages
import pytest

ROOT = Path(__file__).resolve().parents[1]
BOOKS = pages.lessons(ROOT)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
CONNECTED = """() => window.jupyterapp && jupyterapp.shell.currentWidget
    && jupyterapp.shell.currentWidget.sessionContext
    && jupyterapp.shell.currentWidget.sessionContext.session
    && jupyterapp.shell.currentWidget.sessionContext.session.kernel
    && jupyterapp.shell.currentWidget.sessionContext.session.kernel.connectionStatus
        === 'connected'"""
# After an error the rest does not run.
ALL_RAN = """() => {
    const panel = jupyterapp.shell.currentWidget;
    const code = panel.content.widgets.filter(w => w.model.type === 'code');
    return panel.sessionContext.session.kernel.status === 'idle'
        && (code.every(w => w.model.executionCount !== null)
            || code.some(w => w.model.toJSON().outputs.some(o => o.output_type === 'error')));
}"""
OUTPUTS = """() => jupyterapp.shell.currentWidget.content.widgets
    .filter(w => w.model.type === 'code').map(w => w.model.toJSON())"""
CLEAR = "jupyterapp.commands.execute('notebook:clear-all-cell-outputs')"
RUN_ALL = "jupyterapp.commands.execute('notebook:run-all-cells')"


def need_chromium() -> None:
    if CHROMIUM is None:
        reason = "Chromium is missing; on Debian: apt install chromium"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Return the folder of a copy of the course, in a home of its own."""
    need_chromium()
    folder = tmp_path_factory.mktemp("home") / "course"
    for name in ("notebooks", "tools"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def lab(course):
    """Start JupyterLab as `make lab` does, on the copy of the course; yield its address."""
    home = course.parent
    settings = home / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("DISPLAY", "WAYLAND_DISPLAY", "PYTEST_CURRENT_TEST")
    } | {"HOME": str(home), "JUPYTER_CONFIG_DIR": str(home / ".jupyter")}
    # Where rustup brought the Rust compiler, it looks for it in the home, too.
    environment.setdefault("RUSTUP_HOME", str(Path.home() / ".rustup"))
    process = subprocess.Popen(
        [sys.executable, "tools/lab.py", "--LabApp.expose_app_in_browser=True"],
        cwd=course,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines, address, found = [], [], threading.Event()

    def read():
        for line in process.stdout:
            lines.append(line)
            if match := re.search(r"http://127\.0\.0\.1:\d+/lab\S*\?token=\w+", line):
                address.append(match[0])
                found.set()

    threading.Thread(target=read, daemon=True).start()
    try:
        assert found.wait(60), "".join(lines)
        yield address[0]
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def browser():
    need_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


def opened(browser, lab: str, path: Path):
    """Return the page of a lesson with its kernel connected, and the list of its errors."""
    page = browser.new_page(viewport={"width": 1300, "height": 1200})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    base, _, token = lab.partition("/lab")
    page.goto(
        f"{base}/lab/tree/my_lessons/{path.name}?{token.partition('?')[2]}&reset",
        wait_until="domcontentloaded",
    )
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_function(CONNECTED, timeout=60_000)
    return page, errors
