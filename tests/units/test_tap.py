"""The tap by itself: what it keeps, what it only counts, and how a piece is called."""

import pytest

from helpers.wire.tap import KIND_OF, RECEIVED, SENT, Event, Flow, Tap, byte_count, first_line


def a_tap(keep_bytes=10):
    tap = Tap(keep_bytes)
    for connection in (2, 1):
        for direction in (SENT, RECEIVED):
            tap.flows[connection, direction] = Flow()
    return tap


def test_it_keeps_the_first_bytes_and_counts_the_rest_by_connection_and_direction():
    tap = a_tap(keep_bytes=10)
    tap.add(1.0, 1, SENT, b"sixsix")
    tap.add(2.0, 2, SENT, b"seven77")
    tap.add(3.0, 1, RECEIVED, b"none of it")
    tap.add(4.0, 1, RECEIVED, b"nor this")
    assert [(c.time_s, c.connection, c.direction, c.data) for c in tap.chunks] == [
        (1.0, 1, SENT, b"sixsix"),
        (2.0, 2, SENT, b"seve"),
    ]
    assert tap.kept_bytes == 10
    assert tap.missed == {(2, SENT): 3, (1, RECEIVED): 18}
    assert tap.joined(SENT, 1) == b"sixsix"
    for connection, missed in ((2, 3), (None, 3)):
        with pytest.raises(ValueError, match=rf"keeps 10 bytes, and {missed} more passed =>"):
            tap.joined(SENT, connection)
    with pytest.raises(ValueError, match="and 18 more passed <="):
        tap.joined(RECEIVED)
    assert tap.joined(RECEIVED, 2) == b""


def test_bytes_that_just_fit_are_all_kept():
    tap = a_tap(keep_bytes=4)
    tap.add(1.0, 1, SENT, b"four")
    assert (tap.joined(SENT), tap.missed) == (b"four", {})


def test_it_joins_one_direction_of_one_connection_or_of_all_in_order():
    tap = a_tap()
    for connection, direction, data in ((1, SENT, b"a"), (2, SENT, b"b"), (1, RECEIVED, b"c")):
        tap.add(1.0, connection, direction, data)
    tap.add(2.0, 1, SENT, b"d")
    assert tap.joined(SENT) == b"abd"
    assert tap.joined(SENT, 1) == b"ad"
    assert tap.joined(RECEIVED, 2) == b""
    assert tap.connections() == [1, 2]
    with pytest.raises(ValueError, match="direction='up'"):
        tap.joined("up")


def test_it_tells_what_happened_to_one_connection_or_to_all():
    tap = a_tap()
    tap.events += [Event(1.0, 1, "opened"), Event(2.0, 2, "opened"), Event(3.0, 1, "closed")]
    assert tap.event_texts() == ["opened", "opened", "closed"]
    assert tap.event_texts(1) == ["opened", "closed"]
    assert tap.event_texts(3) == []


def test_clearing_forgets_what_passed_but_not_the_counts_of_the_connections():
    tap = a_tap(keep_bytes=3)
    tap.add(1.0, 1, SENT, b"four")
    tap.events.append(Event(1.0, 1, "opened"))
    tap.flows[1, SENT].taken = 4
    tap.clear()
    assert (tap.chunks, tap.events, tap.missed, tap.kept_bytes) == ([], [], {}, 0)
    assert tap.flows[1, SENT].held == 4
    tap.add(2.0, 1, SENT, b"new")
    assert tap.joined(SENT) == b"new"


def test_what_a_flow_holds_is_what_it_took_and_neither_passed_nor_dropped():
    assert Flow(taken=10, passed=3, dropped=2).held == 5


@pytest.mark.parametrize(
    ("data", "label"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1 (27 bytes)"),
        (b"x" * 60, f"{'x' * 60} (60 bytes)"),
        (b"x" * 61, "61 bytes"),
        (b"x" * 60 + b"\r\nmore", f"{'x' * 60} (66 bytes)"),
        (b"x" * 90, "90 bytes"),
        (b"\x16\x03\x01", "3 bytes"),
        ("tëa\r\n".encode(), "6 bytes"),
    ],
)
def test_a_piece_is_called_by_its_first_line_if_that_is_short_text(data, label):
    assert first_line(SENT, data) == label
    assert first_line(SENT, memoryview(data)) == label
    assert byte_count(SENT, data) == f"{len(data)} bytes"


def test_each_direction_has_its_kind_in_the_ledger():
    assert KIND_OF == {SENT: "sent", RECEIVED: "received"}
