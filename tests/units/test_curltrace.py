"""curl's trace as text: what is written is read back exactly, and damage is named by its line."""

import random
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.wire import curltrace
from helpers.wire.curltrace import (
    DATA,
    HEADER,
    INFO,
    RECEIVED,
    SENT,
    STAR,
    TLS_DATA,
    TRACE,
    TRACE_ASCII,
    Block,
    Info,
    Stamp,
    Trace,
    read,
    write,
)

NOTES = Path(__file__).resolve().parents[2] / "notebooks/data/01.notes_trace.txt"

# One exchange as four curls write it; every line but the addresses as the program printed it.
CURL_7_88 = """\
== Info:   Trying 127.0.0.1:8080...
== Info: Connected to 127.0.0.1 (127.0.0.1) port 8080 (#0)
=> Send header, 18 bytes (0x12)
0000: 47 45 54 20 2f 20 48 54 54 50 2f 31 2e 30 0d 0a GET / HTTP/1.0..
0010: 0d 0a                                           ..
<= Recv header, 17 bytes (0x11)
0000: 48 54 54 50 2f 31 2e 31 20 32 30 30 20 4f 4b 0d HTTP/1.1 200 OK.
0010: 0a                                              .
<= Recv header, 2 bytes (0x2)
0000: 0d 0a                                           ..
<= Recv data, 5 bytes (0x5)
0000: 68 65 6c 6c 6f                                  hello
== Info: Closing connection 0
"""
CURL_8_2_WITH_IDS = re.sub(
    r"(?m)^(?=[=<])", "[0-0] ", "== Info: processing: http://127.0.0.1:8080/\n" + CURL_7_88
).replace("[0-0]", "[0-x]", 2)
CURL_8_17 = CURL_7_88.replace("== Info: ", "* ")
CURL_WITH_TIMES = re.sub(r"(?m)^(?=[=<])", "19:22:39.000730 ", CURL_7_88)
VERSIONS = {
    "7.88": CURL_7_88,
    "8.2 with --trace-ids": CURL_8_2_WITH_IDS,
    "8.17": CURL_8_17,
    "with --trace-time": CURL_WITH_TIMES,
    "8.17 with --trace-time and --trace-ids": CURL_WITH_TIMES.replace(
        ".000730 ", ".000730 [12-3] "
    ).replace("== Info: ", "* "),
}
AS_ASCII = """\
== Info:   Trying 127.0.0.1:8080...
=> Send header, 79 bytes (0x4f)
0000: GET / HTTP/1.1
0010: Host: 127.0.0.1:52313
0027: User-Agent: curl/7.88.1
0040: Accept: */*
004d: 
<= Recv data, 73 bytes (0x49)
0000: ................................ !"#$%&'()*+,-./0123456789:;<=>?
0042: b
0045: 
0047: x.
"""  # noqa: W291 (the blank behind 004d: is curl's)


# --- every version


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_read_and_written_back_to_the_last_character(version):
    trace = read(VERSIONS[version])
    assert trace.form == TRACE
    assert trace.sent == b"GET / HTTP/1.0\r\n\r\n"
    assert trace.received == b"HTTP/1.1 200 OK\r\n\r\nhello"
    assert [len(b.data) for b in trace.blocks(RECEIVED, HEADER)] == [17, 2]
    assert trace.infos()[-1] == "Closing connection 0"
    assert write(trace) == VERSIONS[version]


def test_how_info_lines_begin_is_kept():
    assert read(CURL_7_88).mark == INFO
    assert read(CURL_8_17).mark == STAR
    assert "\n* Closing" in write(replace(read(CURL_7_88), mark=STAR))


def test_times_and_ids_are_read():
    assert read(CURL_7_88).records[0].stamp == Stamp()
    timed = read(CURL_WITH_TIMES).records[2].stamp
    assert timed == Stamp(time_us=((19 * 60 + 22) * 60 + 39) * 1_000_000 + 730)
    ids = [record.stamp for record in read(CURL_8_2_WITH_IDS).records]
    assert ids[:3] == [Stamp(transfer=0), Stamp(transfer=0), Stamp(transfer=0, connection=0)]


def test_the_notes_trace_is_read_though_its_trailing_blanks_are_gone():
    text = NOTES.read_text("utf-8")
    trace = read(text)
    assert trace.infos()[0] == "processing: http://google.com"
    assert len(trace.sent) == 73
    headers = [block.data for block in trace.blocks(RECEIVED, HEADER)]
    [body] = trace.blocks(RECEIVED, DATA)
    assert (len(headers), len(b"".join(headers)), len(body.data)) == (12, 554, 219)
    assert all(header.endswith(b"\r\n") and header.count(b"\r\n") == 1 for header in headers)
    assert b"Content-Length: 219\r\n" in headers
    written = write(trace).splitlines()
    assert [line.rstrip() for line in written] == text.splitlines()
    assert written != text.splitlines(), "this text should be one that has lost blanks"


def test_lines_may_end_as_on_windows():
    assert read(CURL_7_88.replace("\n", "\r\n")) == read(CURL_7_88)


