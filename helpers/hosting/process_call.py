"""Run a function in a process of its own, where nothing else wants the processor's attention.

Plan: for measuring work that burns the processor. In the lesson's kernel the interpreter
lock, the garbage collector and the servers' threads would be measured along with it. The
function, its arguments and its result travel by value (process_channel.py), so it may stand
in a cell. Both processes read one monotonic clock, so a ledger made there can be shown
beside one made here. The child never outlives the call.

Left out: talking to the function while it runs, and a pool of workers.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import tempfile
from collections.abc import Callable

from helpers.hosting.process_channel import Channel, ChannelClosed, ChildProcess


async def call_in_process(function: Callable, *args, timeout_s: float = 60.0):
    """Return function(*args), called in a process of its own with the collector switched off.

    A coroutine function is run on a loop there. What it raises is raised here, and so is what
    keeps its result from being pickled; a TimeoutError after `timeout_s` seconds; a
    RuntimeError if the process ends without an answer.
    """
    name = getattr(function, "__name__", function)
    with tempfile.TemporaryFile() as output:
        child = ChildProcess(_answer, function, args, output=output)
        try:
            async with asyncio.timeout(timeout_s) as limit:
                return await asyncio.to_thread(child.receive)
        except TimeoutError:
            if not limit.expired():  # the function's own
                raise
            raise TimeoutError(f"{name} had not ended after {timeout_s:g} s") from None
        except ChannelClosed:
            code = child.kill()
            output.seek(0)
            lines = output.read().decode(errors="replace").strip().splitlines()
            last = lines[-1] if lines else f"exit code {code}"
            raise RuntimeError(f"the process of {name} ended without an answer: {last}") from None
        finally:
            child.kill()


def _answer(channel: Channel, function: Callable, args: tuple) -> None:
    """Call the function, in the child, and send what it returns."""
    gc.collect()
    gc.disable()
    result = function(*args)
    if inspect.iscoroutine(result):
        result = asyncio.run(result)
    channel.send(result)
