"""The relay between real sockets: every byte passes, every end is passed on, nothing piles up."""

import asyncio
import contextlib
import hashlib
import http.client
import random
import socket
import struct
import threading
import time

import aiohttp
import pytest
from aiohttp import web

from helpers import servers
from helpers.instruments import record
from helpers.ledger import Ledger, now_s
from helpers.servers import serve, serve_sockets
from helpers.wire.faults import LONG, SHORT
from helpers.wire.relay import Faults, relay_to
from helpers.wire.relayed_connection import READ
from helpers.wire.tap import RECEIVED, SENT, first_line

TIMEOUT_S = 20
DELAY_S = 0.2
RESET_NOW = struct.pack("ii", 1, 0)


def connect(port):
    client = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def read_to_end(connection):
    """Return what comes until the other side ends, and how it ends."""
    parts = []
    try:
        while data := connection.recv(65536):
            parts.append(data)
    except ConnectionResetError:
        return b"".join(parts), "reset"
    return b"".join(parts), "end"


def read_all(port):
    """Connect, and return what comes until the other side ends, and how it ends.

    A reset that comes at once can overtake the return of connect(2).
    """
    try:
        client = connect(port)
    except ConnectionResetError:
        return b"", "reset"
    with client:
        return read_to_end(client)


class Peer:
    """A server that gives each connection to one test: what it read, and how that ended."""

    def __init__(self, reply=b"", *, first=False):
        self.reply, self.first = reply, first
        self.got, self.how = b"", ""
        self.done = threading.Event()
        self.server = serve_sockets("peer", self.handle)
        self.port = self.server.port

    def handle(self, connection):
        connection.settimeout(TIMEOUT_S)
        with contextlib.suppress(OSError):
            if self.first:
                connection.sendall(self.reply)
        self.got, self.how = read_to_end(connection)
        with contextlib.suppress(OSError):
            if not self.first:
                connection.sendall(self.reply)
        self.done.set()

    def wait(self):
        assert self.done.wait(TIMEOUT_S)
        return self.got, self.how


def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)


