"""A lesson's vocabulary: verdicts follow from findings, and every line is one that repeats."""

import asyncio
from types import SimpleNamespace

import pytest

from helpers import lesson
from helpers.course import notebook
from helpers.figures import timeline
from helpers.ledger import Ledger, load_runs, save_runs
from helpers.lesson import check, measure, parse_guesses, predict, verdict

YES, NO = True, False


@pytest.fixture
def shown(monkeypatch):
    """What a lesson shows in a cell: (words, HTML, picture) of each output."""
    outputs = []
    monkeypatch.setattr(
        notebook, "show", lambda plain, html, png=None: outputs.append((plain, html, png))
    )
    return outputs


@pytest.fixture
def lesson_10(capsys):
    lesson.begin("10")
    capsys.readouterr()


def a_run(made=None):
    ledger = Ledger()
    ledger.add("requests", "request", 0.0, 0.2, "1")
    ledger.provenance = {"made": made} if made else {}
    return ledger


# --- begin and close


def test_begin_names_the_claims_to_settle_and_not_the_framing(capsys):
    lesson.begin("10")
    assert capsys.readouterr().out == "Lesson 10 is ready. Claims to settle: S1, S2, S3, S4.\n"
    lesson.begin("00")
    assert capsys.readouterr().out == "Lesson 00 is ready. No claim to settle.\n"


@pytest.mark.parametrize("number", ["8", "008", "eight", ""])
def test_a_lesson_has_two_digits(number):
    with pytest.raises(ValueError, match=f"number='{number}'"):
        lesson.begin(number)


def test_beginning_the_same_lesson_again_keeps_guesses_and_forgets_what_was_settled(
    lesson_10, shown, capsys
):
    guess = predict("How long?", possible=1)
    verdict("S1", supports={"it is so": YES})
    lesson.begin("10")
    assert predict("How long?", possible=1) is guess
    lesson.begin("11")
    assert predict("How long?", possible=1) is not guess
    capsys.readouterr()
    lesson.close()
    assert "S1" not in capsys.readouterr().out


def test_close_stops_the_servers_and_says_what_was_settled(lesson_10, shown, capsys):
    from helpers.servers import running, serve

    serve("b", [])
    serve("a", [])
    verdict("S2", supports={"it is so": YES}, refutes={"it is not": YES})
    verdict("S1", supports={"it is so": YES})
    lesson.close()
    assert capsys.readouterr().out == "Servers stopped: a, b.\nS1: holds\nS2: half right\n"
    assert running() == []
    lesson.begin("10")
    capsys.readouterr()
    lesson.close()
    assert capsys.readouterr().out == "Servers stopped: none was running.\n"


# --- verdicts


@pytest.mark.parametrize(
    ("supports", "refutes", "outcome"),
    [
        ({"a": YES, "b": YES}, None, "holds"),
        (None, {"a": YES}, "does not hold"),
        ({"a": YES}, {"b": YES}, "half right"),
        ({"a": YES, "b": NO}, None, "not shown"),
        (None, {"a": NO}, "not shown"),
        ({"a": YES}, {"b": NO}, "not shown"),
        ({"a": NO}, {"b": YES}, "not shown"),
        ({"a": NO}, {"a": YES}, "not shown"),
        ({"a": 1}, {"b": "yes"}, "half right"),
        ({"a": 0}, None, "not shown"),
    ],
)
def test_the_outcome_follows_from_the_findings(lesson_10, shown, supports, refutes, outcome):
    verdict("S1", supports=supports, refutes=refutes)
    [(plain, html, picture)] = shown
    assert plain.splitlines()[0] == f"Verdict S1: {outcome}"
    assert f"<b>Verdict S1: {outcome}</b>" in html
    assert picture is None
    assert lesson._state.settled == {"S1": outcome}


