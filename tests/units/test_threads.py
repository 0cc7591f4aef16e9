"""What the operating system knows of a thread, and what is left where it does not tell."""

import os
import select
import socket
import threading
import time
from pathlib import Path

import pytest

from helpers.kernel import threads
from helpers.kernel.threads import (
    ThreadSampler,
    thread_call,
    thread_state,
)

TIMEOUT_S = 10
NO_THREAD = 2**22 + 1  # above the highest process id that Linux gives (proc(5), pid_max)


@pytest.fixture
def socket_pair():
    a, b = socket.socketpair()
    with a, b:
        yield a, b


@pytest.fixture
def counting_thread(another_thread):
    """A thread that runs and never waits."""
    done = threading.Event()

    def count():
        while not done.is_set():
            pass

    yield another_thread(count)
    done.set()


def sees(look, thread, wanted):
    """Tell whether look(thread) comes to be what is wanted, within a bound."""
    for _ in range(1000):
        if look(thread.native_id) == wanted:
            return True
        time.sleep(0.005)
    return False


# --- one look


@pytest.mark.needs_linux
def test_a_thread_that_waits_is_asleep_and_one_that_counts_is_running(
    another_thread, counting_thread
):
    done = threading.Event()
    waiting = another_thread(done.wait, TIMEOUT_S)
    assert sees(thread_state, waiting, "S")
    assert sees(thread_state, counting_thread, "R")
    pair = counting_thread, waiting
    looks = [tuple(thread_state(thread.native_id) for thread in pair) for _ in range(50)]
    done.set()
    assert looks.count(("R", "S")) > 25


@pytest.mark.needs_linux
def test_a_socket_with_pythons_timeout_waits_in_poll_and_one_without_in_recvfrom(
    another_thread, socket_pair
):
    waiting, writing = socket_pair
    for timeout_s, call in ((TIMEOUT_S, "poll"), (None, "recvfrom")):
        waiting.settimeout(timeout_s)
        thread = another_thread(waiting.recv, 1)
        assert sees(thread_call, thread, call)
        writing.send(b"1")
        thread.join(TIMEOUT_S)


@pytest.mark.needs_linux
def test_the_calls_in_which_threads_of_the_course_wait_are_known_by_name(
    another_thread, socket_pair
):
    waiting, writing = socket_pair
    done = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, select.epoll() as epoll:
        epoll.register(waiting, select.EPOLLIN)
        reading, written = os.pipe()
        threads = {
            "sleep": another_thread(time.sleep, 0.5),
            "futex": another_thread(done.wait, TIMEOUT_S),
            "epoll_wait": another_thread(epoll.poll, TIMEOUT_S),
            "accept": another_thread(listener.accept),
            "read": another_thread(os.read, reading, 1),
        }
        seen = {call: sees(thread_call, thread, call) for call, thread in threads.items()}
        done.set()
        writing.send(b"1")
        os.write(written, b"1")
        socket.create_connection(listener.getsockname(), TIMEOUT_S).close()
        for thread in threads.values():
            thread.join(TIMEOUT_S)
    os.close(reading)
    os.close(written)
    assert seen == dict.fromkeys(threads, True)


@pytest.mark.needs_linux
def test_a_running_thread_is_in_no_call(counting_thread):
    assert sees(thread_call, counting_thread, "")


def test_a_call_that_is_not_on_the_list_comes_back_as_its_number(monkeypatch):
    monkeypatch.setattr(threads, "_read", lambda path: "999 0x0 0x0")
    assert thread_call(1) == "999"


@pytest.mark.needs_linux
def test_there_is_no_state_of_a_thread_that_never_was():
    with pytest.raises(ProcessLookupError, match=f"no thread {NO_THREAD} in this process"):
        thread_state(NO_THREAD)
    assert thread_call(NO_THREAD) == ""


@pytest.mark.needs_linux
def test_there_is_no_state_of_a_thread_that_has_ended(another_thread):
    thread = another_thread(time.sleep, 0)
    thread.join()

    def state_or_none(number):
        try:
            return thread_state(number)
        except ProcessLookupError:
            return None

    # Python has done with a thread a moment before the system has.
    assert sees(state_or_none, thread, None)


@pytest.mark.needs_linux
def test_a_thread_may_have_any_name(another_thread):
    done = threading.Event()
    thread = another_thread(done.wait, TIMEOUT_S)
    path = Path(f"/proc/self/task/{thread.native_id}/comm")
    path.write_text("a) R (b")
    try:
        assert sees(thread_state, thread, "S")
    finally:
        done.set()


# --- the sampler


def test_the_sampler_knows_how_long_the_block_took_and_the_processor_time_it_got():
    with ThreadSampler() as sampler:
        time.sleep(0.2)
    assert sampler.wall_s >= 0.2
    assert sampler.cpu_s < 0.1
    assert not sampler._sampler.is_alive()


@pytest.mark.needs_linux
def test_the_sampler_sees_the_thread_that_entered_it_and_no_other(counting_thread):
    with ThreadSampler() as sampler:
        time.sleep(0.3)
    assert counting_thread.is_alive()
    assert sampler.share("S") > 0.5
    assert sampler.calls().most_common(1)[0][0] == "sleep"
    times = [time_s for time_s, _, _ in sampler.samples]
    assert times == sorted(times)


def test_the_sampler_ends_with_its_block_also_after_an_exception():
    with pytest.raises(KeyError), ThreadSampler() as sampler:
        raise KeyError
    assert not sampler._sampler.is_alive()


def test_the_share_of_no_samples_is_refused():
    with ThreadSampler(every_s=60) as sampler:
        pass
    with pytest.raises(ValueError, match="shorter than the time between two"):
        sampler.share("S")


@pytest.mark.parametrize("every_s", [0, -1, float("nan")])
def test_a_sampler_needs_a_time_between_samples(every_s):
    with pytest.raises(ValueError, match=f"every_s={every_s}"):
        ThreadSampler(every_s)


# --- where there is no /proc


def test_without_proc_the_sampler_tells_the_function_and_no_state(monkeypatch):
    monkeypatch.setattr(threads, "HAS_PROC", False)

    def a_function_that_waits():
        time.sleep(0.2)

    with ThreadSampler() as sampler:
        a_function_that_waits()
    assert {state for _, state, _ in sampler.samples} == {"?"}
    assert sampler.share("S") == 0
    assert sampler.calls().most_common(1)[0][0] == "a_function_that_waits"


def test_without_proc_the_state_of_a_thread_is_refused_by_what_is_missing(monkeypatch):
    def nothing_there(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(threads, "HAS_PROC", False)
    monkeypatch.setattr(threads, "LIMITS", {"linux": "this system has no /proc"})
    monkeypatch.setattr(threads, "_read", nothing_there)
    with pytest.raises(OSError, match="this system has no /proc"):
        thread_state(threading.get_native_id())
    assert thread_call(threading.get_native_id()) == ""


def test_the_limits_of_the_platform_are_told_where_there_are_any():
    assert bool(threads.LIMITS) is not threads.HAS_PROC
