"""The instruments, held to account by a sampler that shares no code with them.

What an instrument says of a thread must agree with what the operating system says of the
same thread (`threads.ThreadSampler`), in a real exchange with a live server.
"""

import asyncio
import contextlib
import gc
import http.client
import socket
import statistics
import threading
import time
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from helpers import instruments
from helpers.instruments import (
    blocking_calls,
    heartbeat,
    loop_idle,
    record,
    sample_thread,
)
from helpers.ledger import (
    CALLER,
    HEARTBEAT,
    SYSTEM_CPU,
    SYSTEM_STATE,
    Ledger,
    duration_s,
    in_flight,
    longest_gap_s,
    now_s,
    one_after_another,
    share,
    within,
)
from helpers.servers import serve

DELAY_S = 0.2
TIMEOUT_S = 10


async def slow(request):
    await asyncio.sleep(DELAY_S)
    return web.Response(text="done")


def slow_server():
    return serve("server", [web.get("/", slow)])


def get_blocking(server, n=1):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT_S)
    connection.request("GET", f"/?n={n}")
    with connection.getresponse() as response:
        assert response.read() == b"done"


async def get_awaiting(session, server, n=1):
    async with session.get(f"{server.url}/?n={n}") as response:
        assert await response.read() == b"done"


def new_session():
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))


def burn(cpu_s):
    """Use a processor without a break until this thread has had so many seconds of it."""
    end_s = time.thread_time() + cpu_s
    while time.thread_time() < end_s:
        pass


def longest(spans):
    return max(spans, key=lambda span: span.duration_s)


@contextlib.contextmanager
def accounted(instrument, accounts):
    """Append to accounts what three parties say of this thread's block: which part it waited.

    The instrument counts its spans, the sampler its samples and its processor time. The
    system's own books (proc(5), schedstat) give the bounds: asleep is what is neither on a
    processor nor queued for one, and to be queued may count as waiting or not.
    """

    def books():
        path = f"/proc/self/task/{threading.get_native_id()}/schedstat"
        return now_s(), *(int(ns) / 1e9 for ns in Path(path).read_text().split()[:2])

    ledger = Ledger()
    with sample_thread(ledger) as sampler, instrument(ledger):
        before = books()
        yield
        after = books()
    wall_s, cpu_s, queued_s = (b - a for a, b in zip(before, after, strict=True))
    accounts.append(
        {
            "least": 1 - (cpu_s + queued_s) / wall_s,
            "instrument": share(ledger.spans(CALLER), before[0], after[0]),
            "samples": 1 - sampler.share("R"),
            "processor": 1 - sampler.cpu_s / sampler.wall_s,
            "most": 1 - cpu_s / wall_s,
        }
    )


def assert_agree(accounts):
    """Compare the middle one of several accounts: a loaded machine can spoil a single one."""
    said = {name: statistics.median(each[name] for each in accounts) for name in accounts[0]}
    # A hundred samples are a coarser measure than a clock.
    for name, error in (("instrument", 0.03), ("processor", 0.03), ("samples", 0.15)):
        assert said["least"] - error < said[name] < said["most"] + error, (name, said)
    assert said["instrument"] > 0.5


# --- held to account


@pytest.mark.needs_linux
def test_blocking_calls_agree_with_the_operating_system():
    server, accounts = slow_server(), []
    for n in range(5):
        with accounted(blocking_calls, accounts):
            get_blocking(server, n)
    assert_agree(accounts)


@pytest.mark.needs_linux
def test_loop_idle_agrees_with_the_operating_system():
    async def experiment():
        server, accounts = slow_server(), []
        async with new_session() as session:
            for n in range(5):
                with accounted(loop_idle, accounts):
                    await get_awaiting(session, server, n)
        return accounts

    assert_agree(asyncio.run(experiment()))


@pytest.mark.needs_linux
def test_a_busy_caller_is_running_and_neither_blocked_nor_free():
    async def experiment():
        ledger = Ledger()
        with sample_thread(ledger) as sampler, blocking_calls(ledger), loop_idle(ledger):
            burn(0.3)
        return ledger, sampler

    ledger, sampler = asyncio.run(experiment())
    assert sampler.share("R") > 0.5
    assert ledger.spans(CALLER) == []
    assert duration_s(ledger.spans(SYSTEM_CPU)) >= 0.299


