"""Work apart: its result comes back, its failures too, and no process stays behind."""

import asyncio
import os
import time

import psutil
import pytest

from helpers.hosting.process_call import call_in_process
from helpers.parsing.call_cost import BOUTS, time_calls


def children():
    return psutil.Process().children(recursive=True)


def test_it_runs_in_another_process_without_the_collector():
    def where():
        import gc

        return os.getpid(), gc.isenabled()

    pid, collecting = asyncio.run(call_in_process(where))
    assert pid != os.getpid() and not collecting
    assert children() == []


def test_arguments_go_there_and_a_coroutine_gets_a_loop():
    async def later(a, b):
        await asyncio.sleep(0)
        return a * b

    assert asyncio.run(call_in_process(later, b"ab", 100_000)) == b"ab" * 100_000


def test_what_it_prints_does_not_get_into_the_answer():
    def talkative():
        print("hello", flush=True)
        return 1

    assert asyncio.run(call_in_process(talkative)) == 1


def test_what_it_raises_is_raised_here():
    def fail():
        raise ValueError("no such tulip")

    with pytest.raises(ValueError, match="no such tulip"):
        asyncio.run(call_in_process(fail))


def test_a_process_that_dies_or_answers_nothing_says_so():
    with pytest.raises(RuntimeError, match="ended without an answer"):
        asyncio.run(call_in_process(lambda: os._exit(3)))
    with pytest.raises((RuntimeError, TypeError, AttributeError), match=r"pickle|an answer"):
        asyncio.run(call_in_process(lambda: (n for n in range(3))))
    assert children() == []


def test_one_that_does_not_end_is_ended():
    def stuck():
        time.sleep(600)

    with pytest.raises(TimeoutError, match=r"stuck had not ended after 1 s"):
        asyncio.run(call_in_process(stuck, timeout_s=1))
    assert children() == []


def test_a_cancelled_one_leaves_no_process():
    async def cancel():
        task = asyncio.create_task(call_in_process(time.sleep, 600))
        while not children():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return children()

    assert asyncio.run(asyncio.wait_for(cancel(), 20)) == []


def test_every_work_is_measured_in_bouts_and_more_work_costs_more():
    def count(data):
        for _ in data:
            pass

    ledger = asyncio.run(time_calls([("few", b"x" * 100, count), ("many", b"x" * 10_000, count)]))
    assert [len(ledger.spans(lane, "parsing")) for lane in ("few", "many")] == [BOUTS, BOUTS]
    assert {s.label for s in ledger.spans("many")} == {"10000"}
    few, many = (min(s.duration_s for s in ledger.spans(lane)) for lane in ("few", "many"))
    assert many > 10 * few


def test_nothing_to_measure_is_refused():
    with pytest.raises(ValueError, match="nothing to measure"):
        asyncio.run(time_calls([]))
