"""Work that burns the processor: as much as it is told to, of the thread that does it."""

import multiprocessing
import threading
import time
from concurrent.futures import ProcessPoolExecutor

from helpers.hosting.work import compute

TIMEOUT_S = 30


def processor_s(seconds):
    """Return how much processor time of this thread compute(seconds) takes."""
    before_s = time.thread_time()
    compute(seconds)
    return time.thread_time() - before_s


def test_it_takes_the_processor_time_it_is_told_to_take():
    assert processor_s(0.1) >= 0.1
    assert processor_s(0) < 0.05


def test_two_threads_at_once_each_take_their_own_processor_time():
    took = []
    threads = [threading.Thread(target=lambda: took.append(processor_s(0.1))) for _ in range(2)]
    before_s = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert len(took) == 2
    assert time.process_time() - before_s >= 2 * 0.1


def test_a_pool_of_fresh_processes_can_import_it():
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(compute, 0.05).result(TIMEOUT_S) is None
