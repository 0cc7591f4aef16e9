"""Parse one whole request with each parser, for measuring: method, target, headers.

Plan: all four functions deliver the same thing, a `Head`: else the comparison would be one
of what is left undone. aiohttp's two parsers build much more on the way (a dictionary of
headers that knows no upper and lower case, a URL, the flags of the connection), and both
build the same; h11 and llhttp hand over names and values.

Left out: bodies, and requests that come in pieces (parsers.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import h11
import httptools
from aiohttp import http_parser

from helpers.parsing.parsers import NeverPausing


class Head(NamedTuple):
    """What a request's head says; the names of the headers are in lower case."""

    method: str
    target: str
    headers: list[tuple[bytes, bytes]]


def with_h11(data: bytes) -> Head:
    """Parse with h11, which is written in Python."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    request = connection.next_event()
    return Head(request.method.decode(), request.target.decode(), list(request.headers))


class _Collector:
    """Keeps what llhttp calls out while it reads."""

    def __init__(self):
        self.target, self.headers = b"", []

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))


def with_llhttp(data: bytes) -> Head:
    """Parse with llhttp, which is written in C, through httptools."""
    collector = _Collector()
    parser = httptools.HttpRequestParser(collector)
    parser.feed_data(data)
    return Head(parser.get_method().decode(), collector.target.decode(), collector.headers)


def _with_aiohttp(parser: Callable, data: bytes) -> Head:
    loop = asyncio.get_running_loop()
    [(head, _)], _, _ = parser(NeverPausing(loop), loop, 2**16).feed_data(data)
    return Head(head.method, head.path, [(name.lower(), value) for name, value in head.raw_headers])


def with_aiohttp_c(data: bytes) -> Head:
    """Parse with aiohttp's parser in C, around its own copy of llhttp; on a running loop."""
    # Where the one in C could not be built, this is the one in Python.
    return _with_aiohttp(http_parser.HttpRequestParser, data)


def with_aiohttp_python(data: bytes) -> Head:
    """Parse with aiohttp's parser in Python; on a running loop."""
    return _with_aiohttp(http_parser.HttpRequestParserPy, data)


PARSE_WITH: dict[str, Callable[[bytes], Head]] = {
    "h11": with_h11,
    "llhttp (httptools)": with_llhttp,
    "aiohttp, in C": with_aiohttp_c,
    "aiohttp, in Python": with_aiohttp_python,
}
