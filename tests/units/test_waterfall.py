"""The waterfall: the phases an aiohttp client leaves, and what is drawn and said of them."""

import asyncio

import aiohttp
import pytest
from aiohttp import web

from helpers.figures import style, waterfall
from helpers.figures.prediction import Prediction
from helpers.instruments import client_trace, record
from helpers.ledger import Ledger
from helpers.servers import serve

LIMIT = aiohttp.ClientTimeout(total=20)
DELAY_S = 0.2


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


# --- the phases a client leaves


async def slow(request):
    await request.read()
    await asyncio.sleep(DELAY_S)
    answer = web.StreamResponse()
    await answer.prepare(request)
    await answer.write(b"first")
    await asyncio.sleep(DELAY_S)
    await answer.write(b"last")
    return answer


async def cut(request):
    answer = web.StreamResponse(headers={"Content-Length": "1000"})
    await answer.prepare(request)
    await answer.write(b"not all of it")
    request.transport.close()
    return answer


async def moved(request):
    raise web.HTTPFound(f"/slow?n={request.query['n']}")


def fetch(path, times=1, limit=100, together=False, **request):
    """Ask a live server that often, and return the ledger."""
    server = serve(
        "server",
        [web.route("*", "/slow", slow), web.get("/cut", cut), web.get("/moved", moved)],
    )

    async def experiment():
        async with (
            record(server) as ledger,
            aiohttp.ClientSession(
                timeout=LIMIT,
                connector=aiohttp.TCPConnector(limit=limit),
                trace_configs=[client_trace(ledger, phases=True)],
            ) as session,
        ):

            async def ask(n):
                url = f"{server.url}{path}?n={n}"
                async with session.request("POST" if request else "GET", url, **request) as answer:
                    await answer.read()

            asking = [ask(n) for n in range(1, times + 1)]
            if together:
                await asyncio.gather(*asking)
            else:
                for each in asking:
                    try:
                        await each
                    except aiohttp.ClientPayloadError:
                        ledger.mark("requests", "error", "broken off")
        return ledger

    return asyncio.run(experiment())


def kinds(request):
    return [s.kind for s in request.phases]


def test_a_request_leaves_its_phases_in_order_without_gap_or_overlap():
    ledger = fetch("/slow")
    (request,) = waterfall.requests(ledger)
    assert kinds(request) == ["connect", "send", "wait", "receive"]
    ends = [s.end_s for s in request.phases]
    assert [s.start_s for s in request.phases[1:]] == ends[:-1]
    (whole,) = ledger.spans("requests", "request")
    assert whole.start_s <= request.start_s and request.phases[2].end_s == whole.end_s


def test_the_handlers_delays_are_found_in_the_phases_they_belong_to():
    (request,) = waterfall.requests(fetch("/slow"))
    _, _, wait, receive = request.phases
    assert wait.duration_s >= DELAY_S and receive.duration_s >= DELAY_S / 2
    (handling,) = request.handling
    assert handling.duration_s >= 2 * DELAY_S
    assert handling.start_s < wait.end_s < handling.end_s


def test_a_second_request_does_not_connect_again():
    first, second = waterfall.requests(fetch("/slow", times=2))
    assert "connect" in kinds(first)
    assert kinds(second) == ["send", "wait", "receive"]


def test_a_request_without_a_free_connection_is_queued():
    first, second = waterfall.requests(fetch("/slow", times=2, limit=1, together=True))
    assert kinds(first)[0] == "connect"
    assert kinds(second) == ["queued", "send", "wait", "receive"]
    assert second.phases[0].duration_s >= DELAY_S


def test_sending_lasts_as_long_as_a_body_is_handed_over():
    async def body():
        for _ in range(3):
            await asyncio.sleep(0.1)
            yield b"x" * 1000

    (request,) = waterfall.requests(fetch("/slow", data=body()))
    assert request.phases[1].kind == "send" and request.phases[1].duration_s >= 0.2
    assert request.phases[2].kind == "wait" and request.phases[2].duration_s >= DELAY_S / 2


def test_a_redirected_request_is_two():
    first, second = waterfall.requests(fetch("/moved"))
    assert kinds(first) == ["connect", "send", "wait"]
    assert kinds(second) == ["send", "wait", "receive"]


def test_a_body_that_breaks_off_is_not_received():
    ledger = fetch("/cut")
    (request,) = waterfall.requests(ledger)
    assert kinds(request) == ["connect", "send", "wait"]
    assert len(ledger.marks(kind="error")) == 1


def test_without_phases_asked_for_none_are_recorded():
    ledger = Ledger()
    assert not client_trace(ledger).on_connection_create_start
    assert client_trace(ledger, phases=True).on_connection_create_start


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
    with pytest.raises(ValueError, match=r"'A'.*phases=True"):
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


@pytest.mark.parametrize(("whole_s", "said"), [(0.1, False), (0.2, True)])
def test_of_a_request_too_short_for_its_machine_nothing_is_said_of_the_longest(whole_s, said):
    ledger = Ledger()
    ledger.add("requests", "send", 1.0, 1.0 + 0.05 * whole_s, "1")
    ledger.add("requests", "wait", 1.0 + 0.05 * whole_s, 1.0 + whole_s, "1")
    ledger.add("server", "serving", 1.0 + 0.1 * whole_s, 1.0 + 0.95 * whole_s, "1")
    text = waterfall.describe({"one": ledger}).plain()
    assert ("Most of it is wait." in text) is said
    assert ("handling is most of the whole" in text) is said
