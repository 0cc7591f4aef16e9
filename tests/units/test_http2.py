"""The HTTP/2 server speaks HTTP/2, many streams on one connection, on loopback, and stops."""

import asyncio
import socket

import httpx
import pytest

from helpers import servers
from helpers.hosting.http2 import serve_http2
from helpers.ledger import Ledger, in_flight


async def app(scope, receive, send):
    await asyncio.sleep(0.2)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


async def ask(url: str, count: int):
    async with httpx.AsyncClient(http1=False, http2=True, timeout=5) as client:
        return await asyncio.gather(*(client.get(f"{url}/{n}") for n in range(count)))


def test_streams_of_one_connection_are_served_at_once_and_recorded():
    server, ledger = serve_http2("h2 test", app), Ledger()
    try:
        with server.recording(ledger):
            replies = asyncio.run(ask(server.url, 4))
    finally:
        server.close()
    assert [reply.text for reply in replies] == ["/0", "/1", "/2", "/3"]
    assert {reply.http_version for reply in replies} == {"HTTP/2"}
    served = ledger.spans("h2 test", "serving")
    assert sorted(span.label for span in served) == ["0", "1", "2", "3"]
    assert in_flight(served) == 4


def test_it_frees_its_port_and_is_replaced_by_name():
    first = serve_http2("h2 test", app)
    second = serve_http2("h2 test", app)
    try:
        assert servers.running().count("h2 test") == 1
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((first.host, first.port), timeout=2)
    finally:
        second.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((second.host, second.port), timeout=2)


async def failing(scope, receive, send):
    raise LookupError("the application's own")


def test_what_the_application_raises_is_kept_and_marked_and_nothing_is_printed(capfd):
    server, ledger = serve_http2("h2 test", failing), Ledger()
    with server.recording(ledger):
        [reply] = asyncio.run(ask(server.url, 1))
    server.close()
    assert reply.status_code == 500
    [error] = server.errors
    assert error.endswith("LookupError: the application's own\n")
    [mark] = ledger.marks("h2 test", "error")
    assert mark.label == "LookupError: the application's own"
    assert [span.label for span in ledger.spans("h2 test", "serving")] == ["0"]
    assert capfd.readouterr() == ("", "")