@pytest.mark.needs_linux
def test_a_busy_handler_is_running_while_its_caller_sleeps():
    samplers = []

    async def busy(request):
        with sample_thread(Ledger()) as sampler:
            burn(0.4)
        samplers.append(sampler)
        return web.Response(text="done")

    server = serve("server", [web.get("/", busy)])
    with sample_thread(Ledger()) as caller:
        get_blocking(server)
    [handler] = samplers
    assert handler.share("R") > 0.5 > caller.share("R")
    assert handler.cpu_s > 2 * caller.cpu_s


def test_equal_samples_in_a_row_are_one_stretch_until_the_next_begins(monkeypatch):
    class Told(instruments.threads.ThreadSampler):
        def __exit__(self, *_):
            super().__exit__()
            at_s, states = now_s() + 100, ["S poll", "S poll", "R ", "S poll", "S futex", "D "]
            self.samples = [(at_s + n, *state.split(" ")) for n, state in enumerate(states)]
            self.wall_s = 200.0

    monkeypatch.setattr(instruments.threads, "ThreadSampler", Told)
    ledger = Ledger()
    with sample_thread(ledger, every_s=60):
        pass
    spans = ledger.spans(SYSTEM_STATE)
    assert [(span.kind, span.label) for span in spans] == [
        ("asleep", "poll"),
        ("running", ""),
        ("asleep", "poll"),
        ("asleep", "futex"),
        ("asleep", ""),
    ]
    assert [round(span.duration_s, 6) for span in spans[:4]] == [2, 1, 1, 1]
    assert all(a.end_s == b.start_s for a, b in pairwise(spans))
    [cpu] = ledger.spans(SYSTEM_CPU)
    assert spans[-1].end_s == cpu.start_s + 200


def test_a_block_too_short_to_be_sampled_has_a_cpu_time_and_no_states():
    ledger = Ledger()
    with sample_thread(ledger, every_s=60):
        pass
    assert ledger.spans(SYSTEM_STATE) == []
    assert len(ledger.spans(SYSTEM_CPU)) == 1


# --- blocking calls


def labels(ledger):
    return [span.label for span in ledger.spans(CALLER, "blocked")]


def test_the_blocking_calls_of_an_exchange_are_named_as_in_their_manual_pages():
    server, ledger = slow_server(), Ledger()
    with blocking_calls(ledger):
        get_blocking(server)
    assert list(dict.fromkeys(labels(ledger))) == ["getaddrinfo", "connect", "send", "recv"]
    assert one_after_another(ledger.spans())
    assert longest(ledger.spans()).label == "recv"


def test_every_socket_method_that_blocks_is_seen():
    ledger = Ledger()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        with blocking_calls(ledger):
            client.connect(listener.getsockname())
            connection, _ = listener.accept()
            with connection:
                client.send(b"1")
                connection.recv(9)
                client.sendall(b"2")
                connection.recv_into(bytearray(9))
        assert labels(ledger) == ["connect", "accept", "send", "recv", "send", "recv"]
    ledger = Ledger()
    with socket.socket(type=socket.SOCK_DGRAM) as a, socket.socket(type=socket.SOCK_DGRAM) as b:
        a.bind(("127.0.0.1", 0))
        with blocking_calls(ledger):
            b.sendto(b"1", a.getsockname())
            a.recvfrom(9)
            assert b.connect_ex(a.getsockname()) == 0
            b.send(b"2")
            a.recvfrom_into(bytearray(9))
    assert labels(ledger) == ["sendto", "recvfrom", "connect", "send", "recvfrom"]


@pytest.mark.skipif(not hasattr(socket.socket, "sendmsg"), reason="no sendmsg on this system")
def test_messages_with_several_buffers_are_seen_too():
    ledger = Ledger()
    a, b = socket.socketpair()
    with a, b, blocking_calls(ledger):
        a.sendmsg([b"1", b"2"])
        assert b.recvmsg(1)[0] == b"1"
        b.recvmsg_into([bytearray(9)])
    assert labels(ledger) == ["sendmsg", "recvmsg", "recvmsg"]


