"""Polls, frontier and comb: what is drawn and what is said come from the same record."""

import pytest

from helpers.figures import comb, frontier, polls
from helpers.figures.prediction import Prediction
from helpers.ledger import Ledger


def guess(value, unit="s", lane=""):
    return Prediction("How much?", unit, [value], lane, asked=True)


# --- polls


@pytest.fixture
def job():
    """A job that is done after 1 s; two clients ask every 0.4 s, one is told when to ask."""
    ledger = Ledger()
    ledger.add(polls.WORK, "serving", 100.0, 101.0)
    for client, start_s in (("1", 100.0), ("2", 100.1)):
        for number in (1, 2, 3):
            asked_s = start_s + 0.4 * number
            ledger.add("every 0.4 s", "request", asked_s - 0.01, asked_s, client)
    ledger.add("told", "request", 101.0, 101.01, "1")
    return ledger


def test_a_way_has_the_first_clients_answers_and_the_mean_of_all(job):
    often, told = polls.ways(job)
    assert often.lane == "every 0.4 s"
    assert often.answers == pytest.approx([100.4, 100.8, 101.2])
    assert (often.requests, often.delay_s) == (3, pytest.approx(0.25))
    assert (told.requests, told.delay_s) == (1, pytest.approx(0.01))


def test_the_last_answer_is_full_and_the_others_are_hollow(job):
    [ax] = polls.draw({"A": job}).axes
    hollow = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    assert [len(line.get_xdata()) for line in hollow] == [2, 0]
    assert {"3", "0.25 s"} <= {text.get_text() for text in ax.texts}
    late = [bar.get_width() for bar in ax.patches][1:]
    assert late == pytest.approx([0.2, 0.01])


def test_a_guess_counts_from_the_end_of_the_work(job):
    [ax] = polls.draw({"A": job}, {"A": guess(0.1, lane="told")}, order=("told",)).axes
    [line] = [line for line in ax.lines if line.is_dashed()]
    assert line.get_xdata()[0] == pytest.approx(1.1)
    assert ax.get_yticklabels()[1].get_text() == "told"


def test_the_words_of_a_job_name_the_ways_and_what_they_needed(job):
    words = polls.describe({"A": job}, {"A": guess(0.1)})
    assert "every 0.4 s, told" in words.stable[0]
    assert words.measured[0] == "every 0.4 s: 3 requests a client, 0.25 s too late."
    assert "your guess: 0.1 s" in words.measured[-1]


def test_a_job_needs_its_work_and_requests():
    ledger = Ledger()
    with pytest.raises(ValueError, match="panel 'A': its ledger holds 0 spans in the lane"):
        polls.draw({"A": ledger})
    ledger.add(polls.WORK, "serving", 0.0, 1.0)
    with pytest.raises(ValueError, match="panel 'A': its ledger holds no request"):
        polls.describe({"A": ledger})
    with pytest.raises(ValueError, match="the figure shows one ledger"):
        polls.describe({})


# --- frontier


def watched(lags):
    """Return ten seconds of two clients in each lane, with the requests and the lag given."""
    ledger = Ledger()
    for lane, (requests, lag_s) in lags.items():
        for client in "12":
            for number in range(requests):
                start_s = 10.0 * number / max(1, requests - 1)
                ledger.add(lane, "request", start_s, max(start_s, 10.0 * (requests == 1)), client)
            ledger.add(lane, "queued", 5.0, 5.0 + lag_s, "Ana")
    return ledger


def test_a_point_is_a_rate_of_one_client_and_a_mean_lag():
    slow, quick = frontier.points(watched({"quick": (101, 0.05), "slow": (11, 0.5)}))
    assert (slow.lane, slow.requests_per_s, slow.lag_s) == ("slow", 1, pytest.approx(0.5))
    assert (quick.lane, quick.requests_per_s) == ("quick", 10)


