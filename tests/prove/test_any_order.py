"""Any cell may run out of order: it works, or it says in one line what it needs.

Plan: in a kernel in which nothing has run, the cells of a lesson run in reverse, and in
three orders drawn by chance from a seed. In another, all have run, the last has stopped the
servers, and each runs once more.
"""

import random
from collections import Counter
from pathlib import Path

import pages
import pytest
import rules
from kernel import Kernel, Reply

BOOKS = pages.lessons(Path(__file__).resolve().parents[2])
WHAT_TO_DO = "Run All Above Selected Cell"
every_lesson = pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)


def in_order(cells: list, order: str) -> list:
    """Return the cells in reverse, or shuffled by a seed."""
    if order == "in reverse":
        return cells[::-1]
    return random.Random(order).sample(cells, len(cells))


def what_is_wrong(cell, reply: Reply) -> str:
    """Return what is wrong with how a cell ended; nothing if it worked or said what it needs."""
    if reply.status == "ok":
        return ""
    lines = [line for part in reply.traceback for line in part.splitlines()]
    if reply.status == "error" and len(lines) == 1 and WHAT_TO_DO in lines[0]:
        return ""
    return f"{cell.id}: {reply.error or reply.status} ({len(lines)} lines)"


@pytest.mark.parametrize("order", ["in reverse", "seed 1", "seed 2", "seed 3"])
@every_lesson
def test_a_cell_out_of_order_works_or_says_what_it_needs(path, order, say):
    cells = in_order(rules.code_cells(BOOKS[path]), order)
    with Kernel() as kernel:
        replies = kernel.run_all([cell.source for cell in cells])
    wrong = [what_is_wrong(cell, reply) for cell, reply in zip(cells, replies, strict=True)]
    assert [what for what in wrong if what] == []
    count = Counter(reply.status for reply in replies)
    say(f"{path.stem}, {order}: {count['ok']} worked, {count['error']} said what they need")


@every_lesson
def test_a_cell_after_the_last_one_works_or_says_what_it_needs(path):
    cells = rules.code_cells(BOOKS[path])
    with Kernel() as kernel:
        first = kernel.run_all([cell.source for cell in cells])
        assert [reply.error for reply in first if reply.status != "ok"] == []
        again = kernel.run_all([cell.source for cell in cells])
    wrong = [what_is_wrong(cell, reply) for cell, reply in zip(cells, again, strict=True)]
    assert [what for what in wrong if what] == []


@pytest.mark.parametrize(
    ("code", "accepted"),
    [
        ("6 * 7", True),
        ("raise NameError('server')", False),
        ("class Needs(Exception):\n    def _render_traceback_(self):\n        return [str(self)]\n"
         f"raise Needs('Choose Run → {WHAT_TO_DO}.')", True),
        ("class Needs(Exception):\n    def _render_traceback_(self):\n        return ['no']\n"
         "raise Needs", False),
    ],
)  # fmt: skip
def test_what_is_accepted_is_told_from_what_is_not(code, accepted):
    with Kernel() as kernel:
        reply = kernel.run(code)
    cell = BOOKS[next(iter(BOOKS))].cells[0]
    assert (what_is_wrong(cell, reply) == "") == accepted
