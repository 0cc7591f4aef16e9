"""A live server in a process of its own: same clock, same errors, and never left behind."""

import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from aiohttp import web

from helpers import servers
from helpers.ledger import Ledger
from helpers.servers import serve, serve_sockets

TIMEOUT_S = 20


def get(port, path="/"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    connection.request("GET", path)
    with connection.getresponse() as response:
        return response.status, response.read().decode()


def start(handler, name="server"):
    return serve(name, [web.get("/", handler)], process=True)


def serve_hello():
    # Inside a function: the child gets a handler by value, as from a notebook.
    async def hello(request):
        return web.Response(text="hello")

    return start(hello)


def test_a_blocking_server_too_can_have_a_process_of_its_own():
    def who_am_i(connection):
        connection.recv(65536)
        text = f"{os.getpid()} {threading.get_ident()}".encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + text)

    server = serve_sockets("server", who_am_i, process=True)
    ledger = Ledger()
    with server.recording(ledger):
        answers = [get(server.port)[1].split() for _ in range(2)]
        time.sleep(0.1)  # a span is written a moment after the last byte
    assert {int(pid) for pid, _ in answers} == {server.pid} != {os.getpid()}
    assert [span.label for span in ledger.spans("server", "serving")] == ["1", "2"]
    server.close()
    assert has_ended(server.pid)


def has_ended(pid):
    """Tell whether a process has ended, even if nobody has asked for its exit code yet."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except ProcessLookupError:
        return True
    except FileNotFoundError:
        return False  # a system without /proc, or it ends right now


def refuses(port):
    try:
        socket.create_connection(("127.0.0.1", port), TIMEOUT_S).close()
    except ConnectionRefusedError:
        return True
    return False


def test_the_handler_runs_in_another_process():
    async def which(request):
        import os

        return web.Response(text=str(os.getpid()))

    server = start(which)
    assert get(server.port) == (200, str(server.pid))
    assert server.pid != os.getpid()
    assert servers.running() == ["server"]


def test_its_spans_arrive_on_the_same_clock_and_only_those_of_the_block():
    async def when(request):

        return web.Response(text=str(time.perf_counter()))

    server, ledger = start(when), Ledger()
    get(server.port, "/?n=before")
    with server.recording(ledger):
        for n in ("1", "2", "3"):
            with ledger.span("requests", "request", n):
                handled_s = float(get(server.port, f"/?n={n}")[1])
            [request] = ledger.spans("requests", label=n)
            assert request.start_s < handled_s < request.end_s
    get(server.port, "/?n=after")
    served = ledger.spans("server", "serving")
    assert [span.label for span in served] == ["1", "2", "3"]
    for span, request in zip(served, ledger.spans("requests"), strict=True):
        assert request.contains(span)


def test_the_same_span_is_not_recorded_twice():
    server, first, second = serve_hello(), Ledger(), Ledger()
    for ledger, n in ((first, "1"), (second, "2")):
        with server.recording(ledger):
            get(server.port, f"/?n={n}")
    assert [s.label for s in first.spans()] == ["1"]
    assert [s.label for s in second.spans()] == ["2"]


def test_a_handlers_exception_is_kept_whether_or_not_something_records_and_not_printed(capfd):
    async def failing(request):
        raise LookupError(f"for {request.query['n']}")

    server = start(failing)
    assert get(server.port, "/?n=1")[0] == 500
    with server.recording(Ledger()):
        assert get(server.port, "/?n=2")[0] == 500
    assert get(server.port, "/?n=3")[0] == 500
    assert [error.splitlines()[-1] for error in server.errors] == [
        f"LookupError: for {n}" for n in (1, 2, 3)
    ]
    server.close()
    assert len(server.errors) == 3
    assert capfd.readouterr() == ("", "")


def test_what_a_handler_prints_does_not_break_the_server(capfd):
    async def talkative(request):
        import os

        print("a word", flush=True)
        os.write(1, b"bytes \x00\x01 on the descriptor\n")
        return web.Response(text="said")

    server, ledger = start(talkative), Ledger()
    with server.recording(ledger):
        assert [get(server.port)[1] for _ in range(3)] == ["said"] * 3
    assert len(ledger.spans()) == 3
    assert server.errors == []
    server.close()
    # It is not lost either: it comes out where errors do.
    assert capfd.readouterr().err.count("a word") == 3


def test_what_keeps_the_child_from_starting_is_raised_as_it_is_and_no_child_stays(monkeypatch):
    async def hello(request):
        return web.Response()

    started = []

    class Noted(subprocess.Popen):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    with pytest.raises(RuntimeError, match="is already registered"):
        serve("server", [web.get("/", hello), web.get("/", hello)], process=True)
    assert len(started) == 2, "the child and its guard"
    assert [child.returncode is not None for child in started] == [True, True]
    assert servers.running() == []


def test_a_handler_the_child_cannot_import_is_refused_by_the_modules_name(tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("async def handler(request): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    import only_here

    with pytest.raises(ModuleNotFoundError, match="only_here"):
        start(only_here.handler)
    assert servers.running() == []


def test_closing_ends_the_child_frees_its_port_and_twice_does_nothing():
    server = serve_hello()
    assert get(server.port) == (200, "hello")
    server.close()
    assert has_ended(server.pid)
    assert refuses(server.port)
    assert servers.running() == []
    server.close()
    assert server.errors == []


def test_the_same_name_replaces_the_child():
    old, new = serve_hello(), serve_hello()
    assert has_ended(old.pid)
    assert get(new.port) == (200, "hello")
    assert servers.running() == ["server"]


def test_a_child_deep_in_cpu_work_is_ended_all_the_same():
    async def busy(request):
        while True:
            pass

    server = start(busy)
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        server.close()
        assert has_ended(server.pid)


def test_a_killed_child_is_reported_in_clear_words_and_can_be_replaced():
    server = serve_hello()
    ledger = Ledger()
    with (
        pytest.raises(RuntimeError, match=r"the process of server 'server' has ended.*-9"),
        server.recording(ledger),
    ):
        get(server.port, "/?n=1")
        os.kill(server.pid, signal.SIGKILL)
    assert ledger.spans() == []
    assert get(serve_hello().port) == (200, "hello")


def test_recording_a_closed_child_is_refused_in_clear_words():
    server = serve_hello()
    server.close()
    with (
        pytest.raises(RuntimeError, match=r"the process of server 'server' has ended"),
        server.recording(Ledger()),
    ):
        pass


def test_the_stop_buttons_signal_does_not_reach_the_child():
    server = serve_hello()
    assert os.getpgid(server.pid) != os.getpgid(0)


def test_what_no_handler_saw_and_what_one_raised_are_marked_in_the_ledger():
    async def failing(request):
        raise LookupError("the handler's own")

    server, ledger = start(failing), Ledger()
    with server.recording(ledger):
        assert get(server.port)[0] == 500
        with socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S) as client:
            client.sendall(b"no HTTP\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.0 400"
    assert [mark.label for mark in ledger.marks("server", "error")] == [
        "LookupError: the handler's own",
        "400 Bad Request: no handler saw this request",
    ]
    assert len(server.errors) == 2


def test_a_second_ledger_takes_nothing_from_the_first():
    server, first, second = serve_hello(), Ledger(), Ledger()
    with server.recording(first):
        get(server.port, "/?n=1")
        with server.recording(second):
            get(server.port, "/?n=2")
    assert [s.label for s in first.spans()] == ["1", "2"]
    assert [s.label for s in second.spans()] == ["2"]
