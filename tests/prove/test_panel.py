"""The panel, driven as a front end drives it: press Run, move a slider, watch the figure change.

Plan: a cell with a panel runs in a real kernel that may ask for input, so that widgets
are made. The test speaks the messages of the widgets itself: it finds the comms by their
state on iopub, sends a click or a value on the shell channel, once to the main thread and
once to a subshell as JupyterLab does, and follows the updates. Every wait is bounded.
(The lessons' own panels, after Run All: test_run_all.py.)
"""

import ast
import queue
import time

import pytest
from kernel import Kernel

LONG_S = 60.0

SETUP = """
import asyncio, threading, time
from aiohttp import web
import aiohttp
from helpers import explore, lesson
from helpers.figures import timeline
from helpers.instruments import record
from helpers.servers import serve

lesson.begin("10")
ran = []
gate = threading.Event()
LIMIT = aiohttp.ClientTimeout(total=10)

async def slow(request):
    await asyncio.sleep(0.2)
    return web.Response(text="done")

server = serve("server", [web.get("/", slow)])

async def experiment(n, way):
    ran.append((n, way, threading.current_thread() is threading.main_thread()))
    if way == "fails":
        raise ValueError("seven is <too> many")
    if way == "waits":
        await asyncio.sleep(600)
    if way == "blocks":
        gate.wait(60)
    while way == "computes":
        pass
    if way == "returns nothing":
        return None
    async with record(server) as ledger:
        async with aiohttp.ClientSession(timeout=LIMIT) as session:
            async def one(i):
                with ledger.span("requests", "request", str(i)):
                    async with session.get(f"{server.url}/?n={i}") as response:
                        await response.read()
            await asyncio.gather(*(one(i) for i in range(1, n + 1)))
    return {"The caller awaits": ledger}

WAYS = ["runs", "fails", "waits", "blocks", "returns nothing", "computes"]
"""

PANEL = """
explore.panel(
    experiment,
    figure=timeline,
    n=explore.whole(1, 10, 2, "requests"),
    way=explore.choice(WAYS),
    limit_s=LIMIT_S,
)
"""

WATCH = """
callbacks = []
explore._panels[-1]._sliders["n"].observe(
    lambda _: callbacks.append(threading.current_thread().name), "value"
)
"""


