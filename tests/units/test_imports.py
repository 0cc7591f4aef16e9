"""Imports point one way, heavy packages load when first used, and nothing patches the loop."""

import ast
import json
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from IPython.core.inputtransformer2 import TransformerManager

ROOT = Path(__file__).resolve().parents[2]
HELPERS = ROOT / "helpers"

# What a folder, or a file at the top, may import of ours, beside its own folder.
GROUND = ("ledger", "hosting.registry", "hosting.worker", "hosting.process_*")
MAY_IMPORT = {
    "ledger": (),
    "peers": (),
    "kernel": ("ledger",),
    "figures": ("ledger", "kernel.*"),
    "wire": GROUND,
    "parsing": GROUND,
    "instruments": ("ledger", "kernel.*"),
    "hosting": ("ledger",),
    "servers": ("ledger", "instruments", "hosting.*"),
    "course": ("ledger", "kernel.*", "peers.*", "wire.*", "figures.*", "servers"),
    "panel": ("ledger", "course.*"),
    "explore": (
        "ledger",
        "figures",
        "figures.*",
        "hosting.registry",
        "course",
        "course.*",
        "panel",
        "panel.*",
    ),
    "lesson": (
        "ledger",
        "figures",
        "figures.*",
        "servers",
        "hosting.registry",
        "course",
        "course.*",
    ),
}
# Figures are independent of each other: of their own folder, they may import these alone.
OF_FIGURES = {"figures.style", "figures.prediction", "figures.units"}
# What is more than that, and why.
EXCEPTIONS = {
    ("figures.legend", "figures.timeline"): "it explains the bars of the timeline",
    ("figures.comparison", "figures.timeline"): "it draws a row as the timeline does",
}
HEAVY = {"aiohttp", "matplotlib", "numpy", "ipywidgets", "IPython", "cloudpickle", "asyncpg"}
# What these are about is heavy itself: aiohttp's parser of HTTP beside others.
ABOUT_HEAVY = {"parsing.parsers", "parsing.whole_request"}


def imports(path: Path, root: Path) -> set[str]:
    """Return the modules of ours that a file imports anywhere, named from `root` on."""
    package = [root.name, *path.relative_to(root).parts[:-1]]
    tree, found = ast.parse(path.read_text("utf-8")), set()
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []  # never run: it only names a type
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            # What is imported from a package is a module of it, or a name in it.
            as_modules = {f"{origin}.{alias.name}" for alias in node.names}
            modules = {name for name in as_modules if is_module(name, root)}
            found |= modules if len(modules) == len(as_modules) else modules | {origin}
    ours = {name.removeprefix(f"{root.name}.") for name in found if is_module(name, root)}
    return ours - {root.name}


def is_module(name: str, root: Path) -> bool:
    """Tell whether a dotted name is a module or a package below root."""
    path = root.parent.joinpath(*name.split("."))
    return name.split(".")[0] == root.name and (path.with_suffix(".py").exists() or path.is_dir())


def modules(root: Path) -> dict[str, Path]:
    """Return the files of a package by their module's name, without the packages themselves."""
    return {
        ".".join(path.relative_to(root).with_suffix("").parts): path
        for path in sorted(root.rglob("*.py"))
        if path.name != "__init__.py"
    }


def may(module: str, target: str) -> bool:
    """Tell whether a module may import a target."""
    folder, _, _ = module.partition(".")
    if (module, target) in EXCEPTIONS:
        return True
    if folder != module and target.startswith(f"{folder}."):
        return folder != "figures" or target in OF_FIGURES
    return any(fnmatchcase(target, name) for name in MAY_IMPORT.get(folder, ("ledger",)))


def against_the_rules(root: Path) -> list[str]:
    """Return a line for each import that points the wrong way."""
    wrong = []
    for module, path in modules(root).items():
        for target in sorted(imports(path, root)):
            if not may(module, target):
                wrong.append(f"{module} imports {target}")
    for path in root.rglob("__init__.py"):
        if inside := imports(path, root):
            wrong.append(f"{path.parent.name}/__init__ imports {', '.join(sorted(inside))}")
    return wrong


def test_imports_point_one_way():
    assert len(modules(HELPERS)) > 8
    assert against_the_rules(HELPERS) == []


def circle(root: Path) -> list[str]:
    """Return modules that import each other in a circle, if there are such."""
    targets = {module: imports(path, root) for module, path in modules(root).items()}

    def reach(module, seen):
        if module in seen:
            return [*seen[seen.index(module) :], module]
        found = (reach(target, [*seen, module]) for target in sorted(targets.get(module, ())))
        return next(filter(None, found), [])

    return next(filter(None, (reach(module, []) for module in targets)), [])


def test_no_modules_import_each_other_in_a_circle():
    assert circle(HELPERS) == []


def test_a_circle_is_noticed(tmp_path):
    root = tmp_path / "helpers"
    (root / "wire").mkdir(parents=True)
    (root / "wire/a.py").write_text("from helpers.wire import b")
    (root / "wire/b.py").write_text("import helpers.wire.c")
    (root / "wire/c.py").write_text("def f():\n    from . import a")
    assert circle(root) == ["wire.a", "wire.b", "wire.c", "wire.a"]