def wait_until(true):
    """Wait until true() is true; an AssertionError if that never comes."""
    for _ in range(1000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def flow(wire, direction, connection=1):
    return wire.tap.flows[connection, direction]


def assert_conserved(wire, *, dropped=None):
    """Every byte taken was passed on or dropped, and none is held any more."""
    assert wire.wait_until_closed()
    for each in wire.tap.flows.values():
        assert each.taken == each.passed + each.dropped
    if dropped is not None:
        assert sum(each.dropped for each in wire.tap.flows.values()) == dropped
    assert wire.held_bytes == 0
    assert wire.errors == []


# --- bytes pass


@pytest.mark.parametrize("seed", range(6))
def test_every_byte_passes_however_it_is_cut(seed):
    chance = random.Random(seed)
    there, back = (chance.randbytes(chance.randint(1, 300_000)) for _ in range(2))
    received = []

    def handle(connection):
        reader = threading.Thread(target=lambda: received.append(read_to_end(connection)))
        reader.start()
        send_cut(connection, back, random.Random(seed + 100))
        connection.shutdown(socket.SHUT_WR)
        reader.join(TIMEOUT_S)

    def send_cut(connection, data, chance):
        at = 0
        while at < len(data):
            size = chance.choice((1, 2, 100, 5000, 70_000))
            connection.sendall(data[at : at + size])
            at += size

    jitter = Faults(jitter_s=0.003, seed=seed) if seed % 2 else Faults()
    wire = relay_to("wire", serve_sockets("server", handle), to_server=jitter, to_client=jitter)
    with connect(wire.port) as client:
        sender = threading.Thread(target=send_cut, args=(client, there, chance))
        sender.start()
        got, how = read_to_end(client)
        sender.join(TIMEOUT_S)
        client.shutdown(socket.SHUT_WR)
        assert_conserved(wire, dropped=0)
    assert (got, how) == (back, "end")
    wait_until(lambda: received)
    assert received == [(there, "end")]
    assert wire.tap.joined(SENT) == there
    assert wire.tap.joined(RECEIVED) == back
    assert flow(wire, SENT).passed == len(there)
    assert [c.time_s for c in wire.tap.chunks] == sorted(c.time_s for c in wire.tap.chunks)


def test_connections_at_the_same_time_do_not_mix():
    wire = relay_to("wire", serve_sockets("server", echo))
    clients = [connect(wire.port) for _ in range(20)]
    said = [f"connection {n}, ".encode() * 50 for n in range(20)]
    for client, data in zip(clients, said, strict=True):
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
    heard = [read_to_end(client) for client in clients]
    for client in clients:
        client.close()
    assert heard == [(data, "end") for data in said]
    assert_conserved(wire, dropped=0)
    assert wire.tap.connections() == list(range(1, 21))
    assert sorted(wire.tap.joined(SENT, n) for n in range(1, 21)) == sorted(said)


def body_of_100_mb():
    block = random.Random(1).randbytes(2**20)
    return block, 100


def test_a_body_of_100_mb_passes_whole_and_the_relay_holds_little_of_it():
    block, count = body_of_100_mb()

    async def large(request):
        response = web.StreamResponse(headers={"Content-Length": str(len(block) * count)})
        await response.prepare(request)
        for _ in range(count):
            await response.write(block)
        return response

    wire = relay_to("wire", serve("server", [web.get("/", large)]), keep_bytes=1000)
    connection = http.client.HTTPConnection("127.0.0.1", wire.port, timeout=TIMEOUT_S)
    connection.request("GET", "/")
    heard, size = hashlib.sha256(), 0
    with connection.getresponse() as response:
        while data := response.read(2**20):
            heard.update(data)
            size += len(data)
    connection.close()
    sent = hashlib.sha256()
    for _ in range(count):
        sent.update(block)
    assert (size, heard.digest()) == (len(block) * count, sent.digest())
    assert_conserved(wire, dropped=0)
    # The client announced its end after the body; the bound holds for both directions.
    assert flow(wire, RECEIVED).most_held <= SHORT
    assert flow(wire, RECEIVED).passed > size
    assert sum(len(chunk.data) for chunk in wire.tap.chunks) == 1000
    assert wire.tap.missed[1, RECEIVED] + 1000 == sum(
        flow(wire, way).taken for way in (SENT, RECEIVED)
    )


def test_a_body_of_100_mb_passes_the_other_way_too():
    block, count = body_of_100_mb()
    heard = []

    async def take(request):
        digest = hashlib.sha256()
        async for data in request.content.iter_any():
            digest.update(data)
        heard.append(digest.digest())
        return web.Response(text="taken")

    wire = relay_to("wire", serve("server", [web.post("/", take)]), keep_bytes=0)
    connection = http.client.HTTPConnection("127.0.0.1", wire.port, timeout=TIMEOUT_S)
    blocks = (block for _ in range(count))
    connection.request("POST", "/", blocks, {"Content-Length": str(len(block) * count)})
    with connection.getresponse() as response:
        assert response.read() == b"taken"
    connection.close()
    sent = hashlib.sha256()
    for _ in range(count):
        sent.update(block)
    assert heard == [sent.digest()]
    assert_conserved(wire, dropped=0)
    assert flow(wire, SENT).most_held <= SHORT
    assert wire.tap.chunks == []


@pytest.mark.parametrize("delay_s, bound", [(0, SHORT), (0.01, LONG)])
def test_a_slow_reader_makes_the_sender_wait_and_not_the_relay_hold(delay_s, bound):
    size, sent = 2**26, 0
    peer = Peer()
    go = threading.Event()

    def slow(connection):
        go.wait(TIMEOUT_S)
        Peer.handle(peer, connection)

    server = serve_sockets("slow", slow)
    wire = relay_to("wire", server, to_server=Faults(delay_s=delay_s), keep_bytes=0)
    with connect(wire.port) as client:
        client.setblocking(False)
        data, idle = memoryview(bytes(2**16)), 0
        # Nobody reads: after what the kernel and the relay hold, no more is taken.
        while idle < 25 and sent < size:
            try:
                sent += client.send(data)
                idle = 0
            except BlockingIOError:
                idle += 1
                time.sleep(0.02)
        assert sent < size
        assert flow(wire, SENT).held <= flow(wire, SENT).most_held <= bound
        assert wire.held_bytes > 0
        go.set()
        client.settimeout(TIMEOUT_S)
        client.sendall(bytes(1000))
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(client) == (b"", "end")
    got, how = peer.wait()
    assert (len(got), how) == (sent + 1000, "end")
    assert_conserved(wire, dropped=0)


# --- ends pass


def test_a_half_close_is_passed_on_as_a_half_close():
    peer = Peer(reply=b"heard")
    wire = relay_to("wire", peer)
    with connect(wire.port) as client:
        client.sendall(b"all I have to say")
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(client) == (b"heard", "end")
    assert peer.wait() == (b"all I have to say", "end")
    assert_conserved(wire, dropped=0)
    assert wire.tap.event_texts() == [
        "opened",
        "the client has ended",
        "the server has ended",
        "closed",
    ]


def test_the_server_may_end_first_and_go_on_reading():
    heard = threading.Event()

    def handle(connection):
        connection.shutdown(socket.SHUT_WR)
        if read_to_end(connection) == (b"still talking", "end"):
            heard.set()

    wire = relay_to("wire", serve_sockets("server", handle))
    with connect(wire.port) as client:
        assert read_to_end(client) == (b"", "end")
        client.sendall(b"still talking")
    assert heard.wait(TIMEOUT_S)
    assert_conserved(wire, dropped=0)


def test_a_clients_reset_reaches_the_server_after_what_was_sent():
    peer = Peer()
    wire = relay_to("wire", peer)
    client = connect(wire.port)
    client.sendall(b"half a req")
    # A reset may overtake what is still on its way.
    wait_until(lambda: wire.tap.flows and flow(wire, SENT).passed == 10)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_NOW)
    client.close()
    assert peer.wait() == (b"half a req", "reset")
    assert_conserved(wire, dropped=0)
    assert "the client broke off: Connection reset by peer" in wire.tap.event_texts()


