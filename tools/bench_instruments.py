"""The promises about the instruments: servers, spans, the timeline, blocked time, imports."""

from __future__ import annotations

import ast
import asyncio
import http.client
import json
import statistics
import subprocess
import sys
import threading
import timeit
from collections.abc import Iterator

from promises import ROOT, Row, promise, rival


@promise("start a live server")
def _server() -> Iterator[Row]:
    from aiohttp import web

    from helpers.ledger import now_s
    from helpers.servers import serve

    async def hello(request):
        return web.Response(text="hello")

    def start_ours() -> float:
        start_s = now_s()
        server = serve("bench", [web.get("/", hello)])
        took_s = now_s() - start_s
        server.close()
        return took_s

    def start_bare() -> float:
        """Start what anybody would write: aiohttp's runner on a loop in a thread."""
        ready, stop = threading.Event(), []

        async def run() -> None:
            app = web.Application()
            app.add_routes([web.get("/", hello)])
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            stop.extend([asyncio.get_running_loop(), asyncio.Event()])
            ready.set()
            await stop[1].wait()
            await runner.cleanup()

        start_s = now_s()
        thread = threading.Thread(target=lambda: asyncio.run(run()))
        thread.start()
        ready.wait(10)
        took_s = now_s() - start_s
        stop[0].call_soon_threadsafe(stop[1].set)
        thread.join(10)
        return took_s

    start_ours(), start_bare()
    pairs = [(start_ours(), start_bare()) for _ in range(60)]
    ours, bare = (statistics.median(times) for times in zip(*pairs, strict=True))
    yield Row("until it is ready, median of 60", ours * 1000, "ms", at_most=2)
    yield Row("against the bare aiohttp runner in a thread", ours / bare, "×", at_most=1.6)


@promise("record a span")
def _span() -> Iterator[Row]:
    from helpers.ledger import Ledger

    def ours() -> float:
        ledger = Ledger()

        def span() -> None:
            with ledger.span("lane", "request", "label"):
                pass

        return min(timeit.repeat(span, number=50_000, repeat=7)) / 50_000

    us = ours() * 1e6
    yield Row("with ledger.span(...), least of 7", us, "µs", at_most=1)
    done = subprocess.run(
        [rival("python"), ROOT / "tools/bench_programs/opentelemetry_span.py"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    theirs = float(done.stdout) * 1e6
    yield Row("OpenTelemetry SDK span, nothing exported", theirs, "µs")
    yield Row("against it", us / theirs, "×", at_most=0.1)


@promise("draw 100,000 spans")
def _timeline() -> Iterator[Row]:
    from helpers.figures import style, timeline
    from helpers.ledger import Ledger, now_s

    def ledger() -> Ledger:
        made = Ledger()
        for n in range(100_000):
            lane, kind = (("caller's thread", "free"), ("server", "serving"))[n % 2]
            made.add(lane, kind, n / 1000, n / 1000 + 0.0007, str(n))
        return made

    timeline.draw({"warm": ledger()})
    times = []
    for _ in range(3):
        some, start_s = ledger(), now_s()
        style.png(timeline.draw({"a hundred thousand spans": some}))
        times.append(now_s() - start_s)
    yield Row("to the finished picture, median of 3", statistics.median(times), "s", at_most=1.5)


@promise("blocked share")
def _blocked() -> Iterator[Row]:
    from aiohttp import web

    from helpers.instruments import blocking_calls, sample_thread
    from helpers.ledger import CALLER, SYSTEM_CPU, SYSTEM_STATE, Ledger, share
    from helpers.servers import serve

    async def slow(request):
        await asyncio.sleep(0.1)
        return web.Response(text="done")

    server = serve("bench", [web.get("/", slow)])
    off = {"asleep in /proc": [], "without a processor": []}
    for _ in range(5):
        ledger = Ledger()
        with sample_thread(ledger) as sampler, blocking_calls(ledger):
            for _ in range(5):
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
                connection.request("GET", "/")
                connection.getresponse().read()
        [cpu] = ledger.spans(SYSTEM_CPU)
        window = cpu.start_s, cpu.start_s + sampler.wall_s
        ours = share(ledger.spans(CALLER, "blocked"), *window)
        theirs = {
            "asleep in /proc": share(ledger.spans(SYSTEM_STATE, "asleep"), *window),
            "without a processor": 1 - sampler.cpu_s / sampler.wall_s,
        }
        for account, value in theirs.items():
            off[account].append(abs(ours - value) * 100)
    server.close()
    for account, values in off.items():
        yield Row(
            f"off the system's share {account}, median of 5",
            statistics.median(values),
            "%",
            at_most=1,
        )


# These modules are about other people's parsers, whose import is not theirs.
ABOUT_PARSERS = ("parsing.parsers", "parsing.whole_request")


def imports_of_helpers() -> dict[str, list[str]]:
    """Return by lesson the lines of its set-up cell, where it begins, that import helpers."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        setup = next(source for source in sources if "lesson.begin(" in source)
        imports = [n for n in ast.parse(setup).body if isinstance(n, ast.Import | ast.ImportFrom)]
        found[path.stem] = [line for line in map(ast.unparse, imports) if "helpers" in line]
    return found


@promise("import helpers")
def _import() -> Iterator[Row]:
    lessons = imports_of_helpers()
    times = {}
    for lesson, lines in lessons.items():
        # A lesson's kernel has IPython, and with it asyncio, before the first cell runs.
        code = "import IPython, asyncio, time\n"
        if any(module in line for line in lines for module in ABOUT_PARSERS):
            code += "import aiohttp, h11, httptools\n"
        code += "t = time.perf_counter()\n" + "\n".join(lines)
        code += "\nprint(time.perf_counter() - t)"
        runs = [
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT
            )
            for _ in range(5)
        ]
        times[lesson] = min(float(run.stdout) for run in runs)
    slowest = max(times, key=times.__getitem__)
    yield Row(
        f"a set-up cell's imports, slowest of {len(times)}: {slowest}",
        times[slowest],
        "s",
        at_most=0.15,
    )
