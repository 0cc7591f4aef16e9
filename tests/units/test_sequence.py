"""The sequence figure: which arrows a ledger gives, how they are drawn and what is said of them."""

import asyncio
import io

import aiohttp
import pytest
from aiohttp import web
from PIL import Image

from helpers.figures import sequence, style
from helpers.figures.prediction import Prediction
from helpers.instruments import record
from helpers.ledger import Ledger
from helpers.servers import serve
from helpers.wire.relay import Faults, relay_to
from helpers.wire.tap import first_line

LIMIT = aiohttp.ClientTimeout(total=20)
DELAY_S = 0.2


def guess(*values):
    return Prediction("?", "s", list(values), asked=True)


@pytest.fixture
def told():
    """Two messages of a lesson's own, 1 s each, and what was served between them."""
    ledger = Ledger()
    ledger.add("client→server", "message", 10.0, 11.0, "question")
    ledger.add("server", "serving", 11.0, 12.0, "1")
    ledger.add("server→client", "message", 12.0, 13.0, "answer")
    return ledger


@pytest.fixture
def wired():
    """What a relay writes: one piece there, two back, the second five times as slow."""
    ledger = Ledger()
    ledger.mark("wire 1", "event", "opened", 0.9)
    ledger.add("wire 1", "sent", 1.0, 1.2, "70 bytes")
    ledger.add("wire 1", "received", 1.3, 1.4, "100 bytes")
    ledger.add("wire 1", "received", 1.3, 1.8, "50 bytes")
    ledger.mark("wire 1", "error", "cut after 150 bytes to the client", 1.8)
    return ledger


def arrows(ax):
    """Return (x, y, x, y) of each arrow in the axes, from where to where."""
    found = [text for text in ax.texts if getattr(text, "arrow_patch", None)]
    return [(*text.xyann, *text.xy) for text in found]


