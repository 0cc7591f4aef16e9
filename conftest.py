"""Cells that need what is missing here: they run, and what they show is not compared.

Plan: a cell's tag `needs-NAME` says what it needs. Where that is missing, the cell shows a
stored run and says so, which is another text than the one stored. So nbval runs the cell,
and an error in it counts, but compares nothing. In CI a missing need is a failure, unless
WIRE_WITHOUT switched it off on purpose.
"""

import os
from collections import Counter

import pytest

from helpers.course.needs import NEEDS, WITHOUT, missing

uncompared = pytest.StashKey[Counter]()


def needs_of(item) -> list[str]:
    """Return what the cell of a notebook needs, by its tags; nothing for another test."""
    cell = getattr(item, "cell", None)
    tags = cell.metadata.get("tags", []) if cell is not None else []
    return [tag.removeprefix("needs-") for tag in tags if tag.startswith("needs-")]


def pytest_collection_modifyitems(config, items):
    """Compare a cell only where its needs are met."""
    counts = config.stash[uncompared] = Counter()
    for item in items:
        lacking = missing(needs_of(item))
        if lacking and os.environ.get("CI") and not os.environ.get(WITHOUT):
            names = " and ".join(NEEDS[need].name for need in lacking)
            raise pytest.UsageError(f"{item.name} needs {names}, which is missing in CI")
        if lacking:
            item.options["check"] = False
            counts.update([" and ".join(lacking)])


def pytest_terminal_summary(terminalreporter, config):
    """Say how many cells were not compared, and what they need."""
    counts = config.stash.get(uncompared, Counter())
    if counts:
        what = "; ".join(f"{count} for want of {needs}" for needs, count in sorted(counts.items()))
        terminalreporter.write_line(f"cells not compared: {counts.total()} ({what})")