def test_every_exception_is_needed():
    for module, target in EXCEPTIONS:
        assert target in imports(modules(HELPERS)[module], HELPERS)


@pytest.mark.parametrize(
    ("file", "line", "wrong"),
    [
        ("ledger.py", "from helpers.kernel import tcp", "ledger imports kernel.tcp"),
        ("ledger.py", "def f():\n    import helpers.lesson", "ledger imports lesson"),
        ("kernel/tcp.py", "from ..servers import serve", "kernel.tcp imports servers"),
        ("course/claims.py", "from helpers import lesson as l", "course.claims imports lesson"),
        ("instruments.py", "from helpers.servers import serve", "instruments imports servers"),
        ("servers.py", "from helpers import ledger, lesson", "servers imports lesson"),
        ("servers.py", "if True:\n    from helpers.explore import x", "servers imports explore"),
        ("wire/relay.py", "from helpers import servers", "wire.relay imports servers"),
        ("figures/a.py", "from ..lesson import show", "figures.a imports lesson"),
        (
            "figures/a.py",
            "from helpers.figures import timeline",
            "figures.a imports figures.timeline",
        ),
        ("figures/a.py", "from . import timeline", "figures.a imports figures.timeline"),
        ("wire/relay.py", "import helpers.hosting.http2", "wire.relay imports hosting.http2"),
        ("hosting/http2.py", "from helpers import servers", "hosting.http2 imports servers"),
        ("peers/curl.py", "from helpers import ledger", "peers.curl imports ledger"),
        ("lesson.py", "from helpers.explore import panel", "lesson imports explore"),
        ("newcomer.py", "from helpers import servers", "newcomer imports servers"),
        ("__init__.py", "from helpers import lesson", "helpers/__init__ imports lesson"),
    ],
)
def test_an_import_that_points_the_wrong_way_is_noticed(tmp_path, file, line, wrong):
    root = tmp_path / "helpers"
    good = {
        "lesson.py": "from helpers import servers\nfrom helpers.course import claims\n",
        "servers.py": "from helpers.instruments import x\nfrom helpers.ledger import Ledger\n",
        "figures/timeline.py": "from helpers.figures.style import LOOKS\n",
    }
    names = ("ledger", "instruments", "explore", "newcomer", "kernel/tcp", "course/claims")
    names += ("wire/relay", "figures/style", "figures/a", "peers/curl", "hosting/http2")
    for name in names:
        good.setdefault(f"{name}.py", "import json\n")
    folders = ("", "figures/", "peers/", "kernel/", "course/", "wire/", "hosting/")
    for name in [f"{folder}__init__.py" for folder in folders]:
        good[name] = '"""A package."""\n'
    for name, text in good.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    only_a_type = "if TYPE_CHECKING:\n    from helpers import lesson\n"
    (root / "ledger.py").write_text(only_a_type)
    assert against_the_rules(root) == []
    (root / file).write_text(good[file] + line + "\n")
    assert against_the_rules(root) == [wrong]


def test_importing_the_helpers_loads_nothing_heavy():
    names = ["helpers", *(f"helpers.{name}" for name in set(modules(HELPERS)) - ABOUT_HEAVY)]
    script = f"import {', '.join(names)}, sys; print(*sorted(set(sys.modules) & {HEAVY!r}))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert (done.stdout.split(), done.stderr) == ([], "")


# --- nest-asyncio is shown in a throwaway kernel, as text, and never applied in earnest


def uses_nest_asyncio(code: str) -> bool:
    """Tell whether code, or a cell, imports or calls nest-asyncio; text is only text."""
    tree = ast.parse(TransformerManager().transform_cell(code))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
        elif isinstance(node, ast.Name):
            names.add(node.id)
    return any(name.split(".")[0].startswith("nest_asyncio") for name in names)


def test_no_helper_and_no_lesson_applies_nest_asyncio():
    sources = {path.name: path.read_text("utf-8") for path in modules(HELPERS).values()}
    solutions = (ROOT / "notebooks/solutions").glob("*.py")
    sources |= {path.name: path.read_text("utf-8") for path in solutions}
    books = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    for book in books:
        for n, cell in enumerate(json.loads(book.read_text("utf-8"))["cells"]):
            if cell["cell_type"] == "code":
                sources[f"{book.name}, cell {n}"] = "".join(cell["source"])
    assert books
    assert len(sources) > 20
    assert [name for name, code in sources.items() if uses_nest_asyncio(code)] == []


@pytest.mark.parametrize(
    ("code", "uses"),
    [
        ("import nest_asyncio\nnest_asyncio.apply()", True),
        ("import nest_asyncio2 as n; n.apply()", True),
        ("from nest_asyncio import apply\nawait x()", True),
        ("def f():\n    __import__('x'); nest_asyncio.apply()", True),
        ("%pip list\nimport nest_asyncio", True),
        ("await child.run_all(['import nest_asyncio; nest_asyncio.apply()'])", False),
        ("# nest_asyncio.apply()\n%time await x()", False),
    ],
)
def test_using_nest_asyncio_is_told_from_speaking_of_it(code, uses):
    assert uses_nest_asyncio(code) is uses
