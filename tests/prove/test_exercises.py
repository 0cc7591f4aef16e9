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


def answered(book, stub, right: str, wrong: str) -> tuple[str, str]:
    """Run what comes before the exercises, then each answer and its check; return what they say."""
    [number] = [tag for tag in rules.tags(stub) if tag.startswith("exercise-")]
    cells = rules.code_cells(book)
    before = [c.source for c in cells[: cells.index(stub)] if "exercise" not in str(rules.tags(c))]
    [check] = [c for c in cells if number in rules.tags(c) and "lesson.check(" in c.source]
    with Kernel() as kernel:
        replies = kernel.run_all([*before, right, check.source, wrong, check.source])
    errors = [reply.error or reply.status for reply in replies if reply.status != "ok"]
    assert not errors, errors
    return replies[-3].text, replies[-1].text


def test_there_are_exercises_and_no_solution_without_one():
    assert len(EXERCISES) >= 2
    files = {solution_file(path, cell) for path, cell in EXERCISES}
    assert files == set((ROOT / "notebooks/solutions").glob("*.py"))


@pytest.mark.parametrize(
    ("path", "cell"), EXERCISES, ids=[f"{path.stem}-{cell.id}" for path, cell in EXERCISES]
)
def test_the_check_takes_the_solution_and_refuses_the_wrong_answer(path, cell):
    said_of_right, said_of_wrong = answered(BOOKS[path], cell, *answers(path, cell))
    assert ": solved." in said_of_right
    assert ": not solved yet." in said_of_wrong
