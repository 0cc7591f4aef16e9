"""The real curl, run on request: its exit code, what it printed, and the trace it wrote.

Plan: `run` takes curl's own arguments, as one would type them, and runs the program in a
temporary folder of its own, in a session of its own, so that the Stop button's signal
does not reach it. The folder goes when the run ends; what a killed kernel left is taken away
by the next run. Nothing of the learner's leaks in: no ~/.curlrc, no proxy from the
environment. Time is bounded twice: curl gets a `--max-time`, after which it ends by itself
with exit code 28 and a trace worth reading; should it not, it is killed. What it writes,
to its outputs and to files, is bounded too: a reply without an end fills no disk.

Left out: a curl that is fed from standard input, and any curl but the one on the PATH.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

MOST_BYTES = 64 * 1024 * 1024
_PREFIX = "wire-curl-"  # of a run's folder; the id of the process that made it comes next
_GRACE_S = 2.0  # what curl gets beyond its own time limit before it is killed
_EVERY_S = 0.1  # how often the size of what it wrote is looked at
_TRACES = ("--trace", "--trace-ascii")


@dataclass(frozen=True)
class CompletedProcess:
    """A curl that has ended: how it ended, and what it left.

    `output` is its standard output, `messages` its standard error (a warning, an error,
    the progress meter), `files` what it wrote into its folder, by name, and `trace` the
    text of the file that `--trace` or `--trace-ascii` named, "" if none did. A byte of the
    trace that is not UTF-8 stands there as a lone surrogate, as Python has it for names of files.
    """

    arguments: tuple[str, ...]
    exit_code: int
    output: bytes
    messages: str
    files: dict[str, bytes]

    @property
    def trace(self) -> str:
        """Return the text of the trace, or "" if none was asked for or written."""
        named = [name for option, name in pairwise(self.arguments) if option in _TRACES]
        written = self.files.get(named[-1], b"") if named else b""
        return written.decode("utf-8", "surrogateescape")


def find() -> str:
    """Return the path of curl; a FileNotFoundError if there is none on the PATH."""
    path = shutil.which("curl")
    if path is None:
        raise FileNotFoundError("there is no curl on the PATH")
    return path


async def version() -> tuple[int, ...]:
    """Return curl's version, such as (7, 88, 1)."""
    first = (await run("--version")).output.decode("ascii", "replace").partition("\n")[0]
    found = re.match(r"curl (\d+(?:\.\d+)+)", first)
    if not found:
        raise RuntimeError(f"this curl does not say its version: {first!r}")
    return tuple(int(part) for part in found[1].split("."))


async def run(
    *arguments: str, timeout_s: float = 10.0, most_bytes: int = MOST_BYTES
) -> CompletedProcess:
    """Run curl with these arguments in a folder of its own; return how it ended.

    Whatever its exit code, it is given back: 0 is success, 3 a malformed URL, 28 a
    transfer longer than `timeout_s` (curl(1), exit codes). A TimeoutError if curl does not
    even end then, an OverflowError if it writes more than `most_bytes`; in both cases it is
    killed before. A FileNotFoundError if there is no curl.
    """
    if not timeout_s > 0:
        raise ValueError(f"timeout_s={timeout_s!r}: curl needs a time above 0")
    for argument in arguments:
        if not isinstance(argument, str) or "\0" in argument:
            raise ValueError(f"arguments: {argument!r} is no text that a program can be given")
    # -q must come first: it keeps curl from reading ~/.curlrc.
    command = [find(), "-q", "--max-time", f"{timeout_s:.3f}", *arguments]
    _take_away_leftovers()
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as name:
        folder, work = Path(name), Path(name) / "work"
        work.mkdir()
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            child = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=work,
                env=_environment(name),
                start_new_session=True,
            )
        try:
            await _watched(child, folder, timeout_s + _GRACE_S, most_bytes)
        finally:
            _kill(child)
            await child.wait()
        return CompletedProcess(
            arguments,
            child.returncode,
            (folder / "stdout").read_bytes(),
            (folder / "stderr").read_text("utf-8", "replace"),
            {file.name: file.read_bytes() for file in sorted(work.iterdir()) if file.is_file()},
        )


def _take_away_leftovers() -> None:
    """Remove the folders of processes that have ended without removing them."""
    import psutil

    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _environment(home: str) -> dict[str, str]:
    """Return the environment without proxies, and with a home that holds no settings."""
    kept = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    return kept | {"HOME": home, "CURL_HOME": home, "LC_ALL": "C"}


async def _watched(
    child: asyncio.subprocess.Process, folder: Path, patience_s: float, most_bytes: int
) -> None:
    """Wait for the end of curl; raise when it takes too long or writes too much."""
    ended = asyncio.ensure_future(child.wait())
    give_up_s = asyncio.get_running_loop().time() + patience_s
    try:
        while not ended.done():
            await asyncio.wait({ended}, timeout=_EVERY_S)
            if _size(folder) > most_bytes:
                raise OverflowError(f"curl wrote more than {most_bytes} bytes and was stopped")
            if not ended.done() and asyncio.get_running_loop().time() > give_up_s:
                raise TimeoutError(f"curl did not end within {patience_s:g} s and was stopped")
    finally:
        ended.cancel()
        await asyncio.wait({ended})


def _size(folder: Path) -> int:
    """Return how many bytes the files of a folder hold."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _kill(child: asyncio.subprocess.Process) -> None:
    """Kill curl, with all of its session, unless it has ended."""
    if child.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
