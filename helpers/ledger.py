"""The ledger: the one record of what happened in an experiment.

Plan: instruments append spans (something went on from start to end) and marks
(something happened at one moment), all on one clock; figures, their words, verdicts
and exports only ever ask questions of it. Appending is what happens inside
measurements, so it does nothing but append; sorting and merging wait until somebody
asks. The clock is `time.perf_counter`: monotonic, and the same in every process of
the machine, so that records of two processes can be put together.

The vocabulary stands here and nowhere else: KINDS says which kinds of entry there are,
UNITS what the axis may count. What is not in it is refused when it is written. A lane is
free text: it names who did something.

A ledger also knows what it should hold (`expect`). `problems` says what is missing or
odd; only a ledger without problems is evidence for a verdict.

Left out: sockets, threads, matplotlib, Jupyter. A ledger is plain data.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

now_s = time.perf_counter

# Every kind of entry, and what it means. Spans and marks share the names.
KINDS = {
    # a caller and its thread
    "request": "somebody has asked and has no answer yet",
    "blocked": "this thread waits, and nothing else of it can run",
    "free": "this thread has nothing to do and can take work",
    "running": "the thread has a processor, or is about to get one",
    "asleep": "the system has taken the thread off the processor",
    "beat": "the heartbeat: the loop was free to do this at this moment",
    # a server, and what waits for it
    "serving": "a server works on a request",
    "queued": "it is there and waits for its turn",
    # the phases of a request: `blocked` of HAR 1.2 is called `queued` here
    "connect": "the connection is being made",
    "send": "the request is being sent",
    "wait": "the request is sent, and no answer is there yet",
    "receive": "the answer is being received",
    # the wire
    "sent": "bytes on the way to the server",
    "received": "bytes on the way to the client",
    "segment": "a TCP segment",
    "message": "a message on its way; the lane names sender and receiver: 'client→server'",
    "bytes": "the bytes themselves, as latin-1 text in the label",
    "boundary": "bytes that say where a message ends; none, if its packet ends there",
    "match": "bytes that say which question a message belongs to",
    "content": "bytes that say what was asked or answered",
    "unfinished": "bytes that belong to no whole message",
    "switched": "bytes that a parser leaves to another protocol",
    "refused": "a parser says that this is not its protocol",
    "dropped": "bytes that nobody reads any more: the connection is closed",
    # events that are sent to many
    "delivery": "an event on its way to the lane's client, from the moment when it was due",
    "lost": "an event that the lane's client never gets",
    # measurements
    "parsing": "one call of a parser, or of what stands in for it",
    "level": "a number that stayed the same for a while; the label is the number",
    "limit": "how high a level may go; the label says what sets it, and ends with the number",
    "right": "an outcome that is right",
    "noticed": "an outcome that is wrong, and whoever meets it notices",
    "wrong": "an outcome that is wrong, and nobody notices",
    "value": "a single number; the label is the number",
    "ring": "a ring at one moment; the label says its head, tail, size and entries",
    "event": "something happened that is neither good nor bad; the label says what",
    "warning": "something odd happened; the label says what",
    "error": "it ended badly; the label says how",
}
# What the axis of a ledger may count: seconds on the clock, or bytes of a stream.
UNITS = ("s", "bytes")

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
        self._fields = (_text("lane", lane), _known(kind), _text("label", label))

    def __enter__(self) -> None:
        self._start_s = now_s()

    def __exit__(self, *_) -> None:
        self._ledger.rows.append((self._start_s, now_s(), *self._fields))


def _text(name: str, value: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name}={value!r}: a {name} is a text")
    return value


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r} is not in the ledger's vocabulary: {', '.join(KINDS)}")
    return kind


def _finite(name: str, time_s: float) -> float:
    if isinstance(time_s, bool) or not isinstance(time_s, int | float):
        raise TypeError(f"{name}={time_s!r}: a time is a number")
    if not math.isfinite(time_s):
        raise ValueError(f"{name}={time_s!r}: a time is a finite number")
    return time_s


class Expectation(NamedTuple):
    """How many entries of a kind a whole run holds, in one lane or ("") in all of them."""

    kind: str
    count: int
    lane: str = ""
    at_least: bool = False


# What every run with a heartbeat holds: a beat on either side of what happens.
HEARD = Expectation("beat", 2, HEARTBEAT, True)


@dataclass
class Ledger:
    """The record of one experiment; any thread may write to it.

    `rows` and `ticks` hold the fields of spans and of marks as plain tuples, in the order
    written. `unit` says what the times count (UNITS); `expected` what a whole run holds.
    `provenance` is empty for what was measured just now, and says when and on what a
    stored run was made.
    """

    rows: list[tuple[float, float, str, str, str]] = field(default_factory=list)
    ticks: list[tuple[float, str, str, str]] = field(default_factory=list)
    provenance: dict[str, str] = field(default_factory=dict)
    unit: str = "s"
    expected: list[Expectation] = field(default_factory=list)

    def __post_init__(self):
        if self.unit not in UNITS:
            raise ValueError(f"unit={self.unit!r}: a ledger counts {' or '.join(UNITS)}")

    # --- writing

    def span(self, lane: str, kind: str, label: str = "") -> _OpenSpan:
        """Return a context manager that records its block as a span; errors as for `add`."""
        return _OpenSpan(self, lane, kind, label)

    def add(self, lane: str, kind: str, start_s: float, end_s: float, label: str = "") -> None:
        """Record a span whose times are known.

        A ValueError if it ends before it starts, or if a time is not finite, or the kind
        unknown; a TypeError if a time is no number, or a lane or label no text.
        """
        if _finite("end_s", end_s) < _finite("start_s", start_s):
            raise ValueError(f"end_s={end_s!r} lies before start_s={start_s!r}")
        fields = (_text("lane", lane), _known(kind), _text("label", label))
        self.rows.append((start_s, end_s, *fields))

    def mark(self, lane: str, kind: str, label: str = "", time_s: float | None = None) -> None:
        """Record a mark, at this moment unless `time_s` says another; errors as for `add`."""
        moment_s = now_s() if time_s is None else _finite("time_s", time_s)
        self.ticks.append((moment_s, _text("lane", lane), _known(kind), _text("label", label)))

    def expect(self, kind: str, count: int, lane: str = "", *, at_least: bool = False) -> None:
        """Say how many entries of this kind a whole run holds (all lanes, unless one is named).

        A run is evidence only for what it expects: expect each kind that a verdict asks of.
        An error that nobody expects makes a run unusable; an intended one is expected by
        `expect("error", 1)`. A ValueError for a count below 0 or an unknown kind.
        """
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ValueError(f"count={count!r}: a whole number from 0 on")
        self.expected.append(Expectation(_known(kind), count, _text("lane", lane), at_least))

    def problems(self) -> list[str]:
        """Return why this run can't be evidence, a sentence each; none if it is whole.

        Whole is a run that holds what it should, no error that was not intended, and times
        that are finite, in order and not all zero.
        """
        if not any(entry.count for entry in self.expected if entry != HEARD):
            return ["it does not say what it should hold"]
        rows, ticks = list(self.rows), list(self.ticks)
        found = []
        for kind, count, lane, at_least in self.expected:
            lanes = [row[2] for row in rows if row[3] == kind]
            lanes += [tick[1] for tick in ticks if tick[2] == kind]
            there = len(lanes) if not lane else lanes.count(lane)
            if there < count or (there > count and not at_least):
                where = f" of “{lane}”" if lane else ""
                wanted = f"{count} or more" if at_least else count
                found.append(f"“{kind}”{where} is recorded {there} times, not {wanted}")
        intended = {entry.lane for entry in self.expected if entry.kind == "error" and entry.count}
        errors = [(row[2], row[4]) for row in rows if row[3] == "error"]
        errors += [(tick[1], tick[3]) for tick in ticks if tick[2] == "error"]
        odd = [f"{lane}: {label}" for lane, label in errors if not intended & {"", lane}]
        found += [f"an error that was not intended, {what}" for what in odd[:3]]
        if not all(
            map(math.isfinite, [t for row in rows for t in row[:2]] + [t[0] for t in ticks])
        ):
            found.append("a time is not finite")
        if any(row[1] < row[0] for row in rows):
            found.append("something ends before it starts")
        took_time = {row[3]: False for row in rows}
        for row in rows:
            took_time[row[3]] |= row[1] != row[0]
        found += [f"no “{kind}” takes any time" for kind, took in took_time.items() if not took]
        return found

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
        return asdict(self) | {"expected": [list(entry) for entry in self.expected]}

    @classmethod
    def load(cls, data: dict) -> Ledger:
        """Return the ledger kept in data; a ValueError names what is wrong with it."""
        try:
            rows = [tuple(Span(*row)) for row in data["rows"]]
            ticks = [tuple(Mark(*tick)) for tick in data["ticks"]]
            provenance = dict(data["provenance"])
            unit = data.get("unit", "s")
            expected = [Expectation(*entry) for entry in data.get("expected", [])]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is no stored ledger: {error}") from error
        for entry, times in [(row, 2) for row in rows] + [(tick, 1) for tick in ticks]:
            typed = [isinstance(t, int | float) for t in entry[:times]]
            typed += [isinstance(word, str) for word in entry[times:]]
            if not all(typed) or not entry[0] <= entry[times - 1]:
                raise ValueError(f"this is no stored ledger: {entry} is no span and no mark")
            if not all(map(math.isfinite, entry[:times])) or entry[times + 1] not in KINDS:
                raise ValueError(f"this is no stored ledger: {entry} has an odd time or kind")
        return cls(rows, ticks, provenance, unit, expected)


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
        f'"unit": {json.dumps(run.unit)}, "expected": {json.dumps(run.expected)},\n'
        f'"provenance": {json.dumps(run.provenance)}}}'
        for name, run in sorted(runs.items())
    ]
    path.write_text("{" + ",\n".join(entries) + "}\n", "utf-8")
