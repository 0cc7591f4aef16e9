"""Cells that have not run: what a cell needs from above it, said in one line.

Plan: IPython loads this as an extension in every kernel of the course's environment (by
install/etc/ipython), so that it is there after a restart, when no cell has run yet. It notes
which cells of a lesson have run. Where a cell fails as the lesson has it, and cells above it
have not run, one line says what to do instead of a traceback. A learner's own code, or one
changed by a learner, keeps its traceback; the line follows it if a name is missing that a
cell not yet run defines. The lessons are read only when something fails. Where the Stop button
ended a cell, one line says in which line of it.

Left out: what depends on what. Whatever stands above counts as needed.
"""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from helpers.course import notebook, stop_button

WHAT_TO_DO = "Choose Run → Run All Above Selected Cell, then run this cell again."


@dataclass
class _Ran:
    """The cells that have run in this kernel, and whether its servers were stopped since."""

    ids: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    closed: bool = False


_ran = _Ran()
_under_way = {"id": None, "source": ""}


@dataclass(frozen=True)
class Cell:
    """A code cell of a lesson."""

    id: str
    source: str

    def has_run(self) -> bool:
        """Tell whether it has run here: the same cell, or the same code."""
        return self.id in _ran.ids or self.source in _ran.sources

    def defines(self, ip) -> set[str]:
        """Return the names that it defines."""
        try:
            flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            tree = compile(ip.transform_cell(self.source), "", "exec", flags)
        except SyntaxError:
            return set()
        return set(_defined(tree))


def load_ipython_extension(ip) -> None:
    """Watch the cells of this shell; IPython calls it when a kernel starts."""
    ip.events.register("pre_run_cell", _begins)
    ip.events.register("post_run_cell", _ended)
    ip.set_custom_exc((Exception, KeyboardInterrupt, asyncio.CancelledError), _explain)


def forget() -> None:
    """Take no cell for run any more: the servers that they started have been stopped."""
    _ran.ids.clear()
    _ran.sources.clear()
    _ran.closed = True


def _begins(info) -> None:
    _under_way.update(id=getattr(info, "cell_id", None), source=info.raw_cell.strip())


def _ended(result) -> None:
    if result is not None and result.success:
        _ran.sources.add(_under_way["source"])
        if _under_way["id"]:
            _ran.ids.add(_under_way["id"])
        if "lesson.begin(" in _under_way["source"]:
            _ran.closed = False


def _explain(ip, kind, error, trace, tb_offset=None) -> None:
    """Show an exception: in one line, with its traceback and the line, or as ever."""
    try:
        line, is_the_lessons = _was_stopped(error), True
        if not line:
            line, is_the_lessons = _what_is_missing(ip, error)
    except Exception:  # a lesson that can't be read must not hide what went wrong
        line, is_the_lessons = "", False
    shown = error
    if line and is_the_lessons:
        # IPython shows what an exception says of itself; the reply keeps the real one.
        render = {"_render_traceback_": lambda self: [str(self)]}
        shown = type(kind.__name__, (Exception,), render)(line)
    elif line:
        told = [*ip.InteractiveTB.structured_traceback(kind, error, trace), line]
        shown = type(kind.__name__, (Exception,), {"_render_traceback_": lambda _: told})(error)
    ip.showtraceback((type(shown), shown, trace), running_compiled_code=True)


def _was_stopped(error: BaseException) -> str:
    """Return where the Stop button ended the cell, if it did."""
    cancelled = isinstance(error, asyncio.CancelledError) and stop_button.was_pressed()
    if not cancelled and not isinstance(error, KeyboardInterrupt):
        return ""
    at = notebook.line_in_a_cell(error.__traceback__)
    return f"Stopped in {at}" if at else "Stopped."


def _what_is_missing(ip, error: BaseException) -> tuple[str, bool]:
    """Return the line to say, if any, and whether the cell is as the lesson has it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ImportError):  # a package is missing, and no cell brings it
        return "", False
    name = error.name if type(error) is NameError else None
    for cells in lessons():
        at = next((n for n, cell in enumerate(cells) if cell.source == _under_way["source"]), None)
        changed = at is None
        if changed:
            same = (n for n, cell in enumerate(cells) if cell.id == _under_way["id"])
            at = next(same, None)
        if at is None:
            continue
        missing = [cell for cell in cells[:at] if not cell.has_run()]
        if name and any(name in cell.defines(ip) for cell in missing):
            return f"{name!r} is not defined here yet. {WHAT_TO_DO}", not changed
        if missing and not changed:
            words = " ".join(f"{type(error).__name__}: {error}".split())
            why = "The lesson's last cell has stopped its servers." if _ran.closed else (
                "This cell needs cells above it that have not run yet."
            )  # fmt: skip
            return f"{why} {WHAT_TO_DO} ({words})", True
        return "", False
    defining = [c for cells in lessons() for c in cells if name and name in c.defines(ip)]
    if defining and not any(cell.has_run() for cell in defining):
        return f"{name!r} is not defined here yet. {WHAT_TO_DO}", False
    return "", False


def lessons() -> Iterator[list[Cell]]:
    """Yield the code cells of each lesson, in their order."""
    for path in sorted(notebook.stored().glob("[0-9]*.ipynb")):
        book = json.loads(path.read_text("utf-8"))
        yield [
            Cell(cell.get("id", ""), "".join(cell["source"]).strip())
            for cell in book["cells"]
            if cell["cell_type"] == "code"
        ]


def _defined(tree: ast.AST) -> Iterator[str]:
    """Yield the names that code defines where it stands, not inside of functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp):
            yield from _defined(node)
