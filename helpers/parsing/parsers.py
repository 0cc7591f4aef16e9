"""Real HTTP parsers behind one interface: feed them bytes, get the requests they see end.

Plan: h11, llhttp (through httptools) and the two parsers of aiohttp, one in C around
llhttp and one in Python, each as its server uses it. `feed` takes any piece of a stream
and returns the requests that end in it; what a parser refuses is a `Refused`, whatever
the library calls it. `seen` feeds a stream byte by byte, so that the byte at which a
parser says "this is the end" is observed and not asked for.

Left out: responses, and what a server may decide by itself. h11 asks whether to switch to
another protocol when a request offers that; here the answer is always no.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import h11
import httptools
from aiohttp import http_exceptions, http_parser
from aiohttp.base_protocol import BaseProtocol

from helpers.ledger import Ledger


class Refused(ValueError):
    """The parser says that these bytes are no HTTP; the message is its own reason."""


@dataclass(frozen=True)
class Request:
    """A request that has ended: its method, its target and its body."""

    method: str
    target: str
    body: bytes = b""


class H11:
    """h11, a parser in Python that does nothing but parse; hypercorn uses it."""

    def __init__(self):
        self._connection = h11.Connection(h11.SERVER)
        self.switched = False

    def feed(self, data: bytes) -> list[Request]:
        """Take a piece of the stream; return the requests that end in it."""
        if not data:
            return []  # to h11, no bytes are the end of the connection
        try:
            self._connection.receive_data(data)
            return list(self._ended())
        except h11.ProtocolError as error:
            raise Refused(str(error)) from None

    def _ended(self) -> Iterator[Request]:
        while (event := self._connection.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.Request):
                self._head, self._body = event, b""
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                yield Request(self._head.method.decode(), self._head.target.decode(), self._body)
            elif event is h11.PAUSED:
                self._go_on()
            else:
                return

    def _go_on(self) -> None:
        """Tell it of an answer: before, it takes no further request. What answer is all one."""
        self._connection.send(h11.Response(status_code=400, headers=[("content-length", "0")]))
        self._connection.send(h11.EndOfMessage())
        self._connection.start_next_cycle()


class Llhttp:
    """llhttp, the parser of Node.js in C, through httptools; uvicorn uses it."""

    def __init__(self):
        self._parser = httptools.HttpRequestParser(self)
        self._requests: list[Request] = []
        self.switched = False

    def feed(self, data: bytes) -> list[Request]:
        """Take a piece of the stream; return the requests that end in it."""
        if self.switched:
            return []
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.switched = True
        except httptools.HttpParserError as error:
            raise Refused(str(error)) from None
        ended, self._requests = self._requests, []
        return ended

    # The calls that llhttp makes.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._target = self._body = b""

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._target += url

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """End a request."""
        method = self._parser.get_method().decode()
        self._requests.append(Request(method, self._target.decode(), self._body))


class _NeverPausing(BaseProtocol):
    """The connection as aiohttp's parsers see it: it takes whatever they have."""

    def pause_reading(self) -> None:
        pass

    def resume_reading(self, resume_parser: bool = True) -> None:
        pass


class _Aiohttp:
    """What both parsers of aiohttp have in common; they need a running loop."""

    parser: Callable

    def __init__(self):
        self._parser = self.new()
        self._open: list[tuple] = []
        self.switched = False

    @classmethod
    def new(cls):
        """Return a parser of aiohttp as its server makes one."""
        loop = asyncio.get_running_loop()
        return cls.parser(_NeverPausing(loop), loop, 2**16)

    def feed(self, data: bytes) -> list[Request]:
        """Take a piece of the stream; return the requests that end in it."""
        if self.switched:
            return []
        try:
            messages, self.switched, _ = self._parser.feed_data(data)
        except http_exceptions.HttpProcessingError as error:
            raise Refused(error.message) from None
        self._open += messages
        ended = []
        while self._open and self._open[0][1].is_eof():
            head, body = self._open.pop(0)
            ended.append(Request(head.method, head.path, body.read_nowait()))
        return ended


class AiohttpC(_Aiohttp):
    """aiohttp's parser in C, around its own copy of llhttp; its server uses it."""

    # Where the one in C could not be built, this is the one in Python.
    parser = http_parser.HttpRequestParser


class AiohttpPython(_Aiohttp):
    """aiohttp's parser in Python, used where the one in C could not be built."""

    parser = http_parser.HttpRequestParserPy


PARSERS: dict[str, Callable] = {
    "h11": H11,
    "llhttp (httptools)": Llhttp,
    "aiohttp, in C": AiohttpC,
    "aiohttp, in Python": AiohttpPython,
}


class Gateway:
    """No real parser: one such as people write, that knows one framing, Content-Length."""

    switched = False

    def __init__(self):
        self._rest = b""

    def feed(self, data: bytes) -> list[Request]:
        """Take a piece of the stream; return the requests that end in it."""
        self._rest += data
        ended = []
        while b"\r\n\r\n" in self._rest:
            head, _, body = self._rest.partition(b"\r\n\r\n")
            length = re.search(rb"(?im)^content-length: *(\d+)", head)
            size = int(length[1]) if length else 0
            if len(body) < size:
                break
            ended.append(Request(*head.decode("latin-1").split()[:2], body[:size]))
            self._rest = body[size:]
        return ended


# --- one whole request, with as little around the parser as its library allows


def _once_h11(data: bytes) -> None:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    while type(connection.next_event()) is not h11.EndOfMessage:
        pass


class _Deaf:
    """Is called by llhttp for every header, and keeps nothing."""

    def on_header(self, name: bytes, value: bytes) -> None:
        pass


def _once_llhttp(data: bytes) -> None:
    httptools.HttpRequestParser(_Deaf()).feed_data(data)


ONCE: dict[str, Callable[[bytes], object]] = {
    "h11": _once_h11,
    "llhttp (httptools)": _once_llhttp,
    "aiohttp, in C": lambda data: AiohttpC.new().feed_data(data),
    "aiohttp, in Python": lambda data: AiohttpPython.new().feed_data(data),
}


# --- where a parser says that a request ends


def seen(parser, stream: bytes, ledger: Ledger, lane: str) -> list[Request]:
    """Feed the stream byte by byte; return the requests, and record where they end.

    The clock of this ledger is the stream: a span goes from its first byte to behind its
    last. It is a "request", or "refused" from the byte that the parser does not take, or
    "switched" where it leaves the rest to another protocol, or "unfinished".
    """
    requests, start = [], 0
    for end in range(1, len(stream) + 1):
        try:
            ended = parser.feed(stream[end - 1 : end])
        except Refused as refusal:
            ledger.add(lane, "refused", start, len(stream), f"at byte {end}: {refusal}")
            return requests
        for request in ended:
            ledger.add(lane, "request", start, end, f"{request.method} {request.target}")
            start = end
        requests += ended
        if parser.switched:
            break
    if start < len(stream):
        ledger.add(lane, "switched" if parser.switched else "unfinished", start, len(stream))
    return requests
