"""Any cell may run out of order: it works, or it says in one line what it needs.

Plan: in a kernel in which nothing has run, the cells of a lesson run in reverse, and in
three orders drawn by chance from a seed. (After the last one: test_run_all.py.)
"""

import random
from collections import Counter
from pathlib import Path

import pages
import pytest
import rules
from kernel import WHAT_TO_DO, Kernel

BOOKS = pages.lessons(Path(__file__).resolve().parents[2])
every_lesson = pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)


def in_order(cells: list, order: str) -> list:
    """Return the cells in reverse, or shuffled by a seed."""
    if order == "in reverse":
        return cells[::-1]
    return random.Random(order).sample(cells, len(cells))


@pytest.mark.parametrize("order", ["in reverse", "seed 1", "seed 2", "seed 3"])
@every_lesson
def test_a_cell_out_of_order_works_or_says_what_it_needs(path, order, say):
    cells = in_order(rules.code_cells(BOOKS[path]), order)
    with Kernel() as kernel:
        replies = kernel.run_all([cell.source for cell in cells])
    wrong = [(cell.id, reply.wrong) for cell, reply in zip(cells, replies, strict=True)]
    assert [(cell, what) for cell, what in wrong if what] == []
    count = Counter(reply.status for reply in replies)
    say(f"{path.stem}, {order}: {count['ok']} worked, {count['error']} said what they need")


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
    assert (reply.wrong == "") == accepted
