"""The least that a relay can do: it looks at nothing. What it costs is the machine's share.

Usage: copying.py PORT    prints its own port
"""

import socket
import sys
import threading


def copy(source: socket.socket, sink: socket.socket) -> None:
    """Pass on all that comes."""
    buffer = memoryview(bytearray(2**20))
    while count := source.recv_into(buffer):
        sink.sendall(buffer[:count])
    sink.shutdown(socket.SHUT_WR)


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    pair = [listener.accept()[0], socket.create_connection(("127.0.0.1", int(sys.argv[1])))]
    for side in pair:
        side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for ends in (pair, pair[::-1]):
        threading.Thread(target=copy, args=ends, daemon=True).start()
