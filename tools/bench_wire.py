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

from promises import ROOT, Row, promise, rival

EXCHANGES, ROUNDS = 300, 15
MB = 100
COPYING = "a loop that only copies"

PROGRAMS = ROOT / "tools/bench_programs"
SIZES = [str(EXCHANGES), str(ROUNDS), str(MB)]


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
    found = _measured("lesson_tap.py", *SIZES)
    bare, tapped = _exchange_us(found["untapped"]), _exchange_us(found["tap"])
    yield Row("in a lesson: an exchange without it", bare, "µs")
    yield Row("in a lesson: added to an exchange", tapped - bare, "µs", at_most=150)
    yield Row("in a lesson: bulk without it", statistics.median(_bulk(found["untapped"])), "MB/s")
    yield Row("in a lesson: bulk, against untapped", _part(found, "tap"), "×")

    with contextlib.ExitStack() as stack:
        server = stack.enter_context(_running(_program("bulk_server.py", str(MB))))
        target = int(server.stdout.readline())
        tap = stack.enter_context(_running(_program("tap.py", str(target))))
        ports = {"untapped": target, "tap": int(tap.stdout.readline())}
        copying = stack.enter_context(_running(_program("copying.py", str(target))))
        ports[COPYING] = int(copying.stdout.readline())
        for name, command in _rivals(target).items():
            ports[name] = _free_port()
            stack.enter_context(_running([str(word) for word in command(ports[name])]))
            _wait_for(ports[name])
        found = _measured("socket_client.py", *SIZES, json.dumps(ports))
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
    yield Row(f"bulk, against {COPYING}", rate["tap"] / rate[COPYING], "×", at_least=0.75)
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


def _program(name: str, *arguments: str) -> list:
    """Return the command that runs one of the bench's own programs."""
    return [sys.executable, PROGRAMS / name, *arguments]


def _measured(name: str, *arguments: str) -> dict[str, list[list[float]]]:
    """Run a program that measures; return seconds and MB/s of each round by name."""
    done = subprocess.run(
        _program(name, *arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    if done.returncode:
        raise RuntimeError(f"the client failed: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout)
