"""What a piece of a WebSocket connection is called in the ledger: its messages, or their type.

Plan: a client's frames are masked, a server's are not; wsproto reads both. Protocols over a
WebSocket often send JSON with a "type"; that is the name. Where the messages are short texts,
they are. What is no frame is the HTTP before it, of which the method or the status is enough.

Left out: messages that a relay reads in more than one piece. They are called by their length.
"""

from __future__ import annotations

import json

from helpers.wire.tap import SENT, byte_count


def texts(direction: str, data: bytes) -> list[str]:
    """Return the text messages of the whole frames in a piece, and "close" for a closing one."""
    from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

    # A server reads what a client has sent, and the other way round.
    protocol = FrameProtocol(client=direction != SENT, extensions=[])
    protocol.receive_bytes(data)
    found = []
    try:
        for frame in protocol.received_frames():
            if frame.opcode is Opcode.TEXT and frame.message_finished:
                found.append(frame.payload)
            elif frame.opcode is Opcode.CLOSE:
                found.append('{"type": "close"}')
    except ParseFailed:
        return found
    return found


def message_type(direction: str, data: bytes) -> str:
    """Return the "type" of the JSON messages in a piece; of HTTP, its method or its status."""
    if http := _http(data):
        return http
    types = []
    for text in texts(direction, data):
        try:
            types.append(str(json.loads(text)["type"]))
        except (ValueError, KeyError, TypeError):
            return byte_count(direction, data)
    return ", ".join(types) or byte_count(direction, data)


def message_text(direction: str, data: bytes) -> str:
    """Return the text messages of a piece; of HTTP, its method or its status."""
    said = _http(data) or ", ".join(texts(direction, data))
    return said or byte_count(direction, data)


def _http(data: bytes) -> str:
    """Return the method or the status of HTTP, which begins with a letter; no frame does."""
    if not data[:1].isalpha():
        return ""
    line = bytes(data[:80]).partition(b"\r\n")[0].decode("latin-1")
    method, _, rest = line.partition(" ")
    return rest if method.startswith("HTTP/") else method
