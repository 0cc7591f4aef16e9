"""Live servers in a thread: ready when started, replaced by name, gone without a trace."""

import asyncio
import contextlib
import http.client
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from aiohttp import web

from helpers import servers
from helpers.ledger import Ledger, in_flight
from helpers.servers import serve, serve_here, serve_sockets, serve_streams

TIMEOUT_S = 10


async def hello(request):
    return web.Response(text="hello")


async def failing(request):
    raise LookupError("the handler's own")


async def echo_stream(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()


def echo_socket(connection):
    while data := connection.recv(100):
        connection.sendall(data)


# Every kind of server in a thread: how to start one under a name.
KINDS = {
    "http": lambda name: serve(name, [web.get("/", hello)]),
    "streams": lambda name: serve_streams(name, echo_stream),
    "sockets": lambda name: serve_sockets(name, echo_socket),
}
each_kind = pytest.mark.parametrize("start", KINDS.values(), ids=KINDS)


def connect(port):
    return socket.create_connection(("127.0.0.1", port), TIMEOUT_S)


def get(server, path="/"):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT_S)
    connection.request("GET", path)
    with connection.getresponse() as response:
        return response.status, response.read()


def wait_until(true):
    """Wait until true() is true; an AssertionError if that never comes."""
    for _ in range(500):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it never came true")


def assert_free(port):
    with pytest.raises(ConnectionRefusedError):
        connect(port)
    socket.create_server(("127.0.0.1", port)).close()


# --- starting


def test_a_server_answers_as_soon_as_the_call_returns():
    assert get(KINDS["http"]("server")) == (200, b"hello")
    for kind in ("streams", "sockets"):
        with connect(KINDS[kind](kind).port) as connection:
            connection.sendall(b"hello\n")
            assert connection.recv(100) == b"hello\n"


def test_a_server_says_its_name_and_where_it_is():
    server = KINDS["http"]("my server")
    assert repr(server) == "<server 'my server'>"
    assert server.url == f"http://127.0.0.1:{server.port}"
    assert servers.running() == ["my server"]


@pytest.mark.needs_linux
@each_kind
def test_a_server_listens_on_loopback_and_nowhere_else(start):
    port = start("server").port
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            address, state = line.split()[1], line.split()[3]
            if state == "0A" and address.endswith(f":{port:04X}"):
                listening.append(address.split(":")[0])
    assert [bytes.fromhex(a)[::-1] for a in listening] == [socket.inet_aton("127.0.0.1")]


@each_kind
def test_a_server_runs_on_a_thread_of_its_own_that_cannot_keep_the_kernel_alive(start):
    before = set(threading.enumerate())
    start("server")
    [thread] = set(threading.enumerate()) - before
    assert thread.name == "server server"
    assert thread.daemon


def test_what_keeps_a_server_from_starting_is_raised_as_it_is_and_nothing_stays():
    before = threading.active_count()
    with pytest.raises(RuntimeError, match=r"method (GET|HEAD) is already registered"):
        serve("server", [web.get("/", hello), web.get("/", hello)])
    assert servers.running() == []
    wait_until(lambda: threading.active_count() == before)


def test_a_port_that_cannot_be_had_says_so(monkeypatch):
    monkeypatch.setattr(servers, "HOST", "192.0.2.1")  # reserved for documents, nobody has it
    for start in KINDS.values():
        with pytest.raises(OSError, match=r"192\.0\.2\.1|annot assign"):
            start("server")
    assert servers.running() == []


# --- stopping


@each_kind
def test_the_port_is_free_once_a_server_is_closed_and_closing_twice_does_nothing(start):
    server = start("server")
    connect(server.port).close()
    server.close()
    assert_free(server.port)
    assert servers.running() == []
    server.close()


@each_kind
def test_closing_ends_every_connection_also_those_made_at_the_last_moment(start):
    for _ in range(20):
        server = start("server")
        clients = [connect(server.port) for _ in range(3)]
        server.close()
        for client in clients:
            with client, contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""
    assert_free(server.port)


@each_kind
def test_the_same_name_replaces_the_server_and_the_old_port_refuses(start):
    old, new = start("server"), start("server")
    assert_free(old.port)
    connect(new.port).close()
    assert servers.running() == ["server"]
    old.close()  # must not take the new one's name with it
    assert servers.running() == ["server"]


