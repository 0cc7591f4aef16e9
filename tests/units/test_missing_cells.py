"""A cell out of order says in one line what it needs; a learner's own error stays what it is."""

import json
import queue
import threading
from pathlib import Path

import nbformat
import pages
import pytest
import rules
from kernel import Kernel
from nbclient import NotebookClient

from helpers.course import missing_cells, notebook

BOOKS = pages.lessons(Path(__file__).resolve().parents[2])
[PATH] = [path for path in BOOKS if path.name.startswith("10")]
CELLS = rules.code_cells(BOOKS[PATH])
WHAT_TO_DO = "Choose Run → Run All Above Selected Cell, then run this cell again."


def cell(text):
    return next(c for c in CELLS if text in c.source)


def failed(kernel, code, cell_id=None):
    """Run a cell that fails; return (name, value, lines of the traceback) as shown."""
    content = {"code": code, "silent": False, "store_history": True}
    content |= {"allow_stdin": False, "stop_on_error": False, "user_expressions": {}}
    message = kernel.client.session.msg("execute_request", content)
    if cell_id:
        message["metadata"] = {"cellId": cell_id}
    kernel.client.shell_channel.send(message)
    found = None
    while True:
        try:
            got = kernel.client.get_iopub_msg(timeout=60)
        except queue.Empty:
            pytest.fail("the cell never ended")
        if got["parent_header"].get("msg_id") != message["header"]["msg_id"]:
            continue
        if got["msg_type"] == "error":
            found = got["content"]
        elif got["content"].get("execution_state") == "idle":
            assert found, "the cell did not fail"
            return found["ename"], found["evalue"], found["traceback"]


@pytest.fixture
def kernel():
    with Kernel(attended=True) as kernel:
        yield kernel


def test_after_a_restart_a_cell_from_the_middle_says_what_to_do(kernel):
    line = f"'lesson' is not defined here yet. {WHAT_TO_DO}"
    assert failed(kernel, cell("lesson.predict(").source) == ("NameError", line, [line])


def test_a_learners_own_slip_keeps_its_traceback(kernel):
    kind, value, trace = failed(kernel, "lessson = 1\nprint(lessen)")
    assert (kind, value) == ("NameError", "name 'lessen' is not defined")
    assert len(trace) > 1 and WHAT_TO_DO not in str(trace)
    kind, value, trace = failed(kernel, "1 / 0")
    assert (kind, value) == ("ZeroDivisionError", "division by zero")
    assert len(trace) > 1 and WHAT_TO_DO not in str(trace)


def test_a_package_that_is_missing_is_not_taken_for_a_cell(kernel):
    kernel.run("import sys; sys.modules['httpx'] = None")
    kind, value, trace = failed(kernel, cell("import httpx").source)
    assert kind == "ModuleNotFoundError" and "httpx" in value
    assert len(trace) > 1 and WHAT_TO_DO not in str(trace)


def test_code_of_ones_own_gets_both(kernel):
    predict = cell("lesson.predict(")
    for cell_id in (predict.id, None):
        kind, _, trace = failed(kernel, predict.source + "\nprint('mine')", cell_id)
        assert kind == "NameError"
        assert "Traceback" in str(trace)
        assert trace[-1] == f"'lesson' is not defined here yet. {WHAT_TO_DO}"


def test_a_name_that_the_lesson_defined_and_the_learner_removed_is_the_learners(kernel):
    begin = cell("lesson.begin(")
    assert kernel.run(begin.source).status == "ok"
    kind, value, trace = failed(kernel, "del lesson\nlesson")
    assert (kind, value) == ("NameError", "name 'lesson' is not defined")
    assert WHAT_TO_DO not in str(trace)


def test_after_the_last_cell_one_line_says_that_the_servers_are_gone(kernel):
    sources = [c.source for c in CELLS]
    at = sources.index(cell("record(server").source)
    kernel.run_all(sources[: at + 1])
    assert kernel.run("lesson.close()").status == "ok"
    [shown] = [failed(kernel, s) for s in sources[at : at + 1] if "record(server" in s]
    assert shown[2] == [shown[1]]
    assert shown[1].startswith("The lesson's last cell has stopped its servers. " + WHAT_TO_DO)
    again = kernel.run_all(sources[: at + 1])
    assert [reply.status for reply in again] == ["ok"] * (at + 1)


@pytest.mark.parametrize("first", ["", "await asyncio.sleep(0)\n"], ids=["plain", "awaits"])
def test_stop_is_told_in_one_line_that_names_the_line(kernel, first):
    assert kernel.run("import asyncio, time\n" + cell("lesson.begin(").source).status == "ok"
    threading.Timer(1.0, kernel.interrupt).start()
    _, value, trace = failed(kernel, first + "# a comment\ntime.sleep(60)")
    assert trace == [value] == [f"Stopped in line {3 if first else 2}: time.sleep(60)"]


def test_nbclient_sees_it_too():
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell("lesson.predict(").source)]
    )
    NotebookClient(book, timeout=60, allow_errors=True).execute()
    [output] = book.cells[0].outputs
    assert output.traceback == [f"'lesson' is not defined here yet. {WHAT_TO_DO}"]


def test_a_lesson_that_cannot_be_read_hides_no_error(tmp_path):
    (tmp_path / "00.ipynb").write_text("no json")
    change = "from helpers.course import notebook, missing_cells\nfrom pathlib import Path\n"
    change += f"notebook.stored = lambda: Path({str(tmp_path)!r})"
    with Kernel() as kernel:
        assert kernel.run(change).status == "ok"
        assert failed(kernel, "lesson")[1] == "name 'lesson' is not defined"


def test_the_names_that_code_defines():
    code = """
import os.path, json as j
from a import b
async def f(): inside = 1
class C: y = 2
x, (y, *z) = 1, (2, 3)
with open(n) as w: v = 1
for i in q: pass
k = [m for m in x]
"""
    tree = missing_cells.ast.parse(code)
    assert sorted(missing_cells._defined(tree)) == sorted([*"jbfCxyzwvik", "os"])


def test_every_lesson_is_read():
    read = list(missing_cells.lessons())
    assert len(read) == len(BOOKS) > 0
    assert [len(cells) for cells in read] == [len(rules.code_cells(b)) for b in BOOKS.values()]
    assert json.loads(next(iter(BOOKS)).read_text())["nbformat"] == 4
    assert notebook.stored() == PATH.parent
