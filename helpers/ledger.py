"""The ledger: the one record of what happened in an experiment.

Plan: instruments append spans (something went on from start to end) and marks
(something happened at one moment), all on one clock; figures, their words, verdicts
and exports only ever ask questions of it. Appending is what happens inside
measurements, so it does nothing but append; sorting and merging wait until somebody
asks. The clock is `time.perf_counter`: monotonic, and the same in every process of
the machine, so that records of two processes can be put together.

Left out: sockets, threads, matplotlib, Jupyter. A ledger is plain data.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

now_s = time.perf_counter

# The lanes that every experiment has; servers add one each, under their names.
CALLER = "caller's thread"
HEARTBEAT = "heartbeat"
REQUESTS = "requests"
SYSTEM_STATE = "state of the thread"
SYSTEM_CPU = "CPU time it got"


# Named tuples, not dataclasses: a hundred thousand are made and sorted in a third of the time.
class Span(NamedTuple):
    """Something that went on in a lane from `start_s` to `end_s` (seconds on the clock)."""

    start_s: float
    end_s: float
    lane: str
    kind: str
    label: str = ""

    @property
    def duration_s(self) -> float:
        """Return how long it went on, in seconds."""
        return self.end_s - self.start_s

    def contains(self, other: Span) -> bool:
        """Tell whether the other span starts and ends within this one."""
        return self.start_s <= other.start_s and other.end_s <= self.end_s

    def overlaps(self, other: Span) -> bool:
        """Tell whether there is a moment at which both go on."""
        return self.start_s < other.end_s and other.start_s < self.end_s


class Mark(NamedTuple):
    """Something that happened in a lane at one moment, `time_s` (seconds on the clock)."""

    time_s: float
    lane: str
    kind: str
    label: str = ""


class _OpenSpan:
    """Writes one span when its `with` block ends, however it ends."""

    __slots__ = ("_fields", "_ledger", "_start_s")

    def __init__(self, ledger: Ledger, lane: str, kind: str, label: str):
        self._ledger = ledger
        self._fields = (lane, kind, label)

    def __enter__(self) -> None:
        self._start_s = now_s()

    def __exit__(self, *_) -> None:
        self._ledger.rows.append((self._start_s, now_s(), *self._fields))


@dataclass
class Ledger:
    """The record of one experiment; any thread may write to it.

    `rows` and `ticks` hold the fields of spans and of marks as plain tuples, in the order
    written. `provenance` is empty for what was measured just now, and says when and on
    what a stored run was made.
    """

    rows: list[tuple[float, float, str, str, str]] = field(default_factory=list)
    ticks: list[tuple[float, str, str, str]] = field(default_factory=list)
    provenance: dict[str, str] = field(default_factory=dict)

    # --- writing

    def span(self, lane: str, kind: str, label: str = "") -> _OpenSpan:
        """Return a context manager that records its block as a span."""
        return _OpenSpan(self, lane, kind, label)

    def add(self, lane: str, kind: str, start_s: float, end_s: float, label: str = "") -> None:
        """Record a span whose times are known; a ValueError if it ends before it starts."""
        if end_s < start_s:
            raise ValueError(f"end_s={end_s!r} lies before start_s={start_s!r}")
        self.rows.append((start_s, end_s, lane, kind, label))

    def mark(self, lane: str, kind: str, label: str = "", time_s: float | None = None) -> None:
        """Record a mark, at this moment unless `time_s` says another."""
        self.ticks.append((now_s() if time_s is None else time_s, lane, kind, label))

    # --- reading

    def spans(
        self, lane: str | None = None, kind: str | None = None, label: str | None = None
    ) -> list[Span]:
        """Return the spans with these fields (None: any), in order of their start."""
        return sorted(
            Span(*row)
            for row in list(self.rows)
            if (lane is None or row[2] == lane)
            and (kind is None or row[3] == kind)
            and (label is None or row[4] == label)
        )

    def marks(
        self, lane: str | None = None, kind: str | None = None, label: str | None = None
    ) -> list[Mark]:
        """Return the marks with these fields (None: any), in order of time."""
        return sorted(
            Mark(*tick)
            for tick in list(self.ticks)
            if (lane is None or tick[1] == lane)
            and (kind is None or tick[2] == kind)
            and (label is None or tick[3] == label)
        )

    def lanes(self) -> list[str]:
        """Return the names of the lanes, in order of their first appearance on the clock."""
        first: dict[str, float] = {}
        for time_s, lane in [(r[0], r[2]) for r in self.rows] + [(t[0], t[1]) for t in self.ticks]:
            first[lane] = min(time_s, first.get(lane, time_s))
        return sorted(first, key=first.__getitem__)

    def extent_s(self) -> tuple[float, float]:
        """Return the first and the last moment recorded; a ValueError if there is none."""
        times = [t for row in self.rows for t in row[:2]] + [tick[0] for tick in self.ticks]
        if not times:
            raise ValueError("the ledger is empty: nothing was recorded")
        return min(times), max(times)

    # --- keeping

    def save(self) -> dict:
        """Return the whole ledger as data that JSON can hold."""
        return asdict(self)

    @classmethod
    def load(cls, data: dict) -> Ledger:
        """Return the ledger kept in data; a ValueError names what is wrong with it."""
        try:
            rows = [tuple(Span(*row)) for row in data["rows"]]
            ticks = [tuple(Mark(*tick)) for tick in data["ticks"]]
            provenance = dict(data["provenance"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is no stored ledger: {error}") from error
        for entry, times in [(row, 2) for row in rows] + [(tick, 1) for tick in ticks]:
            typed = [isinstance(t, int | float) for t in entry[:times]]
            typed += [isinstance(word, str) for word in entry[times:]]
            if not all(typed) or entry[0] > entry[times - 1]:
                raise ValueError(f"this is no stored ledger: {entry} is no span and no mark")
        return cls(rows, ticks, provenance)


# --- the questions a verdict asks


def duration_s(spans: Iterable[Span]) -> float:
    """Return the seconds from the first start to the last end; 0 for no spans."""
    spans = list(spans)
    return max(s.end_s for s in spans) - min(s.start_s for s in spans) if spans else 0.0


def in_flight(spans: Iterable[Span]) -> int:
    """Return how many of the spans were going on at once, at most."""
    # At equal times an end comes before a start: spans that only touch do not overlap.
    edges = sorted((t, step) for s in spans for t, step in ((s.start_s, 1), (s.end_s, -1)))
    count = most = 0
    for _, step in edges:
        count += step
        most = max(most, count)
    return most


def one_after_another(spans: Iterable[Span]) -> bool:
    """Tell whether each span starts only when the one before it has ended."""
    ordered = sorted(spans)
    return all(a.end_s <= b.start_s for a, b in pairwise(ordered))


def longest_gap(marks: Iterable[Mark]) -> tuple[float, float]:
    """Return the start and the end of the longest gap between marks, in seconds on the clock."""
    times = sorted(m.time_s for m in marks)
    if len(times) < 2:
        raise ValueError(f"a gap needs two marks, there are {len(times)}")
    return max(pairwise(times), key=lambda pair: pair[1] - pair[0])


def longest_gap_s(marks: Iterable[Mark]) -> float:
    """Return the length of the longest gap between marks, in seconds."""
    start_s, end_s = longest_gap(marks)
    return end_s - start_s


def within(marks: Iterable[Mark], span: Span) -> list[Mark]:
    """Return the marks that fall into the span."""
    return [m for m in marks if span.start_s <= m.time_s <= span.end_s]


def union(spans: Iterable[Span]) -> Iterator[tuple[float, float]]:
    """Yield the stretches of time covered by at least one of the spans, in order."""
    start_s = end_s = None
    for span in sorted(spans):
        if start_s is None or span.start_s > end_s:
            if start_s is not None:
                yield start_s, end_s
            start_s, end_s = span.start_s, span.end_s
        else:
            end_s = max(end_s, span.end_s)
    if start_s is not None:
        yield start_s, end_s


def share(spans: Iterable[Span], start_s: float, end_s: float) -> float:
    """Return which part (0 to 1) of the time from start_s to end_s the spans cover."""
    if end_s <= start_s:
        raise ValueError(f"end_s={end_s!r} does not lie after start_s={start_s!r}")
    covered = sum(max(0.0, min(b, end_s) - max(a, start_s)) for a, b in union(spans))
    return covered / (end_s - start_s)


# --- stored runs: several ledgers by name in one file


def load_runs(path: Path) -> dict[str, Ledger]:
    """Return the stored runs of a file by name; none if there is no such file."""
    if not path.exists():
        return {}
    try:
        data = json.loads(path.read_text("utf-8"))
        return {name: Ledger.load(entry) for name, entry in data.items()}
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{path.name}: {error}") from error


def save_runs(path: Path, runs: dict[str, Ledger]) -> None:
    """Write the stored runs to a file, one span or mark a line."""

    def lines(entries: list) -> str:
        return "[" + ",".join(f"\n{json.dumps(entry)}" for entry in entries) + "]"

    entries = [
        f'{json.dumps(name)}: {{"rows": {lines(run.rows)},\n"ticks": {lines(run.ticks)},\n'
        f'"provenance": {json.dumps(run.provenance)}}}'
        for name, run in sorted(runs.items())
    ]
    path.write_text("{" + ",\n".join(entries) + "}\n", "utf-8")
