"""Live servers in a thread: ready when started, replaced by name, gone without a trace."""

import asyncio
import contextlib
import gc
import http.client
import signal
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
from helpers.hosting import loop_server, registry, socket_server
from helpers.hosting import server as running_server
from helpers.ledger import Ledger, in_flight, now_s
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


def set_everywhere(monkeypatch, name, value):
    """Set a constant of all servers, in each module that has taken it over."""
    for module in (servers, running_server, loop_server, socket_server):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, value)


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
    set_everywhere(monkeypatch, "HOST", "192.0.2.1")  # reserved for documents, nobody has it
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


def test_what_was_started_last_is_closed_first(monkeypatch):
    closed = []
    for name, start in KINDS.items():
        server = start(name)
        monkeypatch.setattr(
            server, "_stop", lambda name=name, stop=server._stop: (closed.append(name), stop())
        )
    servers.close_all()
    assert closed == list(KINDS)[::-1]


# --- a handler that does not end


def endless(kind, ended):
    """Start a server whose handler goes on until `ended`, whoever tells it to stop."""

    async def blocking(request):
        ended.wait()
        return web.Response()

    async def deaf(reader, writer):
        while not ended.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.02)

    if kind == "http":
        return serve("endless", [web.get("/", blocking)])
    if kind == "streams":
        return serve_streams("endless", deaf)
    return serve_sockets("endless", lambda connection: ended.wait())


@pytest.fixture
def ended():
    event = threading.Event()
    yield event
    event.set()


# The loop of a blocking handler can't even close its listener.
PORTS = {"http": "is still open", "streams": "is closed", "sockets": "is closed"}


def busy(kind, ended):
    """Return an endless server with one connection under way."""
    server = endless(kind, ended)
    client = connect(server.port)
    client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    time.sleep(0.2)
    return server, client


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_that_does_not_end_is_told_by_its_servers_name(kind, ended, monkeypatch):
    set_everywhere(monkeypatch, "STOP_S", 0.3)
    server, client = busy(kind, ended)
    with client:
        with pytest.raises(registry.StillRunning) as told:
            server.close()
        assert str(told.value) == (
            "server 'endless' has not stopped within 0.3 s: a handler is still running in its "
            f"thread (its port {server.port} {PORTS[kind]})"
        )
        if PORTS[kind] == "is still open":
            connect(server.port).close()
        else:
            assert_free(server.port)
        assert servers.running() == ["endless"], "it keeps its name"
        ended.set()
        wait_until(lambda: server.close() is None)
    assert servers.running() == []
    assert_free(server.port)


def test_one_that_does_not_stop_keeps_no_other_from_being_closed(ended, monkeypatch, capsys):
    set_everywhere(monkeypatch, "STOP_S", 0.3)
    other = KINDS["http"]("other")
    server, client = busy("http", ended)
    with client:
        last = KINDS["http"]("last")
        with pytest.raises(registry.StillRunning, match=r"^server 'endless' has not stopped"):
            servers.close_all()
        assert servers.running() == ["endless"]
        assert_free(other.port)
        assert_free(last.port)
        new = KINDS["http"]("endless")
        assert capsys.readouterr().out.startswith("The old server 'endless' has not stopped")
        assert get(new) == (200, b"hello")
        ended.set()
        server.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stop", [KeyboardInterrupt, asyncio.CancelledError])
def test_stop_ends_the_waiting_and_the_server_can_be_closed_again(kind, stop, ended, monkeypatch):
    def press_stop(number, frame):
        raise stop

    before = signal.signal(signal.SIGALRM, press_stop)
    try:
        server, client = busy(kind, ended)
        with client:
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            started_s = now_s()
            with pytest.raises(stop):
                server.close()
            assert now_s() - started_s < running_server.STOP_S / 2
            assert servers.running() == ["endless"]
            ended.set()
            server.close()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert servers.running() == []
    assert_free(server.port)


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


def test_a_server_may_write_to_the_lane_of_another():
    server, other, ledger = KINDS["http"]("server"), KINDS["http"]("other"), Ledger()
    other.lane = server.lane
    with server.recording(ledger), other.recording(ledger):
        get(server, "/?n=1")
        get(other, "/?n=2")
        other.failed("odd")
    assert [(s.lane, s.label) for s in ledger.spans()] == [("server", "1"), ("server", "2")]
    assert [(m.lane, m.label) for m in ledger.marks()] == [("server", "odd")]