def test_a_servers_reset_reaches_the_client_after_what_was_sent():
    go = threading.Event()

    def handle(connection):
        connection.sendall(b"half an ans")
        go.wait(TIMEOUT_S)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_NOW)

    wire = relay_to("wire", serve_sockets("server", handle))
    with connect(wire.port) as client:
        assert client.recv(100) == b"half an ans"
        go.set()
        assert read_to_end(client) == (b"", "reset")
    assert_conserved(wire, dropped=0)
    assert "the server broke off: Connection reset by peer" in wire.tap.event_texts()


def test_a_client_that_vanishes_stops_a_server_that_sends_without_end():
    stopped = threading.Event()

    def handle(connection):
        try:
            while True:
                connection.sendall(bytes(65536))
        except OSError:
            stopped.set()

    wire = relay_to("wire", serve_sockets("server", handle), keep_bytes=0)
    with connect(wire.port) as client:
        assert client.recv(100)
    assert stopped.wait(TIMEOUT_S)
    assert_conserved(wire)


@pytest.mark.parametrize("through_relay", [False, True])
def test_a_server_that_answers_and_leaves_unread_what_it_was_sent_looks_the_same(through_relay):
    """It refuses a long upload: first its answer, then the reset, as without a relay."""

    def refuse(connection):
        connection.recv(1000)
        connection.sendall(b"too large")
        time.sleep(0.2)  # then it is closed with the rest of the upload unread

    server = serve_sockets("server", refuse)
    wire = relay_to("wire", server, keep_bytes=0)
    with connect(wire.port if through_relay else server.port) as client:
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):  # stop before it can fail: the error is read
            for _ in range(10_000):
                client.send(bytes(2**20))
        client.settimeout(TIMEOUT_S)
        assert read_to_end(client) == (b"too large", "reset")
    assert_conserved(wire)


def test_a_reset_noticed_while_sending_comes_after_what_was_received_before_it():
    """The relay is not reading from the server then, because the client is not reading."""
    gone = threading.Event()

    def flood(connection):
        connection.setblocking(False)
        idle = 0
        while idle < 25:
            try:
                connection.send(bytes(2**16))
                idle = 0
            except BlockingIOError:
                idle += 1
                time.sleep(0.02)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_NOW)
        connection.close()
        gone.set()

    wire = relay_to("wire", serve_sockets("server", flood), keep_bytes=0)
    with connect(wire.port) as client:
        assert gone.wait(TIMEOUT_S)
        client.sendall(b"are you there?")
        wait_until(lambda: any("is gone" in text for text in wire.tap.event_texts()))
        got, how = read_to_end(client)
    assert how == "reset"
    assert len(got) == flow(wire, RECEIVED).passed > SHORT
    assert_conserved(wire, dropped=14)
    assert "the server is gone, 14 bytes to it dropped" in wire.tap.event_texts()


