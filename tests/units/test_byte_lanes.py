"""A stream in the ledger: pieces lie one behind the other and add up to the bytes."""

import random
from itertools import pairwise

import pytest

from helpers.figures import boundaries
from helpers.figures.prediction import Prediction
from helpers.ledger import Ledger
from helpers.wire import byte_lanes
from helpers.wire.curltrace import Block
from helpers.wire.tap import Chunk


def test_blocks_and_chunks_are_written_alike():
    ledger = Ledger()
    byte_lanes.write(
        ledger, "a", [Block("=>", "header", b"GET /\r\n\r\n"), Block("<=", "data", b"x")]
    )
    byte_lanes.write(
        ledger, "b", [Chunk(7.5, 1, "=>", b"GET /\r\n\r\n"), Chunk(8.5, 1, "<=", b"x")]
    )
    for witness in ("a", "b"):
        spans = ledger.spans(witness)
        assert [(s.start_s, s.end_s, s.kind, s.label) for s in spans] == [
            (0, 9, "sent", "GET /"),
            (9, 10, "received", "x"),
        ]
        assert byte_lanes.read(ledger, witness) == b"GET /\r\n\r\nx"
        assert [mark.time_s for mark in ledger.marks(witness, "bytes")] == [0, 9]


@pytest.mark.parametrize("seed", range(50))
def test_any_bytes_in_any_pieces_are_the_same_stream_and_survive_storing(seed):
    random_ = random.Random(seed)
    data = random_.randbytes(random_.randrange(300))
    cuts = sorted({0, len(data), *random_.choices(range(len(data) + 1), k=5)})
    pieces = [data[a:b] for a, b in pairwise(cuts)]
    ledger = Ledger()
    byte_lanes.write(ledger, "w", pieces, kind="segment")
    again = Ledger.load(ledger.save())
    assert byte_lanes.read(again, "w") == data
    assert [s.end_s for s in again.spans("w")] == cuts[1:]


def test_a_piece_that_begins_with_no_text_has_no_label():
    ledger = Ledger()
    data = [b"\x00\x01", b"\xff", b"\r\n", b"long " * 20]
    byte_lanes.write(ledger, "w", [Block("<=", "data", d) for d in data])
    assert [s.label for s in ledger.spans("w")] == ["", "", "", "long " * 6]
    byte_lanes.write(ledger, "h", [Block("<=", "header", b"Server: gws\r\n")])
    assert [s.label for s in ledger.spans("h")] == ["Server"]
    byte_lanes.write(ledger, "v", [b"text"], kind="segment")
    assert [s.label for s in ledger.spans("v")] == [""]


def test_bytes_without_a_direction_need_a_kind():
    with pytest.raises(ValueError, match="kind=''"):
        byte_lanes.write(Ledger(), "w", [b"x"])


def test_the_figure_counts_the_pieces_and_draws_a_guess_of_their_number():
    ledger = Ledger()
    blocks = [Block("=>", "header", b"GET /\r\n\r\n"), *[Block("<=", "data", b"x" * 40)] * 3]
    byte_lanes.write(ledger, "curl", blocks)
    byte_lanes.write(ledger, "TCP", [b"y" * 129], kind="segment")
    guess = Prediction("how many?", "segments", [4.0], "TCP")
    words = boundaries.describe({"One": ledger}, {"One": guess}).plain()
    assert "curl: 1 sent, 3 received" in words
    assert "TCP: 1 segment" in words
    assert "dashed: one possible guess: 4 segments" in words
    figure = boundaries.draw({"One": ledger}, {"One": guess})
    assert "TCP, one possible guess: 4 segments" in [
        text.get_text() for text in figure.axes[0].texts
    ]


def test_only_the_bytes_of_a_lane_are_its_stream():
    ledger = Ledger()
    byte_lanes.write(ledger, "w", [b"ab"], kind="segment")
    ledger.mark("w", "event", "not of the stream", 1)
    byte_lanes.write(ledger, "other", [b"cd"], kind="segment")
    assert byte_lanes.read(ledger, "w") == b"ab"
