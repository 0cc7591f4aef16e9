"""What a tap saw as an HTTP archive: HAR 1.2, which a browser's developer tools import.

Plan: an entry for each exchange (exchanges.py). Its phases are what a tap can know: `send`
from the first byte of the request to its last, `wait` to the first byte of the response,
`receive` to its last. What happened before the first byte (`blocked`, `dns`, `connect`) no
tap sees: -1, the archive's word for "not known". A body without text is base64.

Left out: pages, caches, and reading an archive.
"""

from __future__ import annotations

import base64
import datetime
import time
import zlib
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlsplit

from helpers.ledger import now_s
from helpers.wire.exchanges import Exchange, Message, exchanges
from helpers.wire.tap import Tap

UNKNOWN = -1
_MOST_BYTES = 64 * 2**20  # of a body that says it is compressed


def har(tap: Tap) -> dict:
    """Return the archive of a tap as data that JSON can hold; a ValueError: it is no HTTP/1.1."""
    # The tap's clock has no date: what it showed just now belongs to the time of day just now.
    epoch_s = time.time() - now_s()
    entries = [_entry(exchange, epoch_s) for exchange in exchanges(tap)]
    creator = {"name": "Backend on the Wire", "version": "1"}
    return {"log": {"version": "1.2", "creator": creator, "entries": entries}}


def phases_ms(exchange: Exchange) -> dict[str, float]:
    """Return how long each phase took, in milliseconds; -1 for what a tap does not see."""
    asked_s, asked_end_s = exchange.request.times_s
    begun_s = ended_s = asked_end_s
    if exchange.response is not None:
        begun_s, ended_s = exchange.response.times_s
    # A server may answer before it has the whole request.
    sent_s = min(asked_end_s, begun_s)
    ended_s = max(ended_s, asked_end_s)
    return {
        "blocked": UNKNOWN,
        "dns": UNKNOWN,
        "connect": UNKNOWN,
        "send": _ms(sent_s - asked_s),
        "wait": _ms(begun_s - sent_s),
        "receive": _ms(ended_s - begun_s),
    }


def _ms(duration_s: float) -> float:
    return round(max(0.0, duration_s) * 1000, 3)


def _entry(exchange: Exchange, epoch_s: float) -> dict:
    began = datetime.datetime.fromtimestamp(
        epoch_s + exchange.request.times_s[0], tz=datetime.UTC
    ).isoformat(timespec="microseconds")
    timings = phases_ms(exchange)
    broken = [
        f"the {name} breaks off after {message.size} bytes"
        for name, message in (("request", exchange.request), ("response", exchange.response))
        if message is not None and not message.whole
    ]
    entry = {
        "startedDateTime": began,
        "time": round(sum(ms for ms in timings.values() if ms > 0), 3),
        "request": _request(exchange.request),
        "response": _response(exchange.response),
        "cache": {},
        "timings": timings,
        "connection": str(exchange.connection),
    }
    if exchange.response is None:
        broken.append("no response came")
    return entry | ({"comment": "; ".join(broken)} if broken else {})


def _request(message: Message) -> dict:
    method, target, version = message.first
    parts = urlsplit(target)
    url = target if parts.scheme else f"http://{message.header('host')}{target}"
    found = {
        "method": method,
        "url": url,
        "httpVersion": version,
        "cookies": _cookies(message, "cookie"),
        "headers": _headers(message),
        "queryString": [
            {"name": name, "value": value}
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ],
        "headersSize": len(message.head),
        "bodySize": len(message.body),
    }
    if message.content:
        body = _text(message.content)
        if body.pop("encoding", ""):  # the archive has no such field here
            body["comment"] = "the text is base64"
        found["postData"] = {"mimeType": message.header("content-type")} | body
    return found


def _response(message: Message | None) -> dict:
    if message is None:  # as browsers write it
        message = Message(("", "0", ""), [], b"", b"", b"", False)
    version, status, reason = message.first
    content = _decoded(message)
    return {
        "status": int(status or 0),
        "statusText": reason,
        "httpVersion": version,
        "cookies": _cookies(message, "set-cookie"),
        "headers": _headers(message),
        "content": {"size": len(content), "mimeType": message.header("content-type")}
        | _text(content),
        "redirectURL": message.header("location"),
        "headersSize": len(message.head),
        "bodySize": len(message.body),
    }


def _headers(message: Message) -> list[dict]:
    return [{"name": name, "value": value} for name, value in message.headers]


def _cookies(message: Message, field: str) -> list[dict]:
    found = []
    for name, value in message.headers:
        if name.lower() == field:
            cookies = SimpleCookie()
            try:
                cookies.load(value)
            except CookieError:
                continue  # it stands among the headers all the same
            found += [{"name": key, "value": cookie.value} for key, cookie in cookies.items()]
    return found


def _text(content: bytes) -> dict:
    try:
        return {"text": content.decode("utf-8")}
    except UnicodeDecodeError:
        return {"text": base64.b64encode(content).decode("ascii"), "encoding": "base64"}


def _decoded(message: Message) -> bytes:
    """Return the content as it was before it was compressed, if that can be undone."""
    if message.header("content-encoding").lower() not in ("gzip", "deflate"):
        return message.content
    try:
        return zlib.decompressobj(wbits=47).decompress(message.content, _MOST_BYTES)
    except zlib.error:
        return message.content