def test_a_server_that_refuses_resets_the_client_and_the_tap_says_so():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    wire, ledger = relay_to("wire", port), Ledger()
    with wire.recording(ledger):
        assert read_all(wire.port) == (b"", "reset")
        assert wire.wait_until_closed()
    said = "the server could not be reached: Connection refused"
    assert wire.tap.event_texts() == [said, "closed"]
    assert [mark.label for mark in ledger.marks("wire 1", "error")] == [said]
    assert wire.errors == []


# --- faults


def exchange_times(wire, server_reads):
    """Return when one byte was sent, read by the server, answered by it, and read here."""
    with connect(wire.port) as client:
        sent_s = now_s()
        client.sendall(b"?")
        assert client.recv(1) == b"!"
        heard_s = now_s()
    [(read_s, answered_s)] = server_reads
    return sent_s, read_s, answered_s, heard_s


@pytest.mark.parametrize("to_server_s, to_client_s", [(DELAY_S, 0), (0, DELAY_S), (0.2, 0.25)])
def test_each_direction_has_its_own_delay_and_no_byte_is_early(to_server_s, to_client_s):
    reads = []

    def answer(connection):
        connection.recv(1)
        read_s = now_s()
        answered_s = now_s()
        reads.append((read_s, answered_s))
        connection.sendall(b"!")

    wire = relay_to(
        "wire",
        serve_sockets("server", answer),
        to_server=Faults(delay_s=to_server_s),
        to_client=Faults(delay_s=to_client_s),
    )
    ledger = Ledger()
    with wire.recording(ledger):
        sent_s, read_s, answered_s, heard_s = exchange_times(wire, reads)
    assert read_s - sent_s >= to_server_s
    assert heard_s - answered_s >= to_client_s
    [there], [back] = ledger.spans(kind="sent"), ledger.spans(kind="received")
    assert sent_s < there.start_s <= there.end_s < read_s
    assert answered_s < back.start_s <= back.end_s < heard_s
    assert there.duration_s >= to_server_s
    assert back.duration_s >= to_client_s


def test_a_delay_is_that_of_a_long_wire_much_is_under_way_at_once():
    """Twenty messages, each delayed by 0.2 s, take nowhere near twenty times as long."""
    peer = Peer()
    wire = relay_to("wire", peer, to_server=Faults(delay_s=DELAY_S))
    start_s = now_s()
    with connect(wire.port) as client:
        for _ in range(20):
            client.sendall(b"message.")
            time.sleep(0.005)  # a message of its own, not one chunk with the others
        client.shutdown(socket.SHUT_WR)
        got, how = peer.wait()
    took_s = now_s() - start_s
    assert (got, how) == (b"message." * 20, "end")
    assert DELAY_S <= took_s < 20 * DELAY_S / 2
    assert len(wire.tap.chunks) > 10
    assert flow(wire, SENT).most_held >= 80


def test_the_order_stays_when_the_delay_varies():
    peer = Peer()
    wire = relay_to("wire", peer, to_server=Faults(jitter_s=0.05, seed=3))
    message = b"".join(b"%04d" % n for n in range(100))
    with connect(wire.port) as client:
        for at in range(0, len(message), 4):
            client.sendall(message[at : at + 4])
            time.sleep(0.001)
        client.shutdown(socket.SHUT_WR)
        assert peer.wait() == (message, "end")


@pytest.mark.parametrize("cut_after", [0, 1, 999, 100_000])
@pytest.mark.parametrize("how", ["end", "reset"])
def test_a_cut_to_the_server_comes_after_exactly_so_many_bytes(cut_after, how):
    data = random.Random(cut_after).randbytes(150_000)
    peer = Peer()
    wire = relay_to("wire", peer, to_server=Faults(cut_after=cut_after, cut_as=how))
    # A reset that comes at once can overtake the return of connect(2).
    with contextlib.suppress(ConnectionResetError), connect(wire.port) as client:
        with contextlib.suppress(OSError):  # it may be cut while this still sends
            client.sendall(data)
        read_to_end(client)
    assert peer.wait() == (data[:cut_after], how)
    assert_conserved(wire)
    assert flow(wire, SENT).passed == cut_after
    assert any(text.startswith(f"cut after {cut_after} bytes") for text in wire.tap.event_texts())


