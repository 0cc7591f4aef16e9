"""Cells that need what is missing here, and what tests have to say beside pass or fail.

Plan: a cell's tag `needs-NAME` says what it needs. Where that is missing, the cell shows a
stored run and says so, which is another text than the one stored. So nbval runs the cell,
and an error in it counts, but compares nothing. In CI a missing need is a failure, unless
WIRE_WITHOUT switched it off on purpose.

What is told at the end travels in the tests' reports: they come from every worker of a
parallel run, whereas a print of a worker is lost.
"""

import os
from collections import Counter

import pytest

from helpers.course.needs import NEEDS, WITHOUT, missing


def needs_of(item) -> list[str]:
    """Return what the cell of a notebook needs, by its tags; nothing for another test."""
    cell = getattr(item, "cell", None)
    tags = cell.metadata.get("tags", []) if cell is not None else []
    return [tag.removeprefix("needs-") for tag in tags if tag.startswith("needs-")]


def pytest_collection_modifyitems(items):
    """Compare a cell only where its needs are met."""
    for item in items:
        if lacking := missing(needs_of(item)):
            item.options["check"] = False
            item.user_properties.append(("not compared", " and ".join(lacking)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """In CI, fail a cell whose need is missing."""
    lacking = missing(needs_of(item))
    if lacking and os.environ.get("CI") and not os.environ.get(WITHOUT):
        names = " and ".join(NEEDS[need].name for need in lacking)
        pytest.fail(f"{item.name} needs {names}, which is missing in CI", pytrace=False)


@pytest.fixture
def say(record_property):
    """Return a function; what it is told stands at the end of the run's output."""
    return lambda text: record_property("said", text)


def pytest_terminal_summary(terminalreporter):
    """Say what tests have said; then how many cells were not compared, and what they need."""
    reports = [report for some in terminalreporter.stats.values() for report in some]
    called = [report for report in reports if getattr(report, "when", "") == "call"]
    told = [(name, text) for report in called for name, text in report.user_properties]
    for name, text in told:
        if name == "said":
            terminalreporter.write_line(text)
    counts = Counter(text for name, text in told if name == "not compared")
    if counts:
        what = "; ".join(f"{count} for want of {needs}" for needs, count in sorted(counts.items()))
        terminalreporter.write_line(f"cells not compared: {counts.total()} ({what})")
