"""Every exercise's check accepts the solution and refuses a plausible wrong answer.

A file notebooks/solutions/NN_exercise_N.py holds the stub's replacement; under the line
`# --- a plausible wrong answer` stands one that the check must refuse.
"""

from pathlib import Path

import pages
import pytest
import rules
from kernel import Kernel

ROOT = Path(__file__).resolve().parents[2]
BOOKS = pages.lessons(ROOT)
PART = "# --- a plausible wrong answer\n"
EXERCISES = [
    (path, cell)
    for path, book in BOOKS.items()
    for cell in rules.code_cells(book)
    if "exercise" in rules.tags(cell)
]


def solution_file(path: Path, cell) -> Path:
    [number] = [tag for tag in rules.tags(cell) if tag.startswith("exercise-")]
    return ROOT / "notebooks/solutions" / f"{path.stem[:2]}_{number.replace('-', '_')}.py"


def answers(path: Path, cell) -> tuple[str, str]:
    right, mark, wrong = solution_file(path, cell).read_text().partition(PART)
    assert mark, f"the solution of {cell.id} lacks the line {PART!r}"
    return right, wrong


def run_with(book, stub, source: str) -> str:
    """Run what comes before the stub, the answer in place of it, and its check."""
    [number] = [tag for tag in rules.tags(stub) if tag.startswith("exercise-")]
    cells = rules.code_cells(book)
    before = [c.source for c in cells[: cells.index(stub)] if "exercise" not in str(rules.tags(c))]
    [check] = [c for c in cells if number in rules.tags(c) and "lesson.check(" in c.source]
    with Kernel() as kernel:
        replies = kernel.run_all([*before, source, check.source])
    errors = [reply.error or reply.status for reply in replies if reply.status != "ok"]
    assert not errors, errors
    return replies[-1].text


def test_there_are_exercises_and_no_solution_without_one():
    assert len(EXERCISES) >= 2
    files = {solution_file(path, cell) for path, cell in EXERCISES}
    assert files == set((ROOT / "notebooks/solutions").glob("*.py"))


@pytest.mark.parametrize(
    ("path", "cell"), EXERCISES, ids=[f"{path.stem}-{cell.id}" for path, cell in EXERCISES]
)
def test_the_check_takes_the_solution_and_refuses_the_wrong_answer(path, cell):
    right, wrong = answers(path, cell)
    assert ": solved." in run_with(BOOKS[path], cell, right)
    assert ": not solved yet." in run_with(BOOKS[path], cell, wrong)
