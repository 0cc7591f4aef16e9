"""What a process has cost, as the ledger tells it."""

import mmap
import threading
import time

from helpers.kernel.process_costs import ProcessCosts
from helpers.ledger import Ledger

TIMEOUT_S = 10


def costs_of(work):
    """Return the costs of calling work(), by lane, as numbers."""
    ledger, costs = Ledger(), ProcessCosts()
    work()
    costs.write(ledger)
    assert ledger.problems() == []
    return {mark.lane: float(mark.label.split()[0]) for mark in ledger.marks(kind="value")}


def compute_for(seconds):
    end_s = time.process_time() + seconds
    while time.process_time() < end_s:
        pass


def taken_memory(megabytes):
    """Return memory that is fresh from the system: what was freed before can't stand in for it."""
    memory = mmap.mmap(-1, megabytes * 1_000_000)
    memory.write(b"x" * len(memory))
    return memory


def test_processor_time_is_what_was_computed_and_not_what_was_slept():
    assert costs_of(lambda: compute_for(0.2))["processor time"] >= 200
    assert costs_of(lambda: time.sleep(0.2))["processor time"] < 100


def test_a_thread_that_waits_is_switched_and_each_thread_counts():
    def sleep_often():
        for _ in range(50):
            time.sleep(0.001)

    def in_four_threads():
        threads = [threading.Thread(target=sleep_often) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT_S)

    assert costs_of(sleep_often)["switches"] >= 50
    assert costs_of(in_four_threads)["switches"] >= 4 * 50


def test_memory_is_what_was_taken_meanwhile():
    kept = []
    assert costs_of(lambda: kept.append(taken_memory(60)))["memory"] > 30


def test_start_leaves_out_what_was_computed_before_but_not_its_memory():
    ledger, costs = Ledger(), ProcessCosts()
    kept = taken_memory(60)
    compute_for(0.2)
    costs.start()
    costs.write(ledger)
    values = {mark.lane: float(mark.label.split()[0]) for mark in ledger.marks(kind="value")}
    assert values["processor time"] < 100
    assert values["memory"] > 30
    assert len(kept) == 60_000_000


def test_a_ledger_whose_costs_are_missing_is_no_evidence():
    ledger = Ledger()
    ProcessCosts().write(ledger)
    ledger.ticks.pop()
    assert ledger.problems() == ["“value” is recorded 2 times, not 3"]
