"""What the kernel says of sockets whose state we have just brought about ourselves."""

import contextlib
import os
import socket
import threading
import time
from itertools import pairwise
from types import SimpleNamespace

import listeners
import pytest

from helpers.kernel import gauges, tcp
from helpers.ledger import Ledger
from helpers.servers import serve

needs_linux = pytest.mark.needs_linux


@pytest.fixture
def sockets():
    """Open sockets with `listen()` and `connect(listener)`; close them all at the end."""
    with contextlib.ExitStack() as stack:

        def listen(backlog=8):
            return stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=backlog))

        def connect(listener, timeout=5):
            client = stack.enter_context(socket.socket())
            client.settimeout(timeout)
            client.connect(listener.getsockname())
            return client

        def accept(listener):
            listener.settimeout(5)
            connection, _ = listener.accept()
            connection.settimeout(5)
            return stack.enter_context(connection)

        yield SimpleNamespace(listen=listen, connect=connect, accept=accept)


def eventually(true, within_s=5.0):
    """Wait until something is true, and say whether it came to be."""
    end_s = time.monotonic() + within_s
    while not true() and time.monotonic() < end_s:
        time.sleep(0.01)
    return true()


# --- the accept queue


@needs_linux
def test_the_queue_counts_who_waits_and_forgets_who_was_accepted(sockets):
    listener = sockets.listen(backlog=5)
    assert tcp.queue(listener) == tcp.Queue(0, 5)
    for waiting in (1, 2, 3):
        sockets.connect(listener)
        assert tcp.queue(listener) == tcp.Queue(waiting, 5)
    sockets.accept(listener)
    assert tcp.queue(listener) == tcp.Queue(2, 5)


@needs_linux
def test_the_queue_takes_one_more_than_the_backlog(sockets):
    listener = sockets.listen(backlog=1)
    sockets.connect(listener)
    sockets.connect(listener)
    with pytest.raises(TimeoutError):
        sockets.connect(listener, timeout=0.2)
    assert tcp.queue(listener) == tcp.Queue(2, 1)


@needs_linux
def test_only_a_listener_has_a_queue_and_only_tcp(sockets):
    listener = sockets.listen()
    client = sockets.connect(listener)
    with pytest.raises(ValueError, match="does not listen: established"):
        tcp.queue(client)
    with pytest.raises(ValueError, match="does not listen: closed"), socket.socket() as fresh:
        tcp.queue(fresh)
    with (
        pytest.raises(ValueError, match="not a TCP socket"),
        socket.socket(type=socket.SOCK_DGRAM) as udp,
    ):
        tcp.queue(udp)
    listener.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        tcp.queue(listener)


# --- a connection


@needs_linux
def test_segments_with_data_are_counted_on_both_sides(sockets):
    listener = sockets.listen()
    client = sockets.connect(listener)
    served = sockets.accept(listener)
    for _ in range(3):
        client.sendall(b"ask")
        assert served.recv(10) == b"ask"
        served.sendall(b"answer")
        assert client.recv(10) == b"answer"
    ours, theirs = tcp.connection(client), tcp.connection(served)
    assert (ours.data_segments_out, ours.data_segments_in) == (3, 3)
    assert (theirs.data_segments_out, theirs.data_segments_in) == (3, 3)
    assert ours.segments_out > ours.data_segments_out, "the SYN carries no data"
    assert ours.state == theirs.state == "established"
    assert ours.retransmitted == ours.unsent == 0
    assert 0 < ours.round_trip_s < 5


@needs_linux
def test_the_state_follows_the_close(sockets):
    listener = sockets.listen()
    client = sockets.connect(listener)
    sockets.accept(listener).close()
    assert eventually(lambda: tcp.connection(client).state == "close wait")
    with pytest.raises(ValueError, match="listens"):
        tcp.connection(listener)


@needs_linux
def test_every_byte_is_in_one_buffer_or_the_other(sockets):
    listener = sockets.listen()
    client = sockets.connect(listener)
    served = sockets.accept(listener)
    client.setblocking(False)
    sent = 0
    with contextlib.suppress(BlockingIOError):
        for _ in range(10_000):
            sent += client.send(bytes(65536))
    assert eventually(lambda: tcp.unacknowledged(client) + tcp.unread(served) == sent)
    assert tcp.unread(served) > 0
    assert 0 < tcp.connection(client).unsent <= tcp.unacknowledged(client)
    assert tcp.unread(client) == 0


# --- who listens where


def here(found, port):
    return [(one.address, one.port, one.pid) for one in found if one.port == port]


def test_a_listener_is_found_by_the_kernel_and_by_psutil(sockets, monkeypatch):
    port = sockets.listen().getsockname()[1]
    expected = [("127.0.0.1", port, os.getpid())]
    assert here(listeners.listening(), port) == expected

    def refused():
        raise OSError("refused")

    monkeypatch.setattr(listeners, "_known_to_the_kernel", refused)
    found = listeners.listening()
    assert here(found, port) == expected
    assert {one.device for one in found} == {None}


def test_a_listener_that_closed_is_not_found(sockets):
    listener = sockets.listen()
    port = listener.getsockname()[1]
    listener.close()
    assert here(listeners.listening(), port) == []


