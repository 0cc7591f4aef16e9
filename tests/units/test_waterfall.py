"""The waterfall: which phases are one request, and what is drawn and said of them."""

import pytest

from helpers.figures import style, waterfall
from helpers.figures.prediction import Prediction
from helpers.ledger import Ledger


def guess(value, unit="s"):
    return Prediction("?", unit, [value], asked=True)


def a_request(ledger, at_s, label="1", connect=True):
    """Write a request whose phases are known: 1, 1, 6 and 2 seconds, 5 of them handled."""
    if connect:
        ledger.add("requests", "connect", at_s, at_s + 1, label)
    ledger.add("requests", "send", at_s + 1, at_s + 2, label)
    ledger.add("requests", "wait", at_s + 2, at_s + 8, label)
    ledger.add("requests", "receive", at_s + 8, at_s + 10, label)
    ledger.add("server", "serving", at_s + 2.5, at_s + 7.5, label)


@pytest.fixture
def one():
    ledger = Ledger()
    a_request(ledger, 100.0)
    return ledger


# --- which phases are one request


def kinds(request):
    return [s.kind for s in request.phases]


def test_phases_of_one_label_are_one_request_until_one_comes_again(one):
    a_request(one, 110.0, connect=False)
    first, second = waterfall.requests(one)
    assert kinds(first) == ["connect", "send", "wait", "receive"]
    assert kinds(second) == ["send", "wait", "receive"]
    assert (first.start_s, first.end_s, second.start_s) == (100.0, 110.0, 111.0)


def test_the_handling_is_what_servers_did_of_it_meanwhile(one):
    one.add("server", "serving", 102.0, 103.0, "another")
    one.add("server", "serving", 300.0, 301.0, "1")
    (request,) = waterfall.requests(one)
    assert [(s.start_s, s.end_s) for s in request.handling] == [(102.5, 107.5)]
    assert request.handler_share == pytest.approx(0.5)


def test_a_phase_that_takes_no_time_keeps_its_place(one):
    one.add("requests", "queued", 100.0, 100.0, "1")
    (request,) = waterfall.requests(one)
    assert kinds(request)[0] == "queued"


# --- what is drawn and said


def texts(figure):
    return [
        text.get_text()
        for ax in figure.axes
        for text in [*ax.texts, ax.title, *ax.get_yticklabels(), ax._right_title]
    ]


def test_one_request_has_a_row_for_each_phase_and_its_time_beside_it(one):
    found = texts(waterfall.draw({"Slow": one}))
    for row in ("connect", "send", "wait", "receive", "server (handling)"):
        assert row in found
    assert found.count("1000 ms") == 2 and "6000 ms" in found and "5000 ms" in found
    assert "10000 ms in all · the handler's share 50%" in found


def test_the_words_name_the_phase_that_is_most_of_a_request_and_only_then(one):
    assert not any("Most of it" in said for said in waterfall.describe({"Slow": one}).measured)
    long = Ledger()
    long.add("requests", "send", 5.0, 6.0, "1")
    long.add("requests", "wait", 6.0, 10.0, "1")
    assert any("Most of it is wait." in said for said in waterfall.describe({"A": long}).measured)


def test_bars_stand_where_the_phases_are_and_what_waits_is_thin(one):
    (ax,) = waterfall.draw({"Slow": one}).axes
    bars = [c.get_paths()[0].get_extents() for c in ax.collections]
    assert [(round(b.x0), round(b.x1)) for b in bars] == [
        (0, 1000),
        (1000, 2000),
        (2000, 8000),
        (8000, 10000),
        (2500, 7500),
    ]
    connect, send, wait, receive, _ = (round(b.height, 3) for b in bars)
    assert wait < connect / 2 and connect == send == receive


def test_several_requests_have_a_row_each_and_a_key(one):
    a_request(one, 105.0, "2", connect=False)
    (ax,) = waterfall.draw({"Two": one}).axes
    assert [t.get_text() for t in ax.get_yticklabels()] == ["request 1", "request 2"]
    key = [t.get_text() for t in ax.get_legend().get_texts()]
    assert key == ["connect", "send", "wait", "receive", "the server's handling"]


