"""The promises about the wire tap: what it adds to an exchange, and what it leaves of the bulk.

Plan: first as a lesson has it, with aiohttp's client, the tap and the server in one
process: that is what is promised. Then beside its rivals, each in a process of its own
before the same server, all asked in turn by one client with a bare socket. mitmproxy runs
twice, as a proxy for HTTP that streams and as one for plain TCP: the better one counts.
Several rounds; of exchanges the best round counts, because what else goes on in the machine
only ever makes them slower, and of the bulk the middle one of the rounds' ratios. On two cores,
client and server alone keep both busy with copying memory: what a relay that looks at
nothing leaves of that is measured, too.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from bench import ROOT, Row, promise, rival

EXCHANGES, ROUNDS = 300, 15
MB = 100
COPYING = "a loop that only copies"

_BULK = f"""
async def hello(request):
    return web.Response(text="hello")

async def bulk(request):
    block = bytes(2**20)
    response = web.StreamResponse(headers={{"Content-Length": str({MB} * len(block))}})
    await response.prepare(request)
    for _ in range({MB}):
        await response.write(block)
    return response

server = serve("bench", [web.get("/", hello), web.get("/bulk", bulk)])
"""

_LESSON = f"""
import asyncio, json, statistics, time
import aiohttp
from aiohttp import web
from helpers.ledger import Ledger
from helpers.wire.relay import relay_to
from helpers.servers import serve
{_BULK}
async def measure(port):
    limit, times, got = aiohttp.ClientTimeout(total=60), [], 0
    async with aiohttp.ClientSession(f"http://127.0.0.1:{{port}}", timeout=limit) as session:
        for _ in range({EXCHANGES}):
            start = time.perf_counter()
            async with session.get("/") as response:
                await response.read()
            times.append(time.perf_counter() - start)
        start = time.perf_counter()
        async with session.get("/bulk") as response:
            async for data in response.content.iter_any():
                got += len(data)
        assert got == {MB} * 2**20
        return statistics.median(times[20:]), got / 1e6 / (time.perf_counter() - start)

async def main():
    wire, found = relay_to("tap", server), {{"untapped": [], "tap": []}}
    with wire.recording(Ledger()):
        await measure(wire.port)
        for _ in range({ROUNDS}):
            found["untapped"].append(await measure(server.port))
            found["tap"].append(await measure(wire.port))
    print(json.dumps(found))

asyncio.run(main())
"""

_SERVER = f"""
from aiohttp import web
from helpers.servers import serve
{_BULK}
print(server.port, flush=True)
input()
"""

_TAP = """
import sys
from helpers.ledger import Ledger
from helpers.wire.relay import relay_to
wire = relay_to("bench", int(sys.argv[1]))
with wire.recording(Ledger()):
    print(wire.port, flush=True)
    input()
"""

# The least that a relay can do: it looks at nothing. What it costs is the machine's share.
_COPYING = """
import socket, sys, threading

def copy(source, sink):
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
"""

# As little Python as possible, so that it is not the client that is measured.
_CLIENT = f"""
import json, socket, statistics, sys, time

