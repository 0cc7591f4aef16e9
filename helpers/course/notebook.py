"""The notebook around a lesson: its shell, its folder, its output, and whether anybody is there.

Plan: nothing is switched on by importing. Objects that exist when a lesson begins (all the
imported modules) are put out of the garbage collector's sight, so that a collection between
two measurements stays short.

Left out: the Stop button (stop_button.py).
"""

from __future__ import annotations

import gc
import json
import linecache
import os
import sys
import sysconfig
from pathlib import Path

from helpers.course import page

_HELPERS = str(Path(__file__).resolve().parents[1])
_NOT_IN_A_CELL = (_HELPERS, sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"))


def shell():
    """Return the running IPython shell, or None outside of a kernel."""
    ipython = sys.modules.get("IPython")
    found = ipython.get_ipython() if ipython else None
    return found if hasattr(found, "kernel") else None


def attended() -> bool:
    """Tell whether somebody is at the keyboard: the front end lets this cell ask for input.

    nbval, nbclient and nbconvert do not, JupyterLab does.
    """
    ip = shell()
    return bool(ip and getattr(ip.kernel, "_allow_stdin", False))


def collect_less() -> None:
    """Put what is loaded now out of the garbage collector's sight; calling again adds to it."""
    gc.collect()
    gc.freeze()


def jupyter_base() -> str | None:
    """Return the path under which this kernel's Jupyter server answers: "/", or a hub's.

    None where no Jupyter server started the kernel, as in some editors.
    """
    from jupyter_core.paths import jupyter_runtime_dir

    try:
        # The server that started this kernel left its process id and, in a file, its address.
        name = f"jpserver-{os.environ['JPY_PARENT_PID']}.json"
        return json.loads((Path(jupyter_runtime_dir()) / name).read_text("utf-8"))["base_url"]
    except (OSError, KeyError, ValueError):
        return os.environ.get("JUPYTERHUB_SERVICE_PREFIX")


def folder() -> Path:
    """Return the folder of the lessons: the kernel's working folder, or the project's."""
    here = Path.cwd()
    return here if (here / "data").is_dir() else stored()


def stored() -> Path:
    """Return the folder of the lessons as they are stored, with their data and solutions."""
    return Path(__file__).resolve().parents[2] / "notebooks"


def show(plain: str, html: str, png: bytes | None = None) -> None:
    """Show one output in the cell: a picture if there is one, then words."""
    from IPython.display import display

    if png is not None:
        display({"image/png": png, "text/plain": plain.splitlines()[0]}, raw=True)
    display({"text/html": html, "text/plain": plain}, raw=True)
    if png is not None and attended():
        page.bring_into_view()


def line_in_a_cell(trace, leave_out: str = "") -> str:
    """Return the innermost line of a traceback that stands in a cell, and its number; "" if none.

    `leave_out` is the file of a cell that does not count.
    """
    found = ""
    while trace is not None:
        file, number = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        if file != leave_out and _is_of_a_cell(file):
            line = linecache.getline(file, number).strip()
            found = f"line {number}: {line}" if line else f"line {number}"
        trace = trace.tb_next
    return found


def runs_a_cells_code(frame) -> bool:
    """Tell whether some code under way in a frame, or what called it, stands in a cell."""
    while frame is not None:
        if _is_of_a_cell(frame.f_code.co_filename):
            return True
        frame = frame.f_back
    return False


def _is_of_a_cell(file: str) -> bool:
    return not file.startswith((*_NOT_IN_A_CELL, "<frozen"))