class FrontEnd:
    """What a front end knows of the widgets: their state, by comm, kept from iopub."""

    def __init__(self, kernel):
        self.kernel, self.client = kernel, kernel.client
        self.widgets = {}
        self.pictures = []
        self.subshell = None
        self.cell_id, self.printed = None, ""

    def open_subshell(self):
        self.client.control_channel.send(self.client.session.msg("create_subshell_request", {}))
        reply = self.client.get_control_msg(timeout=LONG_S)
        assert reply["content"]["status"] == "ok"
        self.subshell = reply["content"]["subshell_id"]

    def _take(self, timeout_s):
        try:
            message = self.client.get_iopub_msg(timeout=timeout_s)
        except queue.Empty:
            return
        content = message["content"]
        if message["parent_header"].get("msg_id") == self.cell_id:
            if message["msg_type"] == "stream":
                self.printed += content["text"]
            elif message["msg_type"] == "error":
                pytest.fail(f"{content['ename']}: {content['evalue']}")
            elif content.get("execution_state") == "idle":
                self.cell_id = None
        if message["msg_type"] == "comm_open":
            self.widgets[content["comm_id"]] = dict(content["data"].get("state", {}))
        elif message["msg_type"] == "comm_close":
            self.widgets.pop(content["comm_id"], None)
        elif message["msg_type"] == "comm_msg" and content["comm_id"] in self.widgets:
            data = content["data"]
            if data["method"] == "update":
                self.widgets[content["comm_id"]].update(data["state"])
                if data.get("buffer_paths") == [["value"]]:
                    self.pictures.append(bytes(message["buffers"][0]))

    def until(self, true, what):
        """Follow iopub until something is true; fail if that never comes."""
        end_s = time.monotonic() + LONG_S
        while not true():
            if time.monotonic() > end_s:
                states = [w.get("value") for w in self.widgets.values() if "value" in w]
                pytest.fail(f"never came: {what}; the widgets hold {states}")
            self._take(0.2)

    def cell(self, code):
        """Run a cell, going on to follow the widgets; return what it printed."""
        self.printed, self.cell_id = "", self.kernel.send(code)
        self.until(lambda: self.cell_id is None, f"the end of the cell {code[:40]!r}")
        return self.printed

    def settle(self, seconds):
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self._take(0.1)

    def run_panel(self, limit_s=20, setup=SETUP):
        """Run the cells up to the panel; a panel that was there before may be there still."""
        self.cell(setup)
        self.cell(PANEL.replace("LIMIT_S", str(limit_s)))
        assert "Not measured yet" in self.status()

    def find(self, description):
        found = [c for c, w in self.widgets.items() if w.get("description") == description]
        return found[-1] if found else None

    def status(self):
        said = [str(w["value"]) for w in self.widgets.values() if "role='" in str(w.get("value"))]
        return said[-1] if said else ""

    def _send(self, comm, data):
        message = self.client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        if self.subshell:
            message["header"]["subshell_id"] = self.subshell
        self.client.shell_channel.send(message)

    def press(self, description):
        click = {"method": "custom", "content": {"event": "click"}}
        self._send(self.find(description), click)

    def move(self, description, value):
        data = {"method": "update", "state": {"value": value}, "buffer_paths": []}
        self._send(self.find(description), data)

    def choose(self, way):
        buttons = {c: w["_options_labels"] for c, w in self.widgets.items() if "index" in w}
        comm, labels = buttons.popitem()
        state = {"index": labels.index(way)}
        self._send(comm, {"method": "update", "state": state, "buffer_paths": []})

    def ran(self):
        """Return the runs so far: (n, way, whether it was the main thread)."""
        return ast.literal_eval(self.cell("print(ran)"))


@pytest.fixture(params=["main thread", "subshell"])
def front(request):
    with Kernel(attended=True) as kernel:
        front = FrontEnd(kernel)
        if request.param == "subshell":
            front.open_subshell()
        yield front


def test_run_and_a_moved_slider_change_the_figure(front):
    front.run_panel()
    front.cell(WATCH)
    assert not front.pictures
    front.press("Run")
    front.until(lambda: front.pictures, "the first figure")
    front.until(lambda: "Measured with requests 2" in front.status(), "its words")
    front.move("requests", 5)
    front.until(lambda: len(front.pictures) == 2, "the second figure")
    front.until(lambda: "Measured with requests 5" in front.status(), "its words")
    first, second = front.pictures
    assert first.startswith(b"\x89PNG") and second.startswith(b"\x89PNG") and first != second
    assert "Pale and dotted: the run before, with requests 2" in front.status()
    words = [w["value"] for w in front.widgets.values() if "<details>" in str(w.get("value"))]
    assert "5 requests, 5 in flight at once" in words[0]
    assert front.ran() == [(2, "runs", False), (5, "runs", False)]
    # The first message to a widget still comes in the main thread, the next where it was sent.
    front.move("requests", 6)
    front.until(lambda: "Measured with requests 6" in front.status(), "the third figure")
    kind = "subshell" if front.subshell else "MainThread"
    assert kind in front.cell("print(callbacks[-1])")


def test_the_kernel_stays_free_while_the_experiment_runs(front):
    front.run_panel()
    front.choose("waits")
    front.until(lambda: "Running with" in front.status(), "a run")
    assert front.cell("print(6 * 7)") == "42\n"
    front.until(lambda: "running for" in str(front.widgets), "the time it takes")
    front.press("Cancel")
    front.until(lambda: "Cancelled" in front.status(), "the cancelled run")
    front.choose("runs")
    front.until(lambda: front.pictures, "a figure after the cancelled run")
    names = front.cell("print(sorted(t.name for t in threading.enumerate()))")
    assert "experiment" not in names


