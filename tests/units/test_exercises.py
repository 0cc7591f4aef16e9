"""Exercises: what is said of a learner's answer, in one line, and the lesson goes on."""

import asyncio
import linecache
import signal
import threading
from types import SimpleNamespace

import pytest
from kernel import Kernel

from helpers.course import exercises, notebook
from helpers.course.exercises import check

YES, NO = True, False


@pytest.fixture(autouse=True)
def afresh():
    exercises.begin("10")
    exercises._unreadable.clear()


def learner(code, **names):
    """Define a learner's functions as a cell does, in a file of their own; return the names."""
    file = f"/tmp/ipykernel_1/{len(linecache.cache)}.py"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    exec(compile(code, file, "exec"), names)
    return names


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


NOT = "Exercise 1: not solved yet. "


def test_the_line_of_the_learner_is_named_not_that_of_the_check(capsys):
    code = learner("def halves(numbers):\n    return [1 / n for n in numbers]\n")

    async def attempt():
        return {"right": code["halves"]([1, 0]) == []}

    raised = "Your code raised ZeroDivisionError: division by zero, in line 2: "
    assert said(capsys, attempt) == [NOT + raised + "return [1 / n for n in numbers]"]


def test_what_raises_in_a_task_of_a_group_is_named_itself(capsys):
    code = learner(
        "import asyncio\nasync def one():\n    raise ValueError('no such answer')\n"
        "async def all_of_them():\n    async with asyncio.TaskGroup() as group:\n"
        "        group.create_task(one())\n"
    )

    async def attempt():
        return {"right": await code["all_of_them"]() == []}

    raised = "Your code raised ValueError: no such answer, in line 3: "
    assert said(capsys, attempt) == [NOT + raised + "raise ValueError('no such answer')"]


@pytest.mark.parametrize("kind", ["SystemExit", "GeneratorExit", "asyncio.CancelledError"])
def test_not_even_leaving_ends_the_lesson(capsys, kind):
    code = learner(f"import asyncio\ndef leave():\n    raise {kind}(3)\n")

    async def attempt():
        return {"right": code["leave"]() == []}

    name = kind.removeprefix("asyncio.")
    line = f"Your code raised {name}: 3, in line 3: raise {kind}(3)"
    assert said(capsys, attempt) == [NOT + line]


def test_a_missing_return_is_called_by_its_name(capsys):
    code = learner("def answers():\n    [1, 2]\n")

    async def attempt():
        return {"right": list(code["answers"]()) == [1, 2]}

    line = "Your code returned None. Does each way through it end with a return?"
    assert said(capsys, attempt) == [NOT + line]


def test_what_the_check_cannot_use_is_not_called_an_error_of_the_learners_code(capsys):
    code = learner("def answers():\n    return 3\n")

    async def attempt():
        return {"right": list(code["answers"]()) == [1, 2]}

    line = "The check could not use what your code returned. "
    assert said(capsys, attempt) == [NOT + line + "TypeError: 'int' object is not iterable"]


def test_only_true_is_true(capsys):
    async def attempt():
        return {"it works": 1, "it is quick": "yes"}

    assert said(capsys, attempt)[0] == "Exercise 1: not solved yet."


@pytest.mark.parametrize("line", ["while True: pass", "time.sleep(60)"])
def test_busy_code_that_never_ends_is_ended_and_its_line_is_named(capsys, line):
    code = learner(f"import time\nasync def work():\n    {line}\n")

    async def attempt():
        return {"done": await code["work"]() is None}

    told = f"Your code did not end within 0.2 s: it was in line 3: {line}"
    assert said(capsys, attempt, timeout_s=0.2) == [NOT + told]


