"""The promises about the lessons: strict nbval, memory of a kernel, the first picture."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

from promises import ROOT, Row, promise

BOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
# As `make test` runs them.
SIDE_BY_SIDE = "-n 3 --dist loadfile --no-loadscope-reorder"


@promise("lessons under strict nbval")
def _nbval() -> Iterator[Row]:
    from helpers.ledger import now_s

    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "-p", "no:cacheprovider"]
    command += [*SIDE_BY_SIDE.split(), *map(str, BOOKS)]
    start_s = now_s()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3600)
    took_s = now_s() - start_s
    last = (done.stdout.strip().splitlines() or ["nothing was printed"])[-1]
    yield Row(f"all {len(BOOKS)}, three at a time", took_s, "s", at_most=240)
    if done.returncode:
        raise RuntimeError(last)


_PEAK = """
import resource as _resource, sys as _sys
_peak = _resource.getrusage(_resource.RUSAGE_SELF).ru_maxrss
print("peak", _peak * (1 if _sys.platform == "darwin" else 1024))
"""


@promise("memory of a kernel")
def _memory() -> Iterator[Row]:
    import nbformat
    from nbclient import NotebookClient

    peaks = {}
    for path in BOOKS:
        book = nbformat.read(path, 4)
        book.cells.append(nbformat.v4.new_code_cell(_PEAK))
        client = NotebookClient(book, timeout=120, resources={"metadata": {"path": path.parent}})
        client.execute(stderr=subprocess.DEVNULL)  # the kernel talks about its own transport
        peaks[path.stem] = int(book.cells[-1].outputs[0].text.split()[1]) / 1e6
    worst = max(peaks, key=peaks.__getitem__)
    yield Row(f"at its peak, most of {len(peaks)}: {worst}", peaks[worst], "MB", at_most=300)


@promise("first picture")
def _first_picture() -> Iterator[Row]:
    from helpers.ledger import now_s

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    options = f"--port={port} --ServerApp.port_retries=0 --IdentityProvider.token={token}"
    start_s = now_s()
    lab = subprocess.Popen(
        ["make", "lab", f"LAB=--no-browser {options}"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        ready_s, picture_s = asyncio.run(_until_picture(port, token, BOOKS[0]))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(lab.pid, signal.SIGTERM)
        try:
            lab.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(lab.pid, signal.SIGKILL)
            lab.wait()
    yield Row("from `make lab` until the page is served", ready_s - start_s, "s")
    yield Row(
        f"until {BOOKS[0].stem}'s first picture comes, no browser",
        picture_s - start_s,
        "s",
        at_most=10,
    )


async def _until_picture(port: int, token: str, path: Path) -> tuple[float, float]:
    """Open the lesson as a front end does, run its cells; return when page and picture came."""
    import aiohttp
    import nbformat

    from helpers.ledger import now_s

    base, name = f"http://127.0.0.1:{port}", f"notebooks/{path.name}"
    headers = {"Authorization": f"token {token}"}
    limit = aiohttp.ClientTimeout(total=60)
    async with asyncio.timeout(120), aiohttp.ClientSession(headers=headers, timeout=limit) as http:
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with http.get(f"{base}/lab/tree/{name}") as page:
                    page.raise_for_status()
                    await page.read()
                    break
            await asyncio.sleep(0.05)
        ready_s = now_s()
        async with http.get(f"{base}/api/contents/{name}") as answer:
            book = nbformat.from_dict((await answer.json())["content"])
        new = {"path": name, "name": path.name, "type": "notebook", "kernel": {"name": "python3"}}
        async with http.post(f"{base}/api/sessions", json=new) as answer:
            answer.raise_for_status()
            kernel = (await answer.json())["kernel"]["id"]
        async with http.ws_connect(f"{base}/api/kernels/{kernel}/channels") as channel:
            for cell in book.cells:
                if cell.cell_type == "code":
                    await channel.send_json(_request(cell.source))
            async for message in channel:
                heard = message.json()
                if heard["msg_type"] == "error":
                    raise RuntimeError(f"{path.name}: {heard['content']['evalue']}")
                if "image/png" in heard["content"].get("data", {}):
                    return ready_s, now_s()
    raise RuntimeError(f"{path.name} showed no picture")


def _request(code: str) -> dict:
    header = {"msg_id": uuid.uuid4().hex, "username": "", "session": "bench", "version": "5.3"}
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
    return {
        "header": {**header, "msg_type": "execute_request"},
        "parent_header": {},
        "metadata": {},
        "content": content,
        "channel": "shell",
        "buffers": [],
    }
