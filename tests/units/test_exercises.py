"""Exercises: what is said of a learner's answer, in one line, and the lesson goes on."""

import asyncio
from types import SimpleNamespace

import pytest

from helpers.course.exercises import check

YES, NO = True, False


def said(capsys, attempt, **options):
    asyncio.run(check("Exercise 1", attempt, **options))
    return capsys.readouterr().out.splitlines()


def test_an_untouched_stub_is_not_tried_yet(capsys):
    async def attempt():
        raise NotImplementedError("write this")

    assert said(capsys, attempt) == ["Exercise 1: not tried yet."]


def test_a_right_answer_is_solved_and_a_wrong_one_shows_what_is_missing(capsys):
    async def right():
        return {"it works": YES}

    async def wrong():
        return {"it works": YES, "it stops": NO}

    assert said(capsys, right) == ["Exercise 1: solved.", "✔ it works"]
    assert said(capsys, wrong) == ["Exercise 1: not solved yet.", "✔ it works", "✘ it stops"]


def test_an_answer_that_proves_nothing_is_not_solved(capsys):
    async def attempt():
        return {}

    assert said(capsys, attempt) == ["Exercise 1: not solved yet."]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
        (ValueError("two\n  lines"), "ValueError: two lines"),
        (TimeoutError("mine"), "TimeoutError: mine"),
    ],
)
def test_an_answer_that_raises_is_shown_in_one_line_and_the_lesson_goes_on(capsys, error, line):
    async def attempt():
        raise error

    assert said(capsys, attempt) == [f"Exercise 1: not solved yet. Your code raised {line}"]


def test_an_answer_that_never_ends_is_stopped(capsys):
    stopped = SimpleNamespace(well=False)

    async def attempt():
        try:
            await asyncio.Event().wait()
        finally:
            stopped.well = True

    line = "Exercise 1: not solved yet. Your code did not end within 0.2 s."
    assert said(capsys, attempt, timeout_s=0.2) == [line]
    assert stopped.well


def test_the_stop_button_goes_through_a_check():
    async def attempt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(check("Exercise 1", attempt))