def test_a_call_that_raises_is_recorded_and_raises_the_same():
    ledger = Ledger()
    a, b = socket.socketpair()
    with a, b, blocking_calls(ledger):
        a.settimeout(0.05)
        with pytest.raises(TimeoutError):
            a.recv(1)
    [span] = ledger.spans(CALLER, "blocked")
    assert span.label == "recv"
    assert span.duration_s >= 0.045


def test_sockets_that_do_not_block_are_left_out():
    ledger = Ledger()
    a, b = socket.socketpair()
    with a, b, blocking_calls(ledger):
        a.setblocking(False)
        with pytest.raises(BlockingIOError):
            a.recv(1)
        a.send(b"1")
    assert ledger.spans() == []


def test_only_the_thread_that_asked_is_watched(another_thread):
    ledger = Ledger()
    with blocking_calls(ledger):
        thread = another_thread(time.sleep, 0.02)
        another_thread(socket.getaddrinfo, "127.0.0.1", 80)
        thread.join(TIMEOUT_S)
        time.sleep(0.01)
    assert labels(ledger) == ["sleep"]


def test_two_threads_are_watched_apart_and_the_first_to_leave_does_not_blind_the_other(
    another_thread,
):
    mine, theirs = Ledger(), Ledger()
    entered, left = threading.Event(), threading.Event()

    def watched():
        with blocking_calls(theirs):
            time.sleep(0.01)
            entered.set()
            left.wait(TIMEOUT_S)
            time.sleep(0.01)

    with blocking_calls(mine):
        thread = another_thread(watched)
        entered.wait(TIMEOUT_S)
        time.sleep(0.01)
    left.set()
    thread.join(TIMEOUT_S)
    assert labels(mine) == ["sleep"]
    assert labels(theirs) == ["sleep", "sleep"]


def everything_patched():
    return dict(socket.socket.__dict__), time.sleep, socket.getaddrinfo


def test_everything_is_as_before_afterwards_also_after_an_exception():
    before = everything_patched()
    with blocking_calls(Ledger()):
        assert everything_patched() != before
    assert everything_patched() == before
    with pytest.raises(KeyError), blocking_calls(Ledger()):
        raise KeyError
    assert everything_patched() == before


def test_watching_a_thread_twice_is_refused_and_the_first_watch_goes_on():
    before, ledger = everything_patched(), Ledger()
    with blocking_calls(ledger):
        with pytest.raises(RuntimeError, match="recorded already"), blocking_calls(Ledger()):
            pass
        time.sleep(0)
    assert labels(ledger) == ["sleep"]
    assert everything_patched() == before


# --- the loop and its heartbeat


def test_the_loops_selector_is_as_before_afterwards_also_after_an_exception():
    async def experiment():
        selector = asyncio.get_running_loop()._selector
        before, own = selector.select, dict(vars(selector))
        with loop_idle(Ledger()):
            assert selector.select != before
            with loop_idle(Ledger()):  # one inside the other comes off in order
                await asyncio.sleep(0)
        assert vars(selector) == own
        with pytest.raises(KeyError), loop_idle(Ledger()):
            raise KeyError
        assert vars(selector) == own

    asyncio.run(experiment())


def test_a_loop_without_a_selector_is_refused(monkeypatch):
    monkeypatch.setattr(asyncio, "get_running_loop", object)
    with pytest.raises(RuntimeError, match="no selector"), loop_idle(Ledger()):
        pass


