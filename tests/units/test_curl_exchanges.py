"""What a tap between curl and a server saw is what curl says it sent and received.

Each exchange runs twice, with `--trace` and with `--trace-ascii`. curl's blocks and the
tap's chunks are cut in other places, so the bytes are joined, per direction. Then curl's
own text is written anew from the tap's bytes, cut as curl cut them: it must come out equal
to the last character.
"""

import asyncio
import os
import re
import shutil
import socket
import struct
from dataclasses import replace
from itertools import pairwise

import psutil
import pytest
from aiohttp import web

from helpers.ledger import now_s
from helpers.peers import curl
from helpers.servers import serve, serve_streams
from helpers.wire import curltrace
from helpers.wire.curltrace import DATA, RECEIVED, SENT, TRACE, TRACE_ASCII
from helpers.wire.relay import relay_to
from helpers.wire.tap import Tap

pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None and not os.environ.get("CI"), reason="there is no curl here"
)
TIMEOUT_S = 20.0
BINARY = bytes(range(256)) * 4 + b"\r\n\r\n" + b"a" * 64 + b"\r\nend"


# --- the server: a little of everything HTTP/1.1 has


async def small(request):
    return web.Response(text="hello", headers={"X-Twice": "1"})


async def no_content(request):
    return web.Response(status=204)


async def binary(request):
    return web.Response(body=BINARY)


async def large(request):
    return web.Response(body=b"x" * 300_000)


async def chunked(request):
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    for n in range(3):
        await response.write(b"part %d\r\n" % n)
        await asyncio.sleep(0.02)
    return response


async def take(request):
    size = 0
    async for part in request.content.iter_any():
        size += len(part)
    return web.json_response({"bytes": size})


async def refuse(request):
    """Answer by the header alone; the body is neither asked for nor read."""
    return web.Response(status=413, text="too large", headers={"Connection": "close"})


async def stay_silent(request):
    """Send no 100 Continue."""


async def refuse_expectation(request):
    raise web.HTTPExpectationFailed


async def moved(request):
    raise web.HTTPFound("/small")


async def compressed(request):
    response = web.Response(text="again and " * 500)
    response.enable_compression()
    return response


async def many_headers(request):
    return web.Response(headers={f"X-{n}": "v" * n for n in range(90)})


async def broken(request):
    raise RuntimeError("on purpose")


