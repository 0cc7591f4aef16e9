"""Run a function in a process of its own, where nothing else wants the processor's attention.

Plan: for measuring work that burns the processor. In the lesson's kernel the interpreter
lock, the garbage collector and the servers' threads would be measured along with it. The
function and its arguments go to the child pickled by value, so it may stand in a cell; the
result comes back the same way. Both processes read one monotonic clock, so a ledger made
there can be shown beside one made here. The child never outlives the call.

Left out: talking to the function while it runs (that is child.py), and a pool of workers.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import os
import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable


async def call_in_process(function: Callable, *args, timeout_s: float = 60.0):
    """Return function(*args), called in a process of its own with the collector switched off.

    A coroutine function is run on a loop there. What it raises is raised here; a
    TimeoutError after `timeout_s` seconds; a RuntimeError if the process ends without an
    answer, such as for a result that cannot be pickled.
    """
    import cloudpickle

    message = cloudpickle.dumps((function, args))
    with tempfile.TemporaryFile() as said:
        child = _start(said)
        try:
            async with asyncio.timeout(timeout_s):
                answer = await asyncio.to_thread(_ask, child, message)
        except TimeoutError:
            name = getattr(function, "__name__", function)
            raise TimeoutError(f"{name} had not ended after {timeout_s:g} s") from None
        finally:
            child.kill()
            child.wait()
            child.stdout.close()
            with contextlib.suppress(BrokenPipeError):
                child.stdin.close()
        if not answer:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            last = lines[-1] if lines else "it said nothing"
            raise RuntimeError(f"the process apart ended without an answer: {last}")
    result, error = pickle.loads(answer)
    if error is not None:
        raise error
    return result


def _start(said) -> subprocess.Popen:
    """Start the child; what it has to say goes to the file, where it can fill no pipe."""
    return subprocess.Popen(
        [sys.executable, "-m", "helpers.hosting.process_call"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        start_new_session=True,  # keeps the Stop button's signal away from it
    )


def _ask(child: subprocess.Popen, message: bytes) -> bytes:
    """Send the message and return all that the child answers; killing it ends this."""
    # The input stays open while the child works: its end tells it to leave.
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(len(message).to_bytes(8, "big") + message)
        child.stdin.flush()
    with contextlib.suppress(ValueError):  # closed meanwhile: nobody waits for it any more
        return child.stdout.read()
    return b""


def _child_main() -> None:
    """Run what the parent sends over stdin; send back the result, or what it raised."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the function prints must not get into the answer
    length = int.from_bytes(sys.stdin.buffer.read(8), "big")
    function, args = pickle.loads(sys.stdin.buffer.read(length))
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()
    gc.collect()
    gc.disable()
    try:
        result = function(*args)
        if inspect.iscoroutine(result):
            result = asyncio.run(result)
        message = pickle.dumps((result, None))
    except Exception as error:
        message = pickle.dumps((None, error))
    answers.write(message)
    answers.flush()
    os._exit(0)  # a thread still reads the input: there is no tidier way out


def _leave_with_the_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    _child_main()
