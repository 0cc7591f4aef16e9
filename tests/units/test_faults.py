"""A pipe with faults, by numbers alone: no socket, and a clock that is only counted."""

import math
import random

import pytest

from helpers.wire.faults import CUT, END, LONG, RESET, SHORT, Faults, FaultyPipe
from helpers.wire.tap import Flow


def drain(pipe, now_s, until_s):
    """Let pass what may pass until then; return (time, when it came, what) for each piece."""
    passed = []
    while now_s <= until_s:
        while ready := pipe.ready(now_s):
            came_s, what = ready
            if what == CUT:
                return [*passed, (now_s, came_s, CUT)]
            is_bytes = isinstance(what, memoryview)
            pipe.pass_on(len(what) if is_bytes else 0, now_s)
            passed.append((now_s, came_s, bytes(what) if is_bytes else what))
        now_s = pipe.wake_s
    return passed


def test_without_faults_all_passes_at_once_in_order():
    pipe = FaultyPipe(Faults(), Flow())
    for at, data in enumerate([b"a", b"bc", END]):
        pipe.put(data, float(at))
    assert drain(pipe, 2.0, 2.0) == [(2.0, 0.0, b"a"), (2.0, 1.0, b"bc"), (2.0, 2.0, END)]
    assert pipe.wake_s == math.inf
    assert pipe.flow == Flow(taken=3, passed=3, dropped=0, most_held=3)


def test_a_delay_keeps_the_distances_and_wakes_when_the_time_has_come():
    pipe = FaultyPipe(Faults(delay_s=5.0), Flow())
    pipe.put(b"a", 1.0)
    pipe.put(b"b", 2.0)
    pipe.put(RESET, 2.5)
    assert pipe.ready(5.9) is None
    assert pipe.wake_s == 6.0
    assert [(t, what) for t, _, what in drain(pipe, 5.9, 99.0)] == [
        (6.0, b"a"),
        (7.0, b"b"),
        (7.5, RESET),
    ]


def test_a_piece_that_passes_in_part_goes_on_where_it_stopped():
    pipe = FaultyPipe(Faults(), Flow())
    pipe.put(b"abcdef", 0.0)
    for expected in (b"abcdef", b"cdef", b"ef"):
        assert bytes(pipe.ready(0.0)[1]) == expected
        pipe.pass_on(2, 0.0)
    assert pipe.ready(0.0) is None


