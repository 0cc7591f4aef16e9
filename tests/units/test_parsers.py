"""Real parsers behind one interface: they agree where the RFC is plain, and say what is odd."""

import asyncio

import pytest

from helpers.ledger import Ledger
from helpers.parsing.parsers import H11, PARSERS, Refused, Request, record_boundaries
from helpers.parsing.whole_request import PARSE_WITH, Head

GET = b"GET /second HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\ntulip"
CHUNKED = (
    b"POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\ntul\r\n2\r\nip\r\n0\r\n\r\n"
)
BOTH = [Request("POST", "/first", b"tulip"), Request("GET", "/second")]


def on_a_loop(function):
    """Run the function where there is a loop: aiohttp's parsers ask for the running one."""

    async def run():
        return function()

    return asyncio.run(run())


def test_there_are_three_independent_ones():
    """aiohttp's parser in C wraps llhttp, so it is no fourth."""
    assert list(PARSERS) == ["h11", "llhttp (httptools)", "aiohttp, in Python"]


@pytest.mark.parametrize("name", PARSERS)
def test_two_requests_cut_anywhere_are_two_requests(name):
    def fed(cut):
        parser = PARSERS[name]()
        return [*parser.feed((POST + GET)[:cut]), *parser.feed((POST + GET)[cut:])]

    for cut in range(len(POST + GET) + 1):
        assert on_a_loop(lambda cut=cut: fed(cut)) == BOTH


@pytest.mark.parametrize("name", PARSERS)
def test_chunks_are_put_together(name):
    assert on_a_loop(lambda: PARSERS[name]().feed(CHUNKED + GET)) == BOTH


