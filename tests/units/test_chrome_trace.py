"""The exported trace holds the whole ledger: read back, its figure says the same."""

import json
import random

import pytest

from helpers.figures import buffers, order, sequence, timeline, waterfall
from helpers.figures.chrome_trace import chrome_trace
from helpers.ledger import KINDS, Ledger


def read_back(trace, process=1):
    """Return the ledger of one process of a trace, by the rules of the format alone."""
    ledger, open_spans, levels = Ledger(), {}, []
    names = {}
    for event in json.loads(json.dumps(trace))["traceEvents"]:
        if event["pid"] != process:
            continue
        if event["ph"] == "M":
            if event["name"] == "thread_name":
                names[event["tid"]] = event["args"]["name"]
            continue
        time_s, lane = event["ts"] / 1e6, names[event["tid"]]
        fields = (event["cat"], event["args"].get("label", ""))
        if event["ph"] == "X":
            ledger.add(lane, fields[0], time_s, time_s + event["dur"] / 1e6, fields[1])
        elif event["ph"] == "b":
            open_spans[event["id2"]["local"]] = time_s
        elif event["ph"] == "e":
            ledger.add(lane, fields[0], open_spans.pop(event["id2"]["local"]), time_s, fields[1])
        elif event["ph"] == "i":
            ledger.mark(lane, *fields, time_s)
        elif event["ph"] == "C":
            levels.append((lane, time_s, event["args"]["level"]))
        else:
            assert event["ph"] in ("s", "f")
    assert not open_spans
    return ledger, levels


def all_of(ledger):
    """Return all that a ledger holds, times counted from its first moment in microseconds."""
    origin, _ = ledger.extent_s()

    def us(time_s):
        return round((time_s - origin) * 1e6)

    spans = [(s.lane, s.kind, s.label, us(s.start_s), us(s.end_s)) for s in ledger.spans()]
    marks = [(m.lane, m.kind, m.label, us(m.time_s)) for m in ledger.marks()]
    return sorted(spans), sorted(marks)


def blocking_run(side_by_side):
    ledger = Ledger()
    for n in range(5):
        start = 100.0 if side_by_side else 100.0 + 0.25 * n
        ledger.add("requests", "request", start, start + 0.25, str(n))
        ledger.add("server", "serving", start + 0.02, start + 0.22, str(n))
        if not side_by_side:
            ledger.add("caller's thread", "blocked", start, start + 0.24, "recv")
    for n in range(150):
        ledger.mark("heartbeat", "beat", "every 10 ms", 99.9 + 0.01 * n)
    ledger.mark("server", "error", "it broke", 100.3)
    return ledger


@pytest.mark.parametrize("side_by_side", [False, True])
def test_the_trace_says_the_same_as_the_figures_words(side_by_side):
    ledger = blocking_run(side_by_side)
    again, _ = read_back(chrome_trace({"five": ledger}))
    assert all_of(again) == all_of(ledger)
    for figure in (timeline, order):
        assert figure.describe({"x": again}).plain() == figure.describe({"x": ledger}).plain()


def test_the_phases_of_a_request_and_the_pieces_on_the_wire_too():
    ledger = Ledger()
    for at, kind in enumerate(("queued", "connect", "send", "wait", "receive")):
        ledger.add("requests", kind, 5.0 + at, 6.0 + at, "1")
    ledger.add("requests", "request", 5.0, 10.0, "1")
    ledger.add("wire 1", "sent", 7.0, 7.2, "70 bytes")
    ledger.add("wire 1", "received", 9.0, 9.4, "100 bytes")
    again, _ = read_back(chrome_trace({"one": ledger}))
    for figure in (waterfall, sequence):
        assert figure.describe({"x": again}).plain() == figure.describe({"x": ledger}).plain()


