"""What a piece of a WebSocket connection is called: by the type of its messages, or its length."""

import pytest
from wsproto.frame_protocol import FrameProtocol

from helpers.wire.tap import RECEIVED, SENT
from helpers.wire.websocket import message_text, message_type, texts


def frames(client: bool, *payloads: str | bytes) -> bytes:
    protocol = FrameProtocol(client=client, extensions=[])
    return b"".join(bytes(protocol.send_data(payload)) for payload in payloads)


@pytest.mark.parametrize(("direction", "client"), [(SENT, True), (RECEIVED, False)])
def test_both_sides_frames_are_read(direction, client):
    data = frames(client, '{"type": "subscribe"}', '{"type": "next", "of": "%s"}' % ("x" * 70_000))
    assert len(texts(direction, data)) == 2
    assert message_type(direction, data) == "subscribe, next"


def test_http_is_called_by_its_method_or_its_status():
    assert message_type(SENT, b"GET /graphql HTTP/1.1\r\nHost: x\r\n\r\n") == "GET"
    assert message_type(RECEIVED, b"HTTP/1.1 101 Switching Protocols\r\n") == (
        "101 Switching Protocols"
    )


def test_a_closing_frame_is_called_so():
    assert message_type(RECEIVED, bytes(FrameProtocol(False, []).close(1000))) == "close"


@pytest.mark.parametrize(
    "data",
    [
        frames(False, "no JSON"),
        frames(False, '{"no": "type"}'),
        frames(False, '["a list"]'),
        frames(False, b"binary"),
        frames(False, '{"type": "next"}')[:6],
        b"\xff\xff\xff",
    ],
)
def test_whatever_else_is_called_by_its_length(data):
    assert message_type(RECEIVED, data) == f"{len(data)} bytes"


def test_short_texts_are_called_by_themselves():
    assert message_text(RECEIVED, frames(False, "Ben logged in", "Ben left")) == (
        "Ben logged in, Ben left"
    )
    assert message_text(SENT, b"GET /events HTTP/1.1\r\n") == "GET"
    assert message_text(RECEIVED, b"HTTP/1.1 101 Switching Protocols\r\n") == (
        "101 Switching Protocols"
    )
    assert message_text(RECEIVED, frames(False, b"binary")) == "8 bytes"
