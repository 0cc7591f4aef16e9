"""Open the course in JupyterLab, on the learner's own copies of the lessons.

Plan: JupyterLab does the work; this makes the copies that are missing (copies.py) and adds
what depends on the machine: the first lesson to show, `--allow-root` for root and for nobody
else, and `--no-browser` where there is no display (JupyterLab then prints the address with
its token and stays up).
"""

import os
import sys
import webbrowser
from pathlib import Path

import copies

ROOT = Path(__file__).resolve().parent.parent


def has_display() -> bool:
    """Tell whether a browser opened here would be seen by somebody."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def command(extra: list[str]) -> list[str]:
    """Return the command that opens the course, with the learner's own options last."""
    first = min((ROOT / "notebooks").glob("[0-9]*.ipynb")).name
    folder = copies.FOLDER
    line = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={ROOT}"]
    line += [f"--LabApp.default_url=/lab/tree/{folder}/{first}", "--ServerApp.ip=127.0.0.1"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        line.append("--allow-root")
    if not has_display():
        line.append("--no-browser")
    return line + extra


if __name__ == "__main__":
    os.chdir(ROOT)
    copies.main([])
    line = command(sys.argv[1:])
    if "--no-browser" in line:
        print("No display here: open the address with its token, printed below. Ctrl-C stops.")
    os.execv(sys.executable, line)