def labels(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def ticks(ax):
    names = [label.get_text() for label in ax.get_yticklabels()]
    return dict(zip(names, ax.get_yticks(), strict=True))


# --- what there is to draw


def test_a_lessons_own_messages_name_their_parties(told):
    assert [(m.sender, m.receiver, m.label, m.under_way_s) for m in sequence.messages(told)] == [
        ("client", "server", "question", 1.0),
        ("server", "client", "answer", 1.0),
    ]


def test_what_a_relay_writes_goes_between_client_and_server(wired):
    assert [(m.sender, m.receiver, m.label) for m in sequence.messages(wired)] == [
        ("client", "server", "70 bytes"),
        ("server", "client", "100 bytes"),
        ("server", "client", "50 bytes"),
    ]
    wired.add("tea shop", "serving", 1.21, 1.29, "1")
    assert {m.receiver for m in sequence.messages(wired)} == {"client", "tea shop"}


def test_several_connections_are_told_apart_and_one_may_be_chosen(wired):
    wired.add("wire 2", "sent", 1.0, 1.1, "8 bytes")
    assert "wire 2: 8 bytes" in [m.label for m in sequence.messages(wired)]
    assert [m.label for m in sequence.messages(wired, ["wire 2"])] == ["wire 2: 8 bytes"]


def test_a_real_exchange_through_a_delayed_relay():
    async def tea(request):
        await asyncio.sleep(0.01)
        return web.Response(text="tea")

    async def experiment():
        server = serve("server", [web.get("/tea", tea)])
        slow = Faults(delay_s=DELAY_S)
        wire = relay_to("wire", server, to_server=slow, to_client=slow, label=first_line)
        async with (
            record(server, wire) as ledger,
            aiohttp.ClientSession(timeout=LIMIT) as session,
        ):
            with ledger.span("requests", "request"):
                async with session.get(f"{wire.url}/tea") as response:
                    assert await response.text() == "tea"
        return ledger

    ledger = asyncio.run(experiment())
    there, *back = sequence.messages(ledger)
    assert there.label.startswith("GET /tea HTTP/1.1")
    assert back[0].label.startswith("HTTP/1.1 200 OK")
    assert all(m.under_way_s >= DELAY_S for m in (there, *back))
    assert there.came_s <= back[0].left_s
    words = sequence.describe({"tea": ledger})
    assert words.stable[1] == (
        "tea: From client to server a piece mostly needs more than 10 ms. "
        "From server to client a piece mostly needs more than 10 ms. "
        "On the client's line 1 request. The server serves 1."
    )
    [ax] = sequence.draw({"tea": ledger}).axes
    for x1, y1, x2, y2 in arrows(ax):
        assert x2 - x1 >= DELAY_S
        assert y1 != y2


# --- how it is drawn


def test_arrows_go_from_lifeline_to_lifeline_in_true_time(told):
    [ax] = sequence.draw({"a": told}).axes
    height = ticks(ax)
    assert height["client"] > height["server"]
    client, server = height["client"], height["server"]
    assert arrows(ax) == [(0.0, client, 1.0, server), (2.0, server, 3.0, client)]
    assert labels(ax) == ["question", "answer"]
    [bar] = ax.collections
    assert bar.get_paths()[0].get_extents().bounds[::2] == (1.0, 1.0)


def test_parties_stand_in_the_order_in_which_they_speak_or_as_chosen():
    ledger = Ledger()
    ledger.add("relay→server", "message", 1, 2, "b")
    ledger.add("client→relay", "message", 0, 1, "a")
    [ax] = sequence.draw({"a": ledger}).axes
    assert list(ticks(ax)) == ["client", "relay", "server"]
    [ax] = sequence.draw({"a": ledger}, parties=["server", "relay", "client"]).axes
    assert list(ticks(ax)) == ["server", "relay", "client"]
    with pytest.raises(ValueError, match="leaves out"):
        sequence.draw({"a": ledger}, parties=["client", "relay"])


def test_panels_share_their_axis_and_a_short_time_is_in_milliseconds(told, wired):
    figure = sequence.draw({"a": told, "b": wired})
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()
    assert figure.axes[1].get_xlabel() == "seconds since the first message"
    short = Ledger()
    short.add("client→server", "message", 5.0, 5.02, "quick")
    [ax] = sequence.draw({"a": short}).axes
    assert ax.get_xlabel() == "milliseconds since the first message"
    [(x1, _, x2, _)] = arrows(ax)
    assert (x1, x2) == pytest.approx((0, 20))


def test_a_time_shorter_than_a_millisecond_is_not_nothing():
    ledger = Ledger()
    ledger.add("wire 1", "sent", 1.0, 1.00012, "70 bytes")
    assert "x: 0.12 ms for 1 piece." in sequence.describe({"x": ledger}).measured


def test_labels_never_lie_on_each_other():
    ledger = Ledger()
    for n in range(10):
        ledger.add("client→server", "message", n * 0.01, n * 0.01 + 0.5, f"message number {n}")
        ledger.add("server→client", "message", 0.5 + n * 0.01, 1 + n * 0.01, f"reply number {n}")
    figure = sequence.draw({"a": ledger})
    style.png(figure)
    [ax] = figure.axes
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    assert len(boxes) > 1
    for n, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[n + 1 :])
    assert len(arrows(ax)) == 20, "a label may be left out, an arrow may not"


def test_arrows_nobody_could_tell_apart_are_drawn_as_one():
    ledger = Ledger()
    ledger.add("wire 1", "sent", 0.0, 10.0, "first")
    for n in range(50_000):
        ledger.add("wire 1", "received", 5 + n / 1e8, 6 + n / 1e8, "1 bytes")
    [ax] = sequence.draw({"a": ledger}).axes
    assert len(arrows(ax)) == 2
    assert labels(ax) == ["first", "1 bytes …"]


def test_what_broke_is_marked_and_named(wired):
    [ax] = sequence.draw({"a": wired}).axes
    assert "cut after 150 bytes to the client" in labels(ax)
    crosses = [line for line in ax.lines if line.get_marker() == "X"]
    assert [line.get_xdata()[0] for line in crosses] == [pytest.approx(0.8)]