def test_close_all_leaves_no_thread_no_open_file_and_no_port():
    before = set(threading.enumerate())
    started = [start(name) for name, start in KINDS.items()]
    clients = [connect(server.port) for server in started]
    assert servers.running() == sorted(KINDS)
    servers.close_all()
    assert servers.running() == []
    for client in clients:
        client.close()
    for server in started:
        assert_free(server.port)
    assert set(threading.enumerate()) <= before


def test_closing_waits_until_the_handlers_of_blocking_sockets_have_ended():
    ended = []

    def slow_to_end(connection):
        connection.recv(1)
        time.sleep(0.2)
        ended.append(True)

    server = serve_sockets("server", slow_to_end)
    with connect(server.port), connect(server.port):
        wait_until(lambda: len(server._serving) == 2)
        server.close()
    assert ended == [True, True]


@pytest.mark.needs_linux
def test_starting_and_closing_again_and_again_uses_no_more_open_files():
    def open_files():
        return len(list(Path("/proc/self/fd").iterdir()))

    for start in KINDS.values():
        start("server").close()
    before = open_files()
    for _ in range(10):
        for start in KINDS.values():
            start("server").close()
    assert open_files() == before


# --- what handlers do


def test_an_exception_in_a_handler_is_kept_and_nothing_is_printed(capfd):
    async def failing_stream(reader, writer):
        raise LookupError("the handler's own")

    def failing_socket(connection):
        raise LookupError("the handler's own")

    http_server = serve("http", [web.get("/", failing)])
    assert get(http_server)[0] == 500
    others = [serve_streams("streams", failing_stream), serve_sockets("sockets", failing_socket)]
    for server in others:
        with connect(server.port) as connection:
            assert connection.recv(1) == b""
    for server in (http_server, *others):
        wait_until(lambda server=server: server.errors)
        [error] = server.errors
        assert error.startswith("Traceback")
        assert error.endswith("LookupError: the handler's own\n")
    servers.close_all()
    assert capfd.readouterr() == ("", "")


def test_nothing_is_logged_either_where_nobody_has_set_up_logging():
    script = """
        import urllib.request
        from aiohttp import web
        from helpers.servers import serve

        async def failing(request):
            raise LookupError("the handler's own")

        server = serve("server", [web.get("/", failing)])
        try:
            urllib.request.urlopen(server.url, timeout=10)
        except urllib.error.HTTPError as error:
            print(error.code, len(server.errors))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("500 1\n", "")


def test_an_answer_that_refuses_is_no_error():
    async def refuse(request):
        raise web.HTTPNotFound

    server = serve("server", [web.get("/", refuse)])
    assert get(server)[0] == get(server, "/elsewhere")[0] == 404
    assert server.errors == []


def test_what_is_served_is_recorded_inside_the_block_and_not_outside():
    server, ledger = KINDS["http"]("server"), Ledger()
    get(server, "/?n=before")
    with server.recording(ledger):
        get(server, "/?n=1")
        get(server, "/nowhere")
    get(server, "/?n=after")
    assert [(s.lane, s.kind, s.label) for s in ledger.spans()] == [
        ("server", "serving", "1"),
        ("server", "serving", "/nowhere"),
    ]


def test_a_request_that_fails_is_recorded_as_served_too():
    server, ledger = serve("server", [web.get("/", failing)]), Ledger()
    with server.recording(ledger):
        get(server, "/?n=1")
    assert [s.label for s in ledger.spans("server", "serving")] == ["1"]


@pytest.mark.parametrize("kind", ["streams", "sockets"])
def test_connections_are_recorded_at_once_and_numbered_from_1(kind):
    server, ledger = KINDS[kind]("server"), Ledger()
    with server.recording(ledger):
        clients = [connect(server.port) for _ in range(3)]
        for client in clients:
            client.sendall(b"hello\n")
            assert client.recv(100) == b"hello\n"
        for client in clients:
            client.close()
        wait_until(lambda: len(ledger.rows) == 3)
    assert sorted(s.label for s in ledger.spans("server", "serving")) == ["1", "2", "3"]
    assert in_flight(ledger.spans()) == 3


def test_on_the_callers_own_loop_a_blocking_call_stops_the_server_too():
    async def experiment():
        async with serve_here("here", [web.get("/", hello)]) as server:
            with pytest.raises(TimeoutError), connect(server.port) as connection:
                connection.settimeout(0.3)
                connection.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
                connection.recv(100)
            assert servers.running() == []
            assert await asyncio.to_thread(get, server) == (200, b"hello")
        return server.port

    assert_free(asyncio.run(experiment()))
