"""The runner of the promises: a promise can be kept, missed or not measured, and it says which."""

import bench
import pytest
from bench import Row


@pytest.fixture
def promises(monkeypatch):
    monkeypatch.setattr(bench, "PROMISES", {})
    return bench.PROMISES


def test_every_promise_of_the_design_is_on_the_list():
    import bench_instruments  # noqa: F401
    import bench_lessons  # noqa: F401
    import bench_upload  # noqa: F401
    import bench_wire  # noqa: F401

    assert set(bench.PROMISES) == {
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


def test_what_is_missed_or_cannot_be_measured_is_told_and_the_rest_goes_on(promises, capsys):
    @bench.promise("first")
    def first():
        yield Row("good", 1, "s", at_most=2)
        yield Row("bad", 3, "s", at_most=2)

    @bench.promise("second")
    def second():
        yield Row("half", 1, "s", at_most=2)
        raise RuntimeError("no such rival")

    @bench.promise("third")
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
    assert [bench.number(n) for n in (0.03126, 1.5, 12.34, 2476.4)] == [
        "0.0313",
        "1.5",
        "12.3",
        "2,476",
    ]
