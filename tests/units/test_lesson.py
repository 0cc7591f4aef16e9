"""A lesson's vocabulary: what it begins, shows and ends, in lines that every run repeats."""

import pytest

from helpers import lesson
from helpers.course import notebook
from helpers.course.needs import NEEDS, Feature
from helpers.figures import style, timeline
from helpers.hosting import registry
from helpers.ledger import Ledger
from helpers.lesson import predict, verdict

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
    ledger.expect("request", 1)
    ledger.add("requests", "request", 0.0, 0.2, "1")
    ledger.provenance = {"made": made} if made else {}
    return ledger


# --- begin and close


def test_begin_says_how_many_claims_are_to_be_settled(capsys):
    lesson.begin("10")
    assert capsys.readouterr().out == "Lesson 10 is ready. It settles 4 claims.\n"
    lesson.begin("00")
    assert capsys.readouterr().out == "Lesson 00 is ready. It settles no claim.\n"


@pytest.mark.parametrize("number", ["8", "008", "eight", ""])
def test_a_lesson_has_two_digits(number):
    with pytest.raises(ValueError, match=f"number='{number}'"):
        lesson.begin(number)


def test_beginning_the_same_lesson_again_keeps_guesses_and_forgets_what_was_settled(
    lesson_10, shown, capsys
):
    guess = predict("How long?", possible=1)
    verdict("S1", runs=a_run(), supports={"it is so": YES})
    lesson.begin("10")
    assert predict("How long?", possible=1) is guess
    lesson.begin("11")
    assert predict("How long?", possible=1) is not guess
    capsys.readouterr()
    lesson.close()
    assert "waiting" not in capsys.readouterr().out


def test_close_stops_the_servers_and_says_what_was_settled(lesson_10, shown, capsys):
    from helpers.servers import running, serve

    serve("b", [])
    serve("a", [])
    verdict("S2", runs=a_run(), supports={"it is so": YES}, refutes={"it is not": YES})
    verdict("S1", runs=a_run(), supports={"it is so": YES})
    lesson.close()
    claims = lesson.claims()
    assert capsys.readouterr().out.splitlines() == [
        "Servers stopped: a, b.",
        f"“{claims['S1'].says}”: answered",
        f"“{claims['S2'].says}”: holds in part",
    ]
    assert running() == []
    lesson.begin("10")
    capsys.readouterr()
    lesson.close()
    assert capsys.readouterr().out == "Servers stopped: none was running.\n"


@pytest.mark.parametrize(("kept", "stopped"), [(["a panel"], False), ([], True)])
def test_close_leaves_the_servers_to_an_open_panel(monkeypatch, capsys, kept, stopped):
    from helpers import servers

    monkeypatch.setattr(registry, "kept_for", lambda: bool(kept))
    calls = []
    monkeypatch.setattr(servers, "close_all", lambda: calls.append("stopped"))
    lesson.close()
    assert bool(calls) == stopped
    assert ("Servers stopped" in capsys.readouterr().out) == stopped


class Clock:
    """Stands in for a real program."""

    name = "Clock"

    def __init__(self):
        self.runs, self.started = False, 0

    def start(self):
        self.runs, self.started = True, self.started + 1

    def is_running(self):
        return self.runs

    def close(self):
        self.runs = False


def test_a_program_is_started_once_again_if_it_has_died_and_ends_with_the_lesson(
    lesson_10, monkeypatch, capsys
):
    monkeypatch.setitem(NEEDS, "clock", Feature("Clock", lambda: True))
    first = lesson.program("clock", Clock)
    assert lesson.program("clock", Clock) is first and first.started == 1
    first.runs = False
    second = lesson.program("clock", Clock)
    assert second is not first and second.is_running()
    assert capsys.readouterr().out == "Clock runs, on this machine alone.\n" * 3
    lesson.close()
    assert not second.is_running()
    assert "Servers stopped: Clock." in capsys.readouterr().out


def test_a_program_that_is_missing_is_none_and_in_ci_an_error(lesson_10, monkeypatch, capsys):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setitem(NEEDS, "clock", Feature("Clock", lambda: False))
    assert lesson.program("clock", Clock) is None
    assert capsys.readouterr().out.startswith("This experiment needs Clock. To get it: ")
    monkeypatch.setenv("CI", "true")
    monkeypatch.delenv("WIRE_WITHOUT", raising=False)
    with pytest.raises(RuntimeError, match="lesson 10 needs clock, missing here"):
        lesson.program("clock", Clock)


