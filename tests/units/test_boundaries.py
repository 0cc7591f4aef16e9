"""Boundaries, costs and stages: what is drawn and what is said come from the same record."""

import pytest

from helpers.figures import boundaries, cost, stages, style
from helpers.figures.prediction import Prediction
from helpers.ledger import Ledger


def guess(*values, unit, lane=""):
    return Prediction("?", unit, list(values), lane, asked=True)


def texts(figure):
    return [
        text.get_text()
        for ax in figure.axes
        for text in [*ax.texts, ax.title, ax._right_title, *ax.get_yticklabels()]
    ]


def dashed(ax):
    return [line for line in ax.lines if line.get_linestyle() == "--"]


def bars(ax):
    extents = [c.get_paths()[0].get_extents() for c in ax.collections]
    return [(round(e.x0), round(e.x1)) for e in extents]


# --- boundaries


@pytest.fixture
def stream():
    ledger = Ledger()
    ledger.add("h11", "request", 0, 60, "POST /a")
    ledger.add("h11", "request", 60, 90, "GET /b")
    ledger.add("llhttp", "refused", 0, 90, "at byte 12: no such\nmethod")
    return ledger


@pytest.fixture
def splits():
    ledger = Ledger()
    for n in range(10):
        ledger.add("naive", "right" if n == 9 else "wrong", n, n + 1)
    return ledger


def test_requests_are_boxes_and_a_refusal_gives_its_reason(stream):
    figure = boundaries.draw({"Odd bytes": stream})
    (ax,) = figure.axes
    assert bars(ax) == [(0, 60), (60, 90), (0, 90)]
    said = texts(figure)
    assert "POST /a" in said and "✕ at byte 12: no such" in said
    assert "2 requests" in said and "refused" in said


def test_equal_neighbours_are_one_box_and_requests_never_are(splits):
    (ax,) = boundaries.draw({"Splits": splits}).axes
    assert bars(ax) == [(0, 9), (9, 10)]
    two = Ledger()
    two.add("h11", "request", 0, 5, "GET /")
    two.add("h11", "request", 5, 10, "GET /")
    assert len(boundaries.boxes(two, "h11")) == 2


def test_the_words_count_and_place_what_is_drawn(stream, splits):
    words = boundaries.describe({"A": stream, "B": splits}, {"B": guess(5, unit="places")})
    assert (
        "h11: 2 requests. In order: 1 to 60 request (POST /a); 61 to 90 request (GET /b)."
        in words.stable
    )
    assert "naive: 9 wrong, 1 right. In order: 1 to 9 wrong; 10 right." in words.stable
    assert "llhttp: refused. In order: 1 to 90 refused (at byte 12: no such method)." in (
        words.stable
    )
    assert words.measured == ["B, dashed: your guess: 5 places."]


def test_cases_have_names_and_a_box_each(splits):
    cases = [f"case\n{n}" for n in range(10)]
    (ax,) = boundaries.draw({"Cases": splits}, cases=cases).axes
    assert len(bars(ax)) == 10
    assert [t.get_text() for t in ax.get_xticklabels()] == cases
    words = boundaries.describe({"Cases": splits}, cases=cases)
    assert "case 8 wrong; case 9 right" in words.stable[-1]


def test_a_guessed_place_is_a_line_and_a_guess_of_how_many_is_text(stream):
    (ax,) = boundaries.draw({"A": stream}, {"A": guess(30, unit="bytes", lane="llhttp")}).axes
    (line,) = dashed(ax)
    # Through its own row, and the gap above it: the bars of the next row begin at 1.17.
    assert list(line.get_xdata()) == [30, 30] and max(line.get_ydata()) < 1.17
    (ax,) = boundaries.draw({"A": stream}, {"A": guess(1, unit="rows")}).axes
    assert not dashed(ax)
    assert "your guess: 1 rows" in [text.get_text() for text in ax.texts]


def test_a_guess_of_how_many_stands_where_it_hides_nothing(stream, splits):
    guessed = guess(3, unit="right", lane="naive")
    (ax,) = boundaries.draw({"A": splits}, {"A": guessed}).axes
    [note] = [text for text in ax.texts if "guess" in text.get_text()]
    assert note.get_text() == "naive, your guess: 3 right" and note.get_position()[1] > 1
    axes = boundaries.draw({"A": splits, "B": stream}, {"A": guessed}).axes
    [note] = [text for text in axes[0].texts if "guess" in text.get_text()]
    assert note.get_position()[0] > 10, "behind a short row"


def test_a_request_that_the_gate_has_not_seen_is_drawn_as_dangerous(stream):
    stream.add("gateway", "request", 0, 90, "POST /a")
    figure = boundaries.draw({"A": stream}, gate="gateway")
    loud = [c for c in figure.axes[0].collections if c.get_hatch() == "////"]
    assert [c.get_paths()[0].get_extents().x0 for c in loud] == [60]
    words = boundaries.describe({"A": stream}, gate="gateway")
    assert any("61 to 90 request (GET /b), not seen by gateway." in s for s in words.stable)
    assert not any("not seen" in s for s in boundaries.describe({"A": stream}).stable)