@pytest.mark.parametrize("rate", [10, 1000, 64_000, 3_000_000])
def test_in_a_narrow_pipe_no_byte_passes_before_its_time(rate):
    pipe = FaultyPipe(Faults(bytes_per_s=rate, delay_s=1.0), Flow())
    size = int(rate * 3)
    pipe.put(bytes(size // 2), 0.0)
    pipe.put(bytes(size - size // 2), 0.5)
    total = 0
    for time_s, _, data in drain(pipe, 0.0, 99.0):
        total += len(data)
        assert time_s >= 1.0 + total / rate - 1e-6
    assert total == size
    assert time_s == pytest.approx(4.0)


def test_a_narrow_pipe_makes_up_for_a_late_timer_but_not_for_a_slow_receiver():
    pipe = FaultyPipe(Faults(bytes_per_s=1000), Flow())
    pipe.put(bytes(1000), 0.0)
    now_s = 0.0
    for _ in range(10):  # the timer is late by 1 ms each time
        pipe.ready(now_s)
        now_s = pipe.wake_s + 0.001
        pipe.pass_on(len(pipe.ready(now_s)[1]), now_s)
    assert now_s == pytest.approx(0.1 + 0.001)
    pipe.ready(50.0)
    pipe.pass_on(0, 50.0)  # the receiver took nothing for a long time
    [*_, (last_s, _, _)] = drain(pipe, 50.0, 99.0)
    assert last_s > 50.0 + 0.9 - 0.1


def test_a_stall_begins_after_exactly_so_many_bytes_and_ends_in_time():
    pipe = FaultyPipe(Faults(stall_after=4, stall_s=10.0), Flow())
    pipe.put(b"abcdef", 0.0)
    pipe.put(END, 0.0)
    assert bytes(pipe.ready(0.0)[1]) == b"abcd"
    pipe.pass_on(4, 0.0)
    assert pipe.ready(3.0) is None
    assert (pipe.stalled, pipe.wake_s) == (True, 13.0)
    assert pipe.ready(12.9) is None
    assert [(t, what) for t, _, what in drain(pipe, 13.0, 99.0)] == [(13.0, b"ef"), (13.0, END)]
    assert not pipe.stalled


def test_a_cut_comes_at_once_after_exactly_so_many_bytes():
    pipe = FaultyPipe(Faults(cut_after=4), Flow())
    assert pipe.ready(0.0) is None
    pipe.put(b"abcdef", 0.0)
    assert [what for _, _, what in drain(pipe, 0.0, 9.0)] == [b"abcd", CUT]
    pipe.drop()
    assert pipe.flow == Flow(taken=6, passed=4, dropped=2, most_held=6)
    assert FaultyPipe(Faults(cut_after=0), Flow()).ready(0.0)[1] == CUT


def test_whatever_the_faults_bytes_keep_their_order_and_none_gets_lost():
    for seed in range(200):
        chance = random.Random(seed)
        faults = Faults(
            delay_s=chance.choice((0, 0.3)),
            jitter_s=chance.choice((0, 0.2)),
            bytes_per_s=chance.choice((None, 700, 12_345)),
            stall_after=chance.randint(0, 900),
            stall_s=chance.choice((0, 0.4)),
            cut_after=chance.choice((None, chance.randint(0, 1200))),
            seed=seed,
        )
        pipe, data = FaultyPipe(faults, Flow()), chance.randbytes(1000)
        at, now_s, out = 0, 0.0, []
        while at < len(data):
            size = chance.randint(1, 200)
            pipe.put(data[at : at + size], now_s)
            at += size
            later_s = now_s + chance.uniform(0, 0.1)
            out += drain(pipe, now_s, later_s)
            now_s = later_s
        pipe.put(END, now_s)
        out += drain(pipe, now_s, 1e9)
        passed = b"".join(what for _, _, what in out if isinstance(what, bytes))
        cut = faults.cut_after is not None and faults.cut_after <= 1000
        assert passed == (data[: faults.cut_after] if cut else data)
        assert out[-1][2] == (CUT if cut else END)
        assert all(t >= came + faults.delay_s for t, came, what in out if what != CUT)
        assert [t for t, _, _ in out] == sorted(t for t, _, _ in out)
        pipe.drop()
        assert pipe.flow.taken == 1000 == pipe.flow.passed + pipe.flow.dropped


def test_a_full_line_has_no_room():
    for faults, bound in ((Faults(), SHORT), (Faults(delay_s=1), LONG)):
        pipe = FaultyPipe(faults, Flow())
        assert pipe.room == bound
        pipe.put(bytes(bound - 1), 0.0)
        assert pipe.room == 1
        pipe.put(b"x", 0.0)
        assert pipe.room == 0
    pipe = FaultyPipe(Faults(delay_s=1), Flow())
    for _ in range(2**16):
        pipe.put(b"x", 0.0)
    assert pipe.room == 0, "very many small pieces need memory too"


def test_what_is_random_repeats_with_seed_and_stream_and_differs_without():
    def times(seed, stream):
        pipe = FaultyPipe(Faults(jitter_s=1.0, seed=seed), Flow(), stream)
        for n in range(20):
            pipe.put(b"x", 10.0 * n)
        return [t - came for t, came, _ in drain(pipe, 0.0, 1e9)]

    assert times(1, "1 =>") == times(1, "1 =>")
    assert times(1, "1 =>") != times(1, "2 =>") != times(2, "1 =>")
    assert all(0 <= t <= 1.0 for t in times(1, "1 =>"))


def test_random_cuts_have_the_mean_that_was_asked_for():
    cuts = []
    for n in range(2000):
        pipe = FaultyPipe(Faults(cut_mean=1000, seed=4), Flow(), str(n))
        pipe.put(bytes(200_000), 0.0)
        drain(pipe, 0.0, 0.0)
        cuts.append(pipe.flow.passed)
    assert 900 < sum(cuts) / len(cuts) < 1100
    assert 0.3 < sum(cut > 1000 for cut in cuts) / len(cuts) < 0.44  # 1/e


@pytest.mark.parametrize(
    "wrong",
    [
        {"delay_s": -1},
        {"delay_s": math.inf},
        {"delay_s": "0.1"},
        {"jitter_s": -0.1},
        {"bytes_per_s": 0},
        {"cut_mean": -5},
        {"cut_after": 1.5},
        {"stall_after": -1},
        {"stall_s": math.nan},
        {"cut_as": "bang"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_by_its_name(wrong):
    [(name, value)] = wrong.items()
    with pytest.raises(ValueError, match=f"{name}={value!r}"):
        Faults(**wrong)


def test_two_rules_for_one_cut_are_refused():
    with pytest.raises(ValueError, match="cut_after and cut_mean"):
        Faults(cut_after=1, cut_mean=1)


# --- what a mutation tool found untested


def test_a_stall_begins_with_what_is_due_just_now():
    pipe = FaultyPipe(Faults(delay_s=1.0, stall_after=3, stall_s=5.0), Flow())
    pipe.put(b"abcdef", 0.0)
    came_s, data = pipe.ready(1.0)
    assert (came_s, bytes(data)) == (0.0, b"abc")
    pipe.pass_on(3, 1.0)
    assert pipe.stalled is False
    assert pipe.ready(1.0) is None
    assert (pipe.stalled, pipe.wake_s) == (True, 6.0)
    assert bytes(pipe.ready(6.0)[1]) == b"def"
    assert pipe.stalled is False


def test_a_very_narrow_pipe_lets_one_byte_pass_at_a_time():
    pipe = FaultyPipe(Faults(bytes_per_s=50), Flow())
    pipe.put(b"abc", 0.0)
    assert pipe.ready(0.0) is None
    assert pipe.wake_s == pytest.approx(0.02)
    assert bytes(pipe.ready(0.02)[1]) == b"a"


def test_what_is_dropped_adds_up_and_nothing_is_left_to_wake_for():
    flow = Flow(taken=10, passed=4, dropped=1)
    pipe = FaultyPipe(Faults(delay_s=1.0), flow)
    pipe.put(b"abc", 0.0)
    assert pipe.ready(0.0) is None and pipe.wake_s == 1.0
    pipe.drop()
    assert (flow.dropped, flow.held, pipe.wake_s) == (9, 0, math.inf)
