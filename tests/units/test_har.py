"""The archive of a tap: valid by HAR's own schema, and it says what the tap saw."""

import base64
import http.client
import json
import socket
import time
from pathlib import Path

import jsonschema
import pytest
import referencing
from aiohttp import web

from helpers.servers import serve, serve_sockets
from helpers.wire import curltrace
from helpers.wire.exchanges import exchanges
from helpers.wire.har import har
from helpers.wire.relay import relay_to
from helpers.wire.tap import RECEIVED, SENT, Tap
from helpers.wire.tap_trace import tap_trace

SCHEMA = Path(__file__).resolve().parents[1] / "data/har_schema"
BINARY = bytes(range(256))


def check(archive):
    """Hold the archive to the published schema (npm's har-schema 2.0.0)."""
    files = [json.loads(file.read_text()) for file in SCHEMA.glob("*.json")]
    assert len(files) == 18
    registry = referencing.Registry().with_resources(
        (file["$id"].rstrip("#"), referencing.Resource.from_contents(file)) for file in files
    )
    whole = next(file for file in files if file["$id"] == "har.json#")
    jsonschema.Draft6Validator(
        whole, registry=registry, format_checker=jsonschema.FormatChecker()
    ).validate(json.loads(json.dumps(archive)))


async def tea(request):
    answer = web.Response(text="tëa", headers={"X-Twice": "1"})
    answer.set_cookie("cup", "blue")
    return answer


async def binary(request):
    return web.Response(body=BINARY)


async def chunked(request):
    answer = web.StreamResponse()
    answer.enable_chunked_encoding()
    await answer.prepare(request)
    await answer.write(b"one ")
    await answer.write(b"two")
    return answer


async def compressed(request):
    answer = web.Response(text="again and " * 500)
    answer.enable_compression(web.ContentCoding.gzip)
    return answer


async def take(request):
    return web.json_response({"bytes": len(await request.read())})


async def slow(request):
    import asyncio

    await request.read()
    await asyncio.sleep(0.2)
    return web.Response(text="late")


ROUTES = [
    web.route("*", f"/{h.__name__}", h) for h in (tea, binary, chunked, compressed, take, slow)
]


def ask(*requests):
    """Send the requests, (method, path, body, headers), over one connection through a tap."""
    relay = relay_to("tap", serve("server", ROUTES))
    connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=20)
    for method, path, body, headers in requests:
        connection.request(method, path, body, headers)
        connection.getresponse().read()
    connection.close()
    relay.close()
    assert relay.errors == []
    return relay.tap


def entries(tap):
    archive = har(tap)
    check(archive)
    return archive["log"]["entries"]


def test_an_exchange_with_all_that_belongs_to_it():
    tap = ask(("GET", "/tea?a=1&b=", None, {"Cookie": "spoon=silver"}))
    [entry] = entries(tap)
    request, response = entry["request"], entry["response"]
    assert request["method"] == "GET" and request["url"].endswith("/tea?a=1&b=")
    assert request["queryString"] == [{"name": "a", "value": "1"}, {"name": "b", "value": ""}]
    assert request["cookies"] == [{"name": "spoon", "value": "silver"}]
    assert (response["status"], response["statusText"]) == (200, "OK")
    assert response["httpVersion"] == "HTTP/1.1"
    assert response["cookies"] == [{"name": "cup", "value": "blue"}]
    assert {"name": "X-Twice", "value": "1"} in response["headers"]
    assert response["content"]["text"] == "tëa" and response["content"]["size"] == 4
    assert request["headersSize"] + request["bodySize"] == len(tap.joined(SENT))
    assert response["headersSize"] + response["bodySize"] == len(tap.joined(RECEIVED))
    assert "comment" not in entry


def test_every_byte_of_a_connection_is_counted_once_whatever_passed():
    posted = ("POST", "/take", b"x" * 200_000, {"Content-Type": "text/plain"})
    pieces = ("POST", "/take", iter([b"a" * 10, b"b" * 20]), {"Content-Type": "text/plain"})
    head, gets = (
        ("HEAD", "/tea", None, {}),
        [("GET", f"/{p}", None, {}) for p in ("binary", "chunked")],
    )
    tap = ask(posted, head, *gets, ("GET", "/nowhere", None, {}), pieces)
    found = entries(tap)
    sizes = [
        sum(entry[side]["headersSize"] + entry[side]["bodySize"] for entry in found)
        for side in ("request", "response")
    ]
    assert sizes == [len(tap.joined(SENT)), len(tap.joined(RECEIVED))]
    assert [entry["response"]["status"] for entry in found] == [200, 200, 200, 200, 404, 200]
    assert found[0]["request"]["bodySize"] == 200_000
    assert found[1]["response"]["bodySize"] == 0
    assert base64.b64decode(found[2]["response"]["content"]["text"]) == BINARY
    assert found[2]["response"]["content"]["encoding"] == "base64"
    assert found[3]["response"]["content"]["text"] == "one two"
    assert found[3]["response"]["bodySize"] > found[3]["response"]["content"]["size"]
    assert found[5]["request"]["postData"]["text"] == "a" * 10 + "b" * 20


def test_a_compressed_body_is_shown_as_it_was():
    [entry] = entries(ask(("GET", "/compressed", None, {"Accept-Encoding": "gzip"})))
    content = entry["response"]["content"]
    assert content["text"] == "again and " * 500
    assert entry["response"]["bodySize"] < content["size"] == 5000