def test_close_says_which_server_does_not_stop(lesson_10, monkeypatch, capsys):
    from helpers import servers

    slow, quick = servers.serve("slow", []), servers.serve("quick", [])

    def does_not_stop():
        raise registry.StillRunning("server 'slow' has not stopped within 5 s: it is busy")

    with monkeypatch.context() as patched:
        patched.setattr(slow, "_stop", does_not_stop)
        lesson.close()
    assert capsys.readouterr().out == (
        "Not stopped: server 'slow' has not stopped within 5 s: it is busy.\n"
        "Servers stopped: quick.\n"
    )
    assert quick.name not in servers.running()


# --- verdicts


def test_a_prediction_that_a_figure_has_shown_is_told_so(lesson_10, shown):
    from helpers.figures import timeline

    guess, told = predict("How long?", possible=1), []
    guess.when_drawn = lambda: told.append(len(shown))
    assert guess.drawn is None
    lesson.show(timeline, {"one": a_run()}, {"one": guess})
    assert guess.drawn == [1] and told == [1], "after the figure is shown, not before"


def test_a_verdict_is_shown_and_kept(lesson_10, shown):
    verdict("S2", runs=[a_run(), a_run()], supports={"it is so": YES})
    [(plain, html, picture)] = shown
    assert plain.splitlines()[0] == "Verdict: holds"
    assert "<b>Verdict: holds</b>" in html
    assert picture is None
    assert {id: kept.word for id, kept in lesson._state.settled.items()} == {"S2": "holds"}


def test_a_verdict_says_that_a_run_is_stored(lesson_10, shown):
    verdict("S2", runs=[a_run("2026-11-23"), a_run()], supports={"it is so": YES})
    assert shown[0][0].splitlines()[0] == "Verdict: in the stored run it held"


def test_a_claim_that_does_not_exist_is_refused(lesson_10, shown):
    with pytest.raises(KeyError, match="'S9' is no claim of this course"):
        verdict("S9", runs=a_run(), supports={"it is so": YES})
    assert shown == []


def test_a_claim_of_another_lesson_is_refused(lesson_10, shown):
    with pytest.raises(ValueError, match="claim P5 belongs to lesson 13 and 15"):
        verdict("P5", runs=a_run(), supports={"it is so": YES})
    assert shown == []


def test_a_verdict_without_findings_or_runs_is_refused_and_settles_nothing(lesson_10, shown):
    with pytest.raises(ValueError, match="has no findings"):
        verdict("S1", runs=a_run(), supports={})
    with pytest.raises(ValueError, match="rests on no run"):
        verdict("S1", runs=[], supports={"it is so": YES})
    with pytest.raises(TypeError, match="runs"):
        verdict("S1", supports={"it is so": YES})
    assert shown == []
    assert lesson._state.settled == {}


def test_findings_beside_the_claims_are_printed_a_line_each(capsys):
    lesson.findings("Two clocks", {"this": YES, "that": NO})
    assert capsys.readouterr().out == "Two clocks:\n✔ this\n✘ not borne out: that\n"


# --- figures


def test_a_figure_is_shown_as_picture_and_words_and_says_when_it_is_stored(shown):
    lesson.show(timeline, {"A": a_run()})
    lesson.show(timeline, {"A": a_run("2026-11-23"), "B": a_run()})
    (plain, html, png), (stored, _, _) = shown
    assert png.startswith(b"\x89PNG")
    assert plain.splitlines()[0] == "Figure: A"
    assert "This figure in words" in html
    assert stored.splitlines()[0] == "Figure: A / B (a stored run of 2026-11-23)"


def test_a_picture_of_a_stored_run_says_so_above_everything_else(shown, monkeypatch):
    pictures = []
    monkeypatch.setattr(style, "png", lambda figure: pictures.append(figure) or b"")
    lesson.show(timeline, {"A": a_run()})
    lesson.show(timeline, {"A": a_run("2026-11-23")})
    _, stored = pictures
    said = [[text.get_text() for text in figure.texts] for figure in pictures]
    assert "A stored run of 2026-11-23, not measured here." in said[1]
    assert "A stored run" not in str(said[0])
    [note] = [text for text in stored.texts if "A stored run" in text.get_text()]
    low = note.get_window_extent().y0
    others = [ax.get_tightbbox().y1 for ax in stored.axes]
    others += [text.get_window_extent().y1 for text in stored.texts if text is not note]
    assert low >= max(others)


# --- one door to the rest


def test_what_a_lesson_needs_of_the_course_is_found_here():
    assert sorted(lesson.__all__) == lesson.__all__
    assert [name for name in lesson.__all__ if not callable(getattr(lesson, name))] == []