def test_levels_are_counters_that_hold_until_the_next():
    ledger = Ledger()
    for start, end, level in ((1.0, 1.5, 0), (1.5, 2.0, 7), (2.0, 4.0, 3)):
        ledger.add("accept queue", "level", start, end, str(level))
    ledger.mark("server", "event", "accept", 4.0)
    _, levels = read_back(chrome_trace({"one": ledger}))
    assert levels == [("accept queue", 0.0, 0), ("accept queue", 0.5, 7), ("accept queue", 1.0, 3)]
    words = buffers.describe({"one": ledger}).plain()
    assert str(max(level for _, _, level in levels)).removesuffix(".0") in words


def test_overlapping_spans_are_asynchronous_with_an_id_each_and_others_are_slices():
    ledger = Ledger()
    ledger.add("a", "request", 0, 2, "1")
    ledger.add("a", "request", 1, 3, "2")
    ledger.add("b", "request", 0, 3, "1")
    ledger.add("b", "request", 1, 2, "2")
    ledger.add("b", "request", 3, 4, "3")
    events = chrome_trace({"one": ledger})["traceEvents"]
    phases = {
        lane: "".join(e["ph"] for e in events if e["args"].get("lane") == lane) for lane in "ab"
    }
    assert phases == {"a": "bebe", "b": "XXX"}
    ids = [event["id2"]["local"] for event in events if event["ph"] == "b"]
    assert len(set(ids)) == 2


def test_an_arrow_leads_from_a_request_to_what_was_served_for_it():
    ledger = blocking_run(False)
    events = chrome_trace({"one": ledger})["traceEvents"]
    starts, ends = ({e["id"]: e for e in events if e["ph"] == phase} for phase in "sf")
    assert len(starts) == 5 and starts.keys() == ends.keys()
    for id, start in starts.items():
        assert ends[id]["ts"] - start["ts"] == pytest.approx(20_000)
        assert ends[id]["bp"] == "e", "bound to the slice that it lies in"


def test_panels_are_processes_and_lanes_threads_in_the_figures_order():
    first, second = Ledger(), Ledger()
    second.add("z", "request", 1, 2)
    second.add("a", "request", 3, 4)
    first.mark("only", "event", "x", 1.0)
    events = chrome_trace({"one": first, "two": second})["traceEvents"]
    named = [(e["name"], e["pid"], e["tid"], e["args"]) for e in events if e["ph"] == "M"]
    assert ("process_name", 2, 0, {"name": "two"}) in named
    assert ("thread_name", 2, 1, {"name": "z"}) in named
    assert ("thread_name", 2, 2, {"name": "a"}) in named
    assert ("thread_sort_index", 2, 2, {"sort_index": 2}) in named


def test_a_ledger_of_bytes_says_so():
    ledger = Ledger(unit="bytes")
    ledger.add("tap", "sent", 0, 9, "GET /")
    events = chrome_trace({"one": ledger})["traceEvents"]
    assert events[0]["args"]["name"] == "one (1 µs stands for 1 byte)"
    [piece] = [event for event in events if event["ph"] == "X"]
    assert (piece["ts"], piece["dur"]) == (0, 9)


def test_an_empty_ledger_is_refused():
    with pytest.raises(ValueError, match="empty"):
        chrome_trace({"one": Ledger()})


@pytest.mark.parametrize("seed", range(60))
def test_any_ledger_comes_back_whole(seed):
    random_ = random.Random(seed)
    ledger = Ledger()
    kinds = [kind for kind in KINDS if kind != "level"]
    for _ in range(random_.randrange(1, 30)):
        lane, kind = random_.choice("abc"), random_.choice(kinds)
        start = random_.randrange(10)
        if random_.random() < 0.3:
            ledger.mark(lane, kind, random_.choice(["", "x"]), start)
        else:
            ledger.add(lane, kind, start, start + random_.randrange(5), random_.choice(["", "1"]))
    again, _ = read_back(chrome_trace({"one": ledger}))
    assert all_of(again) == all_of(ledger)
