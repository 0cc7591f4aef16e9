"""The tus server of lesson 08, taken from its cells, for the tests and the bench.

Plan: run the cells that make the server, in the lesson's order, in a namespace of their own.
So what is tested is what the learner reads.
"""

import json
from pathlib import Path

BOOK = Path(__file__).resolve().parents[1] / "notebooks/08_uploading_an_image.ipynb"
NEEDED = "import hashlib, io, time\nfrom pathlib import Path\nfrom aiohttp import web\n"


def tus_server() -> dict:
    """Return the names that the lesson's cells of its tus server define."""
    cells = json.loads(BOOK.read_text("utf-8"))["cells"]
    wanted = [c for c in cells if c["cell_type"] == "code" and c["id"].startswith("tus-")]
    names: dict = {}
    exec(NEEDED, names)
    for cell in wanted:
        if cell["id"] != "tus-client":
            exec("".join(cell["source"]), names)
    return names