@pytest.mark.parametrize("cut_after", [0, 1, 999, 100_000])
@pytest.mark.parametrize("how", ["end", "reset"])
def test_a_cut_to_the_client_comes_after_exactly_so_many_bytes(cut_after, how):
    data = random.Random(cut_after).randbytes(150_000)
    peer = Peer(reply=data, first=True)
    wire = relay_to("wire", peer, to_client=Faults(cut_after=cut_after, cut_as=how))
    assert read_all(wire.port) == (data[:cut_after], how)
    peer.wait()
    assert_conserved(wire)
    assert flow(wire, RECEIVED).passed == cut_after


def test_a_cut_to_the_client_ends_properly_though_the_client_was_talking():
    """Bytes left unread would make the kernel turn the end into a reset."""

    def answer(connection):
        time.sleep(0.2)
        with contextlib.suppress(OSError):
            connection.sendall(b"x" * 1000)
            connection.recv(1)  # the rest is never read

    wire = relay_to("wire", serve_sockets("server", answer), to_client=Faults(cut_after=500))
    with connect(wire.port) as client:
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(10_000):
                client.send(bytes(2**20))
        client.settimeout(TIMEOUT_S)
        assert read_to_end(client) == (b"x" * 500, "end")
    assert_conserved(wire)


def test_a_cut_to_the_server_ends_properly_though_the_server_was_talking():
    heard = []

    def answer(connection):
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(10_000):
                connection.send(bytes(2**20))
        connection.settimeout(TIMEOUT_S)
        heard.append(read_to_end(connection))

    wire = relay_to("wire", serve_sockets("server", answer), to_server=Faults(cut_after=4))
    with connect(wire.port) as client:
        time.sleep(0.2)
        client.sendall(b"request")
        wait_until(lambda: heard)
        assert read_to_end(client)[1] in ("end", "reset")
    assert heard == [(b"requ", "end")]
    assert_conserved(wire)


def test_a_cut_by_a_reset_lets_a_slow_reader_have_what_has_passed():
    """A reset throws away what is still in the sender's kernel, so that must be empty first."""
    data = random.Random(1).randbytes(1_000_000)
    peer = Peer(reply=data, first=True)
    fault = Faults(cut_after=600_000, cut_as="reset")
    wire = relay_to("wire", peer, to_client=fault)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        client.settimeout(TIMEOUT_S)
        client.connect(("127.0.0.1", wire.port))
        wait_until(lambda: wire.tap.flows and flow(wire, RECEIVED).passed == 600_000)
        assert read_to_end(client) == (data[:600_000], "reset")
    assert_conserved(wire)


def test_a_random_cut_repeats_with_its_seed_and_differs_by_connection_and_seed():
    def cuts(seed):
        fault = Faults(cut_mean=50_000, cut_as="reset", seed=seed)
        wire = relay_to("wire", Peer(reply=bytes(1_000_000), first=True), to_client=fault)
        for _ in range(5):
            # A cut can come so early that the client still learns of its connection.
            with contextlib.suppress(ConnectionResetError), connect(wire.port) as client:
                read_to_end(client)
        assert_conserved(wire)
        return [flow(wire, RECEIVED, n).passed for n in range(1, 6)]

    first, again, other = cuts(1), cuts(1), cuts(2)
    assert first == again
    assert len(set(first)) == 5
    assert first != other


def test_a_stall_holds_what_comes_after_so_many_bytes_then_all_goes_on():
    peer = Peer(reply=bytes(1000), first=True)
    wire = relay_to("wire", peer, to_client=Faults(stall_after=600, stall_s=0.4))
    times = []
    with connect(wire.port) as client:
        got = 0
        while got < 1000 and (data := client.recv(2000)):
            got += len(data)
            times.append((now_s(), got))
    assert times[0][1] <= 600
    assert got == 1000
    before_s = max(t for t, n in times if n <= 600)
    after_s = min(t for t, n in times if n > 600)
    # The last bytes before the stall may be read late, but then the first one was not.
    assert after_s - times[0][0] >= 0.2
    assert after_s > before_s
    assert "stalled for 0.4 s after 600 bytes to the client" in wire.tap.event_texts()
    assert_conserved(wire, dropped=0)


