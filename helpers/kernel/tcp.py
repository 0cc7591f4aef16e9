"""What the operating system knows of TCP sockets: queues, segments, bytes in buffers.

Plan: ask the kernel about a socket of our own, without root and without `ss`. TCP_INFO
is a struct that only grows, so a field stands at the same place in every kernel that has
it; the places are those of linux/tcp.h. On a listener two of its fields have a meaning
of their own: how many connections wait to be accepted, and how many may. The bytes in a
socket's buffers come from two ioctls.
`limits()` tries each once and says in one line what this platform cannot tell; asked for
it all the same, a function raises an OSError with that line.

Left out: who listens where (psutil knows), UDP, and the queue of half-open connections,
which on the loopback device is never long enough to be seen.
"""

from __future__ import annotations

import functools
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass

# States of tcp_states.h, by number.
TCP_STATES = (
    "",
    "established",
    "syn sent",
    "syn received",
    "fin wait 1",
    "fin wait 2",
    "time wait",
    "closed",
    "close wait",
    "last ack",
    "listening",
    "closing",
)
# How TCP_INFO holds what is asked of it here: the format and the offset in bytes.
_STATE = "B", 0
_UNACKED, _SACKED = ("I", 24), ("I", 28)
_RTT_US, _RETRANSMITTED = ("I", 68), ("I", 100)
_SEGMENTS_OUT, _SEGMENTS_IN, _UNSENT = ("I", 136), ("I", 140), ("I", 144)
_DATA_SEGMENTS_IN, _DATA_SEGMENTS_OUT = ("I", 152), ("I", 156)

_WITHOUT = {
    "info": "this system has no TCP_INFO of Linux: segments and round trips cannot be read here",
    "queue": "this system does not tell how many connections wait to be accepted",
    "unread": "this system does not tell how many bytes wait to be read",
    "unacknowledged": "this system does not tell how many bytes wait to be acknowledged",
}


@dataclass(frozen=True)
class Queue:
    """The accept queue of a listener: connections waiting in it, and the backlog asked for.

    Linux takes connections in as long as no more wait than `backlog` says, so one more
    than that fits.
    """

    waiting: int
    backlog: int


@dataclass(frozen=True)
class TcpInfo:
    """What TCP_INFO says of a connection.

    `round_trip_s` is the kernel's smoothed estimate; segments are counted since the
    connection was made, those with data also on their own; `unsent` is in bytes.
    """

    state: str
    round_trip_s: float
    segments_out: int
    segments_in: int
    data_segments_out: int
    data_segments_in: int
    retransmitted: int
    unsent: int


# --- one socket


def _info(sock: socket.socket, need: str) -> Callable[[tuple[str, int]], int]:
    """Return a function that takes a field out of the socket's TCP_INFO."""
    if sys.platform != "linux":
        raise OSError(_WITHOUT[need])
    if sock.type != socket.SOCK_STREAM or sock.family not in (socket.AF_INET, socket.AF_INET6):
        raise ValueError(f"sock={sock!r} is not a TCP socket")
    data = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)

    def field(place: tuple[str, int]) -> int:
        form, offset = place
        if offset + struct.calcsize(form) > len(data):
            raise OSError(f"the TCP_INFO of this kernel ends at byte {len(data)}: no {offset}")
        return struct.unpack_from("=" + form, data, offset)[0]

    return field


def queue(listener: socket.socket) -> Queue:
    """Return the accept queue of a listening socket; a ValueError if it does not listen.

    Source: TCP_INFO, where on a listener `tcpi_unacked` counts those who wait and
    `tcpi_sacked` is the backlog (linux/net/ipv4/tcp.c, tcp_get_info).
    """
    field = _info(listener, "queue")
    if TCP_STATES[field(_STATE)] != "listening":
        raise ValueError(f"listener={listener!r} does not listen: {TCP_STATES[field(_STATE)]}")
    return Queue(field(_UNACKED), field(_SACKED))


def connection(sock: socket.socket) -> TcpInfo:
    """Return what the kernel knows of a connection; a ValueError for a listening socket."""
    field = _info(sock, "info")
    state = TCP_STATES[field(_STATE)]
    if state == "listening":
        raise ValueError(f"sock={sock!r} listens: ask for its queue")
    return TcpInfo(
        state=state,
        round_trip_s=field(_RTT_US) / 1e6,
        segments_out=field(_SEGMENTS_OUT),
        segments_in=field(_SEGMENTS_IN),
        data_segments_out=field(_DATA_SEGMENTS_OUT),
        data_segments_in=field(_DATA_SEGMENTS_IN),
        retransmitted=field(_RETRANSMITTED),
        unsent=field(_UNSENT),
    )


def unread(sock: socket.socket) -> int:
    """Return the bytes that have arrived and not been read; source: tcp(7), FIONREAD."""
    return _ioctl(sock, "FIONREAD", "unread")


def unacknowledged(sock: socket.socket) -> int:
    """Return the bytes written that the other side's kernel has not acknowledged.

    Those not sent yet are among them. Source: tcp(7), SIOCOUTQ.
    """
    if sys.platform != "linux":  # elsewhere the same number means something else
        raise OSError(_WITHOUT["unacknowledged"])
    return _ioctl(sock, "TIOCOUTQ", "unacknowledged")


def _ioctl(sock: socket.socket, name: str, need: str) -> int:
    try:
        import fcntl
        import termios
    except ImportError:
        raise OSError(_WITHOUT[need]) from None
    return struct.unpack("i", fcntl.ioctl(sock.fileno(), getattr(termios, name), bytes(4)))[0]


# --- what cannot be told here


@functools.cache
def limits() -> dict[str, str]:
    """Return, by name, what this platform cannot tell, each in one line; tried once."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=7) as listener,
        socket.create_connection(listener.getsockname(), timeout=5) as client,
    ):
        tries = {
            "info": lambda: connection(client).segments_out > 0,
            # Some systems that call themselves Linux leave these two fields empty.
            "queue": lambda: queue(listener) == Queue(1, 7),
            "unread": lambda: unread(client) == 0,
            "unacknowledged": lambda: unacknowledged(client) == 0,
        }
        return {name: _WITHOUT[name] for name, told in tries.items() if not _true(told)}


def _true(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except OSError:
        return False


def can_hold_to_device() -> bool:
    """Tell whether this program may hold a socket to the loopback device, SO_BINDTODEVICE.

    Linux before 5.7 asks for root. Source: socket(7).
    """
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    except (AttributeError, OSError):
        return False
    return True
