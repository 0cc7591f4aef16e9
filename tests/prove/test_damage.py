"""A verdict needs whole evidence: damage each run it rests on, and it settles nothing."""

import json
from pathlib import Path

import damage
import pages
import pytest
import rules
from kernel import Kernel

ROOT = Path(__file__).resolve().parents[2]
BOOKS = {path: book for path, book in pages.lessons(ROOT).items() if rules.saboteurs(book)}


def test_there_are_lessons_with_verdicts():
    assert len(BOOKS) >= 6


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_no_verdict_is_settled_by_a_damaged_run(path, say):
    book, seen, totals = BOOKS[path], [], {"runs": 0, "tried": 0, "raised": 0}
    with Kernel() as kernel:
        kernel.run(f"import sys, json\nsys.path.append({str(ROOT / 'tests')!r})\nimport damage")
        for cell in rules.code_cells(book):
            reply = kernel.run(cell.source)
            assert reply.status == "ok", reply.error
            for claim in reply.verdicts:
                found = ask(kernel, book, claim, cell)
                seen.append(claim)
                assert found["unnamed"] == [], f"{claim}: read, and not among its runs"
                settled = found["settled"]
                assert not settled, f"{claim} is settled all the same: {'; '.join(settled)}"
                assert found["tried"] >= len(damage.DAMAGES) - 2
                for key in totals:
                    count = found[key]
                    totals[key] += count if isinstance(count, int) else len(count)
    assert set(seen) == set(rules.saboteurs(book))
    say(
        f"{path.stem}: {len(seen)} verdicts on {totals['runs']} runs, {totals['tried']} "
        f"damages, 0 settled, {totals['raised']} ended by an error of the cell"
    )


def ask(kernel: Kernel, book, claim: str, verdict) -> dict:
    """Return what damage.report says in the kernel about the verdict of a cell."""
    cells = [cell.source for cell in rules.code_cells(book) if rules.tags(cell) & {"setup", claim}]
    call = f"damage.report({claim!r}, {verdict.source!r}, {cells!r}, globals())"
    reply = kernel.run(f"print(json.dumps({call}))")
    assert reply.status == "ok", reply.error
    return json.loads(reply.text)