def test_a_verdict_shows_the_claim_every_finding_and_what_is_true(lesson_10, shown):
    verdict("S1", supports={"1 < 2": YES, "it goes on": YES})
    [(plain, html, _)] = shown
    assert plain.splitlines() == [
        "Verdict S1: holds",
        "“Can I do work while waiting?”",
        "✔ 1 < 2",
        "✔ it goes on",
        f"Precisely: {lesson.claims()['S1'].precisely}",
    ]
    assert "✔ 1 &lt; 2" in html
    assert "1 < 2" not in html


def test_a_finding_that_fails_is_named_and_settles_nothing(lesson_10, shown):
    verdict("S2", supports={"this": YES}, refutes={"that": NO})
    assert shown[0][0].splitlines()[2:] == [
        "✔ (for) this",
        "✘ not borne out: (against) that",
        "Nothing is settled by this run.",
    ]


def test_a_verdict_of_a_stored_run_says_so_and_one_of_a_new_run_does_not(lesson_10, shown):
    verdict("S1", supports={"it is so": YES}, run=a_run("2026-11-23"))
    verdict("S1", supports={"it is so": YES}, run=a_run())
    verdict("S1", supports={"it is so": NO}, run=a_run("2026-11-23"))
    outcomes = [plain.splitlines()[0] for plain, _, _ in shown]
    assert outcomes == [
        "Verdict S1: in the stored run it held",
        "Verdict S1: holds",
        "Verdict S1: not shown",
    ]


def test_a_claim_that_does_not_exist_is_refused(lesson_10, shown):
    with pytest.raises(KeyError, match="'S9' is no claim of this course"):
        verdict("S9", supports={"it is so": YES})
    assert shown == []


def test_a_claim_of_another_lesson_is_refused(lesson_10, shown):
    with pytest.raises(ValueError, match="claim P5 belongs to lesson 11 and 12"):
        verdict("P5", supports={"it is so": YES})
    assert shown == []


def test_a_verdict_without_findings_is_refused(lesson_10, shown):
    for nothing in ({}, {"supports": {}}, {"refutes": {}}):
        with pytest.raises(ValueError, match="has no findings"):
            verdict("S1", **nothing)
    assert shown == []
    assert lesson._state.settled == {}


def test_findings_beside_the_claims_are_printed_a_line_each(capsys):
    lesson.findings("Two clocks", {"this": YES, "that": NO})
    assert capsys.readouterr().out == "Two clocks:\n✔ this\n✘ not borne out: that\n"


# --- predictions


@pytest.mark.parametrize(
    ("text", "guesses"),
    [
        ("0.2", [0.2]),
        ("0.2 1 1 3", [0.2, 1, 1, 3]),
        ("0.2, 1;3", [0.2, 1, 3]),
        ("  0\n1e3 ", [0, 1000]),
    ],
)
def test_guesses_are_numbers_parted_by_blanks_or_commas(text, guesses):
    assert parse_guesses(text) == guesses


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no number yet"),
        (" ,; ", "no number yet"),
        ("1 two 3", "'two' is not a number"),
        ("1/5", "'1/5' is not a number"),
        ("-1", "'-1' is out of range"),
        ("1 nan", "'nan' is out of range"),
        ("inf", "'inf' is out of range"),
        ("1e6", "'1e6' is out of range"),
    ],
)
def test_what_is_no_guess_is_named(text, says):
    with pytest.raises(ValueError, match=says):
        parse_guesses(text)


def test_with_nobody_there_a_prediction_is_a_common_guess_in_words_that_repeat(capsys):
    first = predict("How long?", possible=0.25, unit="s", lane="heartbeat")
    second = predict("How long?", possible=0.25, unit="s", lane="heartbeat")
    assert first is second
    assert (first.guesses, first.label, first.lane) == ([0.25], "a common guess", "heartbeat")
    line = "How long?\nNobody was asked in this run; a common guess: 0.25 s.\n"
    assert capsys.readouterr().out == line * 2


# --- figures