def test_the_phases_are_those_of_the_tap_and_add_up():
    tap = ask(("POST", "/slow", b"x", {}))
    [entry] = entries(tap)
    timings = entry["timings"]
    assert [timings[name] for name in ("blocked", "dns", "connect")] == [-1, -1, -1]
    sent = [c.time_s for c in tap.chunks if c.direction == SENT]
    received = [c.time_s for c in tap.chunks if c.direction == RECEIVED]
    assert timings["send"] == pytest.approx(1000 * (sent[-1] - sent[0]), abs=0.001)
    assert timings["wait"] == pytest.approx(1000 * (received[0] - sent[-1]), abs=0.001)
    assert timings["receive"] == pytest.approx(1000 * (received[-1] - received[0]), abs=0.001)
    assert entry["time"] == pytest.approx(1000 * (received[-1] - sent[0]), abs=0.01)
    assert timings["wait"] >= 200


# --- what is odd


def through(text: bytes, answer: bytes = b"", close=True):
    """Send text as it is through a tap to a server that answers with this and closes."""

    def serve_it(connection):
        got = b""
        while len(got) < len(text):
            got += connection.recv(10_000)
        connection.sendall(answer)

    relay = relay_to("tap", serve_sockets("server", serve_it))
    with socket.create_connection(("127.0.0.1", relay.port), 20) as client:
        client.sendall(text)
        while client.recv(10_000):
            pass
    relay.wait_until_closed()
    return relay.tap


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
BREAKS_OFF = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"


@pytest.mark.parametrize(
    ("sent", "answer", "status", "comment"),
    [
        (GET, b"", 0, "no response came"),
        (GET, BREAKS_OFF, 200, f"the response breaks off after {len(BREAKS_OFF)} bytes"),
        (GET, b"HTTP/1.1 200 OK\r\nCont", 0, "the response breaks off after 21 bytes"),
        (GET[:-2], b"", 0, "the request breaks off after 25 bytes; no response came"),
        (GET, b"HTTP/1.0 200 OK\r\n\r\nto the end", 200, None),
        (GET, b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204, None),
    ],
)
def test_what_breaks_off_is_kept_as_far_as_it_came_and_says_so(sent, answer, status, comment):
    [entry] = entries(through(sent, answer))
    assert entry["response"]["status"] == status
    assert entry.get("comment") == comment


def test_after_a_switch_of_protocols_nothing_more_is_read():
    ask_for = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: chess\r\n\r\n"
    switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chess\r\n\r\n"
    [entry] = entries(through(ask_for + b"e2e4", switch + b"e7e5"))
    assert entry["response"]["status"] == 101


@pytest.mark.parametrize(
    "other", [b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_another_protocol_is_refused_by_its_place(other):
    with pytest.raises(ValueError, match=r"^connection 1: no HTTP/1\.1 from byte 0 on"):
        har(through(other))


def test_a_tap_that_has_not_kept_all_is_refused():
    tap = Tap(keep_bytes=3)
    tap.add(1.0, 1, SENT, GET)
    tap.flows[1, SENT] = tap.flows[1, RECEIVED] = None
    with pytest.raises(ValueError, match="keeps 3 bytes"):
        har(tap)


# --- as curl's trace


def test_the_trace_holds_every_byte_in_its_direction_and_order():
    tap = ask(("POST", "/take", b"x" * 5, {}), ("GET", "/chunked", None, {}))
    trace = curltrace.read(curltrace.write(tap_trace(tap)))
    assert (trace.sent, trace.received) == (tap.joined(SENT), tap.joined(RECEIVED))
    assert trace.blocks(SENT, "header")[0].data.startswith(b"POST /take HTTP/1.1\r\n")
    assert trace.blocks(RECEIVED, "header")[0].data == b"HTTP/1.1 200 OK\r\n"
    assert {block.stamp.transfer for block in trace.blocks()} == {0, 1}
    assert {block.stamp.connection for block in trace.blocks()} == {0}
    assert trace.infos()[0] == "Connection #0: opened"
    noon = time.localtime()
    seconds = noon.tm_hour * 3600 + noon.tm_min * 60 + noon.tm_sec
    assert (seconds + 1 - trace.blocks()[0].stamp.time_us / 1e6) % 86400 < 60


def test_another_protocol_is_data():
    tap = through(b"\x16\x03\x01\x02\r\n\r\n", b"\x15\x03")
    trace = tap_trace(tap)
    assert [(b.direction, b.kind) for b in trace.blocks()] == [(SENT, "data"), (RECEIVED, "data")]
    assert trace.sent == tap.joined(SENT)


def test_the_exchanges_of_two_connections_are_in_the_order_of_their_requests():
    relay = relay_to("tap", serve("server", ROUTES))
    for _ in range(2):
        first, second = (
            http.client.HTTPConnection("127.0.0.1", relay.port, timeout=20) for _ in range(2)
        )
        for connection in (second, first):
            connection.request("GET", "/tea")
            connection.getresponse().read()
        first.close(), second.close()
    found = exchanges(relay.tap)
    times = [one.request.times_s[0] for one in found]
    assert times == sorted(times) and len(found) == 4
    assert len({one.connection for one in found}) == 4