def test_a_child_of_ours_is_found_by_its_own_process():
    child = serve("child", [], process=True)
    assert here(listeners.listening(), child.port) == [("127.0.0.1", child.port, child.pid)]


@needs_linux
def test_the_device_and_the_queue_of_a_listener_are_told(sockets):
    port = sockets.listen(backlog=4).getsockname()[1]
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        held.bind(("127.0.0.1", 0))
        held.listen(6)
        sockets.connect(held)
        found = {one.port: one for one in listeners.listening()}
        there = found[held.getsockname()[1]]
        assert (there.device, there.waiting, there.backlog) == ("lo", 1, 6)
        assert (found[port].device, found[port].waiting, found[port].backlog) == ("", 0, 4)


@needs_linux
def test_a_listener_with_an_address_of_the_other_family_is_told():
    if not socket.has_ipv6:
        pytest.skip("this system has no IPv6")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]
        assert here(listeners.listening(), port) == [("::1", port, os.getpid())]


# --- what cannot be told


@needs_linux
def test_linux_tells_everything():
    tcp.limits.cache_clear()
    assert tcp.limits() == {}


def test_another_system_names_what_it_does_not_tell(sockets, monkeypatch):
    monkeypatch.setattr(tcp, "sys", SimpleNamespace(platform="other"))
    tcp.limits.cache_clear()
    limits = tcp.limits()
    tcp.limits.cache_clear()
    assert set(limits) >= {"info", "queue", "unacknowledged"}
    listener = sockets.listen()
    asked = {
        "info": lambda: tcp.connection(listener),
        "queue": lambda: tcp.queue(listener),
        "unacknowledged": lambda: tcp.unacknowledged(listener),
    }
    for name, ask in asked.items():
        with pytest.raises(OSError) as raised:
            ask()
        assert str(raised.value) == limits[name]


@needs_linux
def test_a_kernel_with_a_shorter_struct_is_refused_where_the_field_would_be(sockets):
    listener = sockets.listen()

    class Older:
        type, family = listener.type, listener.family

        @staticmethod
        def getsockopt(*arguments):
            return sockets.connect(listener).getsockopt(*arguments)[:104]

    with pytest.raises(OSError, match="ends at byte 104: no 136"):
        tcp.connection(Older())


def refuse(*_):
    raise PermissionError("as Linux before 5.7 does")


@needs_linux
def test_holding_a_socket_to_a_device_is_tried_and_not_believed(monkeypatch):
    assert tcp.can_hold_to_device()
    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "setsockopt", refuse, raising=False)
        assert not tcp.can_hold_to_device()
    monkeypatch.delattr(socket, "SO_BINDTODEVICE")
    assert not tcp.can_hold_to_device()


# --- the gauge


def test_a_gauge_writes_each_level_once_and_without_gaps():
    level, ledger = [0], Ledger()
    with gauges.gauge(ledger, {"queue": lambda: level[0]}, every_s=0.01) as look:
        for level[0] in (1, 1, 2, 0):
            look()
    spans = ledger.spans("queue", gauges.LEVEL)
    assert gauges.readings(ledger, "queue") == [0, 1, 2, 0]
    assert all(a.end_s == b.start_s for a, b in pairwise(spans))


def test_a_gauge_reads_by_itself():
    level, ledger = [0], Ledger()
    with gauges.gauge(ledger, {"queue": lambda: level[0]}, every_s=0.005):
        for level[0] in range(3):
            time.sleep(0.2)
    assert gauges.readings(ledger, "queue") == [0, 1, 2]


def test_a_gauge_ends_a_level_that_can_no_longer_be_read(sockets):
    listener, ledger = sockets.listen(), Ledger()

    def read():
        listener.getsockname()
        return 7

    with gauges.gauge(ledger, {"port": read}) as look:
        listener.close()
        look()
        middle_s = time.perf_counter()
    [span] = ledger.spans("port", gauges.LEVEL)
    assert (span.label, span.end_s < middle_s) == ("7", True)


@pytest.mark.parametrize("bad", [0, -1, float("nan")])
def test_a_gauge_refuses_no_time_between_readings(bad):
    with pytest.raises(ValueError, match="every_s="), gauges.gauge(Ledger(), {"a": int}, bad):
        pass


def test_a_gauge_refuses_to_read_nothing():
    with pytest.raises(ValueError, match="nothing to read"), gauges.gauge(Ledger(), {}):
        pass


def test_the_thread_of_a_gauge_ends_with_its_block_even_by_an_exception():
    with pytest.raises(KeyError), gauges.gauge(Ledger(), {"a": lambda: 1}):
        raise KeyError("x")
    assert "gauge" not in {thread.name for thread in threading.enumerate()}


def test_what_a_reading_raises_in_the_thread_comes_out_at_the_end():
    level, ledger = [1], Ledger()
    with (
        pytest.raises(ZeroDivisionError),
        gauges.gauge(ledger, {"a": lambda: 1 // level[0]}, every_s=0.001),
    ):
        level[0] = 0
        time.sleep(0.2)
