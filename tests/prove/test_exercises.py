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


def check_of(book, stub) -> list[str]:
    """Return the cells that check an exercise; the last of them says how it went."""
    [number] = [tag for tag in rules.tags(stub) if tag.startswith("exercise-")]
    cells = [c for c in rules.code_cells(book) if number in rules.tags(c) and c.id != stub.id]
    assert ["lesson.check(" in cell.source for cell in cells][-1:] == [True]
    return [cell.source for cell in cells]


def run(kernel: Kernel, sources: list[str]) -> list[str]:
    """Run cells, none of which may fail; return what each said."""
    replies = kernel.run_all(sources)
    errors = [reply.error or reply.status for reply in replies if reply.status != "ok"]
    assert not errors, errors
    return [reply.text for reply in replies]


def test_there_are_exercises_and_no_solution_without_one():
    assert len(EXERCISES) >= 2
    files = {solution_file(path, cell) for path, cell in EXERCISES}
    assert files == set((ROOT / "notebooks/solutions").glob("*.py"))


@pytest.mark.parametrize("path", dict(EXERCISES), ids=lambda path: path.stem)
def test_each_check_takes_the_solution_and_refuses_the_wrong_answer(path):
    """What comes before each exercise runs once, and none of the other exercises' stubs."""
    cells = rules.code_cells(BOOKS[path])
    checked = 0
    with Kernel() as kernel:
        for cell in cells:
            if "exercise" in rules.tags(cell):
                right, wrong = answers(path, cell)
                check = check_of(BOOKS[path], cell)
                assert ": solved." in run(kernel, [right, *check])[-1], cell.id
                assert ": not solved yet." in run(kernel, [wrong, *check])[-1], cell.id
                checked += 1
            elif "exercise" not in str(rules.tags(cell)) and "close" not in rules.tags(cell):
                run(kernel, [cell.source])
    assert checked == sum(where == path for where, _ in EXERCISES)
