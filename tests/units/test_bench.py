"""The runner of the promises: a promise can be kept, missed or not measured, and it says which."""

import ast
import re
from pathlib import Path

import bench
import bench_instruments
import bench_lessons
import promises
import pytest
from promises import Row


@pytest.fixture
def no_promise(monkeypatch):
    monkeypatch.setattr(promises, "PROMISES", {})


def test_every_promise_of_the_design_is_on_the_list():
    assert set(promises.PROMISES) == {
        "start a live server",
        "record a span",
        "draw 100,000 spans",
        "blocked share",
        "import helpers",
        "lessons under strict nbval",
        "memory of a kernel",
        "first picture",
        "tus upload",
        "wire tap",
    }


def test_the_promises_are_held_to_these_limits():
    limits = {}
    for path in sorted(Path(bench.__file__).parent.glob("bench_*.py")):
        for function in ast.parse(path.read_text("utf-8")).body:
            decorators = [ast.unparse(d) for d in getattr(function, "decorator_list", ())]
            if decorators and (name := re.fullmatch(r"promise\('(.*)'\)", decorators[0])):
                limits[name[1]] = [
                    f"{keyword.arg.replace('_', ' ')} {ast.unparse(keyword.value)}"
                    for keyword in ast.walk(function)
                    if isinstance(keyword, ast.keyword) and keyword.arg in ("at_most", "at_least")
                ]
    assert limits == {
        "start a live server": ["at most 2", "at most 1.6"],
        "record a span": ["at most 1", "at most 0.1"],
        "draw 100,000 spans": ["at most 1.5"],
        "blocked share": ["at most 1"],
        "import helpers": ["at most 0.15"],
        "lessons under strict nbval": ["at most 240"],
        "memory of a kernel": ["at most 300"],
        "first picture": ["at most 10"],
        "tus upload": ["at least at_least"],
        "wire tap": ["at most 150", "at most 1", "at least 0.75", "at least 1"],
    }


def test_the_lessons_are_measured_as_make_test_runs_them():
    makefile = (promises.ROOT / "Makefile").read_text()
    assert f"SIDE_BY_SIDE := {bench_lessons.SIDE_BY_SIDE}\n" in makefile
    assert "$(PYTEST) $(SIDE_BY_SIDE) --nbval $(NOTEBOOKS)" in makefile


def test_the_import_of_other_peoples_parsers_is_not_counted():
    parsing = promises.ROOT / "helpers/parsing"
    loads = re.compile(r"(?m)^(import|from) (aiohttp|h11|httptools)\b")
    found = {f"parsing.{p.stem}" for p in parsing.glob("*.py") if loads.search(p.read_text())}
    assert found == set(bench_instruments.ABOUT_PARSERS)


def test_every_lessons_imports_are_measured():
    found = bench_instruments.imports_of_helpers()
    assert len(found) == len(list((promises.ROOT / "notebooks").glob("[0-9]*.ipynb")))
    assert [lesson for lesson, lines in found.items() if not lines] == []


@pytest.mark.parametrize(
    ("row", "outcome", "promised"),
    [
        (Row("a", 2.0, "ms", at_most=2), "kept", "≤ 2 ms"),
        (Row("a", 2.1, "ms", at_most=2), "MISSED", "≤ 2 ms"),
        (Row("a", 0.5, "×", at_least=0.5), "kept", "≥ 0.5 ×"),
        (Row("a", 0.4, "×", at_least=0.5), "MISSED", "≥ 0.5 ×"),
        (Row("a", float("nan"), at_most=1), "MISSED", "≤ 1"),
        (Row("a", 1e9, "µs"), "", ""),
    ],
)
def test_a_row_is_kept_missed_or_only_for_comparison(row, outcome, promised):
    assert (row.outcome, row.promised) == (outcome, promised)


def test_what_is_missed_or_cannot_be_measured_is_told_and_the_rest_goes_on(no_promise, capsys):
    @promises.promise("first")
    def first():
        yield Row("good", 1, "s", at_most=2)
        yield Row("bad", 3, "s", at_most=2)

    @promises.promise("second")
    def second():
        yield Row("half", 1, "s", at_most=2)
        raise RuntimeError("no such rival")

    @promises.promise("third")
    def third():
        yield Row("good", 1, "s", at_most=2)

    assert bench.main(["third"]) == 0
    assert "1 kept, 0 missed, 0 not measured" in capsys.readouterr().out
    assert bench.main(["first"]) == 1
    assert bench.main(["second", "third"]) == 1
    out = capsys.readouterr().out
    assert "not measured: RuntimeError: no such rival" in out
    assert "2 kept, 0 missed, 1 not measured" in out
    assert bench.main(["nothing like this"]) == 2


def test_numbers_have_three_digits_that_matter():
    assert [promises.number(n) for n in (0.03126, 1.5, 12.34, 2476.4)] == [
        "0.0313",
        "1.5",
        "12.3",
        "2,476",
    ]
