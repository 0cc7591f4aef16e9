"""The client of all relays, with as little Python as possible, so that it is not measured.

Usage: socket_client.py EXCHANGES ROUNDS MEGABYTES '{"name": port, ...}'
Prints by name, as JSON, a pair a round: seconds of the median exchange, MB/s of the bulk.
"""

import json
import socket
import statistics
import sys
import time


def connect(port: int) -> socket.socket:
    """Return a connection that sends at once."""
    connection = socket.create_connection(("127.0.0.1", port), 30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def ask(port: int, path: str) -> bytes:
    """Return a request."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()


def exchange(port: int, count: int) -> float:
    """Return the median time of an exchange, in seconds."""
    times, request = [], ask(port, "/")
    with connect(port) as connection:
        for _ in range(count):
            start = time.perf_counter()
            connection.sendall(request)
            heard = b""
            while not heard.endswith(b"hello"):
                heard += connection.recv(65536)
            times.append(time.perf_counter() - start)
    return statistics.median(times[20:])


def bulk(port: int, megabytes: int) -> float:
    """Return the throughput, in MB/s."""
    buffer, got = bytearray(2**20), 0
    with connect(port) as connection:
        start = time.perf_counter()
        connection.sendall(ask(port, "/bulk"))
        while got < megabytes * 2**20:
            count = connection.recv_into(buffer)
            if not count:
                raise EOFError("the end came early")
            got += count
        return got / 1e6 / (time.perf_counter() - start)


exchanges, rounds, megabytes = map(int, sys.argv[1:4])
ports, found = json.loads(sys.argv[4]), {}
for port in ports.values():
    exchange(port, exchanges)
for _ in range(rounds):
    for name, port in ports.items():
        pair = exchange(port, exchanges), bulk(port, megabytes)
        found.setdefault(name, []).append(pair)
print(json.dumps(found))
