"""A table of what a lesson's own runs measured, to decide by.

Plan: the first column names things and is the same in every run; what stands in the other
columns was measured, so it stands between the marks that a comparison of two runs skips.

Left out: how the numbers are made: they come from ledgers, in the lesson's cell.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from helpers.course import notebook
from helpers.figures.style import MEASURED


def table(head: Sequence[str], rows: Mapping[str, Sequence[str]]) -> None:
    """Show a table: `rows` gives for each name in the first column what was measured.

    A ValueError for a row that has not as many entries as the head.
    """
    for name, entries in rows.items():
        if len(entries) != len(head) - 1:
            raise ValueError(f"row {name!r} has {len(entries)} entries, the head {len(head) - 1}")
    begin, end = MEASURED
    lines = [" | ".join(head)]
    lines += [f"{name} | {begin}{' | '.join(entries)}{end}" for name, entries in rows.items()]
    cells = "".join(f"<th style='text-align:left'>{html.escape(word)}</th>" for word in head)
    body = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th><!--{begin}-->"
        + "".join(f"<td style='text-align:left'>{html.escape(entry)}</td>" for entry in entries)
        + f"<!--{end}--></tr>"
        for name, entries in rows.items()
    )
    notebook.show("\n".join(lines), f"<table><tr>{cells}</tr>{body}</table>")