def test_old_curls_print_the_byte_7f_as_it_is():
    [head, *_] = CURL_7_88.partition("=>")
    text = f"{head}<= Recv data, 2 bytes (0x2)\n0000: 7f 41{' ' * 43}\x7fA\n"
    assert read(text).received == b"\x7fA"


def test_the_ascii_form_is_told_and_written_back_with_its_line_ends():
    trace = read(AS_ASCII)
    assert trace.form == TRACE_ASCII
    assert trace.sent.startswith(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:52313\r\nUser-Agent")
    assert trace.sent.endswith(b"Accept: */*\r\n\r\n")
    assert trace.received.endswith(b"<=>?\r\nb\r\n\r\nx.")
    assert write(trace) == AS_ASCII
    stripped = "\n".join(line.rstrip() for line in AS_ASCII.split("\n"))
    assert stripped != AS_ASCII
    assert read(stripped) == trace


def test_a_body_that_is_itself_a_dump_misleads_nobody_who_says_the_form():
    line = next(curltrace.dump(b"GET / HTTP/1.0\r\n"))
    trace = Trace([Block(RECEIVED, DATA, line.encode())], TRACE_ASCII)
    assert read(write(trace), TRACE_ASCII) == trace
    assert read(write(trace)).form == TRACE_ASCII, "an offset is no byte"


# --- round trips of random traces


def random_bytes(random_: random.Random) -> bytes:
    size = random_.choice([0, 1, 2, 15, 16, 17, 63, 64, 65, 66, 67, random_.randrange(400)])
    letters = random_.choice([bytes(range(256)), b"\r\n", b"\r\n \tab:0f", b" a", b"0123abcdef "])
    return bytes(random_.choices(letters, k=size))


def random_stamp(random_: random.Random, timed: bool, ids: bool) -> Stamp:
    transfer = random_.randrange(20) if ids else None
    return Stamp(
        random_.randrange(86_400_000_000) if timed else None,
        transfer,
        random_.choice([None, 0, 7]) if ids else None,
    )


def random_trace(random_: random.Random, form: str = TRACE) -> Trace:
    timed, ids = random_.random() < 0.5, random_.random() < 0.5
    records = []
    for _ in range(random_.randrange(1, 12)):
        stamp = random_stamp(random_, timed, ids)
        if random_.random() < 0.3:
            texts = ["", " ", "* a", "== Info: b", "0000: 41", "x\ry\x0bz\x85", "ü", "=> Send"]
            records.append(Info(random_.choice(texts), stamp))
        else:
            direction, kind = random_.choice([SENT, RECEIVED]), random_.choice([HEADER, DATA])
            records.append(Block(direction, kind, random_bytes(random_), stamp))
    mark = random_.choice([INFO, STAR])
    if not any(isinstance(record, Info) for record in records):
        mark = INFO  # nothing in the text could tell
    return Trace(records, form, mark)


@pytest.mark.parametrize("seed", range(300))
def test_any_trace_is_read_back_as_it_was_written(seed):
    trace = random_trace(random.Random(seed))
    assert read(write(trace), TRACE) == trace
    assert read(write(trace)).records == trace.records, "the form is told from the text"


@pytest.mark.parametrize("seed", range(300))
def test_any_ascii_trace_is_written_back_as_it_was_read(seed):
    trace = random_trace(random.Random(seed), TRACE_ASCII)
    text = write(trace)
    again = read(text, TRACE_ASCII)
    assert write(again) == text
    for before, after in zip(trace.records, again.records, strict=True):
        if isinstance(before, Block):
            # All is there but what has no letter: a dot stands for it. CR LF is kept.
            kept = re.sub(rb"[^ -~\r\n]", b".", before.data)
            kept = re.sub(rb"\r(?!\n)|(?<!\r)\n", b".", kept)
            assert after.data == kept


# --- damage


@pytest.mark.parametrize("seed", range(40))
def test_a_trace_cut_anywhere_is_an_error_or_whole_records(seed):
    trace = random_trace(random.Random(seed))
    text = write(trace)
    whole = {write(replace(trace, records=trace.records[:n])) for n in range(len(trace.records))}
    for cut in range(len(text)):
        if text[:cut] in whole and cut:
            assert write(read(text[:cut], TRACE)) == text[:cut]
        else:
            lines = text[:cut].count("\n") + 1
            with pytest.raises(ValueError, match=r"^line \d+: ") as error:
                read(text[:cut], TRACE)
            assert int(re.match(r"line (\d+)", str(error.value))[1]) <= lines


@pytest.mark.parametrize("seed", range(400))
def test_a_changed_character_is_an_error_or_what_the_text_says_now(seed):
    """Nothing is mended in silence: what is accepted is written back as it stood there."""
    random_ = random.Random(seed)
    text = write(random_trace(random_))
    at = random_.randrange(len(text))
    damaged = text[:at] + random_.choice("0f .\n=<>:x*") + text[at + 1 :]
    try:
        trace = read(damaged, TRACE)
    except ValueError as error:
        assert re.match(r"line \d+: .", str(error))
        return
    got, want = write(trace).split("\n"), damaged.split("\n")
    assert [line.rstrip(" ") for line in got] == [line.rstrip(" ") for line in want]


LINES = CURL_7_88.splitlines(keepends=True)


def changed(line: int, old: str, new: str) -> str:
    """Return the trace with one line, counted from 1, changed."""
    assert LINES[line - 1].count(old) == 1
    return "".join([*LINES[: line - 1], LINES[line - 1].replace(old, new), *LINES[line:]])


DAMAGED = {
    "nothing at all": ("", 1, "empty"),
    "no end of line": (CURL_7_88[:-1], 13, "breaks off"),
    "cut in a block": ("".join(LINES[:7]), 8, "line 6 breaks off after 16 of 17"),
    "a line missing": ("".join(LINES[:3] + LINES[4:]), 4, "offset 0010, but 0000"),
    "a line twice": ("".join(LINES[:4] + LINES[3:]), 5, "offset 0000, but 0010"),
    "a line too many": ("".join([*LINES[:5], "0012: 0d\n", *LINES[5:]]), 6, "more bytes"),
    "sizes differ": (changed(3, "0x12", "0x13"), 3, "18 bytes are not 0x13"),
    "size too big": (changed(12, "68 65", "68"), 12, "not 5 bytes"),
    "arrow and verb": (changed(3, "Send", "Recv"), 3, "does not go with"),
    "a byte changed": (changed(12, "68", "69"), 12, "letters are not those bytes"),
    "a letter changed": (changed(12, "hello", "hallo"), 12, "letters are not those bytes"),
    "no hexadecimal": (changed(12, "6c 6c", "6c 6g"), 12, "not 5 bytes in hexadecimal"),
    "offset changed": (changed(5, "0010", "0020"), 5, "offset 0020"),
    "an unknown kind": (changed(6, "header", "trailer"), 6, "neither a block"),
    "the body in between": (changed(13, "== ", "hello== "), 13, "neither a block"),
    "two ways to begin": (changed(13, "== Info:", "*"), 13, "two ways"),
    "what -v prints": ("* Connected\n> GET / HTTP/1.1\n", 2, "neither a block"),
    "something else": ("a poem\n", 1, "neither a block"),
    "a size with a zero before it": (changed(11, ", 5", ", 05"), 11, "neither a block"),
    "a size in hex with one": (changed(3, "0x12", "0x012"), 3, "18 bytes are not 0x012"),
    "an offset with one": (changed(5, "0010", "00010"), 5, "offset 00010, but 0010"),
    "an id of 5,000 digits": (f"[{'1' * 5000}-0] * x\n", 1, "neither a block"),
    "a size of 5,000 digits": (f"=> Send data, {'1' * 5000} bytes (0x1)\n", 1, "neither a block"),
    "an offset of 5,000 digits": (changed(5, "0010", "1" * 5000), 5, "offset 1{20}, but"),
    "more behind a record": (
        changed(3, "(0x12)", "(0x12) and"),
        3,
        "a record, and more behind it: '=> Send",
    ),
    "an hour too late": ("24:00:00.000000 * x\n", 1, "neither a block"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damage_is_named_with_its_line(damage):
    text, line, reason = DAMAGED[damage]
    with pytest.raises(ValueError, match=rf"^line {line}: .*{reason}"):
        read(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (AS_ASCII.replace("0027", "0028"), 5),
        (AS_ASCII.replace("0010", "0200"), 3),
        (AS_ASCII.replace("Accept: */*", "Accept: */*" + "x" * 9), 6),
        (AS_ASCII.replace("Accept: */*", "Accept: \t/*"), 6),
        (AS_ASCII.replace("x.\n", "x...\n"), 12),
        (AS_ASCII.replace("x.\n", ""), 12),
    ],
)
def test_damage_of_the_ascii_form_is_named_with_its_line(text, line):
    assert text != AS_ASCII
    with pytest.raises(ValueError, match=rf"^line {line}: "):
        read(text, TRACE_ASCII)


@pytest.mark.parametrize("form", [None, TRACE, TRACE_ASCII])
def test_a_size_that_is_only_claimed_takes_no_memory(form):
    claim = f"=> Send data, {10**9} bytes (0x{10**9:x})\n0000: x\n"
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"^line [23]: "):
            read(claim, form)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match=r"form='-v'"):
        read(CURL_7_88, "-v")
    with pytest.raises(ValueError, match=r"form='-v'"):
        write(Trace([], "-v"))
    with pytest.raises(ValueError, match=r"direction='up'"):
        Block("up", HEADER, b"")
    with pytest.raises(ValueError, match=r"kind='tail'"):
        Block(SENT, "tail", b"")
    with pytest.raises(ValueError, match="one line"):
        Info("two\nlines")


def test_what_tls_adds_is_not_part_of_the_messages():
    trace = Trace([Block(SENT, TLS_DATA, b"\x16\x03"), Block(SENT, HEADER, b"GET")])
    assert trace.sent == b"GET"
    assert read(write(trace)) == trace
