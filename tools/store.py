"""Run notebooks from top to bottom and store their outputs, as the course commits them.

Plan: a fresh kernel per notebook, nobody at the keyboard, so that predictions and panels
print the line that strict nbval compares. What would differ in every run without telling
anything (times of execution, widget state) is dropped. Where something is missing that a
notebook needs, nothing is run: a stored run would take the place of a measured one. A cell
that fails stops it and leaves the notebook and its stored runs as they were.

Usage: store.py notebook [...]        (WIRE_RECORD=1: make its stored runs afresh, too)
"""

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from helpers.course.needs import NEEDS, missing


def lacking(path: Path) -> list[str]:
    """Return what is missing here of what the cells of a notebook need."""
    cells = nbformat.read(path, 4).cells
    tags = {tag for cell in cells for tag in cell.metadata.get("tags", [])}
    return missing(sorted(tag.removeprefix("needs-") for tag in tags if tag.startswith("needs-")))


def store(path: Path) -> None:
    """Run one notebook in place; an exception of nbclient if a cell fails."""
    book = nbformat.read(path, 4)
    client = NotebookClient(
        book, timeout=120, resources={"metadata": {"path": path.parent}}, record_timing=False
    )
    runs = path.parent / "data" / f"{path.name[:2]}.ledger.json"
    before = runs.read_bytes() if runs.exists() else None
    try:
        client.execute()
    except BaseException:
        if before is not None:
            runs.write_bytes(before)
        else:
            runs.unlink(missing_ok=True)
        raise
    book.metadata.pop("widgets", None)
    book.metadata.language_info = {"name": "python"}
    for cell in book.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("metadata", {}).clear()
    nbformat.validate(book)
    nbformat.write(book, path)


def main(paths: list[Path]) -> str | None:
    """Store all of these notebooks, or none; return why not."""
    for path in paths:
        if needs := lacking(path):
            help = "; ".join(f"{NEEDS[need].name} ({NEEDS[need].remedy()})" for need in needs)
            return f"{path.name} needs what is missing here, so nothing was run or stored: {help}"
    for path in paths:
        start_s = time.perf_counter()
        store(path)
        print(f"{path}: run and stored in {time.perf_counter() - start_s:.1f} s", flush=True)
    return None


if __name__ == "__main__":
    sys.exit(main([Path(name) for name in sys.argv[1:]]))