def test_a_prediction_is_dashed(told):
    [ax] = sequence.draw({"a": told}, {"a": guess(1.0, 1.2)}).axes
    dashed = [line.get_xdata()[0] for line in ax.lines if line.is_dashed()]
    assert dashed == [1.0, 1.2]
    assert ax.get_xlim()[1] > 1.2
    assert any("the room's 2 guesses" in label for label in labels(ax))


def test_it_is_a_picture(told, wired):
    picture = style.png(sequence.draw({"a": told, "b": wired}, {"a": guess(1.0)}))
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    assert image.width > 700
    assert len(image.getcolors(1 << 24)) > 50


# --- what is said of it


def test_the_words_name_a_lessons_own_messages_in_order(told):
    words = sequence.describe({"a": told}, {"a": guess(2.0)})
    assert words.stable == [
        "A sequence with 1 panel: lifelines of client, server; an arrow per message, "
        "time to the right.",
        "a: client to server: question. server to client: answer. The server serves 1.",
    ]
    assert words.measured == [
        "a: 3.00 s for 2 messages · up to 1.00 s under way.",
        "client to server, question: left at < 0.01 ms, arrived at 1000 ms.",
        "server to client, answer: left at 2000 ms, arrived at 3000 ms.",
        "a, dashed: your guess: 2 s.",
    ]


def test_the_stable_words_do_not_depend_on_how_a_stream_was_cut(wired):
    whole = sequence.describe({"a": wired}).stable
    again = Ledger()
    again.add("wire 1", "sent", 1.0, 1.2, "30 bytes")
    again.add("wire 1", "sent", 1.01, 1.21, "40 bytes")
    again.add("wire 1", "received", 1.3, 1.7, "150 bytes")
    again.mark("wire 1", "error", "cut after 150 bytes to the client", 1.8)
    assert sequence.describe({"a": again}).stable == whole
    assert whole[1].endswith("✕ cut after 150 bytes to the client.")


def test_one_slow_piece_among_quick_ones_does_not_count():
    ledger = Ledger()
    for at_s, takes_s in ((1.0, 0.001), (2.0, 0.001), (3.0, 0.5)):
        ledger.add("wire 1", "sent", at_s, at_s + takes_s, "70 bytes")
    assert "needs less than 10 ms" in sequence.describe({"one": ledger}).plain()


def test_slow_ways_are_told_from_quick_ones():
    ledger = Ledger()
    ledger.add("wire 1", "sent", 1.0, 1.0001, "70 bytes")
    ledger.add("wire 1", "received", 1.3, 1.4, "70 bytes")
    [_, text] = sequence.describe({"a": ledger}).stable
    assert "From client to server a piece mostly needs less than 10 ms" in text
    assert "From server to client a piece mostly needs more than 10 ms" in text


def test_many_messages_are_counted_after_the_first():
    ledger = Ledger()
    for n in range(30):
        ledger.add("a→b", "message", n, n + 1, f"number {n}")
    words = sequence.describe({"x": ledger})
    assert words.stable[1].endswith("a to b: number 11. And 18 more.")
    assert words.measured[-1] == "And 18 more."


# --- what is refused


@pytest.mark.parametrize("make", [sequence.draw, sequence.describe])
def test_what_cannot_be_drawn_is_refused(make, told):
    with pytest.raises(ValueError, match="at least one ledger"):
        make({})
    with pytest.raises(ValueError, match="panel 'empty': its ledger holds no message"):
        make({"empty": Ledger()})
    with pytest.raises(ValueError, match="belongs to no panel"):
        make({"a": told}, {"b": guess(1.0)})
    told.add("client", "message", 1, 2, "to whom?")
    with pytest.raises(ValueError, match="lane 'client'"):
        make({"a": told})


def test_of_arrows_on_each_other_the_first_one_with_a_name_is_named():
    ledger = Ledger()
    for n, label in enumerate(("", "subscribe", "")):
        ledger.add("client→server", "message", n / 1e6, n / 1e6 + 1e-7, label)
    ledger.add("server→client", "message", 0.5, 0.6, "next")
    [ax] = sequence.draw({"A": ledger}).axes
    assert labels(ax) == ["subscribe", "next"]
