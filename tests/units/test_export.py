"""One call takes a run along: files beside the notebook, and links or stable lines."""

import json

import pytest

from helpers import lesson
from helpers.course import notebook
from helpers.ledger import Ledger
from helpers.wire.tap import RECEIVED, SENT, Flow, Tap


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "exports"


@pytest.fixture
def ledger():
    ledger = Ledger()
    ledger.add("requests", "request", 1.0, 1.5, "1")
    return ledger


@pytest.fixture
def tap():
    tap = Tap()
    for direction in (SENT, RECEIVED):
        tap.flows[1, direction] = Flow()
    tap.add(1.0, 1, SENT, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    tap.add(1.5, 1, RECEIVED, b"HTTP/1.1 204 No Content\r\n\r\n")
    return tap


def test_a_ledger_becomes_a_trace_and_a_line_that_every_run_repeats(here, ledger, capsys):
    for _ in range(2):
        lesson.export(ledger, "one request")
        assert capsys.readouterr().out == (
            "Written: exports/one request.trace.json (a trace; open it at ui.perfetto.dev).\n"
        )
    trace = json.loads((here / "one request.trace.json").read_text())
    [span] = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    assert (span["name"], span["dur"]) == ("request 1", 500_000)
    assert trace["traceEvents"][0]["args"] == {"name": "one request"}


def test_ledgers_by_their_titles_become_one_trace(here, ledger):
    lesson.export({"a": ledger, "b": ledger}, "both")
    events = json.loads((here / "both.trace.json").read_text())["traceEvents"]
    names = [event["args"]["name"] for event in events if event["name"] == "process_name"]
    assert names == ["a", "b"]


def test_a_tap_becomes_an_archive_and_a_trace_of_curls(here, tap, capsys):
    lesson.export(tap, "exchange")
    assert capsys.readouterr().out == (
        "Written: exports/exchange.har (an HTTP archive; a browser's developer tools import it "
        "(Network)).\n"
        "Written: exports/exchange.trace.txt (a trace as curl writes it).\n"
    )
    [entry] = json.loads((here / "exchange.har").read_text())["log"]["entries"]
    assert entry["time"] == entry["timings"]["wait"] == 500
    assert "=> Send header, 27 bytes (0x1b)" in (here / "exchange.trace.txt").read_text()


def test_another_protocol_has_no_archive_but_its_trace(here, tap, capsys):
    tap.chunks.clear()
    tap.add(1.0, 1, SENT, b"SSH-2.0-x\r\n\r\n")
    lesson.export(tap, "exchange")
    said = capsys.readouterr().out
    assert said.startswith("No HTTP archive: connection 1: no HTTP/1.1 from byte 0 on")
    assert [path.name for path in here.iterdir()] == ["exchange.trace.txt"]


def test_with_somebody_there_links_stand_under_the_cell(here, ledger, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(notebook, "attended", lambda: True)
    monkeypatch.setattr(notebook, "show", lambda plain, html: shown.append((plain, html)))
    lesson.export(ledger, "run")
    [(plain, html)] = shown
    assert plain.startswith("Written: exports/run.trace.json")
    # Relative, and for downloading: JupyterLab leads both through its server.
    assert '<a href="exports/run.trace.json" download>Download run.trace.json</a>' in html
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a\nb", "ü"])
def test_a_name_that_makes_no_file_is_refused(here, ledger, name):
    with pytest.raises(ValueError, match="name="):
        lesson.export(ledger, name)
    assert not here.exists()


def test_nothing_and_anything_else_is_refused(here, ledger):
    with pytest.raises(ValueError, match="empty"):
        lesson.export(Ledger(), "x")
    with pytest.raises(ValueError, match="empty"):
        lesson.export(Tap(), "x")
    with pytest.raises(TypeError, match="what="):
        lesson.export([ledger], "x")
    with pytest.raises(TypeError, match="what="):
        lesson.export({}, "x")
    assert not here.exists()
