"""The promises about the wire tap: what it adds to an exchange, and what it leaves of the bulk.

Plan: one server in a process of its own; before it the tap and its rivals, each in a
process of its own; one client in another, which asks every one of them in turn, several
rounds, and the best round of each counts. mitmproxy runs twice, as a proxy for HTTP that streams and as one for plain TCP:
the better one counts. Then once more with client, tap and server as a lesson has them:
client and tap in one process, which costs both the interpreter's lock.

The bulk is fetched twice: by a bare socket, which is as fast as the machine copies memory,
so that on two cores any third process takes its share of that; and by aiohttp's client,
as a lesson does it. The promise is about the lesson.
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

EXCHANGES, ROUNDS = 300, 7
MB = 100

_SERVER = f"""
from aiohttp import web
from helpers.servers import serve

async def hello(request):
    return web.Response(text="hello")

async def bulk(request):
    block = bytes(2**20)
    response = web.StreamResponse(headers={{"Content-Length": str({MB} * len(block))}})
    await response.prepare(request)
    for _ in range({MB}):
        await response.write(block)
    return response

print(serve("bench", [web.get("/", hello), web.get("/bulk", bulk)]).port, flush=True)
input()
"""

_TAP = """
import sys
from helpers.ledger import Ledger
from helpers.relay import relay_to
wire = relay_to("bench", int(sys.argv[1]))
with wire.recording(Ledger()):
    print(wire.port, flush=True)
    input()
"""

# The client: a socket and as little Python as possible, so that it is not what is measured.
_CLIENT = f"""
import asyncio, json, socket, statistics, sys, time
import aiohttp
from helpers.ledger import Ledger
from helpers.relay import relay_to

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

def lesson(port):
    async def fetch():
        limit, got = aiohttp.ClientTimeout(total=60), 0
        async with aiohttp.ClientSession(timeout=limit) as session:
            start = time.perf_counter()
            async with session.get(f"http://127.0.0.1:{{port}}/bulk") as response:
                async for data in response.content.iter_any():
                    got += len(data)
            assert got == {MB} * 2**20
            return got / 1e6 / (time.perf_counter() - start)
    return asyncio.run(fetch())

ports, found = json.loads(sys.argv[1]), {{}}
if "inside" in ports:
    wire = relay_to("bench", ports["untapped"])
    ports["inside"] = wire.port
    recording = wire.recording(Ledger())
    recording.__enter__()
for port in ports.values():
    exchange(port)
for _ in range({ROUNDS}):
    for name, port in ports.items():
        found.setdefault(name, []).append((exchange(port), bulk(port), lesson(port)))
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
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(_running([sys.executable, "-c", _SERVER]))
        target = int(server.stdout.readline())
        tap = stack.enter_context(_running([sys.executable, "-c", _TAP, str(target)]))
        ports = {"untapped": target, "tap": int(tap.stdout.readline())}
        for name, command in _rivals(target).items():
            ports[name] = _free_port()
            stack.enter_context(_running([str(word) for word in command(ports[name])]))
            _wait_for(ports[name])
        found = _ask(ports)
        inside = _ask({"untapped": target, "inside": 0})
    outside = {name: _best(rounds) for name, rounds in found.items()}
    bare, tapped = outside.pop("untapped"), outside.pop("tap")
    lesson, within = (_best(inside[name]) for name in ("untapped", "inside"))
    rivals = outside
    mitmproxies = [name for name in rivals if name.startswith("mitmproxy")]

    def added(figures: tuple[float, ...]) -> float:
        return (figures[0] - bare[0]) * 1e6

    yield Row(f"an exchange without it, best median of {ROUNDS}", bare[0] * 1e6, "µs")
    yield Row("added to an exchange", added(tapped), "µs", at_most=150)
    yield Row(
        "added, client in the tap's process", (within[0] - lesson[0]) * 1e6, "µs", at_most=150
    )
    for name, figures in rivals.items():
        yield Row(f"added by {name}", added(figures), "µs")
    best = min(added(rivals[name]) for name in mitmproxies)
    yield Row("added, against the better mitmproxy", added(tapped) / best, "×", at_most=1)

    yield Row(f"{MB} MB to aiohttp's client, untapped", bare[2], "MB/s")
    yield Row("through the tap, against that", tapped[2] / bare[2], "×", at_least=0.5)
    yield Row("the same, client in the tap's process", within[2] / lesson[2], "×")
    for name, figures in rivals.items():
        yield Row(f"through {name}, against that", figures[2] / bare[2], "×")
    yield Row(f"{MB} MB to a bare socket, untapped", bare[1], "MB/s")
    yield Row("through the tap, against that", tapped[1] / bare[1], "×")
    for name, figures in rivals.items():
        yield Row(f"through {name}, against that", figures[1] / bare[1], "×")
    for at, client in ((2, "aiohttp's client"), (1, "a bare socket")):
        best = max(rivals[name][at] for name in mitmproxies)
        yield Row(f"{client}: against the better mitmproxy", tapped[at] / best, "×", at_least=1)


def _best(rounds: list[list[float]]) -> tuple[float, float, float]:
    """Return the best of the rounds: seconds of an exchange, MB/s by socket and by aiohttp.

    What else goes on in the machine only ever makes it slower, for all of them alike.
    """
    exchanges, sockets, lessons = zip(*rounds, strict=True)
    return min(exchanges), max(sockets), max(lessons)


def _ask(ports: dict[str, int]) -> dict[str, list[list[float]]]:
    """Let one client ask all of them in turn; return the figures of each round by name."""
    done = subprocess.run(
        [sys.executable, "-c", _CLIENT, json.dumps(ports)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    if done.returncode:
        raise RuntimeError(f"the client failed: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout)