def connect(port):
    connection = socket.create_connection(("127.0.0.1", port), 30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection

def ask(port, path):
    return f"GET {{path}} HTTP/1.1\\r\\nHost: 127.0.0.1:{{port}}\\r\\n\\r\\n".encode()

def exchange(port):
    times, request = [], ask(port, "/")
    with connect(port) as connection:
        for _ in range({EXCHANGES}):
            start = time.perf_counter()
            connection.sendall(request)
            heard = b""
            while not heard.endswith(b"hello"):
                heard += connection.recv(65536)
            times.append(time.perf_counter() - start)
    return statistics.median(times[20:])

def bulk(port):
    buffer, got = bytearray(2**20), 0
    with connect(port) as connection:
        start = time.perf_counter()
        connection.sendall(ask(port, "/bulk"))
        while got < {MB} * 2**20:
            count = connection.recv_into(buffer)
            assert count, "the end came early"
            got += count
        return got / 1e6 / (time.perf_counter() - start)

ports, found = json.loads(sys.argv[1]), {{}}
for port in ports.values():
    exchange(port)
for _ in range({ROUNDS}):
    for name, port in ports.items():
        found.setdefault(name, []).append((exchange(port), bulk(port)))
print(json.dumps(found))
"""


@contextlib.contextmanager
def _running(command: list) -> Iterator[subprocess.Popen]:
    """Run a program that ends with its standard input, or is ended."""
    child = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        yield child
    finally:
        child.stdin.close()
        child.terminate()
        child.wait(20)
        child.stdout.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def _wait_for(port: int) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise RuntimeError("a rival does not listen")


def _rivals(target: int) -> dict[str, Callable[[int], list]]:
    """Return by name how each rival is started in front of the target, on a port."""

    def mitmproxy(scheme: str) -> Callable[[int], list]:
        return lambda port: [
            *(rival("mitmdump"), "--quiet", "--listen-host", "127.0.0.1"),
            *("--listen-port", port, "--mode", f"reverse:{scheme}://127.0.0.1:{target}"),
            *("--set", "stream_large_bodies=1m", "--set", "connection_strategy=lazy"),
            *("--set", f"confdir={rival('confdir')}"),
        ]

    found = {"mitmproxy, HTTP": mitmproxy("http"), "mitmproxy, TCP": mitmproxy("tcp")}
    if socat := shutil.which("socat"):
        listen = "TCP-LISTEN:{},bind=127.0.0.1,reuseaddr,fork,nodelay"
        found["socat"] = lambda port: [
            socat,
            listen.format(port),
            f"TCP:127.0.0.1:{target},nodelay",
        ]
    return found


@promise("wire tap")
def _tap() -> Iterator[Row]:
    found = _measured(_LESSON)
    bare, tapped = _exchange_us(found["untapped"]), _exchange_us(found["tap"])
    yield Row("in a lesson: an exchange without it", bare, "µs")
    yield Row("in a lesson: added to an exchange", tapped - bare, "µs", at_most=150)
    yield Row("in a lesson: bulk without it", statistics.median(_bulk(found["untapped"])), "MB/s")
    yield Row("in a lesson: bulk, against untapped", _part(found, "tap"), "×", at_least=0.5)

    with contextlib.ExitStack() as stack:
        server = stack.enter_context(_running([sys.executable, "-c", _SERVER]))
        target = int(server.stdout.readline())
        tap = stack.enter_context(_running([sys.executable, "-c", _TAP, str(target)]))
        ports = {"untapped": target, "tap": int(tap.stdout.readline())}
        copying = stack.enter_context(_running([sys.executable, "-c", _COPYING, str(target)]))
        ports[COPYING] = int(copying.stdout.readline())
        for name, command in _rivals(target).items():
            ports[name] = _free_port()
            stack.enter_context(_running([str(word) for word in command(ports[name])]))
            _wait_for(ports[name])
        found = _measured(_CLIENT, json.dumps(ports))
    bare = _exchange_us(found["untapped"])
    added = {name: _exchange_us(rounds) - bare for name, rounds in found.items()}
    rate = {name: statistics.median(_bulk(rounds)) for name, rounds in found.items()}
    names = [name for name in ports if name != "untapped"]
    rivals = [name for name in names if name.startswith("mitmproxy")]
    yield Row("processes: an exchange, untapped", bare, "µs")
    for name in names:
        yield Row(f"added by {name}", added[name], "µs")
    best = min(added[name] for name in rivals)
    yield Row("added, against the better mitmproxy", added["tap"] / best, "×", at_most=1)
    yield Row("processes: bulk, untapped", rate["untapped"], "MB/s")
    for name in names:
        yield Row(f"bulk through {name}, against untapped", _part(found, name), "×")
    yield Row(f"bulk, against {COPYING}", rate["tap"] / rate[COPYING], "×")
    best = max(rate[name] for name in rivals)
    yield Row("bulk, against the better mitmproxy", rate["tap"] / best, "×", at_least=1)


def _exchange_us(rounds: list[list[float]]) -> float:
    """Return the best round's median of an exchange, in microseconds."""
    return min(exchange for exchange, _ in rounds) * 1e6


def _bulk(rounds: list[list[float]]) -> list[float]:
    """Return each round's throughput, in MB/s."""
    return [bulk for _, bulk in rounds]


def _part(found: dict[str, list[list[float]]], name: str) -> float:
    """Return which part of the untapped throughput is left, the median over the rounds."""
    pairs = zip(_bulk(found[name]), _bulk(found["untapped"]), strict=True)
    return statistics.median(through / bare for through, bare in pairs)


def _measured(script: str, *arguments: str) -> dict[str, list[list[float]]]:
    """Run a script of its own process; return seconds and MB/s of each round by name."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    if done.returncode:
        raise RuntimeError(f"the client failed: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout)
