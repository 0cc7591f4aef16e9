"""Who listens where: the TCP listeners of this process and of its children.

Plan: on Linux ask the kernel's sock_diag, as `ss` does and without root: it tells for
every listener its address, its accept queue and the device it is held to, and under
which inode a process has it open. Where there is no sock_diag, psutil still knows the
addresses and the ports; what is missing then is None.

Left out: the listeners of other people's processes, and anything but TCP.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

# Numbers of linux/netlink.h and linux/inet_diag.h, and the state TCP_LISTEN.
_SOCK_DIAG, _BY_FAMILY, _DUMP = 4, 20, 0x301
_ERROR, _DONE = 2, 3
_LISTEN = 10


@dataclass(frozen=True, order=True)
class Listener:
    """Who listens where; `device` is the one it is held to, "" for any.

    `waiting` and `backlog` are those of its accept queue. These three are None where the
    system does not tell.
    """

    address: str
    port: int
    pid: int
    device: str | None = None
    waiting: int | None = None
    backlog: int | None = None


def listening(process: psutil.Process | None = None) -> list[Listener]:
    """Return the listeners of a process, this one unless told, and of its children."""
    process = process or psutil.Process()
    family = [process]
    with contextlib.suppress(psutil.NoSuchProcess):
        family += process.children(recursive=True)
    try:
        known = _known_to_the_kernel()
    except OSError:
        known = None
    found = []
    for member in family:
        if known is None:
            found += _known_to_psutil(member)
        else:
            found += [Listener(a, p, member.pid, *rest) for a, p, *rest in _opened(member, known)]
    return sorted(found)


def _known_to_psutil(process: psutil.Process) -> list[Listener]:
    try:
        connections = process.net_connections(kind="tcp")
    except psutil.Error:  # it has ended, or may not be looked at
        return []
    return [
        Listener(connection.laddr.ip, connection.laddr.port, process.pid)
        for connection in connections
        if connection.status == psutil.CONN_LISTEN
    ]


def _opened(process: psutil.Process, known: dict[int, tuple]) -> list[tuple]:
    """Return the known listeners that a process has open; none of one that has ended."""
    opened = []
    with contextlib.suppress(OSError):
        for link in Path(f"/proc/{process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):  # a file that was closed just now
                target = str(link.readlink())
                if target.startswith("socket:["):
                    opened.append(known.get(int(target[len("socket:[") : -1])))
    return [listener for listener in opened if listener is not None]


def _known_to_the_kernel() -> dict[int, tuple[str, int, str, int, int]]:
    """Return every listener by its inode: address, port, device, waiting, backlog.

    An OSError where there is no sock_diag. Source: sock_diag(7).
    """
    if sys.platform != "linux":
        raise OSError("sock_diag is Linux's own")
    found = {}
    for family in (socket.AF_INET, socket.AF_INET6):
        # inet_diag_req_v2: family, protocol, two bytes unused, states, an empty socket id
        ask = struct.pack("=BBBBI48x", family, socket.IPPROTO_TCP, 0, 0, 1 << _LISTEN)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
            kernel.settimeout(1)
            kernel.send(struct.pack("=IHHII", 16 + len(ask), _BY_FAMILY, _DUMP, 1, 0) + ask)
            kind = None
            while kind != _DONE:
                data = kernel.recv(1 << 16)
                while data and kind != _DONE:
                    length, kind = struct.unpack_from("=IH", data)
                    if kind == _ERROR:
                        raise OSError("sock_diag does not answer")
                    if kind == _BY_FAMILY:
                        inode, listener = _read(data[16:length])
                        found[inode] = listener
                    data = data[(length + 3) & ~3 :]
    return found


def _read(message: bytes) -> tuple[int, tuple[str, int, str, int, int]]:
    """Return the inode and what stands in an inet_diag_msg."""
    family = message[0]
    (port,) = struct.unpack_from("!H", message, 4)
    address = socket.inet_ntop(family, message[8 : 8 + (4 if family == socket.AF_INET else 16)])
    (index,) = struct.unpack_from("=I", message, 40)
    waiting, backlog, _, inode = struct.unpack_from("=IIII", message, 56)
    device = socket.if_indextoname(index) if index else ""
    return inode, (address, port, device, waiting, backlog)