ROUTES = [
    *(web.get(f"/{h.__name__}", h) for h in (small, no_content, binary, large, chunked)),
    *(web.get(f"/{h.__name__}", h) for h in (moved, compressed, many_headers, broken)),
    web.route("*", "/take", take),
    web.post("/refuse", refuse, expect_handler=stay_silent),
    web.post("/refuse_expectation", take, expect_handler=refuse_expectation),
]
POST = ["-H", "Content-Type: text/plain"]
# Arguments of curl, "URL" standing for the address; then the exit code and the connections.
EXCHANGES = {
    "small answer": (["URL/small"], 0, 1),
    "headers only": (["URL/no_content"], 0, 1),
    "every byte there is": (["URL/binary"], 0, 1),
    "a large answer": (["URL/large"], 0, 1),
    "chunks": (["URL/chunked"], 0, 1),
    "chunks, HTTP/1.0": (["-0", "URL/small"], 0, 1),
    "HEAD": (["-I", "URL/small"], 0, 1),
    "HEAD of chunks": (["-I", "URL/large"], 0, 1),
    "not found": (["URL/nowhere"], 0, 1),
    "a server error": (["URL/broken"], 0, 1),
    "a redirect": (["URL/moved"], 0, 1),
    "a redirect, followed": (["-L", "URL/moved"], 0, 1),
    "keep-alive": (["URL/small", "URL/binary", "URL/small"], 0, 1),
    "no keep-alive": (["-H", "Connection: close", "URL/small", "URL/small"], 0, 2),
    "two in turn, two connections": (["--no-keepalive", "-0", "URL/small", "URL/small"], 0, 2),
    "many headers": (["URL/many_headers"], 0, 1),
    "long headers": (["-H", "X-Long: " + "y" * 7000, "URL/small"], 0, 1),
    "a range": (["-r", "0-9", "URL/binary"], 0, 1),
    "compressed": (["--compressed", "URL/compressed"], 0, 1),
    "an upgrade nobody takes": (["--http2", "URL/small"], 0, 1),
    "a form": (["-d", "a=1&b=2", "URL/take"], 0, 1),
    "a form of several parts": (["-F", "a=1", "-F", "b=two words", "URL/take"], 0, 1),
    "an empty body": ([*POST, "-d", "", "URL/take"], 0, 1),
    "a body": ([*POST, "--data-binary", "@BINARY", "URL/take"], 0, 1),
    "a large body": ([*POST, "--data-binary", "@LARGE", "URL/take"], 0, 1),
    "a body in chunks": (["-H", "Transfer-Encoding: chunked", "-d", "@BINARY", "URL/take"], 0, 1),
    "PUT": (["-T", "BINARY", "URL/take"], 0, 1),
    "100-continue": ([*POST, "-H", "Expect: 100-continue", "-d", "body", "URL/take"], 0, 1),
    "100-continue by size": ([*POST, "--data-binary", "@HUGE", "URL/take"], 0, 1),
    "refused by the header": (
        [*POST, "-H", "Expect: 100-continue", "--data-binary", "@LARGE", "URL/refuse"],
        0,
        1,
    ),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files to send, by the names that stand for them in the arguments."""
    folder = tmp_path_factory.mktemp("bodies")
    contents = {"BINARY": BINARY, "LARGE": b"z" * 400_000, "HUGE": b"h" * 2_000_000}
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return {name: str(folder / name) for name in contents}


async def exchange(arguments, form, server, files) -> tuple[curl.CompletedProcess, Tap]:
    """Run curl against a server through a tap; return both ends' stories."""
    relay = relay_to("tap", server)
    words = [a.replace("URL", relay.url) for a in arguments]
    for name, path in files.items():
        words = [re.sub(rf"^(@?){name}$", rf"\g<1>{path}", word) for word in words]
    quiet = ["-s", "-o", "out", *["-o", "out"] * sum("URL" in a for a in arguments)]
    run = await curl.run(*quiet, form, "trace", *words, timeout_s=TIMEOUT_S)
    relay.close()
    assert relay.errors == []
    return run, relay.tap


def from_tap(trace: curltrace.Trace, tap: Tap) -> tuple[str, dict[str, bytes]]:
    """Return curl's text, written anew from the tap's bytes cut as curl cut them, and what is left.

    curls up to 8.x do not show the empty line that ends an interim (1xx) response.
    """
    left = {direction: tap.joined(direction) for direction in (SENT, RECEIVED)}
    records, interim = [], False
    for record in trace.records:
        if isinstance(record, curltrace.Block):
            rest = left[record.direction]
            if record.direction == RECEIVED and record.data.startswith(b"HTTP/1."):
                if interim and rest.startswith(b"\r\n"):
                    rest = rest[2:]
                interim = record.data.startswith(b"HTTP/1.1 1")
            size = len(record.data)
            record, left[record.direction] = replace(record, data=rest[:size]), rest[size:]
        records.append(record)
    return curltrace.write(replace(trace, records=records)), left


@pytest.mark.parametrize("form", [TRACE, TRACE_ASCII])
@pytest.mark.parametrize("name", EXCHANGES)
def test_the_tap_saw_what_curl_says(name, form, files):
    arguments, exit_code, connections = EXCHANGES[name]
    server = serve("server", ROUTES)
    run, tap = asyncio.run(exchange(arguments, form, server, files))
    assert run.exit_code == exit_code, run.messages
    trace = curltrace.read(run.trace)
    assert trace.form == form
    assert curltrace.write(trace) == run.trace
    text, left = from_tap(trace, tap)
    assert text == run.trace
    assert left == {SENT: b"", RECEIVED: b""}, "the tap saw more than curl tells of"
    assert tap.connections() == list(range(1, connections + 1))
    assert len(tap.joined(SENT)) > 50
    if form == TRACE and b"HTTP/1.1 100" not in trace.received:
        assert (trace.sent, trace.received) == (tap.joined(SENT), tap.joined(RECEIVED))


def test_the_comparison_would_notice_another_byte(files):
    server = serve("server", ROUTES)
    run, tap = asyncio.run(exchange(["URL/small"], TRACE, server, files))
    trace = curltrace.read(run.trace)
    assert from_tap(trace, tap) == (run.trace, {SENT: b"", RECEIVED: b""})
    last = tap.chunks.pop()
    tap.chunks.append(replace(last, data=last.data[:-1] + b"O"))
    assert from_tap(trace, tap)[0] != run.trace
    tap.chunks.append(replace(last, data=b"more"))
    assert from_tap(trace, tap)[1][RECEIVED] == b"more"


def test_an_interim_response_and_no_body_until_it_came(files):
    server = serve("server", ROUTES)
    run, tap = asyncio.run(exchange(EXCHANGES["100-continue"][0], TRACE, server, files))
    assert tap.joined(RECEIVED).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    assert b"HTTP/1.1 100 Continue\r\n" in curltrace.read(run.trace).received
    directions = [c.direction for c in tap.chunks]
    assert directions == [SENT, RECEIVED, SENT, RECEIVED]
    run, tap = asyncio.run(exchange(EXCHANGES["refused by the header"][0], TRACE, server, files))
    assert tap.joined(SENT).endswith(b"\r\n\r\n"), "a byte of the body was sent"


def test_with_f_curl_does_not_read_the_body_of_an_error(files):
    server = serve("server", ROUTES)
    run, tap = asyncio.run(exchange(["-f", "URL/nowhere"], TRACE, server, files))
    trace = curltrace.read(run.trace)
    assert run.exit_code == 22
    assert trace.blocks(RECEIVED, DATA) == []
    assert tap.joined(RECEIVED).startswith(trace.received)
    assert tap.joined(RECEIVED).endswith(b"404: Not Found")


def test_times_stand_at_heads_and_do_not_run_backwards(files):
    server = serve("server", ROUTES)
    run, tap = asyncio.run(exchange(["--trace-time", "URL/chunked"], TRACE, server, files))
    trace = curltrace.read(run.trace)
    assert curltrace.write(trace) == run.trace
    times = [record.stamp.time_us for record in trace.records]
    assert None not in times
    midnight = 86_400_000_000
    assert all((b - a) % midnight < midnight / 2 for a, b in pairwise(times))
    assert trace.received == tap.joined(RECEIVED)


# --- exchanges that go wrong


def script(reply: bytes, *, reset: bool = False, patience_s: float = 0.0):
    """Return a handler that reads one request header, writes the reply and closes."""

    async def handler(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        await asyncio.sleep(patience_s)
        if reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()

    return handler


OK = b"HTTP/1.1 200 OK\r\n"
WRONG = {
    "no reply": (script(b""), 52),
    "a body cut off": (script(OK + b"Content-Length: 10\r\n\r\nhello"), 18),
    "chunks cut off": (script(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel"), 18),
    "a header cut off": (script(OK + b"Content-Len"), 0),
    "no HTTP at all": (script(b"a poem\r\n"), 1),
    "no end": (script(OK + b"Content-Length: 9\r\n\r\nhi", patience_s=5), 28),
    "a reset": (script(OK + b"Content-Length: 9\r\n\r\nhi", reset=True, patience_s=0.2), 56),
    "until the connection closes": (script(OK + b"\r\nhello"), 0),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_goes_wrong_is_in_the_trace_as_far_as_it_came(name):
    handler, exit_code = WRONG[name]
    server = serve_streams("server", handler)
    arguments = ["-s", "--trace", "trace", "-o", "out", server.url]
    run = asyncio.run(curl.run(*arguments, timeout_s=1.0 if exit_code == 28 else TIMEOUT_S))
    assert run.exit_code in (exit_code, 8 if name == "a header cut off" else exit_code)
    trace = curltrace.read(run.trace)
    assert curltrace.write(trace) == run.trace
    assert trace.sent.startswith(b"GET / HTTP/1.1\r\n")
    if exit_code in (18, 28, 56):
        assert trace.received.startswith(OK)
        assert trace.received.endswith((b"hello", b"hel", b"hi"))


def test_nobody_listens_and_a_malformed_address():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    run = asyncio.run(curl.run("-s", "--trace", "trace", f"http://127.0.0.1:{port}/"))
    assert run.exit_code == 7
    assert curltrace.read(run.trace).blocks() == []
    run = asyncio.run(curl.run("-v", "--trace", "out.txt", "http:://google.com"))
    assert run.exit_code == 3
    assert "--trace overrides an earlier trace" in run.messages
    assert curltrace.read(run.trace).blocks() == []


# --- the program is kept on a short lead


def test_a_curl_that_does_not_end_is_killed():
    server = serve_streams("server", script(b"", patience_s=30))
    start_s = now_s()
    # A limit of the caller's own comes after ours, and wins.
    with pytest.raises(TimeoutError, match=r"did not end within 2\.2 s"):
        asyncio.run(curl.run("-s", "--max-time", "60", server.url, timeout_s=0.2))
    assert now_s() - start_s < 20
    assert children() == []


def test_a_reply_without_an_end_is_stopped_before_it_fills_the_disk():
    async def pour(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"\r\n")
        for _ in range(100_000):
            writer.write(bytes(65536))
            await writer.drain()

    server = serve_streams("server", pour)
    with pytest.raises(OverflowError, match="more than 1000000 bytes"):
        asyncio.run(curl.run("-s", server.url, most_bytes=1_000_000))
    assert children() == []


def test_a_caller_who_is_cancelled_leaves_no_curl_behind():
    server = serve_streams("server", script(b"", patience_s=30))

    async def cancelled():
        task = asyncio.create_task(curl.run("-s", server.url))
        await asyncio.sleep(0.5)
        assert [child.name() for child in children()] == ["curl"]
        assert os.getsid(children()[0].pid) != os.getsid(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert children() == []


def children() -> list[psutil.Process]:
    return [c for c in psutil.Process().children() if c.status() != psutil.STATUS_ZOMBIE]


def test_settings_and_proxies_of_the_learner_do_not_leak_in(tmp_path, monkeypatch):
    (tmp_path / ".curlrc").write_text('user-agent = "leaked"\n')
    for name in ("HOME", "CURL_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("http_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server = serve_streams("server", script(OK + b"\r\n"))
    run = asyncio.run(curl.run("-s", "--trace", "trace", server.url))
    assert run.exit_code == 0
    assert b"leaked" not in curltrace.read(run.trace).sent


def test_output_messages_and_files_come_back():
    server = serve_streams("server", script(OK + b"\r\nhello"))
    run = asyncio.run(curl.run("-S", server.url, "-D", "head"))
    assert (run.exit_code, run.output, run.trace) == (0, b"hello", "")
    assert run.files == {"head": OK + b"\r\n"}
    assert "Total" in run.messages, "the progress meter goes to standard error"
    version = asyncio.run(curl.version())
    assert version >= (7, 0)


def test_wrong_arguments_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="timeout_s=0"):
        asyncio.run(curl.run("--version", timeout_s=0))
    with pytest.raises(ValueError, match=r"'a\\x00b'"):
        asyncio.run(curl.run("a\0b"))
    with pytest.raises(ValueError, match="7"):
        asyncio.run(curl.run(7))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match="no curl"):
        asyncio.run(curl.run("--version"))


def test_what_a_killed_kernel_left_goes_with_the_next_run(monkeypatch, tmp_path):
    ended = next(n for n in range(2**22 - 1, 2, -1) if not psutil.pid_exists(n))
    left, mine = tmp_path / f"wire-curl-{ended}-x", tmp_path / f"wire-curl-{os.getpid()}-x"
    others = tmp_path / "wire-curl-notes"
    for folder in (left, mine, others):
        (folder / "work").mkdir(parents=True)
    monkeypatch.setattr(curl.tempfile, "tempdir", str(tmp_path))
    assert asyncio.run(curl.version())
    assert sorted(folder.name for folder in tmp_path.iterdir()) == sorted([mine.name, others.name])