def test_wrong_and_unnoticed_is_the_loudest_and_right_the_quietest():
    def strength(kind):
        red, green, blue = (
            int(boundaries.BOX_LOOKS[kind][0].face[i : i + 2], 16) for i in (1, 3, 5)
        )
        return max(red, green, blue) - min(red, green, blue)

    assert strength("right") < strength("noticed") < strength("wrong")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ledger: ledger.add("h11", "serving", 90, 95), "kind 'serving' is none of"),
        (lambda ledger: ledger.add("h11", "request", 90, 90.5), "ends at no whole place"),
    ],
)
def test_a_ledger_of_times_is_refused(stream, change, message):
    change(stream)
    with pytest.raises(ValueError, match=message):
        boundaries.draw({"A": stream})


def test_what_does_not_fit_is_refused(stream):
    with pytest.raises(ValueError, match="at least one ledger"):
        boundaries.draw({})
    with pytest.raises(ValueError, match="holds no span"):
        boundaries.describe({"A": Ledger()})
    with pytest.raises(ValueError, match="belongs to no panel"):
        boundaries.draw({"A": stream}, {"B": guess(1, unit="bytes")})
    with pytest.raises(ValueError, match="more places than the 2 cases"):
        boundaries.draw({"A": stream}, cases=["one", "two"])


# --- costs


@pytest.fixture
def parsing():
    ledger = Ledger()
    for lane, factor in (("slow", 20e-6), ("quick", 1e-6)):
        for size in (100, 1000):
            for late in (3, 1, 2):
                ledger.add(lane, "parsing", 5.0, 5.0 + late * factor * size / 100, str(size))
    return ledger


def test_of_several_times_the_shortest_counts(parsing):
    found = cost.costs(parsing)
    assert list(found) == ["slow", "quick"]
    assert found["slow"] == pytest.approx({100: 20e-6, 1000: 200e-6})


def test_a_line_has_a_point_for_each_size_and_its_name_at_the_end(parsing):
    figure = cost.draw({"Headers": parsing}, {"Headers": guess(50, unit="µs")})
    (ax,) = figure.axes
    assert ax.get_xscale() == ax.get_yscale() == "log"
    solid = [line for line in ax.lines if line.get_linestyle() == "-"]
    assert [list(line.get_xdata()) for line in solid] == [[100, 1000]] * 2
    (line,) = dashed(ax)
    assert list(line.get_ydata()) == pytest.approx([50e-6, 50e-6])
    said = texts(figure)
    assert "slow, 200 µs" in said and "quick, 10 µs" in said


def test_two_lanes_are_compared_where_both_were_measured(parsing):
    fact = "100 B: slow takes 20.0 × quick"
    assert fact in texts(cost.draw({"Headers": parsing}, compare=("slow", "quick")))
    words = cost.describe({"Headers": parsing}, compare=("slow", "quick"))
    assert f"Headers: {fact}." in words.measured
    for strangers in (None, ("slow", "nobody")):
        assert not any(
            "takes" in s for s in cost.describe({"A": parsing}, None, strangers).measured
        )


@pytest.mark.parametrize(
    ("time_s", "said"),
    [
        (9.94e-6, "9.9 µs"),
        (9.4e-6, "9.4 µs"),
        (9.96e-6, "10 µs"),
        (0.9951, "1 s"),
        (9.9e-4, "990 µs"),
    ],
)
def test_a_time_has_two_digits_and_the_unit_that_fits(time_s, said):
    ledger = Ledger()
    ledger.add("one", "parsing", 0.0, time_s, "100")
    assert f"one, {said}" in texts(cost.draw({"Headers": ledger}))


def test_a_whole_request_is_a_lone_mark_with_its_name_above(parsing):
    parsing.add("the whole request", "request", 0.0, 300e-6, "100")
    parsing.add("the whole request", "request", 1.0, 1.0 + 250e-6, "100")
    assert cost.costs(parsing)["the whole request"] == pytest.approx({100: 250e-6})
    (ax,) = cost.draw({"Headers": parsing}).axes
    [name] = [text for text in ax.texts if "whole" in text.get_text()]
    assert name.get_text() == "the whole request, 250 µs" and name.get_va() == "bottom"


def test_a_guess_far_above_stays_on_an_axis_of_tens(parsing):
    (ax,) = cost.draw({"Headers": parsing}, {"Headers": guess(1000, unit="µs")}).axes
    assert ax.get_ylim()[1] > 1e-3
    (ax,) = cost.draw({"Headers": parsing}, {"Headers": guess(1e6, unit="µs")}).axes
    assert ax.get_ylim()[1] < 1e-2