def test_a_figure_is_shown_as_picture_and_words_and_says_when_it_is_stored(shown):
    lesson.show(timeline, {"A": a_run()})
    lesson.show(timeline, {"A": a_run("2026-11-23"), "B": a_run()})
    (plain, html, png), (stored, _, _) = shown
    assert png.startswith(b"\x89PNG")
    assert plain.splitlines()[0] == "Figure: A"
    assert "This figure in words" in html
    assert stored.splitlines()[0] == "Figure: A / B (a stored run of 2026-11-23)"


# --- experiments that need what is not everywhere


@pytest.fixture
def needs(monkeypatch, tmp_path):
    """A lesson in a folder of its own, with needs that are met and that are not."""
    monkeypatch.setitem(lesson.NEEDS, "here", (lambda: True, ""))
    monkeypatch.setitem(lesson.NEEDS, "nowhere", (lambda: False, "buy one"))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("WIRE_RECORD", raising=False)
    monkeypatch.setattr(notebook, "folder", lambda: tmp_path)
    monkeypatch.setattr(lesson, "_state", lesson._State("10"))
    return tmp_path / "data" / "10.ledger.json"


async def experiment():
    return a_run()


async def never():
    raise AssertionError("it ran without what it needs")


def test_where_the_need_is_met_the_experiment_runs_and_nothing_is_stored(needs, capsys):
    ledger = asyncio.run(measure("one", experiment, "here"))
    assert ledger.provenance == {}
    assert capsys.readouterr().out == ""
    assert not needs.exists()


def test_recording_stores_the_run_with_date_and_system_beside_the_others(needs, monkeypatch):
    monkeypatch.setenv("WIRE_RECORD", "1")
    ledger = asyncio.run(measure("one", experiment, "here"))
    asyncio.run(measure("two", experiment, "here"))
    assert ledger.provenance == {}
    runs = load_runs(needs)
    assert set(runs) == {"one", "two"}
    assert runs["one"].rows == ledger.rows
    assert set(runs["one"].provenance) == {"made", "system", "python"}


def test_where_a_need_is_not_met_the_stored_run_is_returned_and_it_is_said(needs, capsys):
    needs.parent.mkdir()
    save_runs(needs, {"one": a_run("2026-11-23")})
    ledger = asyncio.run(measure("one", never, ["here", "nowhere"]))
    assert ledger == a_run("2026-11-23")
    assert capsys.readouterr().out == (
        "This experiment needs nowhere: buy one. Shown instead: a stored run.\n"
    )


def test_in_ci_a_need_that_is_not_met_is_a_failure_even_with_a_stored_run(needs, monkeypatch):
    needs.parent.mkdir()
    save_runs(needs, {"one": a_run("2026-11-23")})
    monkeypatch.setenv("CI", "true")
    with pytest.raises(RuntimeError, match="experiment 'one' needs nowhere"):
        asyncio.run(measure("one", never, "nowhere"))


def test_without_a_stored_run_a_need_that_is_not_met_is_an_error(needs):
    with pytest.raises(FileNotFoundError, match=r"no stored run 'one' in 10\.ledger\.json"):
        asyncio.run(measure("one", never, "nowhere"))


def test_a_need_nobody_knows_is_refused(needs):
    with pytest.raises(KeyError, match="elsewhere"):
        asyncio.run(measure("one", never, "elsewhere"))


# --- exercises


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


@pytest.mark.parametrize(("is_open", "stopped"), [(True, False), (False, True)])
def test_close_leaves_the_servers_to_an_open_panel(monkeypatch, capsys, is_open, stopped):
    from helpers import explore, servers

    monkeypatch.setattr(explore, "is_open", lambda: is_open)
    calls = []
    monkeypatch.setattr(servers, "close_all", lambda: calls.append("stopped"))
    lesson.close()
    assert bool(calls) == stopped
    assert ("Servers stopped" in capsys.readouterr().out) == stopped