def test_who_is_told_lies_off_the_line_and_the_words_say_so():
    ledger = watched({"quick": (100, 0.05), "slow": (10, 0.5), "push": (1, 0.001)})
    words = frontier.describe({"A": ledger}, {"A": guess(0.8)}, told=["push"])
    assert words.stable[1:] == [
        "Of 2 ways to poll, the more it asks, the sooner it knows.",
        "push: fewer requests and a smaller lag than any that polls.",
    ]
    assert words.measured[0] == "push: 0.1 requests per second, mean lag 1.0 ms."
    [ax] = frontier.draw({"A": ledger}, {"A": guess(0.8)}, told=["push"]).axes
    markers = [line.get_marker() for line in ax.lines if line.get_marker() in ("o", "D")]
    assert markers == ["D", "o", "o"]
    assert any(line.is_dashed() for line in ax.lines)


def test_other_orders_are_called_what_they_are():
    ledger = watched({"quick": (100, 0.5), "slow": (10, 0.05), "push": (1, 0.1)})
    words = frontier.describe({"A": ledger}, told=["push"])
    assert words.stable[1:] == ["Of 2 ways to poll, not all lie in one order.", "push: mixed."]


def test_a_frontier_needs_news():
    ledger = Ledger()
    ledger.add("quick", "request", 0.0, 1.0, "1")
    with pytest.raises(ValueError, match="panel 'A': its ledger holds no lane with requests"):
        frontier.describe({"A": ledger})


# --- comb


def arrivals(times):
    ledger = Ledger()
    for time_s in times:
        ledger.mark("arrivals", "event", "a request", time_s)
    return ledger


def test_bins_begin_with_the_first_arrival():
    assert comb.bins(arrivals([7.31, 7.30, 7.34, 7.46]), 0.05) == [3, 0, 0, 1]


def test_bars_are_as_high_as_the_arrivals_and_the_fullest_is_named():
    ledger = arrivals([0.0, 0.01, 0.02, 0.16])
    [ax] = comb.draw({"A": ledger}, {"A": guess(2, "requests")}).axes
    assert [bar.get_height() for bar in ax.patches] == [3, 0, 0, 1]
    assert "3" in {text.get_text() for text in ax.texts}
    assert any(line.is_dashed() for line in ax.lines)
    words = comb.describe({"A": ledger})
    assert words.measured == ["A: 4 requests in 0.20 s, 3 at most in a bar, none in 2 of 4 bars."]


def test_panels_share_their_axes():
    figure = comb.draw({"A": arrivals([0.0, 0.01, 0.02]), "B": arrivals([0.0, 0.9])})
    one, other = figure.axes[:2]
    assert one.get_ylim() == other.get_ylim()
    assert one.get_xlim() == other.get_xlim()


@pytest.mark.parametrize(
    ("panels", "options", "message"),
    [
        ({}, {}, "at least one ledger"),
        ({"A": Ledger()}, {}, "panel 'A': its ledger holds no event"),
        ({"A": arrivals([1.0])}, {"bin_s": 0}, "a bin has a length above 0"),
    ],
)
def test_a_comb_needs_arrivals_and_bins(panels, options, message):
    with pytest.raises(ValueError, match=message):
        comb.describe(panels, **options)


def test_the_part_of_a_bar_that_asked_in_vain_is_drawn_over_it_and_told():
    ledger = Ledger()
    for time_s in (10.0, 10.01, 10.25):
        ledger.mark("clients", "event", "asks", time_s)
    ledger.mark("clients", "error", "503", 10.01)
    [ax] = comb.draw({"A": ledger}, bin_s=0.1, in_vain="error").axes
    assert [bar.get_height() for bar in ax.patches] == [2, 0, 1, 1, 0, 0]
    [words] = comb.describe({"A": ledger}, bin_s=0.1, in_vain="error").measured
    assert words.startswith("A: 3 requests, 1 of them in vain (crossed) in 0.30 s")
    assert "in vain" not in comb.describe({"A": ledger}, bin_s=0.1).measured[0]
