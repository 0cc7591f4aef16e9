"""Run notebooks from top to bottom and store their outputs, as the course commits them.

Plan: a fresh kernel per notebook, nobody at the keyboard, so that predictions and panels
print the line that strict nbval compares. What would differ in every run without telling
anything (times of execution, widget state) is dropped. A cell that fails stops it.

Usage: store.py notebook [...]
"""

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def store(path: Path) -> None:
    """Run one notebook in place; an exception of nbclient if a cell fails."""
    book = nbformat.read(path, 4)
    client = NotebookClient(
        book, timeout=120, resources={"metadata": {"path": path.parent}}, record_timing=False
    )
    client.execute()
    book.metadata.pop("widgets", None)
    book.metadata.language_info = {"name": "python"}
    for cell in book.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("metadata", {}).clear()
    nbformat.validate(book)
    nbformat.write(book, path)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        start_s = time.perf_counter()
        store(Path(name))
        print(f"{name}: run and stored in {time.perf_counter() - start_s:.1f} s", flush=True)