def test_the_words_hold_the_times_apart_from_what_repeats(parsing):
    words = cost.describe({"Headers": parsing}, {"Headers": guess(50, 5, unit="µs")})
    assert "slow: 2 sizes, from 100 B to 1 kB." in words.stable
    assert not any("µs" in sentence for sentence in words.stable)
    assert "quick: 100 B 1 µs, 1 kB 10 µs." in words.measured
    assert (
        "Headers, dashed: the room's 2 guesses: the middle one 50 µs (all: 5, 50)."
        in words.measured
    )


def test_costs_that_are_none_are_refused(parsing):
    with pytest.raises(ValueError, match=r"'A'.*no span of kind 'parsing'"):
        cost.draw({"A": Ledger()})
    with pytest.raises(ValueError, match="not in ms, s, µs"):
        cost.draw({"A": parsing}, {"A": guess(1, unit="%")})
    with pytest.raises(ValueError, match="belongs to no panel"):
        cost.draw({"A": parsing}, {"B": guess(1, unit="s")})
    parsing.add("slow", "parsing", 1, 2, "many")
    with pytest.raises(ValueError, match="'many' of 'slow' is no number of bytes"):
        cost.describe({"A": parsing})
    for n in range(6):
        parsing.add(f"parser {n}", "parsing", 1, 2, "10")
    parsing.rows = [row for row in parsing.rows if row[4] != "many"]
    with pytest.raises(ValueError, match="it shows 5 at most"):
        cost.draw({"A": parsing})


# --- stages


@pytest.fixture
def exchange():
    ledger = Ledger()
    ledger.add("client", "running", 10.0, 10.004, "serialise")
    ledger.add("server", "serving", 10.006, 10.007, "handle")
    ledger.add("client", "wait", 10.004, 10.010, "wait")
    return ledger


def test_each_stage_has_a_row_in_the_order_of_beginning(exchange):
    figure = stages.draw({"One exchange": exchange}, {"One exchange": guess(50, unit="%")})
    (ax,) = figure.axes
    names = [t.get_text() for t in ax.get_yticklabels()]
    assert names == ["client: serialise", "client: wait", "server: handle"]
    assert bars(ax) == [(0, 4), (4, 10), (6, 7)]
    assert dashed(ax) == []  # a share has no place on an axis of time
    assert "the handling's share, your guess: 50 %" in texts(figure)
    assert "10 ms in all · the handling's share 10%" in texts(figure)


def test_the_words_tell_who_does_what_and_keep_times_apart(exchange):
    words = stages.describe({"One exchange": exchange})
    assert "One exchange: the client does this: serialise, wait." in words.stable
    assert "One exchange: the handling is less than a quarter of the whole." in words.stable
    assert "client: serialise 4.0 ms, client: wait 6.0 ms, server: handle 1.0 ms." in words.measured


NEEDS = [("client wait", "client serialise"), ("server handle", "client wait")]


def test_stages_that_begin_after_what_they_need_break_nothing(exchange):
    assert stages.broken_needs(exchange, NEEDS) == []
    # To begin earlier is possible: a wait begins before what ends it.
    assert stages.broken_needs(exchange, [("client wait", "server handle")]) == []


def test_a_stage_that_ends_before_what_it_needs_has_begun_is_named(exchange):
    exchange.add("client", "running", 10.007, 10.009, "parse")
    assert stages.broken_needs(exchange, [("server handle", "client parse")]) == []
    exchange.add("server", "send", 10.001, 10.002, "send")
    assert stages.broken_needs(exchange, [("server send", "client wait"), *NEEDS]) == [
        "server send ends before client wait has begun"
    ]


def test_a_stage_that_is_not_there_breaks_its_need(exchange):
    assert stages.broken_needs(exchange, [("client parse", "server send")]) == [
        "there is no client parse and no server send"
    ]
    assert stages.broken_needs(Ledger(), NEEDS)[0] == (
        "there is no client wait and no client serialise"
    )


def test_stages_that_cannot_be_shown_are_refused(exchange):
    with pytest.raises(ValueError, match="0 stages, it shows 1 to 20"):
        stages.draw({"A": Ledger()})
    with pytest.raises(ValueError, match="not in %"):
        stages.draw({"A": exchange}, {"A": guess(1, unit="s")})
    exchange.add("client", "beat", 11, 12)
    with pytest.raises(ValueError, match="no such kind: beat"):
        stages.describe({"A": exchange})


@pytest.mark.parametrize("module", [boundaries, cost, stages])
def test_the_picture_is_a_png(module, request):
    name = {boundaries: "stream", cost: "parsing", stages: "exchange"}[module]
    picture = style.png(module.draw({"A": request.getfixturevalue(name)}))
    assert picture.startswith(b"\x89PNG") and len(picture) > 5000
