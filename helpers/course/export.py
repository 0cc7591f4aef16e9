"""Take a run out of the notebook: files for other people's tools, and links to them.

Plan: one call writes into a folder beside the notebook. Ledgers become a Chrome trace, for
Perfetto; what a tap saw becomes a HAR, for a browser's developer tools, and a trace of
curl's. With somebody at the keyboard the links stand under the cell; they lead through the
Jupyter server, so they work on Binder too. With nobody there, one stable line a file.

Left out: reading such files.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path

from helpers.course import notebook
from helpers.figures.chrome_trace import chrome_trace
from helpers.ledger import Ledger
from helpers.wire import curltrace
from helpers.wire.har import har
from helpers.wire.tap import Tap
from helpers.wire.tap_trace import tap_trace

FOLDER = "exports"
_USES = {
    ".trace.json": "a trace; open it at ui.perfetto.dev",
    ".har": "an HTTP archive; a browser's developer tools import it (Network)",
    ".trace.txt": "a trace as curl writes it",
}


def export(what: Ledger | Mapping[str, Ledger] | Tap, name: str) -> None:
    """Write a ledger, several by their titles, or what a tap saw to files, and link to them.

    A relay stands for its tap. A ValueError for a name that makes no file, for a ledger or
    a tap that holds nothing; a TypeError for anything else.
    """
    if not re.fullmatch(r"[\w-][\w .-]*", name, re.ASCII):
        raise ValueError(f"name={name!r}: letters, digits, '_', '-', '.' and blanks make a file")
    files = _files(getattr(what, "tap", what), name)
    folder = Path.cwd() / FOLDER
    folder.mkdir(exist_ok=True)
    for suffix, text in files.items():
        (folder / f"{name}{suffix}").write_text(text, "utf-8")
    lines = {f"{FOLDER}/{name}{suffix}": _USES[suffix] for suffix in files}
    plain = "\n".join(f"Written: {path} ({use})." for path, use in lines.items())
    if not notebook.attended():
        print(plain)
        return
    links = "<br>".join(
        f'<a href="{html.escape(path)}" download>Download {html.escape(Path(path).name)}</a>: {use}'
        for path, use in lines.items()
    )
    notebook.show(plain, f"<p>{links}</p>")


def _files(what: object, name: str) -> dict[str, str]:
    """Return the texts of the files by what their names end in."""
    if isinstance(what, Tap):
        if not what.chunks:
            raise ValueError(f"what: nothing has passed this tap, {name!r} would be empty")
        files = {}
        try:
            files[".har"] = json.dumps(har(what), indent=1)
        except ValueError as error:
            print(f"No HTTP archive: {error}.")
        return files | {".trace.txt": curltrace.write(tap_trace(what))}
    panels = {name: what} if isinstance(what, Ledger) else what
    ledgers = list(panels.values()) if isinstance(panels, Mapping) else []
    if not ledgers or not all(isinstance(ledger, Ledger) for ledger in ledgers):
        raise TypeError(f"what={what!r}: a ledger, ledgers by their titles, or a tap")
    return {".trace.json": json.dumps(chrome_trace(panels), indent=1, allow_nan=False)}
