"""The project's own files agree with each other: pins, Binder, CI."""

import ast
import json
import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PINS = {
    re.split(r"[=\[]", line)[0].lower().replace("_", "-"): line
    for line in (ROOT / "requirements.txt").read_text().splitlines()
    if line and not line.lstrip().startswith("#")
}
DIRECT = {
    re.split(r"[ \[><=]", line)[0].lower()
    for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
}
# Used as programs or by Jupyter itself, not imported.
PROGRAMS = {"jupyterlab", "ipykernel", "nbval", "ruff", "jupyter-server-proxy", "hypercorn"}
# Imported in code that a lesson hands to a kernel or a process of its own, as text.
IN_TEXT = {"nest-asyncio"}
# Needed by another package for what the course asks of it: httpx speaks HTTP/2 with h2.
OF_OTHERS = {"h2"}


def imported() -> set[str]:
    """Return the names of the packages that helpers, tools, tests and notebooks import."""
    sources = [
        path.read_text()
        for part in ("helpers", "tools", "tests")
        for path in (ROOT / part).rglob("*.py")
    ]
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text())["cells"]
        code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
        # A line with "!" is a command of the shell.
        sources += [re.sub(r"(?m)^!.*$", "", source) for source in code]
    found = set()
    for source in sources:
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    return found


def used() -> set[str]:
    """Return the distributions, among the direct dependencies, that something imports."""
    names = imported()
    tops = {name.split(".")[0] for name in names}
    found = {
        dist.lower().replace("_", "-")
        for top, dists in packages_distributions().items()
        if top in tops
        for dist in dists
    }
    if not any(name.startswith("google.protobuf") for name in names):
        found.discard("protobuf")
    return found


def test_every_pin_is_exact():
    assert len(PINS) > 100
    assert [line for line in PINS.values() if "==" not in line.split(";")[0]] == []


def test_every_direct_dependency_is_pinned_and_used():
    assert set(PINS) >= DIRECT
    text = "".join(p.read_text() for p in (ROOT / "notebooks").glob("*.ipynb"))
    text += "".join(p.read_text() for p in (ROOT / "helpers").rglob("*.py"))
    in_text = {name for name in IN_TEXT if name.replace("-", "_") in text}
    assert DIRECT - used() - PROGRAMS - in_text - OF_OTHERS == set()


def test_binder_installs_what_the_laptop_installs():
    assert (ROOT / "binder/requirements.txt").read_text().split() == ["-r", "../requirements.txt"]
    assert re.fullmatch(r"python-3\.11\n", (ROOT / "binder/runtime.txt").read_text())
    assert (ROOT / "binder/postBuild").stat().st_mode & 0o111
    assert not (ROOT / "binder/environment.yml").exists(), "it would win over requirements.txt"


def test_the_workflows_call_what_the_readme_calls():
    workflows = {
        p.stem: yaml.safe_load(p.read_text()) for p in (ROOT / ".github/workflows").glob("*")
    }
    assert set(workflows) == {"test", "prove", "binder"}
    steps = [s.get("run", "") for s in workflows["test"]["jobs"]["test"]["steps"]]
    assert any(step.startswith("make test") for step in steps)
    matrix = workflows["test"]["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == ["3.11", "3.12", "3.13"]
    assert value(workflows["test"]["jobs"]["test"]["env"]["CI"], {"os": "ubuntu-latest"}) == "true"
    assert value(workflows["test"]["jobs"]["test"]["env"]["CI"], {"os": "macos-latest"}) == ""
    for workflow in workflows.values():
        for job in workflow["jobs"].values():
            assert job["timeout-minutes"] <= 60


def value(expression: str, matrix: dict[str, str]) -> str:
    """Return what a workflow's expression comes to; && and || give an operand, as in Python."""
    [inside] = re.fullmatch(r"\$\{\{(.*)\}\}", expression).groups()
    for name, text in matrix.items():
        inside = inside.replace(f"matrix.{name}", repr(text))
    return eval(inside.replace("&&", " and ").replace("||", " or "), {"__builtins__": {}})


def test_an_expression_of_a_workflow_is_worked_out_as_the_service_does():
    """The empty text counts as false there: `x && '' || 'true'` is always 'true'."""
    for name in ("macos-latest", "ubuntu-latest"):
        old = "${{ matrix.os == 'macos-latest' && '' || 'true' }}"
        assert value(old, {"os": name}) == "true"


def test_the_proof_runs_on_a_system_that_has_the_packages_it_installs():
    workflow = yaml.safe_load((ROOT / ".github/workflows/prove.yml").read_text())
    job = workflow["jobs"]["prove"]
    assert job["container"]["image"].startswith("debian:")
    steps = [step.get("run", step.get("uses", "")) for step in job["steps"]]
    assert steps[-1] == ".ci/run"
    # Git and Python must be there before the checkout and the script ask for them.
    first = next(n for n, step in enumerate(steps) if "apt-get install" in step)
    assert {"git", "make", "python3", "python3-venv"} <= set(steps[first].split())
    assert first < next(n for n, step in enumerate(steps) if step.startswith("actions/checkout"))


def test_the_warming_of_binder_follows_redirects_and_fails_with_curl():
    workflow = yaml.safe_load((ROOT / ".github/workflows/binder.yml").read_text())
    [step] = workflow["jobs"]["warm"]["steps"]
    assert "--location" in step["run"] and "--fail" in step["run"]
    assert step["shell"] == "bash", "only then an error before a pipe counts"


def test_make_lock_writes_every_file_of_pins():
    recipe = (ROOT / "Makefile").read_text()
    for path in ROOT.glob("requirements*.txt"):
        assert f"-o {path.name}" in recipe, path.name
        assert "make lock" in path.read_text().splitlines()[1]


def test_ci_installs_what_the_lists_name_and_calls_the_targets():
    script = (ROOT / ".ci/run").read_text()
    assert "binder/apt.txt" in script
    assert ".ci/apt.txt" in script
    assert script.rstrip().endswith("make test\nmake prove")