@pytest.mark.parametrize("name", PARSERS)
def test_a_large_body_ends_where_it_ends(name):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n"
    body = b"x" * 300_000

    def feed():
        parser = PARSERS[name]()
        assert parser.feed(head + body[:-1]) == []
        return parser.feed(b"x")

    assert on_a_loop(feed) == [Request("POST", "/", body)]


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize(
    "odd",
    [
        POST.replace(b"Length:", b"Length :"),
        POST.replace(b"Length: 5", b"Length: +5"),
        POST.replace(b"Length: 5", b"Length: 5\r\nContent-Length: 6"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # the beginning of TLS
    ],
)
def test_what_is_no_http_is_refused_in_one_way(name, odd):
    with pytest.raises(Refused) as refusal:
        on_a_loop(lambda: PARSERS[name]().feed(odd + b"\r\n\r\n"))
    assert len(str(refusal.value)) > 10, "why, in the parser's own words"


ASKED = b"GET /tea?n=1 HTTP/1.1\r\nHost: x\r\nX-One: a\r\nx-two: b\r\n\r\n"


@pytest.mark.parametrize("name", PARSE_WITH)
def test_a_whole_request_is_delivered_alike_by_all(name):
    headers = [(b"host", b"x"), (b"x-one", b"a"), (b"x-two", b"b")]
    assert on_a_loop(lambda: PARSE_WITH[name](ASKED)) == Head("GET", "/tea?n=1", headers)


@pytest.mark.parametrize("name", PARSE_WITH)
def test_a_whole_request_that_is_odd_is_refused(name):
    with pytest.raises(Exception, match=r"."):
        on_a_loop(lambda: PARSE_WITH[name](ASKED.replace(b"Host:", b"Host :")))


# --- where a parser says that a request ends


def look(name, stream, parser=None):
    ledger = Ledger(unit="bytes")
    make = parser or PARSERS[name]
    found = on_a_loop(lambda: record_boundaries(make(), stream, ledger, name))
    assert [mark.time_s for mark in ledger.marks(name, "event")] == [len(stream)]
    return found, [(s.start_s, s.end_s, s.kind) for s in ledger.spans(lane=name)]


@pytest.mark.parametrize("name", PARSERS)
def test_a_request_is_seen_to_end_behind_its_last_byte(name):
    found, spans = look(name, POST + GET)
    assert found == BOTH
    size = len(POST)
    assert spans == [(0, size, "request"), (size, size + len(GET), "request")]


@pytest.mark.parametrize("name", PARSERS)
def test_what_has_not_ended_is_said_not_to_have(name):
    found, spans = look(name, POST[:-1])
    assert found == [] and spans == [(0, len(POST) - 1, "unfinished")]


class Taking:
    """Takes so many bytes and refuses the one after them."""

    def __init__(self, most):
        self.left = most

    def feed(self, data):
        self.left -= len(data)
        if self.left < 0:
            raise Refused("enough")
        return []


def test_the_byte_that_is_refused_is_counted_from_one():
    ledger = Ledger()
    assert record_boundaries(Taking(3), b"abcdef", ledger, "lane") == []
    [span] = ledger.spans()
    assert (span.kind, span.start_s, span.end_s) == ("refused", 0, 6)
    assert span.label == "at byte 4: enough"


# Where the RFC leaves no choice, each real parser refuses at the same byte or later, never
# before it has seen what is wrong.
@pytest.mark.parametrize("name", PARSERS)
def test_no_parser_refuses_a_byte_before_the_one_that_is_wrong(name):
    good, bad = b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: ", b"x1\r\n\r\n"
    found, [(start, end, kind)] = look(name, good + bad)
    assert (found, start, end, kind) == ([], 0, len(good + bad), "refused")
    ledger = Ledger()
    on_a_loop(lambda: record_boundaries(PARSERS[name](), good + bad, ledger, name))
    at = int(ledger.spans()[0].label.removeprefix("at byte ").partition(":")[0])
    assert at > len(good)


def two_framings():
    body = b"0\r\n\r\n" + GET
    head = CHUNKED[: CHUNKED.index(b"\r\n\r\n")]
    return head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def test_two_framings_go_on_in_h11_and_are_refused_by_the_others():
    assert [kind for _, _, kind in look("h11", two_framings())[1]] == ["request", "request"]
    for name in list(PARSERS)[1:]:
        assert [kind for _, _, kind in look(name, two_framings())[1]] == ["refused"]


def test_a_program_that_closes_as_the_rfc_says_drops_what_follows_two_framings():
    def closing():
        return H11(closes=True)

    stream = two_framings()
    requests, spans = look("h11", stream, closing)
    assert [request.target for request in requests] == ["/first"]
    cut = len(stream) - len(GET)
    assert spans == [(0, cut, "request"), (cut, len(stream), "dropped")]
    # One framing, whichever, leaves the connection open.
    for ordinary in (POST, CHUNKED):
        assert look("h11", ordinary + GET, closing)[0] == BOTH


def test_an_offer_to_switch_leaves_the_rest_to_another_protocol():
    offer = GET.replace(b"\r\n\r\n", b"\r\nConnection: upgrade\r\nUpgrade: chess\r\n\r\n")
    assert look("llhttp (httptools)", offer + b"e2e4")[1] == [
        (0, len(offer), "request"),
        (len(offer), len(offer) + 4, "switched"),
    ]
    assert [kind for _, _, kind in look("h11", offer + GET)[1]] == ["request", "request"]


def test_aiohttp_keeps_an_offer_to_switch_for_whoever_speaks_the_other_protocol():
    offer = GET.replace(b"\r\n\r\n", b"\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")

    def feed():
        parser = PARSERS["aiohttp, in Python"]()
        before = parser.rest_is
        first = parser.feed(offer)
        return before, first, parser.rest_is, parser.feed(GET)

    before, first, after, later = on_a_loop(feed)
    assert (before, after) == ("unfinished", "switched")
    assert first == [Request("GET", "/second")]
    assert later == [], "what follows is of another protocol"


class Listening:
    """Notes what it is fed, and sees a request end at each full stop."""

    def __init__(self):
        self.fed = []

    def feed(self, data):
        self.fed.append(data)
        return [Request("GET", "/tea")] if data == b"." else []


def test_a_stream_is_fed_byte_by_byte_and_nothing_else():
    parser, ledger = Listening(), Ledger()
    assert record_boundaries(parser, b"ab.c.", ledger, "lane") == [Request("GET", "/tea")] * 2
    assert parser.fed == [b"a", b"b", b".", b"c", b"."]
    assert [(s.start_s, s.end_s, s.kind, s.label) for s in ledger.spans("lane")] == [
        (0, 3, "request", "GET /tea"),
        (3, 5, "request", "GET /tea"),
    ]


def test_the_rest_is_unfinished_where_a_parser_says_no_other_word():
    ledger = Ledger()
    record_boundaries(Listening(), b"ab.c", ledger, "lane")
    assert [(s.start_s, s.end_s, s.kind) for s in ledger.spans("lane")][1:] == [
        (3, 4, "unfinished")
    ]
