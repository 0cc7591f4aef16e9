"""Damage the runs behind a verdict, one way at a time, and see what the verdict says.

Plan: a run can go wrong in ways that a finding does not notice: nothing was recorded, every
request failed, only the first was made. `DAMAGES` turns a whole ledger into each of these.
In a kernel in which a claim's cells have run, `report` damages each ledger that the verdict
rests on, runs the verdict's cell again, and puts the ledger right. It also watches which
ledgers the cell reads, and follows by name what was computed before, to ledgers that the
verdict does not name among its runs.

Left out: a ledger whose damage changes nothing, such as one without spans.
"""

import ast
import builtins
import contextlib
import copy
import dis
import io
import math
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType

from helpers import lesson
from helpers.course import notebook
from helpers.course.claims import NOT_SHOWN
from helpers.ledger import Ledger

# What becomes of the spans and the marks of a ledger: (rows, ticks) -> (rows, ticks).
DAMAGES: dict[str, Callable[[list, list], tuple[list, list]]] = {
    "empty": lambda rows, ticks: ([], []),
    "no spans": lambda rows, ticks: ([], ticks),
    "no marks": lambda rows, ticks: (rows, []),
    "no time passes": lambda rows, ticks: ([(r[0], r[0], *r[2:]) for r in rows], ticks),
    "no time is a number": lambda rows, ticks: (
        [(math.nan, math.nan, *r[2:]) for r in rows],
        [(math.nan, *t[1:]) for t in ticks],
    ),
    "every span an error": lambda rows, ticks: (
        [(*r[:3], "error", r[4]) for r in rows],
        ticks,
    ),
    "only the first of each lane": lambda rows, ticks: (
        [r for n, r in enumerate(rows) if r[2] not in {other[2] for other in rows[:n]}],
        [t for n, t in enumerate(ticks) if t[1] not in {other[1] for other in ticks[:n]}],
    ),
}


@contextlib.contextmanager
def damaged(ledger: Ledger, name: str) -> Iterator[bool]:
    """Damage a ledger while the block runs; yield whether that changed anything."""
    rows, ticks = ledger.rows, ledger.ticks
    ledger.rows, ledger.ticks = DAMAGES[name](list(rows), list(ticks))
    try:
        yield (ledger.rows, ledger.ticks) != (rows, ticks)
    finally:
        ledger.rows, ledger.ticks = rows, ticks


# --- which ledgers a verdict's cell reads


@contextlib.contextmanager
def watched() -> Iterator[dict[int, Ledger]]:
    """Yield the ledgers whose spans or marks are read while the block runs, by their id."""
    read: dict[int, Ledger] = {}

    def watch(ledger: Ledger, name: str):
        if name in ("rows", "ticks"):
            read[id(ledger)] = ledger
        return object.__getattribute__(ledger, name)

    Ledger.__getattribute__ = watch
    try:
        yield read
    finally:
        del Ledger.__getattribute__


def names_read(code: str) -> set[str]:
    """Return the names that code reads, those inside of its functions included."""
    return {
        node.id
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def globals_read(function: FunctionType) -> set[str]:
    """Return the global names that a function reads, those of functions in it included."""
    found, codes = set(), [function.__code__]
    while codes:
        code = codes.pop()
        codes += [const for const in code.co_consts if hasattr(const, "co_code")]
        found |= {op.argval for op in dis.get_instructions(code) if op.opname == "LOAD_GLOBAL"}
    return found


def ledgers_in(value, depth: int = 4) -> Iterator[Ledger]:
    """Yield the ledgers that a value is or holds."""
    if isinstance(value, Ledger):
        yield value
    elif depth and isinstance(value, dict):
        for part in [*value.keys(), *value.values()]:
            yield from ledgers_in(part, depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from ledgers_in(part, depth - 1)
    elif depth and type(value).__module__ == "__main__" and hasattr(value, "__dict__"):
        yield from ledgers_in(vars(value), depth - 1)


def ledgers_read(code: str, cells: list[str], namespace: dict) -> dict[str, list[Ledger]]:
    """Return by name the ledgers that a cell reads.

    A name that holds no ledger may have been computed from one: what the assignments of
    these cells read is followed, and so are the global names of the lesson's functions.
    """
    made_of: dict[str, set[str]] = {}
    for cell in cells:
        for node in ast.walk(ast.parse(cell)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                node.body = []  # what happens in it is asked of the function itself
            targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
            if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and node.value:
                for target in targets:
                    for name in ast.walk(target):
                        if isinstance(name, ast.Name):
                            made_of.setdefault(name.id, set()).update(_read_by(node.value))
    found, seen, names = {}, set(), list(names_read(code))
    while names:
        name = names.pop()
        if name in seen or name not in namespace or hasattr(builtins, name):
            continue
        seen.add(name)
        value = namespace[name]
        if isinstance(value, ModuleType | type):
            continue
        if isinstance(value, FunctionType):
            names += globals_read(value) if value.__module__ == "__main__" else ()
        elif inside := list(ledgers_in(value)):
            found[name] = inside
        else:
            names += made_of.get(name, ())
    return found


def _read_by(node: ast.AST) -> set[str]:
    own = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return {
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
    } - own


# --- what a verdict says of damaged runs


def report(claim: str, code: str, cells: list[str], namespace: dict) -> dict:
    """Return what came of a verdict's cell when its runs were damaged, and what it left out.

    `settled` names the damages that the verdict did not notice, `raised` those which ended
    the cell by an error; `unnamed` the names that it reads and whose ledgers are no runs of
    its own; `tried` counts the damages that changed something.
    """
    runs = list({id(run): run for run in lesson._state.settled[claim].runs}.values())
    compiled = compile(code, "the verdict's cell", "exec")
    result = {"runs": len(runs), "tried": 0, "settled": [], "raised": [], "unnamed": []}
    named = {id(run) for run in runs}
    for name, before in ledgers_read(code, cells, namespace).items():
        if not named & set(map(id, before)):
            result["unnamed"].append(name)
    kept, show = dict(lesson._state.settled), notebook.show
    notebook.show = lambda *_, **__: None
    try:
        with watched() as read, contextlib.redirect_stdout(io.StringIO()):
            exec(compiled, copy.copy(namespace))
        left_out = set(read) - {id(run) for run in lesson._state.settled[claim].runs}
        for name, value in namespace.items():
            if left_out & set(map(id, ledgers_in(value))) and name not in result["unnamed"]:
                result["unnamed"].append(name)
        for number, run in enumerate(runs):
            for damage in DAMAGES:
                with damaged(run, damage) as changed, contextlib.redirect_stdout(io.StringIO()):
                    if not changed:
                        continue
                    result["tried"] += 1
                    lesson._state.settled.pop(claim, None)
                    try:
                        exec(compiled, copy.copy(namespace))
                    except Exception as error:
                        result["raised"].append(f"run {number}, {damage}: {error!r:.80}")
                        continue
                    if lesson._state.settled[claim].word != NOT_SHOWN:
                        result["settled"].append(f"run {number}, {damage}")
    finally:
        notebook.show = show
        lesson._state.settled = kept
    return result
