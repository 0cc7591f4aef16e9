"""The tap as a lesson has it: aiohttp's client, the tap and the server in one process.

Usage: lesson_tap.py EXCHANGES ROUNDS MEGABYTES
Prints as JSON, "untapped" and "tap", a pair a round: seconds of an exchange, MB/s of the bulk.
"""

import asyncio
import json
import statistics
import sys
import time

import aiohttp
import bulk_server

from helpers.ledger import Ledger
from helpers.wire.relay import relay_to

EXCHANGES, ROUNDS, MEGABYTES = map(int, sys.argv[1:4])


async def measure(port: int) -> tuple[float, float]:
    """Return the median time of an exchange and the throughput of the bulk."""
    limit, times, got = aiohttp.ClientTimeout(total=60), [], 0
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", timeout=limit) as session:
        for _ in range(EXCHANGES):
            start = time.perf_counter()
            async with session.get("/") as response:
                await response.read()
            times.append(time.perf_counter() - start)
        start = time.perf_counter()
        async with session.get("/bulk") as response:
            async for data in response.content.iter_any():
                got += len(data)
        if got != MEGABYTES * 2**20:
            raise EOFError("the end came early")
        return statistics.median(times[20:]), got / 1e6 / (time.perf_counter() - start)


async def main() -> None:
    """Measure in turn, with and without the tap."""
    server = bulk_server.start(MEGABYTES)
    wire, found = relay_to("tap", server), {"untapped": [], "tap": []}
    with wire.recording(Ledger()):
        await measure(wire.port)
        for _ in range(ROUNDS):
            found["untapped"].append(await measure(server.port))
            found["tap"].append(await measure(wire.port))
    print(json.dumps(found))


asyncio.run(main())
