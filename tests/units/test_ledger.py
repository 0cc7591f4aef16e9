"""The ledger: what it keeps, the questions it answers, and what it refuses to load."""

import json
import math
import random
import threading
import time

import pytest

from helpers.ledger import (
    HEARD,
    Ledger,
    Mark,
    Span,
    duration_s,
    in_flight,
    load_runs,
    longest_gap,
    longest_gap_s,
    now_s,
    one_after_another,
    save_runs,
    share,
    union,
    within,
)


def spans(*times):
    return [Span(start_s, end_s, "lane", "request") for start_s, end_s in times]


def marks(*times):
    return [Mark(time_s, "lane", "beat") for time_s in times]


def a_ledger():
    ledger = Ledger()
    ledger.add("server", "serving", 1.5, 2.25, "1")
    ledger.add("requests", "request", 1.0, 2.5, "1")
    ledger.mark("heartbeat", "beat", "every 10 ms", time_s=0.5)
    ledger.provenance = {"made": "2026-11-23"}
    return ledger


# --- writing and reading


def test_spans_come_in_order_of_their_start_however_they_were_written():
    ledger = Ledger()
    times = [(n / 10, n / 10 + 0.3) for n in range(50)]
    for start_s, end_s in random.Random(1).sample(times, len(times)):
        ledger.add("lane", "request", start_s, end_s)
    assert [(s.start_s, s.end_s) for s in ledger.spans()] == times


def test_marks_come_in_order_of_time_however_they_were_written():
    ledger = Ledger()
    for time_s in (3.0, 1.0, 2.0):
        ledger.mark("lane", "beat", time_s=time_s)
    assert [m.time_s for m in ledger.marks()] == [1.0, 2.0, 3.0]


def test_lane_kind_and_label_choose_spans_and_marks_together():
    ledger = Ledger()
    for lane in "ab":
        for kind in ("request", "serving"):
            for label in "ef":
                ledger.add(lane, kind, 0.0, 1.0, label)
                ledger.mark(lane, kind, label, time_s=0.0)
    for chosen in (ledger.spans, ledger.marks):
        assert len(chosen()) == 8
        assert len(chosen(lane="a")) == len(chosen(kind="request")) == len(chosen(label="e")) == 4
        [only] = chosen("a", "serving", "f")
        assert (only.lane, only.kind, only.label) == ("a", "serving", "f")
        assert chosen(lane="") == []


def test_a_block_is_recorded_as_a_span_around_what_happens_in_it():
    ledger = Ledger()
    before_s = now_s()
    with ledger.span("lane", "request", "label"):
        ledger.mark("lane", "beat")
    after_s = now_s()
    [span], [mark] = ledger.spans(), ledger.marks()
    assert before_s <= span.start_s <= mark.time_s <= span.end_s <= after_s
    assert (span.lane, span.kind, span.label) == ("lane", "request", "label")


def test_a_block_that_raises_is_recorded_all_the_same_and_the_exception_goes_on():
    ledger = Ledger()
    with pytest.raises(KeyError, match="mine"), ledger.span("lane", "request"):
        raise KeyError("mine")
    assert len(ledger.spans()) == 1


def test_a_span_that_ends_before_it_starts_is_refused_with_both_times():
    ledger = Ledger()
    with pytest.raises(ValueError, match=r"end_s=1\.0 lies before start_s=2\.0"):
        ledger.add("lane", "request", 2.0, 1.0)
    assert ledger.rows == []


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_a_time_that_is_not_finite_is_refused_by_its_name(odd):
    ledger = Ledger()
    with pytest.raises(ValueError, match=f"start_s={odd!r}: a time is a finite number"):
        ledger.add("lane", "request", odd, 1.0)
    with pytest.raises(ValueError, match=f"end_s={odd!r}"):
        ledger.add("lane", "request", 0.0, odd)
    with pytest.raises(ValueError, match=f"time_s={odd!r}"):
        ledger.mark("lane", "beat", time_s=odd)
    assert ledger.rows == ledger.ticks == []