def test_a_pulled_cable_tells_nobody_and_plugged_in_again_it_loses_nothing():
    peer = serve_sockets("peer", lambda connection: connection.sendall(connection.recv(100)))
    wire = relay_to("wire", peer, to_client=Faults(delay_s=0.01))
    client = connect(wire.port)
    client.settimeout(0.3)
    time.sleep(0.05)
    wire.pull_the_cable()
    client.sendall(b"are you there?")
    with pytest.raises(TimeoutError):
        client.recv(100)
    assert wire.held_bytes == 14
    wire.plug_in_again()
    client.settimeout(TIMEOUT_S)
    assert read_to_end(client) == (b"are you there?", "end")
    assert wire.tap.event_texts()[:3] == [
        "opened",
        "the cable was pulled",
        "the cable was plugged in again",
    ]
    client.close()


def test_a_stall_without_data_behind_it_is_over_when_the_relay_closes():
    peer = Peer()
    wire = relay_to("wire", peer, to_server=Faults(stall_s=3600))
    with connect(wire.port) as client:
        client.sendall(b"nobody will hear this")
        wait_until(lambda: wire.tap.chunks)
        wire.close()
        assert read_to_end(client)[0] == b""
    assert peer.wait()[0] == b""
    assert_conserved(wire, dropped=21)


def test_a_narrow_pipe_takes_at_least_the_time_its_width_says():
    size, rate = 100_000, 200_000
    peer = Peer(reply=bytes(size), first=True)
    wire, ledger = relay_to("wire", peer, to_client=Faults(bytes_per_s=rate)), Ledger()
    start_s = now_s()
    with wire.recording(ledger), connect(wire.port) as client:
        got, how = b"", ""
        halfway_s = 0.0
        while len(got) < size:
            got += client.recv(65536)
            if len(got) >= size / 2 and not halfway_s:
                halfway_s = now_s()
        end_s = now_s()
    assert how == ""
    assert end_s - start_s >= size / rate
    assert halfway_s - start_s >= size / 2 / rate
    pieces = ledger.spans(kind="received")
    assert len(pieces) >= 20
    assert sum(int(piece.label.split()[0]) for piece in pieces) == size
    assert_conserved(wire, dropped=0)


def test_new_faults_hold_for_new_connections_only():
    wire = relay_to("wire", serve_sockets("server", echo))
    with connect(wire.port) as old:
        old.sendall(b"before")
        assert old.recv(100) == b"before"
        wire.to_client = Faults(cut_after=3)
        old.sendall(b"after")
        assert old.recv(100) == b"after"
        with connect(wire.port) as new:
            new.sendall(b"after")
            assert read_to_end(new) == (b"aft", "end")


# --- the ledger, the tap, the name


async def hello(request):
    return web.Response(text="hello")


def test_an_experiment_records_what_passes_between_client_and_server():
    async def experiment():
        server = serve("server", [web.get("/{what}", hello)])
        wire = relay_to("wire", server, label=first_line)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            record(server, wire) as ledger,
            session.get(f"{wire.url}/tea") as response,
        ):
            assert await response.text() == "hello"
        return ledger, wire

    ledger, wire = asyncio.run(experiment())
    [sent], received = ledger.spans("wire 1", "sent"), ledger.spans("wire 1", "received")
    assert sent.label.startswith("GET /tea HTTP/1.1 (")
    assert received[0].label.startswith("HTTP/1.1 200 OK (")
    [handled] = ledger.spans("server")
    assert sent.end_s < handled.start_s < handled.end_s < received[-1].end_s
    assert ledger.marks("wire 1", label="opened")
    assert wire.tap.joined(SENT).startswith(b"GET /tea HTTP/1.1\r\n")


def test_only_what_passes_in_the_block_is_recorded_and_all_of_it():
    wire = relay_to("wire", serve_sockets("server", echo))
    for n in range(50):
        ledger = Ledger()
        with connect(wire.port) as client:
            client.sendall(b"before")
            assert client.recv(100) == b"before"
            with wire.recording(ledger):
                client.sendall(b"within")
                assert client.recv(100) == b"within"
            client.sendall(b"after")
            assert client.recv(100) == b"after"
        labels = [span.label for span in ledger.spans(f"wire {n + 1}")]
        assert labels == ["6 bytes", "6 bytes"]


