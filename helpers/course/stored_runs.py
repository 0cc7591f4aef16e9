"""Stored runs: what an experiment recorded where its needs were met, to show where they are not.

Plan: `run_or_stored` runs the experiment if it can, and else reads the ledger kept in
`notebooks/data/NN.ledger.json`, which carries its provenance: date, system, the versions of
Python and of what it needed. They are made by `make record` alone (WIRE_RECORD). In CI a
missing need is an error.

Left out: how a stored run is shown and spoken of (figures, verdicts.py).
"""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from helpers.course import notebook
from helpers.course.needs import NEEDS, missing
from helpers.ledger import Ledger, load_runs, save_runs


async def run_or_stored(
    lesson: str, name: str, experiment: Callable[[], Awaitable[Ledger]], needs: Sequence[str]
) -> Ledger:
    """Run an experiment where its needs are met; elsewhere return the stored run, and say so.

    With WIRE_RECORD set, the run is also stored, and a missing need is a RuntimeError, as it
    is with CI set. A FileNotFoundError where there is no stored run of that name.
    """
    lacking = missing_here(f"experiment {name!r}", needs)
    path = notebook.folder() / "data" / f"{lesson}.ledger.json"
    if not lacking:
        ledger = await experiment()
        if os.environ.get("WIRE_RECORD"):
            _store(path, name, ledger, needs)
        return ledger
    for need in lacking:
        print(
            f"This experiment needs {NEEDS[need].name}. To get it: {NEEDS[need].remedy()}. "
            "Shown instead: a stored run."
        )
    runs = load_runs(path)
    if name not in runs:
        raise FileNotFoundError(f"no stored run {name!r} in {path.name}")
    return runs[name]


def has(need: str) -> bool:
    """Tell whether a plain cell's need is met; where it is not, say so, and how to get it.

    With WIRE_RECORD or CI set, a missing need is a RuntimeError.
    """
    if not missing_here("this cell", [need]):
        return True
    print(
        f"This experiment needs {NEEDS[need].name}. To get it: {NEEDS[need].remedy()}. "
        "What it prints stands in the stored lesson."
    )
    return False


def missing_here(what: str, needs: Sequence[str]) -> list[str]:
    """Return which needs are not met here; a RuntimeError where that may not be."""
    lacking = missing(list(needs))
    must_be_met = os.environ.get("CI") and not os.environ.get("WIRE_WITHOUT")
    if lacking and (must_be_met or os.environ.get("WIRE_RECORD")):
        raise RuntimeError(f"{what} needs {' and '.join(lacking)}, missing here")
    return lacking


def _store(path: Path, name: str, ledger: Ledger, needs: Sequence[str]) -> None:
    runs = load_runs(path)
    ledger = Ledger.load(ledger.save())
    ledger.provenance = {
        "made": datetime.date.today().isoformat(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{need: NEEDS[need].version() for need in needs},
    }
    runs[name] = ledger
    path.parent.mkdir(exist_ok=True)
    save_runs(path, runs)