@pytest.mark.parametrize("odd", ["1", None, True, [1.0], 1j])
def test_a_time_that_is_no_number_is_refused_by_its_name(odd):
    with pytest.raises(TypeError, match=r"end_s=.*a time is a number"):
        Ledger().add("lane", "request", 0.0, odd)


@pytest.mark.parametrize("odd", [1, None, b"lane"])
def test_a_lane_and_a_label_are_texts(odd):
    ledger = Ledger()
    for write in (ledger.span, ledger.mark, lambda *a: ledger.add(a[0], a[1], 0, 1, *a[2:])):
        with pytest.raises(TypeError, match="lane="):
            write(odd, "request")
        with pytest.raises(TypeError, match="label="):
            write("lane", "request", odd)
    assert ledger.rows == ledger.ticks == []


def test_a_kind_that_is_not_in_the_vocabulary_is_refused_by_its_name():
    ledger = Ledger()
    for write in (
        lambda: ledger.span("lane", "reqest"),
        lambda: ledger.add("lane", "reqest", 0, 1),
        lambda: ledger.mark("lane", "reqest"),
        lambda: ledger.expect("reqest", 1),
    ):
        with pytest.raises(ValueError, match="kind='reqest' is not in the ledger's vocabulary"):
            write()
    assert ledger == Ledger()


def test_a_ledger_counts_seconds_or_bytes():
    assert Ledger(unit="bytes").unit == "bytes"
    with pytest.raises(ValueError, match="unit='ms'"):
        Ledger(unit="ms")


def test_lanes_come_in_order_of_their_first_appearance_on_the_clock():
    ledger = Ledger()
    ledger.add("late", "request", 2.0, 3.0)
    ledger.add("early", "request", 1.0, 9.0)
    ledger.mark("first", "beat", time_s=0.0)
    ledger.mark("late", "beat", time_s=0.5)
    assert ledger.lanes() == ["first", "late", "early"]


def test_the_extent_holds_spans_and_marks_and_an_empty_ledger_has_none():
    assert a_ledger().extent_s() == (0.5, 2.5)
    with pytest.raises(ValueError, match="nothing was recorded"):
        Ledger().extent_s()


def test_nothing_is_lost_when_many_threads_write_at_once_and_one_reads():
    ledger, writers, each = Ledger(), 8, 2000
    started = threading.Barrier(writers + 1)

    def write(writer):
        started.wait(10)
        for n in range(each):
            ledger.add(f"lane {writer}", "request", n, n + 1, f"{writer}.{n}")
            ledger.mark(f"lane {writer}", "beat", f"{writer}.{n}")

    threads = [threading.Thread(target=write, args=(w,)) for w in range(writers)]
    for thread in threads:
        thread.start()
    started.wait(10)
    counts = []
    while any(thread.is_alive() for thread in threads):
        counts.append(len(ledger.spans()))
    for thread in threads:
        thread.join()
    labels = {f"{w}.{n}" for w in range(writers) for n in range(each)}
    assert counts == sorted(counts)
    assert len(ledger.rows) == len(ledger.ticks) == writers * each
    assert {s.label for s in ledger.spans()} == {m.label for m in ledger.marks()} == labels


def test_the_clock_is_one_clock_on_the_whole_machine_and_never_goes_back():
    clock = time.get_clock_info("perf_counter")
    assert clock.monotonic
    assert not clock.adjustable
    assert now_s is time.perf_counter


# --- the questions a verdict asks


@pytest.mark.parametrize(
    ("times", "most"),
    [
        ([], 0),
        ([(0, 1)], 1),
        ([(0, 1), (1, 2), (2, 3)], 1),
        ([(0, 2), (1, 3)], 2),
        ([(0, 9), (1, 2), (2, 3), (3, 4)], 2),
        ([(0, 9), (1, 8), (2, 7), (8, 9)], 3),
    ],
)
def test_in_flight_counts_spans_that_overlap_and_not_spans_that_touch(times, most):
    assert in_flight(spans(*times)) == in_flight(spans(*reversed(times))) == most