@pytest.mark.parametrize("process", [False, True])
@pytest.mark.parametrize("cancels", [False, True])
def test_a_client_that_leaves_ends_the_handler_if_the_server_is_told_to(process, cancels):
    async def wait(request):
        await asyncio.sleep(0.6)
        return web.Response()

    server, ledger = (
        serve("server", [web.get("/", wait)], process=process, handler_cancellation=cancels),
        Ledger(),
    )
    with server.recording(ledger):
        with connect(server.port) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: server\r\n\r\n")
            time.sleep(0.2)
        time.sleep(0.8)
    [handled] = ledger.spans("server", "serving")
    assert (handled.duration_s < 0.5) == cancels
    assert server.errors == []


async def failing_stream(reader, writer):
    raise LookupError("the handler's own")


def failing_socket(connection):
    raise LookupError("the handler's own")


FAILING = {
    "http": lambda: serve("server", [web.get("/", failing)]),
    "streams": lambda: serve_streams("server", failing_stream),
    "sockets": lambda: serve_sockets("server", failing_socket),
}


@pytest.mark.parametrize("kind", FAILING)
def test_what_fails_is_recorded_as_served_and_marked_as_an_error(kind):
    server, ledger = FAILING[kind](), Ledger()
    with server.recording(ledger), connect(server.port) as connection:
        connection.sendall(b"GET /?n=1 HTTP/1.0\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            while connection.recv(1000):
                pass
        wait_until(lambda: ledger.rows and ledger.ticks)
    assert [s.label for s in ledger.spans("server", "serving")] == ["1"]
    marks = ledger.marks("server", "error")
    assert [mark.label for mark in marks] == ["LookupError: the handler's own"]


BAD_HTTP = {
    "no HTTP at all": b"hello\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "two lengths": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
}


@pytest.mark.parametrize("bad", BAD_HTTP)
def test_a_request_that_no_handler_sees_leaves_a_mark(bad):
    server, ledger = KINDS["http"]("server"), Ledger()
    with server.recording(ledger), connect(server.port) as connection:
        connection.sendall(BAD_HTTP[bad])
        assert connection.recv(1000).split()[1] == b"400"
        wait_until(lambda: ledger.ticks)
    said = "400 Bad Request: no handler saw this request"
    assert [(m.kind, m.label) for m in ledger.marks("server")] == [("error", said)]
    assert ledger.spans() == []
    assert server.errors == [said]


def test_a_handler_that_forgets_to_return_its_answer_is_told():
    async def forgetful(request):
        web.Response(text="hello")

    server, ledger = serve("server", [web.get("/", forgetful)]), Ledger()
    with server.recording(ledger):
        assert get(server)[0] == 500
    assert server.errors == ["a handler returned None, not a web.Response"]
    assert len(ledger.marks("server", "error")) == 1


def test_what_a_task_of_a_handler_raises_is_kept_and_marked():
    async def leaves_a_task(request):
        async def fail():
            raise LookupError("the task's own")

        await asyncio.wait([asyncio.ensure_future(fail())])
        gc.collect()
        return web.Response()

    server, ledger = serve("server", [web.get("/", leaves_a_task)]), Ledger()
    with server.recording(ledger):
        get(server)
        wait_until(lambda: gc.collect() is not None and ledger.ticks)
    assert [m.label for m in ledger.marks("server", "error")] == ["LookupError: the task's own"]
    assert server.errors[0].endswith("LookupError: the task's own\n")


@pytest.mark.needs_linux
def test_a_server_of_sockets_goes_on_when_file_descriptors_ran_out_for_a_moment():
    import resource

    server, ledger = KINDS["sockets"]("server"), Ledger()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    client = socket.socket()
    client.settimeout(TIMEOUT_S)
    with client, server.recording(ledger):
        resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno() + 1, hard))
        try:
            client.connect(("127.0.0.1", server.port))
            wait_until(lambda: server.errors)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        client.sendall(b"hello\n")
        assert client.recv(100) == b"hello\n"
    assert server.errors == ["accept: Too many open files; trying again"]
    assert [m.label for m in ledger.marks("server", "error")] == server.errors


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