def test_sliders_moved_during_a_run_lead_to_one_more_run_with_the_last_values(front):
    front.run_panel()
    front.choose("blocks")
    front.until(lambda: "Running with" in front.status(), "a run")
    front.choose("runs")
    for n in (3, 4, 7, 8, 6):
        front.move("requests", n)
        front.until(lambda n=n: f"Next: requests {n}" in front.status(), "the run that waits")
        front.press("Run")
    front.cell("gate.set()")
    front.until(lambda: "Measured with requests 6, way runs" in front.status(), "the last run")
    front.settle(1.0)
    assert front.ran() == [(2, "blocks", False), (6, "runs", False)]


def test_a_blocking_call_has_to_end_before_a_run_is_cancelled(front):
    front.run_panel()
    front.choose("blocks")
    front.until(lambda: "Running with" in front.status(), "a run")
    front.press("Cancel")
    front.until(lambda: "A blocking call has to end first" in front.status(), "the reason")
    front.cell("gate.set()")
    front.until(lambda: "Cancelled" in front.status(), "the cancelled run")
    assert not front.pictures


def test_a_run_that_only_computes_is_cancelled(front):
    front.run_panel()
    front.choose("computes")
    front.until(lambda: "Running with" in front.status(), "a run")
    front.press("Cancel")
    front.until(lambda: "Cancelled" in front.status(), "the cancelled run")
    front.choose("runs")
    front.until(lambda: "Measured" in front.status(), "the figure")


def test_errors_are_said_and_the_panel_goes_on(front):
    front.run_panel()
    front.choose("fails")
    front.until(lambda: "role='alert'" in front.status(), "the error")
    assert "ValueError: seven is &lt;too&gt; many" in front.status()
    front.choose("returns nothing")
    front.until(lambda: "has to return its ledgers" in front.status(), "the other error")
    front.choose("runs")
    front.until(lambda: "Measured" in front.status(), "the figure")
    assert "role='alert'" not in front.status()
    front.cell("server.close()")
    front.press("Run")
    front.until(lambda: "run the server" in front.status(), "what to do about it")
    assert "The figure below is the one of requests 2, way runs." in front.status()


def test_a_run_that_takes_too_long_is_ended(front):
    front.run_panel(limit_s=1)
    front.choose("waits")
    front.until(lambda: "had not ended after 1 s" in front.status(), "the end of the run")
    front.choose("runs")
    front.until(lambda: "Measured" in front.status(), "the next run")


def test_a_run_that_cannot_be_cancelled_is_let_go(front):
    front.run_panel(limit_s=1)
    front.choose("blocks")
    front.until(lambda: "cannot be cancelled" in front.status(), "the panel gives up")
    front.cell("gate.set()")
    front.choose("runs")
    front.until(lambda: "Measured with requests 2, way runs" in front.status(), "the next run")


def test_a_cell_that_runs_again_cancels_the_old_panel(front):
    front.run_panel(limit_s=50)
    old = front.find("Run")
    front.choose("waits")
    front.until(lambda: "Running with" in front.status(), "a run")
    front.run_panel(setup="")
    front.until(lambda: old not in front.widgets, "the end of the old panel")
    assert front.find("Run") != old
    front.press("Run")
    front.until(lambda: front.pictures, "the figure of the new panel")
    names = front.cell("print([t.name for t in threading.enumerate()])")
    assert "experiment" not in names
    assert [way for _, way, _ in front.ran()] == ["waits", "runs"]


def test_unattended_a_panel_is_one_line_and_no_widget():
    with Kernel(attended=False) as kernel:
        assert kernel.run(SETUP).status == "ok"
        reply = kernel.run(PANEL.replace("LIMIT_S", "20"))
        assert reply.text == (
            "A panel of sliders (requests: 1 to 10; way: runs, fails, waits, blocks, "
            "returns nothing, computes). Run this cell in JupyterLab to move them.\n"
        )
        loaded = kernel.run("import sys; print('ipywidgets' in sys.modules)").text
        assert loaded.strip() == "False"