@pytest.mark.parametrize("seed", range(5))
def test_in_flight_equals_a_count_made_at_every_moment(seed):
    chance = random.Random(seed)
    some = [Span(a, a + chance.randint(1, 9), "", "") for a in chance.choices(range(40), k=30)]
    assert in_flight(some) == max(
        sum(s.start_s <= moment < s.end_s for s in some) for moment in range(50)
    )


def test_one_after_another_allows_spans_to_touch_and_no_overlap():
    assert one_after_another(spans((1, 2), (0, 1), (2.5, 3)))
    assert not one_after_another(spans((0, 1.01), (1, 2)))
    assert not one_after_another(spans((0, 9), (1, 2)))
    assert one_after_another([])


def test_a_span_contains_what_lies_inside():
    long, touching, inside, across = spans((0, 4), (4, 5), (1, 4), (3, 5))
    assert [long.contains(s) for s in (touching, inside, across)] == [False, True, False]


def test_duration_reaches_from_the_first_start_to_the_last_end():
    assert duration_s(spans((5, 6), (1, 9), (2, 3))) == 8
    assert duration_s([]) == 0


def test_the_longest_gap_is_between_neighbours_in_time():
    beats = marks(5.0, 1.0, 2.0, 4.5)
    assert longest_gap(beats) == (2.0, 4.5)
    assert longest_gap_s(beats) == 2.5


@pytest.mark.parametrize("times", [(), (1.0,)])
def test_a_gap_needs_two_marks(times):
    with pytest.raises(ValueError, match=f"there are {len(times)}"):
        longest_gap(marks(*times))


def test_within_keeps_the_marks_from_the_start_to_the_end_of_the_span():
    [span] = spans((1, 3))
    assert [m.time_s for m in within(marks(0.9, 1, 2, 3, 3.1), span)] == [1, 2, 3]


def test_union_joins_what_overlaps_or_touches_and_keeps_what_is_apart():
    assert list(union(spans((6, 7), (0, 2), (1, 3), (3, 4), (1.5, 1.6)))) == [(0, 4), (6, 7)]
    assert list(union([])) == []


def test_share_counts_what_is_covered_once_and_only_inside_the_window():
    assert share(spans((0, 2), (1, 3), (9, 99)), 2, 12) == pytest.approx(0.4)
    assert share(spans((0, 99)), 1, 2) == 1.0
    assert share(spans((0, 1), (2, 3)), 1, 2) == 0.0
    assert share([], 1, 2) == 0.0


def test_share_of_no_time_at_all_is_refused():
    with pytest.raises(ValueError, match=r"end_s=1 does not lie after start_s=1"):
        share([], 1, 1)


# --- what a whole run holds


def a_whole_run():
    ledger = a_ledger()
    ledger.expect("request", 1)
    ledger.expect("serving", 1, lane="server")
    ledger.expect("beat", 1, at_least=True)
    return ledger


def test_a_whole_run_has_no_problems():
    assert a_whole_run().problems() == []
    assert Ledger.load(a_whole_run().save()).problems() == []


def test_a_run_that_expects_nothing_is_no_evidence():
    ledger = a_ledger()
    assert ledger.problems() == ["it does not say what it should hold"]
    ledger.expect("error", 0)
    assert ledger.problems() == ["it does not say what it should hold"]


def test_that_its_heartbeat_is_there_makes_a_run_no_evidence():
    ledger = Ledger()
    ledger.expect(*HEARD[:3], at_least=HEARD.at_least)
    ledger.mark("heartbeat", "beat", time_s=0.0)
    ledger.mark("heartbeat", "beat", time_s=0.1)
    assert ledger.problems() == ["it does not say what it should hold"]
    ledger.expect("request", 1)
    ledger.add("requests", "request", 0.0, 0.1)
    assert ledger.problems() == []
    ledger.ticks.clear()
    assert ledger.problems() == ["“beat” of “heartbeat” is recorded 0 times, not 2 or more"]


