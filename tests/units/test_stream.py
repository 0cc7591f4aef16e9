"""A stream in the ledger: pieces lie one behind the other and add up to the bytes."""

import random
from itertools import pairwise

import pytest

from helpers import stream
from helpers.curltrace import Block
from helpers.ledger import Ledger
from helpers.tap import Chunk


def test_blocks_and_chunks_are_written_alike():
    ledger = Ledger()
    stream.write(ledger, "a", [Block("=>", "header", b"GET /\r\n\r\n"), Block("<=", "data", b"x")])
    stream.write(ledger, "b", [Chunk(7.5, 1, "=>", b"GET /\r\n\r\n"), Chunk(8.5, 1, "<=", b"x")])
    for witness in ("a", "b"):
        spans = ledger.spans(witness)
        assert [(s.start_s, s.end_s, s.kind, s.label) for s in spans] == [
            (0, 9, "sent", "GET /"),
            (9, 10, "received", "x"),
        ]
        assert stream.read(ledger, witness) == b"GET /\r\n\r\nx"


@pytest.mark.parametrize("seed", range(50))
def test_any_bytes_in_any_pieces_are_the_same_stream_and_survive_storing(seed):
    random_ = random.Random(seed)
    data = random_.randbytes(random_.randrange(300))
    cuts = sorted({0, len(data), *random_.choices(range(len(data) + 1), k=5)})
    pieces = [data[a:b] for a, b in pairwise(cuts)]
    ledger = Ledger()
    stream.write(ledger, "w", pieces, kind="segment")
    again = Ledger.load(ledger.save())
    assert stream.read(again, "w") == data
    assert [s.end_s for s in again.spans("w")] == cuts[1:]


def test_a_piece_without_a_line_of_text_has_no_label():
    ledger = Ledger()
    stream.write(ledger, "w", [b"\x00\x01", b"\xff", b"\r\n", b"long " * 20], kind="segment")
    assert [s.label for s in ledger.spans("w")] == ["", "", "", ("long " * 6)]


def test_bytes_without_a_direction_need_a_kind():
    with pytest.raises(ValueError, match="kind=''"):
        stream.write(Ledger(), "w", [b"x"])
