"""The promise about uploads: lesson 08's tus server beside tuspyserver, with the same client.

Plan: each server in a process of its own, on a folder of its own; tuspy sends the same bytes
to both in turn, in pieces of 64 KiB and of 4 MiB. The middle of the rounds' ratios counts.
The lesson's server is taken from the lesson's cells.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from promises import ROOT, Row, promise, rival

SIZE, ROUNDS = 16 * 2**20, 7
PIECES = {"64 KiB": (2**16, 2.0), "4 MiB": (2**22, 1.0)}


@contextlib.contextmanager
def _running(which: str, python: Path | str, folder: str) -> Iterator[str]:
    """Run a server; yield the address of its uploads."""
    command = [python, ROOT / "tools/bench_programs/tus_servers.py", which, folder]
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        port = int(child.stdout.readline())
        yield f"http://127.0.0.1:{port}/uploads{'/' if which == 'rival' else ''}"
    finally:
        child.stdin.close()
        child.terminate()
        child.wait(20)
        child.stdout.close()


@promise("tus upload")
def _upload() -> Iterator[Row]:
    from tusclient.client import TusClient

    data = random.Random(8).randbytes(SIZE)
    named = {"filename": "x", "filetype": "y"}

    def rate(address: str, piece: int) -> float:
        start_s = time.perf_counter()
        uploader = TusClient(address).uploader(
            file_stream=io.BytesIO(data), chunk_size=piece, metadata=named
        )
        uploader.upload()
        return SIZE / 1e6 / (time.perf_counter() - start_s)

    with contextlib.ExitStack() as stack:
        folders = [stack.enter_context(tempfile.TemporaryDirectory()) for _ in range(2)]
        ours = stack.enter_context(_running("own", sys.executable, folders[0]))
        theirs = stack.enter_context(_running("rival", rival("python"), folders[1]))
        for name, (piece, at_least) in PIECES.items():
            rate(ours, piece), rate(theirs, piece)
            pairs = [(rate(ours, piece), rate(theirs, piece)) for _ in range(ROUNDS)]
            mine, other = (statistics.median(rates) for rates in zip(*pairs, strict=True))
            yield Row(f"lesson 08's server, pieces of {name}", mine, "MB/s")
            yield Row(f"tuspyserver, pieces of {name}", other, "MB/s")
            ratio = statistics.median(a / b for a, b in pairs)
            yield Row(f"against it, pieces of {name}", ratio, "×", at_least=at_least)
