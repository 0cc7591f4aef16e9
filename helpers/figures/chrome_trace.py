"""A ledger as Chrome trace JSON, the format that Perfetto (ui.perfetto.dev) opens.

Plan: every panel is a process, every lane a thread of it, in the order of the figure. A
lane whose spans lie beside or inside each other becomes slices of its thread ("X"); one
whose spans overlap can't, so each of its spans is an asynchronous slice with an id of its
own ("b" and "e"). A mark is an instant ("i"), a level a counter ("C"), and what a server
served is tied by an arrow ("s" to "f") to the request that it was for. Kind, lane and label
stand in every event, so that nothing of the ledger is lost. Times are microseconds since the
panel's first moment; where a ledger counts bytes, one microsecond stands for one byte.

Left out: Perfetto's own binary format.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from helpers.ledger import Ledger, Span


def chrome_trace(panels: Mapping[str, Ledger]) -> dict:
    """Return the ledgers, keyed by what they show, as one trace that JSON can hold.

    A ValueError if one of them is empty.
    """
    events: list[dict] = []
    ids = itertools.count(1)
    for process, (title, ledger) in enumerate(panels.items(), start=1):
        events += _panel(process, title, ledger, ids)
    about = {title: ledger.provenance for title, ledger in panels.items() if ledger.provenance}
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": about}


def _panel(process: int, title: str, ledger: Ledger, ids: Iterator[int]) -> Iterator[dict]:
    origin, _ = ledger.extent_s()
    unit = 1e6 if ledger.unit == "s" else 1.0
    if ledger.unit == "bytes":
        title += " (1 µs stands for 1 byte)"
    threads = {lane: number for number, lane in enumerate(ledger.lanes(), start=1)}

    def event(phase: str, lane: str, kind: str, label: str, time: float, **more) -> dict:
        return {
            "ph": phase,
            "name": f"{kind} {label}".strip(),
            "cat": kind,
            "pid": process,
            "tid": threads[lane],
            "ts": round((time - origin) * unit, 3),
            "args": {"lane": lane, "kind": kind, "label": label},
        } | more

    yield _named("process_name", process, 0, name=title)
    yield _named("process_sort_index", process, 0, sort_index=process)
    for lane, thread in threads.items():
        yield _named("thread_name", process, thread, name=lane)
        yield _named("thread_sort_index", process, thread, sort_index=thread)
    nested = set()
    for lane in threads:
        levels = ledger.spans(lane, "level")
        for span in levels:
            yield event("C", lane, "level", span.label, span.start_s) | _counter(lane, span)
        spans = [span for span in ledger.spans(lane) if span.kind != "level"]
        if _fit_into_each_other(spans):
            nested.add(lane)
        for span in sorted(spans, key=lambda span: (span.start_s, -span.end_s)):
            fields = lane, span.kind, span.label
            if lane in nested:
                duration = round(span.duration_s * unit, 3)
                yield event("X", *fields, span.start_s, dur=duration)
            else:
                id = {"local": f"0x{next(ids):x}"}  # local: of this process, and shown with it
                yield event("b", *fields, span.start_s, id2=id)
                yield event("e", *fields, span.end_s, id2=id)
        for mark in ledger.marks(lane):
            yield event("i", lane, mark.kind, mark.label, mark.time_s, s="t")
    for request, serving in _pairs(ledger):
        if {request.lane, serving.lane} <= nested:
            id = f"0x{next(ids):x}"
            name = {"name": "served", "cat": "served", "id": id}
            fields = "served", request.label
            yield event("s", request.lane, *fields, request.start_s) | name
            yield event("f", serving.lane, *fields, serving.start_s, bp="e") | name


def _named(what: str, process: int, thread: int, **args) -> dict:
    return {"ph": "M", "name": what, "pid": process, "tid": thread, "ts": 0, "args": args}


def _counter(lane: str, span: Span) -> dict:
    """Return what differs in the event of a counter: its arguments are what is drawn."""
    return {"name": lane, "args": {"level": float(span.label)}}


def _fit_into_each_other(spans: list[Span]) -> bool:
    """Tell whether each two spans lie beside or inside each other, as slices of a thread do."""
    open_until: list[float] = []
    for span in sorted(spans, key=lambda span: (span.start_s, -span.end_s)):
        while open_until and open_until[-1] <= span.start_s:
            open_until.pop()
        if open_until and span.end_s > open_until[-1]:
            return False
        open_until.append(span.end_s)
    return True


def _pairs(ledger: Ledger) -> Iterator[tuple[Span, Span]]:
    """Yield each request with what was served for it: the same label, and inside it."""
    requests = ledger.spans(kind="request")
    for serving in ledger.spans(kind="serving"):
        for request in requests:
            if request.label == serving.label and request.contains(serving):
                yield request, serving
                break