@pytest.mark.parametrize("count", [-1, 1.0, True, "1", None])
def test_an_expectation_is_a_whole_number(count):
    with pytest.raises(ValueError, match="count="):
        Ledger().expect("request", count)


def test_too_few_and_too_many_are_counted_in_all_lanes_or_in_one():
    ledger = a_whole_run()
    ledger.add("requests", "request", 3.0, 4.0, "2")
    assert ledger.problems() == ["“request” is recorded 2 times, not 1"]
    ledger = a_whole_run()
    ledger.rows[0] = (1.5, 2.25, "another", "serving", "1")
    assert ledger.problems() == ["“serving” of “server” is recorded 0 times, not 1"]
    ledger = a_whole_run()
    ledger.mark("heartbeat", "beat")
    assert ledger.problems() == [], "more than enough is enough"
    ledger.ticks.clear()
    assert ledger.problems() == ["“beat” is recorded 0 times, not 1 or more"]


def test_an_error_is_a_problem_unless_it_is_expected():
    ledger = a_whole_run()
    ledger.mark("client 1", "error", "reset", time_s=2.0)
    ledger.add("client 2", "error", 1.0, 2.0, "time-out")
    client_1 = "an error that was not intended, client 1: reset"
    client_2 = "an error that was not intended, client 2: time-out"
    assert sorted(ledger.problems()) == [client_1, client_2]
    ledger.expect("error", 1, lane="client 1")
    assert ledger.problems() == [client_2]
    ledger.expect("error", 2)
    assert ledger.problems() == []


def test_expecting_no_error_intends_none():
    ledger = a_whole_run()
    ledger.expect("error", 0)
    assert ledger.problems() == []
    ledger.mark("client 1", "error", "reset", time_s=2.0)
    assert len(ledger.problems()) == 2


def test_a_time_that_is_not_finite_or_not_in_order_is_a_problem():
    ledger = a_whole_run()
    ledger.rows[0] = (1.5, math.inf, "server", "serving", "1")
    assert ledger.problems() == ["a time is not finite"]
    ledger.rows[0] = (1.5, 1.4, "server", "serving", "1")
    assert ledger.problems() == ["something ends before it starts"]


def test_a_kind_of_which_no_span_takes_time_is_a_problem_expected_or_not():
    ledger = a_whole_run()
    ledger.add("caller's thread", "blocked", 1.0, 1.0)
    assert ledger.problems() == ["no “blocked” takes any time"]
    ledger.add("caller's thread", "blocked", 1.0, 1.1)
    assert ledger.problems() == []


# --- keeping


def test_a_ledger_comes_back_from_json_equal():
    ledger = a_ledger()
    assert Ledger.load(json.loads(json.dumps(ledger.save()))) == ledger


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"rows": [], "ticks": []},
        {"rows": 3, "ticks": [], "provenance": {}},
        {"rows": [[0.0, 1.0]], "ticks": [], "provenance": {}},
        {"rows": [["0", "1", "lane", "request", ""]], "ticks": [], "provenance": {}},
        {"rows": [[0.0, None, "lane", "request", ""]], "ticks": [], "provenance": {}},
        {"rows": [[2.0, 1.0, "lane", "request", ""]], "ticks": [], "provenance": {}},
        {"rows": [[0.0, 1.0, 7, "request", ""]], "ticks": [], "provenance": {}},
        {"rows": [[0.0, 1.0, "lane", "request", "", 0]], "ticks": [], "provenance": {}},
        {"rows": [], "ticks": [["soon", "lane", "beat", ""]], "provenance": {}},
        {"rows": [], "ticks": [[0.0]], "provenance": {}},
        {"rows": [], "ticks": [], "provenance": "2026"},
    ],
)
def test_damaged_data_is_no_stored_ledger(data):
    with pytest.raises(ValueError, match="this is no stored ledger"):
        Ledger.load(data)


def test_runs_come_back_from_their_file_by_name(tmp_path):
    path = tmp_path / "10.ledger.json"
    runs = {"b": a_ledger(), "a": Ledger()}
    save_runs(path, runs)
    assert load_runs(path) == runs
    # One span or mark a line: a new recording is a diff that can be read.
    assert sum('"request"' in line for line in path.read_text().splitlines()) == 1
    assert max(line.count("lane") for line in path.read_text().splitlines()) <= 1


