"""HTTP/1.1 exchanges in what a tap saw: each request with its response, and when they passed.

Plan: for each connection, h11 reads the requests from one direction and the responses from
the other, in order, and says where each message ends; when its bytes passed is known from
the tap's chunks. A message that breaks off is kept as far as it came, and says so.

Left out: HTTP/2, TLS, and what follows a switch of protocols.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from helpers.wire.tap import RECEIVED, SENT, Tap

_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Message:
    """A request or a response: its first line in parts, its head and body as they passed.

    `first` is (method, target, version) or (version, status, reason). `content` is the body
    without the framing of chunks. `times_s` are the moments of its first and last bytes.
    """

    first: tuple[str, str, str]
    headers: list[tuple[str, str]]
    head: bytes
    body: bytes
    content: bytes
    whole: bool
    at: int = 0  # where it begins in its direction of the connection
    times_s: tuple[float, float] = (0.0, 0.0)

    @property
    def size(self) -> int:
        """Return how many bytes of it passed."""
        return len(self.head) + len(self.body)

    def header(self, name: str) -> str:
        """Return the value of a header field, "" if there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")


@dataclass(frozen=True)
class Exchange:
    """A request and its response, if one came; responses before it (1xx) in `interim`."""

    connection: int
    request: Message
    response: Message | None = None
    interim: list[Message] = field(default_factory=list)


def exchanges(tap: Tap) -> list[Exchange]:
    """Return the exchanges in the order in which their requests began.

    A ValueError where a connection speaks something else, or the tap has not kept all.
    """
    found = [one for number in tap.connections() for one in _of_connection(tap, number)]
    return sorted(found, key=lambda one: one.request.times_s[0])


def _of_connection(tap: Tap, number: int) -> Iterator[Exchange]:
    sent, received = tap.joined(SENT, number), tap.joined(RECEIVED, number)
    sent_s, received_s = _Clock(tap, number, SENT), _Clock(tap, number, RECEIVED)
    asked = answered = 0
    while asked < len(sent):
        try:
            request = sent_s.timed(_request(sent[asked:], asked))
            asked += request.size
            interim, response = [], None
            while answered < len(received):
                response = received_s.timed(_response(received[answered:], answered, request))
                answered += response.size
                if not response.first[1].startswith("1") or response.first[1] == "101":
                    break
                interim.append(response)
                response = None
        except ValueError as error:
            raise ValueError(f"connection {number}: {error}") from None
        yield Exchange(number, request, response, interim)
        if response is None or response.first[1] == "101":
            return


class _Clock:
    """When the bytes of one direction of a connection passed."""

    def __init__(self, tap: Tap, number: int, direction: str):
        chunks = [c for c in list(tap.chunks) if (c.connection, c.direction) == (number, direction)]
        self._times_s = [chunk.time_s for chunk in chunks]
        self._starts, at = [], 0
        for chunk in chunks:
            self._starts.append(at)
            at += len(chunk.data)

    def timed(self, message: Message) -> Message:
        first, last = message.at, message.at + message.size - 1
        places = [bisect_right(self._starts, at) - 1 for at in (first, last)]
        return replace(message, times_s=tuple(self._times_s[place] for place in places))


# --- messages


def _request(data: bytes, at: int) -> Message:
    import h11

    return _message(h11.Connection(h11.SERVER), data, at, "request")


def _response(data: bytes, at: int, request: Message) -> Message:
    import h11

    connection = h11.Connection(h11.CLIENT)
    # Which body a response has depends on the method of its request.
    method, upgrade = request.first[0], request.header("upgrade")
    headers = [("host", "x")] + [("upgrade", upgrade), ("connection", "upgrade")] * bool(upgrade)
    connection.send(h11.Request(method=method, target="/", headers=headers))
    connection.send(h11.EndOfMessage())
    return _message(connection, data, at, "response")


def _message(connection, data: bytes, at: int, what: str) -> Message:
    """Return the message at the beginning of the data, read by an h11 connection."""
    import h11

    head, end, _ = data.partition(_END)
    head += end
    start, content, whole = None, b"", False
    try:
        connection.receive_data(data)
        while not whole:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(b"")  # nothing more came: the end, or it breaks off
            elif isinstance(event, h11.Data):
                content += event.data
            elif isinstance(event, h11.EndOfMessage):
                whole = True
            elif isinstance(event, h11.InformationalResponse):
                start, whole = event, True
            elif isinstance(event, h11.Request | h11.Response):
                start = event
            else:
                break
    except h11.RemoteProtocolError as error:
        if start is None and end:
            raise ValueError(f"no HTTP/1.1 from byte {at} on ({error})") from None
    if start is not None and not start.http_version.startswith(b"1."):
        raise ValueError(f"no HTTP/1.1 from byte {at} on (HTTP/{start.http_version.decode()})")
    if start is None:  # not even its head is there
        return Message(("", "", ""), [], data, b"", b"", False, at)
    body = b""
    if not isinstance(start, h11.InformationalResponse):
        rest, _ = connection.trailing_data if whole else (b"", True)
        body = data[len(head) : len(data) - len(rest)]
    version = f"HTTP/{start.http_version.decode()}"
    if what == "request":
        first = (start.method.decode(), start.target.decode("latin-1"), version)
    else:
        first = (version, str(start.status_code), start.reason.decode("latin-1"))
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in start.headers.raw_items()
    ]
    return Message(first, headers, head, body, content, whole, at)