def test_a_tap_refuses_to_give_a_part_for_the_whole():
    wire = relay_to("wire", serve_sockets("server", echo), keep_bytes=15)
    with connect(wire.port) as client:
        client.sendall(b"0123456789")
        assert client.recv(100) == b"0123456789"
    assert wire.wait_until_closed()
    assert wire.tap.joined(SENT) == b"0123456789"
    assert [chunk.data for chunk in wire.tap.chunks] == [b"0123456789", b"01234"]
    with pytest.raises(ValueError, match="the tap keeps 15 bytes, and 5 more passed <="):
        wire.tap.joined(RECEIVED)
    with pytest.raises(ValueError, match="direction='>'"):
        wire.tap.joined(">")
    wire.tap.clear()
    assert (wire.tap.joined(RECEIVED), wire.tap.event_texts()) == (b"", [])


def test_a_name_in_use_is_replaced_and_all_is_closed_with_the_servers():
    server = serve("server", [web.get("/", hello)])
    old, new = relay_to("wire", server), relay_to("wire", server)
    assert servers.running() == ["server", "wire"]
    with pytest.raises(ConnectionRefusedError):
        connect(old.port)
    with connect(new.port) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert read_to_end(client)[0].endswith(b"hello")
    servers.close_all()
    assert servers.running() == []
    with pytest.raises(ConnectionRefusedError):
        connect(new.port)
    assert not [t for t in threading.enumerate() if t.name.startswith("relay ")]


def test_closing_ends_open_connections():
    wire = relay_to("wire", serve_sockets("server", echo))
    with connect(wire.port) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        wire.close()
        wire.close()
        assert read_to_end(client) == (b"", "end")
    assert wire.errors == []


@pytest.mark.parametrize(
    "form", [lambda p: p, lambda p: f"127.0.0.1:{p}", lambda p: f":{p}", lambda p: ("localhost", p)]
)
def test_a_target_may_be_any_service_of_this_machine(form):
    server = serve("server", [web.get("/", hello)])
    wire = relay_to("wire", form(server.port))
    with connect(wire.port) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert read_to_end(client)[0].endswith(b"hello")


@pytest.mark.parametrize("target", [None, 0, 70_000, "nowhere", "host:", ("h",), ("h", "80"), 3.5])
def test_what_is_no_target_is_refused(target):
    with pytest.raises(ValueError, match="target="):
        relay_to("wire", target)
    assert servers.running() == []


def test_a_target_of_an_unknown_name_is_refused_at_once():
    with pytest.raises(OSError, match=r"target 'no-such-host\.invalid'"):
        relay_to("wire", "no-such-host.invalid:80")
    with pytest.raises(ValueError, match="keep_bytes=-1"):
        relay_to("wire", 80, keep_bytes=-1)


def test_one_read_is_no_larger_than_what_a_line_may_hold():
    assert READ <= SHORT < LONG


@pytest.mark.needs_linux
def test_the_relay_goes_on_when_file_descriptors_ran_out_for_a_moment_and_marks_it():
    import resource

    wire, ledger = relay_to("wire", serve_sockets("server", echo)), Ledger()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    client = socket.socket()
    client.settimeout(TIMEOUT_S)
    with client, wire.recording(ledger):
        resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno() + 1, hard))
        try:
            client.connect(("127.0.0.1", wire.port))
            wait_until(lambda: wire.errors)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
    assert wire.errors[0] == "accept: Too many open files; trying again"
    assert [mark.label for mark in ledger.marks("wire", "error")] == wire.errors


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no socket files here")
def test_a_socket_file_can_be_reached_through_a_relay(tmp_path):
    path = str(tmp_path / "server")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.settimeout(TIMEOUT_S)
        line = relay_to("line", path)
        try:
            with connect(line.port) as client:
                server, _ = listener.accept()
                with server:
                    client.sendall(b"question")
                    assert server.recv(100) == b"question"
                    server.sendall(b"answer")
                    assert client.recv(100) == b"answer"
            assert line.wait_until_closed()
            assert line.errors == []
            assert line.tap.joined(SENT) == b"question"
            assert line.tap.joined(RECEIVED) == b"answer"
        finally:
            line.close()
