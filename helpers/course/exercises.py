"""Exercises: try a learner's solution, and say in one line what came of it.

Plan: the check is a coroutine function that calls the learner's code and returns findings.
An untouched stub reads "not tried yet"; whatever else the code raises is told in one line,
and the lesson goes on.

Left out: the solutions (notebooks/solutions).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping


async def check(
    name: str, attempt: Callable[[], Awaitable[Mapping[str, bool]]], timeout_s: float = 10.0
) -> None:
    """Try a learner's solution: run attempt() and show its findings.

    A NotImplementedError from the untouched stub reads "not tried yet"; any other
    exception, and no end within `timeout_s`, is shown in one line and the lesson goes on.
    """
    try:
        async with asyncio.timeout(timeout_s) as limit:
            findings = await attempt()
    except NotImplementedError:
        print(f"{name}: not tried yet.")
        return
    except Exception as error:
        words = " ".join(str(error).split())
        why = f"raised {type(error).__name__}: {words}"
        if limit.expired():
            why = f"did not end within {timeout_s:g} s."
        print(f"{name}: not solved yet. Your code {why}")
        return
    solved = bool(findings) and all(findings.values())
    print(f"{name}: {'solved' if solved else 'not solved yet'}.")
    for text, ok in findings.items():
        print(f"{'✔' if ok else '✘'} {text}")
