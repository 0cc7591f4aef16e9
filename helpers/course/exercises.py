"""Exercises: try a learner's answer, say in plain words what came of it, and help on.

Plan: the check is a coroutine function that calls the learner's code and returns findings.
An untouched stub reads "not tried yet". What the code raises is told in one line, with the
learner's own line; a limit ends code that never does, also busy code. A cell that Python could
not read is said to be so, because the function of before is still there. After two misses
comes a hint, the docstring of the stored solution; after three the solution itself, folded.

Left out: whether two answers are the same code. Every way that passes the check is right.
"""

from __future__ import annotations

import ast
import asyncio
import html
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping

from helpers.course import notebook, stop_button

HINT_AFTER, SOLUTION_AFTER = 2, 3
PART = "# --- a plausible wrong answer\n"  # what follows in a solution's file is for its test

_lesson = ""  # whose solutions these are
_misses: Counter[str] = Counter()
_unreadable: dict[str, str] = {}  # functions whose newest version Python could not read, and why


def begin(number: str) -> None:
    """Begin the exercises of a lesson: no miss yet."""
    global _lesson
    _lesson = number
    _misses.clear()
    ip = notebook.shell()
    if ip is not None and _read not in ip.events.callbacks["post_run_cell"]:
        ip.events.register("post_run_cell", _read)


async def check(
    name: str, attempt: Callable[[], Awaitable[Mapping[str, bool]]], timeout_s: float = 10.0
) -> None:
    """Try a learner's answer: run attempt(), show its findings, and after misses a hint.

    A NotImplementedError from the untouched stub reads "not tried yet". Whatever else it
    raises, and no end within `timeout_s`, is shown in one line and the lesson goes on; only
    the Stop button ends the cell. A finding counts if it is True itself.
    """
    for function in _names(attempt.__code__):
        if function in _unreadable:
            print(f"{name}: not tried. {_unreadable[function]}")
            return
    try:
        with stop_button.limit(timeout_s) as held_up:
            async with asyncio.timeout(timeout_s) as over:
                findings = await attempt()
    except NotImplementedError:
        print(f"{name}: not tried yet.")
        return
    except BaseException as error:
        too_long = over.expired() or held_up.is_set()
        stop_button.end_calls_in_threads(asyncio.get_running_loop())
        if _is_stop(error, too_long):
            print(f"{name}: stopped.")
            raise
        went_wrong = _too_long(error, timeout_s) if too_long else _in_words(error, attempt)
        print(f"{name}: not solved yet. {went_wrong}")
    else:
        if findings and all(ok is True for ok in findings.values()):
            _misses.pop(name, None)
            print(f"{name}: solved.")
        else:
            print(f"{name}: not solved yet.")
        for text, ok in findings.items():
            print(f"{'✔' if ok is True else '✘'} {text}")
        if findings and all(ok is True for ok in findings.values()):
            return
    _misses[name] += 1
    _help_on(name)


# --- what went wrong


def _is_stop(error: BaseException, too_long: bool) -> bool:
    """Tell whether it was the Stop button that ended the attempt."""
    if isinstance(error, KeyboardInterrupt):
        return True
    stopped = stop_button.was_pressed() or asyncio.current_task().cancelling()
    return isinstance(error, asyncio.CancelledError) and not too_long and bool(stopped)


def _too_long(error: BaseException, timeout_s: float) -> str:
    at = notebook.line_in_a_cell(error.__traceback__)
    return f"Your code did not end within {timeout_s:g} s{f': it was in {at}' if at else '.'}"


def _in_words(error: BaseException, attempt: Callable) -> str:
    """Return in one line what was raised, and in which line of the learner's."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    said = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    own = attempt.__code__.co_filename
    if at := notebook.line_in_a_cell(error.__traceback__, leave_out=own):
        return f"Your code raised {said}, in {at}"
    if notebook.line_in_a_cell(error.__traceback__) and isinstance(
        error, TypeError | AttributeError
    ):
        if "NoneType" in said:
            return "Your code returned None. Does each way through it end with a return?"
        return f"The check could not use what your code returned. {said}"
    return f"Your code raised {said}"


def _names(code) -> Iterator[str]:
    """Yield the global names that a function and those inside it use."""
    yield from code.co_names
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            yield from _names(constant)


def _read(result) -> None:
    """Remember what a cell was to define, if Python could not read it; forget it if it could."""
    defined = re.findall(r"^(?:async\s+)?def\s+(\w+)", result.info.raw_cell, re.M)
    error = result.error_before_exec
    for name in defined:
        _unreadable.pop(name, None)
        if isinstance(error, SyntaxError):
            _unreadable[name] = (
                f"Python could not read your newest {name}: line {error.lineno}, {error.msg}. "
                "Mend it, run its cell, then this one."
            )


# --- a hint, then the solution


def _help_on(name: str) -> None:
    """Show what helps after the misses there were so far."""
    number = "".join(re.findall(r"\d+", name))
    path = notebook.stored() / "solutions" / f"{_lesson}_exercise_{number}.py"
    if _misses[name] < HINT_AFTER or not path.exists():
        return
    solution = path.read_text("utf-8").partition(PART)[0].strip()
    functions = [node for node in ast.parse(solution).body if hasattr(node, "decorator_list")]
    hints = [ast.get_docstring(node) for node in functions]
    if hints and hints[-1]:
        print(f"Hint: {' '.join(hints[-1].split())}")
    if _misses[name] >= SOLUTION_AFTER:
        folded = f"<summary>Show a solution</summary><pre>{html.escape(solution)}</pre>"
        plain = f"A solution is in solutions/{path.name}."
        notebook.show(plain, f"<details>{folded}</details>")