def test_a_cell_that_python_cannot_read_is_said_instead_of_trying_the_old_one(capsys):
    async def attempt():
        def inner():
            return five_answers()  # noqa: F821

        return {"right": inner() == 5}

    def ran(code, error):
        info = SimpleNamespace(raw_cell=code)
        exercises._read(SimpleNamespace(info=info, error_before_exec=error))

    error = SyntaxError("'(' was never closed")
    error.lineno = 2
    ran("async def five_answers():\n    return (5\n", error)
    told = "Python could not read your newest five_answers: line 2, '(' was never closed. "
    told += "Mend it, run its cell, then this one."
    assert said(capsys, attempt) == [f"Exercise 1: not tried. {told}"]
    ran("async def five_answers():\n    return 5\n", None)
    assert said(capsys, attempt)[0].startswith(NOT + "Your code raised NameError")


def test_a_hint_after_two_misses_and_the_solution_after_three(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "show", lambda *two: shown.append(two))
    hint = "Hint: Each blocking call gets a thread of its own to block; the loop stays free."

    async def wrong():
        return {"it works": NO}

    async def right():
        return {"it works": YES}

    assert len(said(capsys, wrong)) == 2
    assert said(capsys, wrong)[-1] == hint
    assert shown == []
    assert said(capsys, wrong)[-1] == hint
    [(plain, html)] = shown
    assert plain == "A solution is in solutions/10_exercise_1.py."
    assert "<details>" in html and "to_thread" in html and "plausible" not in html
    said(capsys, right)
    assert len(said(capsys, wrong)) == 2, "it counts on after it was solved"


def test_every_stored_solution_has_a_hint():
    files = list((notebook.stored() / "solutions").glob("*.py"))
    assert len(files) > 5
    for file in files:
        tree = exercises.ast.parse(file.read_text().partition(exercises.PART)[0])
        functions = [node for node in tree.body if hasattr(node, "decorator_list")]
        assert exercises.ast.get_docstring(functions[-1]), file.name


def test_the_stop_button_goes_through_a_check(capsys):
    async def attempt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(check("Exercise 1", attempt))
    assert capsys.readouterr().out == "Exercise 1: stopped.\n"


def test_a_cancelled_cell_ends(capsys):
    async def attempt():
        signal.raise_signal(signal.SIGINT)  # asyncio.run cancels the task, as the kernel does
        await asyncio.sleep(30)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(check("Exercise 1", attempt))
    assert capsys.readouterr().out == "Exercise 1: stopped.\n"


def test_what_goes_on_in_a_thread_is_ended_with_it(capsys):
    """Else it would compute on, beside whatever is measured next."""
    code = """
def compute():
    while not over.is_set(): pass
def busy():
    try:
        compute()  # Python 3.13 may raise in a loop's jump as if it stood outside its try
    except BaseException as error:
        ended.append(type(error))
        raise
async def attempt(): await asyncio.to_thread(busy)
"""
    over, ended = threading.Event(), []
    give_up = threading.Timer(20, over.set)
    give_up.start()
    attempt = learner(code, asyncio=asyncio, over=over, ended=ended)["attempt"]
    # The end of asyncio.run waits for its threads.
    assert "did not end within 0.2 s" in said(capsys, attempt, timeout_s=0.2)[0]
    give_up.cancel()
    assert ended == [asyncio.CancelledError]


def test_in_a_kernel_too():
    attempt = "async def attempt():\n    return {'right': await mine() == 1}\n"
    try_it = attempt + "await lesson.check('Exercise 1', attempt, timeout_s=0.5)"
    with Kernel(attended=True) as kernel:
        assert kernel.run("from helpers import lesson\nlesson.begin('10')").status == "ok"

        def answer(code):
            kernel.run(code)
            return kernel.run(try_it).text.splitlines()

        told = "Your code did not end within 0.5 s: it was in line 2: while True: pass"
        assert answer("async def mine():\n    while True: pass") == [NOT + told]
        assert (
            "Python could not read your newest mine: line 2, "
            in answer("async def mine():\n    return (1\n")[0]
        )
        assert answer("async def mine():\n    return 1")[0] == "Exercise 1: solved."
        told = "Your code raised ZeroDivisionError: division by zero, in line 2: return 1 / 0"
        assert answer("async def mine():\n    return 1 / 0")[0] == NOT + told