def test_compared_panels_share_their_axis_and_their_rows(one):
    other = Ledger()
    other.add("requests", "wait", 5.0, 6.0, "1")
    first, second = waterfall.draw({"Slow": one, "Quick": other}).axes
    assert first.get_xlim() == second.get_xlim()
    assert [t.get_text() for t in first.get_yticklabels()] == [
        t.get_text() for t in second.get_yticklabels()
    ]


def test_the_words_say_what_is_drawn(one):
    a_request(one, 105.0, "2", connect=False)
    words = waterfall.describe({"Two": one}, {"Two": guess(2)})
    (_, stable) = words.stable
    assert "Request 1 has the phases connect, send, wait, receive." in stable
    assert "Request 2 has the phases send, wait, receive. Its connection was there already." in (
        stable
    )
    assert "They go on at the same time." in stable
    assert "Two: 15000 ms for 2 requests · the handler's share 53%." in words.measured
    assert any("wait 6000 ms" in s and "server handling 5000 ms" in s for s in words.measured)
    assert "Two, dashed: your guess: 2 s." in words.measured


def test_stable_words_hold_no_number_that_was_measured(one):
    later = Ledger()
    a_request(later, 200.0)
    later.rows = [(a + 0.01 * i, b + 0.01 * i, *rest) for i, (a, b, *rest) in enumerate(later.rows)]
    later.rows = [row for row in later.rows if row[3] != "connect"] + [
        row for row in later.rows if row[3] == "connect"
    ]
    assert waterfall.describe({"A": one}).stable == waterfall.describe({"A": later}).stable


@pytest.mark.parametrize(("said", "ends_ms"), [(guess(2), 2000), (guess(2, "ms"), 2)])
def test_a_guess_is_drawn_dashed_in_its_unit(one, said, ends_ms):
    figure = waterfall.draw({"Slow": one}, {"Slow": said})
    dashed = [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    assert max(max(line.get_xdata()) for line in dashed) == pytest.approx(ends_ms)
    assert any(text.startswith("your guess") for text in texts(figure))


def test_a_guess_of_a_share_is_written_and_not_drawn_as_a_phase(one):
    figure = waterfall.draw({"Slow": one}, {"Slow": guess(25, "%")})
    assert "your guess: 25 %" in texts(figure)
    assert not [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]


def test_the_picture_is_a_png(one):
    picture = style.png(waterfall.draw({"Slow": one}))
    assert picture.startswith(b"\x89PNG") and len(picture) > 5000


# --- what is refused


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="at least one ledger"):
        waterfall.draw({})
    with pytest.raises(ValueError, match=r"'A'.*no phase of a request"):
        waterfall.describe({"A": Ledger()})


def test_too_many_requests_are_refused():
    ledger = Ledger()
    for n in range(13):
        a_request(ledger, 20.0 * n, str(n))
    with pytest.raises(ValueError, match="13 requests, a waterfall shows 12"):
        waterfall.draw({"A": ledger})


def test_two_requests_at_once_under_one_label_are_refused(one):
    a_request(one, 103.5)
    with pytest.raises(ValueError, match="labelled '1' overlap"):
        waterfall.draw({"A": one})


def test_a_guess_that_belongs_nowhere_is_refused(one):
    with pytest.raises(ValueError, match=r"predictions\['B'\] belongs to no panel"):
        waterfall.draw({"A": one}, {"B": guess(1)})
    with pytest.raises(ValueError, match="in 'requests', not in %, ms, s"):
        waterfall.draw({"A": one}, {"A": guess(1, "requests")})


def test_lanes_are_chosen_by_name(one):
    one.add("others", "wait", 100.0, 101.0, "x")
    words = waterfall.describe({"A": one}, lanes=["others"])
    assert "Request x has the phases wait." in words.stable[1]
    with pytest.raises(ValueError, match=r"lanes=\['nobody'\]"):
        waterfall.draw({"A": one}, lanes=["nobody"])


def test_which_phase_is_most_of_a_request_is_a_measurement_and_no_stable_word():
    ledger = Ledger()
    ledger.add("requests", "send", 1.0, 1.01, "1")
    ledger.add("requests", "wait", 1.01, 1.2, "1")
    words = waterfall.describe({"one": ledger})
    assert not any("Most of it" in sentence for sentence in words.stable)
    assert any(sentence.endswith("Most of it is wait.") for sentence in words.measured)
