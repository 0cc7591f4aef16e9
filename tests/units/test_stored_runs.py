"""Stored runs: made where the needs are met, shown where they are not, and said to be stored."""

import asyncio

import pytest

from helpers.course import needs, notebook
from helpers.course.needs import NEEDS, WITHOUT, Feature, Program
from helpers.course.stored_runs import has, run_or_stored
from helpers.ledger import Ledger, load_runs, save_runs


def a_run(made=None):
    ledger = Ledger()
    ledger.add("requests", "request", 0.0, 0.2, "1")
    ledger.provenance = {"made": made} if made else {}
    return ledger


@pytest.fixture
def stored(monkeypatch, tmp_path):
    """The file of a lesson in a folder of its own, with needs that are met and that are not."""
    monkeypatch.setitem(NEEDS, "here", Feature("what is here", lambda: True))
    monkeypatch.setitem(NEEDS, "nowhere", Program("Nothing", lambda: None, "of no use", {}))
    for name in ("CI", "WIRE_RECORD", WITHOUT):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(notebook, "folder", lambda: tmp_path)
    return tmp_path / "data" / "10.ledger.json"


def run(name, experiment, *needed):
    return asyncio.run(run_or_stored("10", name, experiment, needed))


async def experiment():
    return a_run()


async def never():
    raise AssertionError("it ran without what it needs")


def test_where_the_need_is_met_the_experiment_runs_and_nothing_is_stored(stored, capsys):
    ledger = run("one", experiment, "here")
    assert ledger.provenance == {}
    assert capsys.readouterr().out == ""
    assert not stored.exists()


def test_recording_stores_the_run_with_date_and_system_beside_the_others(stored, monkeypatch):
    monkeypatch.setenv("WIRE_RECORD", "1")
    ledger = run("one", experiment, "here")
    run("two", experiment, "here")
    assert ledger.provenance == {}
    runs = load_runs(stored)
    assert set(runs) == {"one", "two"}
    assert runs["one"].rows == ledger.rows
    assert set(runs["one"].provenance) == {"made", "system", "python", "here"}
    assert all(runs["one"].provenance.values())


def test_recording_without_a_need_is_refused_and_changes_nothing(stored, monkeypatch):
    monkeypatch.setenv("WIRE_RECORD", "1")
    stored.parent.mkdir()
    save_runs(stored, {"one": a_run("2026-11-23")})
    before = stored.read_bytes()
    with pytest.raises(RuntimeError, match="experiment 'one' needs nowhere"):
        run("one", never, "here", "nowhere")
    assert stored.read_bytes() == before


def test_where_a_need_is_not_met_the_stored_run_is_returned_and_it_is_said(stored, capsys):
    stored.parent.mkdir()
    save_runs(stored, {"one": a_run("2026-11-23")})
    ledger = run("one", never, "here", "nowhere")
    assert ledger == a_run("2026-11-23")
    assert capsys.readouterr().out == (
        "This experiment needs Nothing. To get it: install Nothing as your system does it, "
        "or open the course on Binder. Shown instead: a stored run.\n"
    )


def test_a_need_that_is_switched_off_is_not_met(stored, monkeypatch):
    assert needs.missing(["here"]) == []
    monkeypatch.setenv(WITHOUT, "linux, here")
    assert needs.missing(["here"]) == ["here"]


def test_in_ci_a_need_that_is_not_met_is_a_failure_even_with_a_stored_run(stored, monkeypatch):
    stored.parent.mkdir()
    save_runs(stored, {"one": a_run("2026-11-23")})
    monkeypatch.setenv("CI", "true")
    with pytest.raises(RuntimeError, match="experiment 'one' needs nowhere"):
        run("one", never, "nowhere")


def test_without_a_stored_run_a_need_that_is_not_met_is_an_error(stored):
    with pytest.raises(FileNotFoundError, match=r"no stored run 'one' in 10\.ledger\.json"):
        run("one", never, "nowhere")


def test_a_need_nobody_knows_is_refused(stored):
    with pytest.raises(KeyError, match="elsewhere"):
        run("one", never, "elsewhere")


def test_every_need_has_a_name_a_remedy_and_where_it_is_met_a_version():
    assert len(NEEDS) >= 5
    for need in NEEDS.values():
        assert need.name and need.remedy()
        assert need.version() if need.is_here() else True


def test_a_plain_cell_asks_and_is_told_how_to_get_what_is_missing(stored, capsys):
    assert has("here")
    assert capsys.readouterr().out == ""
    assert not has("nowhere")
    said = capsys.readouterr().out
    assert said.startswith("This experiment needs Nothing. To get it: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", ["CI", "WIRE_RECORD"])
def test_in_ci_a_plain_cell_that_lacks_something_fails(stored, monkeypatch, name):
    monkeypatch.setenv(name, "1")
    with pytest.raises(RuntimeError, match="this cell needs nowhere"):
        has("nowhere")
