"""The fate of a request: what is drawn and what is said follow from one rule."""

import pytest

from helpers.figures import fate, style
from helpers.figures.prediction import Prediction
from helpers.ledger import Ledger


def run(*servers) -> Ledger:
    """Return a ledger of (name, the request's end, the work's end, whether the client left)."""
    ledger = Ledger()
    for number, (name, request_s, work_s, left) in enumerate(servers):
        start_s = 10 + number / 1000
        ledger.add("client", "request", start_s, 10 + request_s, name)
        ledger.add(name, "serving", start_s, 10 + work_s, "/orders")
        if left:
            ledger.mark("client", "noticed", name, 10 + request_s)
    return ledger


THREE = run(("stays", 0.6, 0.6, False), ("stops", 0.2, 0.21, True), ("works on", 0.2, 0.6, True))


def test_the_words_say_what_each_server_did():
    words = fate.describe({"A": THREE})
    assert words.stable[1:] == [
        "A, stays: the client stays; the server answers its client.",
        "A, stops: the client leaves; the server stops.",
        "A, works on: the client leaves; the server works on, for nobody.",
    ]
    assert "0.40 s of it after the client has left" in words.measured[2]


def test_only_work_for_nobody_is_hollow():
    [ax] = fate.draw({"A": THREE}).axes
    hollow = [c for c in ax.collections if tuple(c.get_facecolor()[0][:3]) == (1, 1, 1)]
    assert len(hollow) == 1
    assert [text.get_text() for text in ax.texts].count("leaves") == 2
    assert style.png(fate.draw({"A": THREE, "B": THREE}))[:4] == b"\x89PNG"


def test_a_guess_lies_in_the_row_it_is_about():
    guess = Prediction("?", "s", [0.2], "stops")
    [ax] = fate.draw({"A": THREE}, {"A": guess}).axes
    [line] = [line for line in ax.lines if len(set(line.get_xdata())) == 1 < len(line.get_xdata())]
    assert list(line.get_xdata()) == [0.2, 0.2]
    assert 0.5 < min(line.get_ydata()) < 1 < max(line.get_ydata()) < 1.3
    assert "one possible guess: 0.2 s" in fate.describe({"A": THREE}, {"A": guess}).plain()


def test_what_is_not_whole_is_refused_by_name():
    twice = run(("a", 0.2, 0.3, False), ("a", 0.2, 0.3, False))
    for ledger, why in ((Ledger(), "no request"), (twice, "'a' has 2 requests and 2 pieces")):
        with pytest.raises(ValueError, match=why):
            fate.draw({"A": ledger})
    with pytest.raises(ValueError, match="at least one ledger"):
        fate.describe({})
    with pytest.raises(ValueError, match="belongs to no panel"):
        fate.draw({"A": THREE}, {"B": Prediction("?", "s", [1.0])})


def test_another_lesson_tells_it_in_other_words():
    telling = fate.Telling(
        rows="A row per client.", leaves="vanishes", stopped="notices", went_on="keeps it"
    )
    words = fate.describe({"A": THREE}, telling=telling)
    assert words.stable == [
        "A row per client.",
        "A, stays: the client stays; the server answers its client.",
        "A, stops: the client vanishes; the server notices.",
        "A, works on: the client vanishes; the server keeps it.",
    ]
    [ax] = fate.draw({"A": THREE}, telling=telling).axes
    assert [text.get_text() for text in ax.texts].count("vanishes") == 2