def test_labels_that_look_like_json_come_back_as_they_were(tmp_path):
    ledger = Ledger()
    for label in ('[["a"], ["b"]]', "], [", '"\\\n', "→ ✕", "NaN"):
        ledger.add(label, "request", 0.0, 1.0, label)
        ledger.mark(label, "beat", label, time_s=0.1)
    save_runs(tmp_path / "runs.json", {'"], [': ledger})
    assert load_runs(tmp_path / "runs.json") == {'"], [': ledger}


def test_no_file_holds_no_runs(tmp_path):
    assert load_runs(tmp_path / "nowhere.json") == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"a": null}', '{"a": {"rows": []}}', "\xff"])
def test_a_damaged_file_is_refused_by_its_name(tmp_path, text):
    path = tmp_path / "10.ledger.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"10\.ledger\.json"):
        load_runs(path)


def test_a_file_cut_short_is_refused_wherever_it_is_cut(tmp_path):
    path = tmp_path / "10.ledger.json"
    save_runs(path, {"a": a_ledger()})
    whole = path.read_text().rstrip()
    for length in range(len(whole)):
        path.write_text(whole[:length])
        with pytest.raises(ValueError, match=r"10\.ledger\.json"):
            load_runs(path)


# --- what a mutation tool found untested


def test_a_span_contains_one_that_starts_or_ends_with_it():
    outer = Span(1.0, 2.0, "a", "request")
    assert outer.contains(Span(1.0, 1.5, "b", "serving"))
    assert outer.contains(Span(1.5, 2.0, "b", "serving"))
    assert outer.contains(outer)
    assert not outer.contains(Span(0.9, 1.5, "b", "serving"))
    assert not outer.contains(Span(1.5, 2.1, "b", "serving"))


def test_lanes_come_by_their_first_start_whatever_was_written_first_or_ended_first():
    ledger = Ledger()
    ledger.add("long", "request", 1.0, 9.0)
    ledger.add("short", "request", 2.0, 3.0)
    ledger.add("late", "request", 5.0, 6.0)
    ledger.add("late", "request", 0.5, 0.6)
    ledger.add("late", "request", 7.0, 8.0)
    assert ledger.lanes() == ["late", "long", "short"]


def test_two_marks_have_a_gap_between_them():
    assert longest_gap([Mark(1.0, "a", "beat"), Mark(3.0, "a", "beat")]) == (1.0, 3.0)
    with pytest.raises(ValueError, match="a gap needs two marks, there are 1"):
        longest_gap([Mark(1.0, "a", "beat")])


def test_a_span_and_a_mark_without_a_label_have_an_empty_one():
    ledger = Ledger()
    with ledger.span("a", "request"):
        pass
    ledger.add("a", "request", 1.0, 2.0)
    ledger.mark("a", "beat")
    assert [span.label for span in ledger.spans()] + [m.label for m in ledger.marks()] == [""] * 3


def test_one_span_of_a_kind_that_takes_time_is_enough_wherever_it_stands():
    for first_s, second_s in ((0.5, 0.0), (0.0, 0.5)):
        ledger = Ledger()
        ledger.expect("request", 2)
        ledger.add("a", "request", 1.0, 1.0 + first_s)
        ledger.add("a", "request", 2.0, 2.0 + second_s)
        assert ledger.problems() == []


def test_of_many_errors_the_first_three_are_named():
    ledger = Ledger()
    ledger.expect("event", 1)
    ledger.mark("a", "event")
    for n in range(5):
        ledger.mark(f"client {n}", "error", "reset")
    assert ledger.problems() == [
        f"an error that was not intended, client {n}: reset" for n in range(3)
    ]


def test_what_is_no_lane_is_refused_by_its_name():
    with pytest.raises(TypeError, match="lane=3"):
        Ledger().expect("request", 1, lane=3)
