"""Strips: every byte is drawn or counted, marks are named, words follow from the same record."""

from itertools import pairwise

import pytest

from helpers.figures import strips, style
from helpers.figures.prediction import Prediction
from helpers.figures.strips import CELLS, LONG
from helpers.ledger import Ledger


def strip(question=b"\x00\x02hi", answer=b"\x00\x0242", marks=()):
    ledger = Ledger(unit="bytes")
    for lane, text in (("question", question), ("answer", answer)):
        ledger.add(lane, "bytes", 0, len(text), text.decode("latin-1"))
    for lane, kind, start, end, name in marks:
        ledger.add(lane, kind, start, end, name)
    return ledger


@pytest.fixture
def dns():
    return strip(
        marks=[
            ("question", "boundary", 0, 2, "length"),
            ("question", "content", 2, 4, "item"),
            ("answer", "match", 1, 2, "id"),
        ]
    )


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_every_byte_is_a_cell_or_counted():
    ledger = strip(b"ab" + bytes(LONG) + b"\xffz", marks=[("question", "content", 0, 2, "what")])
    found = strips.cells(ledger, "question")
    assert [cell.text for cell in found] == ["a", "b", f"{LONG + 2} more"]
    assert sum(cell.skipped or 1 for cell in found) == len(strips.data(ledger, "question"))


def test_a_short_stretch_is_written_out_and_blanks_in_hexadecimal():
    found = strips.cells(strip(b"a \xff"), "question")
    assert [cell.text for cell in found] == ["a", "20", "ff"]


def test_no_line_is_longer_than_the_strip_and_none_of_its_cells_is_lost():
    marks = [("question", "boundary", at, at + 4, f"{at}") for at in range(0, 80, 4)]
    ledger = strip(bytes(80), marks=marks)
    rows = strips.lines(ledger, "question")
    assert all(sum(cell.width for cell in row) <= CELLS for row in rows)
    assert sum(len(row) for row in rows) == 80


def test_a_packet_that_ends_is_a_mark_without_bytes():
    ledger = strip(b"hi", marks=[("question", "boundary", 2, 2, "end of datagram")])
    assert [cell.width for cell in strips.cells(ledger, "question")] == [1, 1, 0]
    assert "end of datagram" in texts(strips.draw({"UDP": ledger}))


def test_names_numbers_and_guess_are_drawn(dns):
    guessed = Prediction("How many?", "bytes", [9], "answer", asked=True)
    said = texts(strips.draw({"DNS": dns}, {"DNS": guessed}))
    assert {"DNS", "length", "item", "id", "question: 4 bytes"} <= set(said)
    assert "(your guess: 9 bytes)  answer: 4 bytes" in said


def test_no_two_names_touch():
    marks = [("question", "boundary", at, at + 1, "a long name") for at in range(20)]
    figure = strips.draw({"A": strip(bytes(20), marks=marks)})
    figure.canvas.draw()
    names = [t for t in figure.axes[0].texts if t.get_text() == "a long name"]
    boxes = sorted((t.get_window_extent() for t in names), key=lambda box: box.x0)
    assert 1 < len(boxes) < 20
    assert all(a.x1 <= b.x0 for a, b in pairwise(boxes))


def test_the_words_say_what_is_marked_and_keep_what_varies_apart(dns):
    words = strips.describe({"DNS": dns})
    assert "DNS, question: marked are where it ends; what is asked or answered." in words.stable
    assert "DNS, answer: marked are to which question it belongs." in words.stable
    assert "DNS, question: 4 bytes; length, item." in words.measured
    plain = strips.describe({"A": strip()})
    assert "A, answer: nothing is marked." in plain.stable


def test_what_is_no_strip_is_refused(dns):
    with pytest.raises(ValueError, match="at least one ledger"):
        strips.draw({})
    with pytest.raises(ValueError, match="no bytes of the question"):
        strips.describe({"A": Ledger(unit="bytes")})
    with pytest.raises(ValueError, match="belongs to no panel"):
        strips.draw({"A": dns}, {"B": Prediction("?", "bytes", [1])})
    dns.add("answer", "match", 3, 9, "id")
    with pytest.raises(ValueError, match="'id' overlaps another mark, or leaves the 4 bytes"):
        strips.draw({"A": dns})


def test_the_picture_is_a_png(dns):
    assert style.png(strips.draw({"A": dns})).startswith(b"\x89PNG")