def test_the_heartbeat_falls_silent_beside_a_call_that_blocks_and_not_beside_one_that_awaits():
    async def beating(wait):
        ledger = Ledger()
        async with heartbeat(ledger):
            with ledger.span(CALLER, "blocked"):
                await wait()
        return ledger

    async def block():
        time.sleep(0.3)

    blocked = asyncio.run(beating(block))
    awaited = asyncio.run(beating(lambda: asyncio.sleep(0.3)))
    [call] = blocked.spans()
    assert within(blocked.marks(HEARTBEAT), call) == []
    assert longest_gap_s(blocked.marks(HEARTBEAT)) >= 0.3
    assert longest_gap_s(awaited.marks(HEARTBEAT)) < 0.15
    # A beat on either side, however long the silence.
    assert blocked.marks()[0].time_s < call.start_s < call.end_s < blocked.marks()[-1].time_s
    assert {mark.label for mark in blocked.marks()} == {"every 10 ms"}


def test_the_heartbeat_stops_with_its_block_however_that_ends():
    async def experiment():
        ledger = Ledger()
        with pytest.raises(KeyError):
            async with heartbeat(ledger, every_s=0.005):
                raise KeyError
        beats = len(ledger.marks())
        await asyncio.sleep(0.05)
        assert beats > 0
        assert len(ledger.marks()) == beats
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(experiment())


@pytest.mark.parametrize("every_s", [0, -1, float("nan")])
def test_a_heartbeat_needs_a_time_between_beats(every_s):
    async def experiment():
        async with heartbeat(Ledger(), every_s):
            pass

    with pytest.raises(ValueError, match=f"every_s={every_s}"):
        asyncio.run(experiment())


# --- the hook of aiohttp


def test_what_a_server_serves_is_labelled_with_its_number_and_lies_within_the_request():
    async def experiment():
        server, ledger = slow_server(), Ledger()
        async with new_session() as session:

            async def one(n):
                with ledger.span("requests", "request", str(n)):
                    await get_awaiting(session, server, n)

            with server.recording(ledger):
                await asyncio.gather(*(one(n) for n in range(3)))
        return ledger

    ledger = asyncio.run(experiment())
    requests = {span.label: span for span in ledger.spans("requests", "request")}
    served = {span.label: span for span in ledger.spans("server", "serving")}
    assert set(requests) == set(served) == {"0", "1", "2"}
    assert all(requests[n].contains(served[n]) for n in served)
    assert in_flight(requests.values()) == in_flight(served.values()) == 3


# --- all of them around one experiment


def test_record_writes_what_caller_and_servers_do_into_one_ledger():
    async def experiment():
        server = slow_server()
        async with record(server) as ledger:
            get_blocking(server)
        return ledger

    ledger = asyncio.run(experiment())
    [serving] = ledger.spans("server", "serving")
    waiting = longest(ledger.spans(CALLER, "blocked"))
    assert waiting.label == "recv"
    assert waiting.start_s < serving.end_s and serving.start_s < waiting.end_s
    assert within(ledger.marks(HEARTBEAT), waiting) == []
    assert ledger.spans(CALLER, "free")


def test_a_second_experiment_waits_until_the_first_is_over():
    async def experiment():
        async with record(every_s=0.005) as ledger:
            await asyncio.sleep(0.05)
        return ledger

    async def both():
        return await asyncio.gather(experiment(), experiment())

    first, second = asyncio.run(both())
    assert first.extent_s()[1] <= second.extent_s()[0]


def test_a_second_experiment_that_has_waited_long_enough_gives_up():
    async def experiment():
        async with record():
            with pytest.raises(TimeoutError, match=r"still being recorded after 0\.1 s"):
                async with record(wait_s=0.1):
                    pass
        async with record(wait_s=0.1):
            pass

    asyncio.run(experiment())


@pytest.mark.parametrize("collecting", [True, False])
def test_record_leaves_collector_loop_and_calls_as_they_were_also_after_an_exception(collecting):
    async def experiment():
        selector = asyncio.get_running_loop()._selector
        own, patched = dict(vars(selector)), everything_patched()
        server = slow_server()
        with pytest.raises(KeyError):
            async with record(server):
                assert not gc.isenabled()
                raise KeyError
        assert gc.isenabled() is collecting
        assert vars(selector) == own
        assert everything_patched() == patched
        assert server._ledgers == []
        assert not instruments._experiment.locked()

    was = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        asyncio.run(experiment())
    finally:
        (gc.enable if was else gc.disable)()
