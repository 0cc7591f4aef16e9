"""Every helper is there for a lesson: what only tests call is taken away, or waits for its lesson.

Plan: each name at the top of a module of helpers must be used by the code of a lesson, of
the helpers themselves, or of a tool.
"""

import ast
from pathlib import Path

import pages
import rules

ROOT = Path(__file__).resolve().parents[2]
# Called by name from elsewhere: by IPython, by a child's first line, at the interpreter's end.
HOOKS = {"load_ipython_extension", "serve_parent", "_close_at_exit"}


def words(code: str) -> set[str]:
    """Return the names that the code uses: what it defines, and texts, do not count."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names}
    return found


def defined(code: str) -> set[str]:
    """Return the names of the functions, classes and constants at the top of a module."""
    found = set()
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign):
            found.add(node.target.id)
    return {name for name in found if not name.startswith("__")}


def unused(helpers: dict[str, str], users: list[str]) -> set[str]:
    """Return module and name of what stands nowhere but where it is defined."""
    there = set().union(*map(words, [*helpers.values(), *users]))
    return {
        f"{module}: {name}"
        for module, code in helpers.items()
        for name in defined(code)
        if name not in there | HOOKS
    }


def test_every_helper_is_used_by_a_lesson_a_helper_or_a_tool():
    folder = ROOT / "helpers"
    helpers = {p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in folder.rglob("*.py")}
    users = [path.read_text("utf-8") for path in (ROOT / "tools").rglob("*.py")]
    for book in pages.lessons(ROOT).values():
        users += [rules.plain_python(cell.source) for cell in rules.code_cells(book)]
    assert len(helpers) > 50
    assert len(users) > 300
    assert unused(helpers, users) == set()


def test_what_is_used_nowhere_is_noticed():
    helpers = {
        "a.py": "LIMIT = 1\ndef used():\n    '''Not dead.'''\ndef dead(): pass\nclass Gone: pass",
        "b.py": "from helpers.a import used  # and not dead, nor Gone\nEMPTY: int = 0",
    }
    assert unused(helpers, ["print(LIMIT)"]) == {"a.py: dead", "a.py: Gone", "b.py: EMPTY"}
