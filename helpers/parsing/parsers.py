"""Real HTTP parsers behind one interface: feed them bytes, get the requests that end in them.

Plan: three independent implementations: h11, llhttp (through httptools) and aiohttp's
parser in Python, each as its server uses it. (aiohttp's parser in C wraps llhttp too, so
it is no fourth one; whole_request.py measures it.) `feed` takes any piece of a stream and
returns the requests that end in it; what a parser refuses is a `Refused`, whatever the
library calls it. What follows the last request is, as `rest_is` says, "unfinished",
"switched" (left to another protocol) or "dropped" (the connection is closed).
`record_boundaries` feeds a stream byte by byte, so that the byte at which a parser says
"this is the end" is observed and not asked for.

Left out: responses, and what a server may decide by itself. h11 asks whether to switch to
another protocol when a request offers that; here the answer is always no.
"""

from __future__ import annotations

import asyncio
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
    """h11, a parser in Python that does nothing but parse; hypercorn uses it.

    After each request it waits until the program has answered and asks for another one.
    We do. RFC 9112, section 6.1, says that a server must not, after a request with both
    Transfer-Encoding and Content-Length: with `closes=True` we keep to it.
    """

    rest_is = "unfinished"

    def __init__(self, *, closes: bool = False):
        self._connection = h11.Connection(h11.SERVER)
        self._closes = closes

    def feed(self, data: bytes) -> list[Request]:
        """Take a piece of the stream; return the requests that end in it."""
        if not data or self.rest_is == "dropped":
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
                if self._closes and self._has_two_framings():
                    self.rest_is = "dropped"
                    return
            elif event is h11.PAUSED:
                self._answer_and_go_on()
            else:
                return

    def _has_two_framings(self) -> bool:
        names = {name for name, _ in self._head.headers}
        return {b"transfer-encoding", b"content-length"} <= names

    def _answer_and_go_on(self) -> None:
        """Tell it of an answer, and begin another cycle; what the answer is does not matter."""
        self._connection.send(h11.Response(status_code=400, headers=[("content-length", "0")]))
        self._connection.send(h11.EndOfMessage())
        self._connection.start_next_cycle()


class Llhttp:
    """llhttp, the parser of Node.js in C, through httptools; uvicorn uses it."""

    rest_is = "unfinished"

    def __init__(self):
        self._parser = httptools.HttpRequestParser(self)
        self._requests: list[Request] = []

    def feed(self, data: bytes) -> list[Request]:
        """Take a piece of the stream; return the requests that end in it."""
        if self.rest_is == "switched":
            return []
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.rest_is = "switched"
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


class NeverPausing(BaseProtocol):
    """The connection as aiohttp's parsers see it: it takes whatever they have."""

    def pause_reading(self) -> None:
        """Do nothing: more may come at once."""

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Do nothing: reading has never paused."""


class AiohttpPython:
    """aiohttp's parser in Python, used where the one in C could not be built.

    It needs a running loop, as there is one in every cell.
    """

    rest_is = "unfinished"

    def __init__(self):
        loop = asyncio.get_running_loop()
        self._parser = http_parser.HttpRequestParserPy(NeverPausing(loop), loop, 2**16)
        self._open: list[tuple] = []

    def feed(self, data: bytes) -> list[Request]:
        """Take a piece of the stream; return the requests that end in it."""
        if self.rest_is == "switched":
            return []
        try:
            messages, switched, _ = self._parser.feed_data(data)
        except http_exceptions.HttpProcessingError as error:
            raise Refused(error.message) from None
        if switched:
            self.rest_is = "switched"
        self._open += messages
        ended = []
        while self._open and self._open[0][1].is_eof():
            head, body = self._open.pop(0)
            ended.append(Request(head.method, head.path, body.read_nowait()))
        return ended


PARSERS: dict[str, Callable] = {
    "h11": H11,
    "llhttp (httptools)": Llhttp,
    "aiohttp, in Python": AiohttpPython,
}


def record_boundaries(parser, stream: bytes, ledger: Ledger, lane: str) -> list[Request]:
    """Feed the stream byte by byte; return the requests, and record where they end.

    The ledger counts bytes: a span goes from a request's first byte to behind its last. It
    is a "request", or "refused" from where the request began that the parser refuses, or
    what the parser says of the rest. `parser` is anything with a `feed` as above. A mark
    says that all of the stream was offered.
    """
    requests, start = [], 0
    ledger.mark(lane, "event", f"{len(stream)} bytes offered", len(stream))
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
    if start < len(stream):
        ledger.add(lane, getattr(parser, "rest_is", "unfinished"), start, len(stream))
    return requests
