"""curl's trace, as text and as records: `--trace`, `--trace-ascii`, with times and ids or not.

Plan: a trace is a list of records in the order in which curl wrote them: a `Block` of
bytes that went one way, or an `Info` of curl's own. `read` takes the text of any curl
since 7.88 (Info lines begin with `== Info: `, from 8.17 on with `* `; ids came with 8.2) and
also one that has lost its trailing blanks on the way; `write` gives the text back, for
`--trace` to the last character. Every number that curl wrote is checked against what
stands there: direction and verb, both sizes, each offset, each byte against its letter.
What does not fit is a ValueError that names the line.

`--trace-ascii` is not reversible: a byte without a letter of its own has become a dot,
so a block read from it has dots in these places. Its line ends (CR LF) can be told from
the offsets. In both forms a trace cut between two records cannot be told from a whole
one, because a trace nowhere says how many records it has.

Left out: what `-v` prints, and a trace mixed with the body on one output (`--trace -`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

TRACE, TRACE_ASCII = "--trace", "--trace-ascii"
SENT, RECEIVED = "=>", "<="
HEADER, DATA, TLS_DATA = "header", "data", "SSL data"
INFO, STAR = "== Info: ", "* "  # how an Info line begins: before curl 8.17, and since

_VERBS = {SENT: "Send", RECEIVED: "Recv"}
_WIDTHS = {TRACE: 16, TRACE_ASCII: 64}
_HEX = 3 * _WIDTHS[TRACE]  # the width of the column of hexadecimal numbers

_NUMBER = r"(?:0|[1-9]\d{0,18})"  # as a curl_off_t is printed: no leading zeros, 19 digits
_STAMP = (
    r"(?:(?P<h>[01]\d|2[0-3]):(?P<m>[0-5]\d):(?P<s>[0-5]\d)\.(?P<us>\d{6}) )?"
    rf"(?:\[(?P<transfer>{_NUMBER})-(?P<connection>{_NUMBER}|x)\] )?"
)
_BLOCK = re.compile(
    _STAMP + r"(?P<direction>=>|<=) (?P<verb>Send|Recv) (?P<kind>header|data|SSL data), "
    rf"(?P<size>{_NUMBER}) bytes \(0x(?P<hex>[0-9a-f]+)\) *",
    re.ASCII,
)
_INFO = re.compile(_STAMP + r"(?P<mark>== Info:|\*)(?: (?P<text>.*)|)", re.ASCII)
_DUMP = re.compile(r"(?P<offset>[0-9a-f]{4,}):(?: (?P<rest>.*)|)", re.DOTALL)
_PAIRS = re.compile(r"(?:[0-9a-f]{2} )*(?:[0-9a-f]{2}$)?")


@dataclass(frozen=True, slots=True)
class Stamp:
    """When and where, as far as the trace says.

    `time_us` is the local time of day in microseconds (`--trace-time`), `transfer` and
    `connection` are curl's numbers (`--trace-ids`); a transfer without a connection yet
    has the connection None. None: the trace does not say.
    """

    time_us: int | None = None
    transfer: int | None = None
    connection: int | None = None

    def __str__(self) -> str:
        text = ""
        if self.time_us is not None:
            seconds, us = divmod(self.time_us, 1_000_000)
            hours, seconds = divmod(seconds, 3600)
            text += f"{hours:02d}:{seconds // 60:02d}:{seconds % 60:02d}.{us:06d} "
        if self.transfer is not None:
            text += f"[{self.transfer}-{'x' if self.connection is None else self.connection}] "
        return text


@dataclass(frozen=True, slots=True)
class Block:
    """Bytes that went one way, `direction` "=>" or "<=": a "header", "data" or "SSL data".

    One header block is one line of the response's header, but the whole header of a
    request: it is how curl reports them, not how they travelled.
    """

    direction: str
    kind: str
    data: bytes
    stamp: Stamp = Stamp()

    def __post_init__(self) -> None:
        if self.direction not in _VERBS or self.kind not in (HEADER, DATA, TLS_DATA):
            raise ValueError(
                f"direction={self.direction!r}, kind={self.kind!r}: curl has no such block"
            )


@dataclass(frozen=True, slots=True)
class Info:
    """What curl says itself, without its line end."""

    text: str
    stamp: Stamp = Stamp()

    def __post_init__(self) -> None:
        if "\n" in self.text:
            raise ValueError(f"text={self.text!r}: an Info is one line")


@dataclass(frozen=True, slots=True)
class Trace:
    """The records of a trace, and in which `form` and with which `mark` curl wrote them."""

    records: list[Block | Info]
    form: str = TRACE
    mark: str = INFO

    def blocks(self, direction: str | None = None, kind: str | None = None) -> list[Block]:
        """Return the blocks of this direction and kind (None: any), in order."""
        return [
            r
            for r in self.records
            if isinstance(r, Block)
            and (direction is None or r.direction == direction)
            and (kind is None or r.kind == kind)
        ]

    def infos(self) -> list[str]:
        """Return what curl said itself, in order."""
        return [r.text for r in self.records if isinstance(r, Info)]

    @property
    def sent(self) -> bytes:
        """Return all bytes that curl sent, joined; without TLS's own records."""
        return b"".join(b.data for b in self.blocks(SENT) if b.kind != TLS_DATA)

    @property
    def received(self) -> bytes:
        """Return all bytes that curl received, joined; without TLS's own records."""
        return b"".join(b.data for b in self.blocks(RECEIVED) if b.kind != TLS_DATA)


# --- reading


def read(text: str, form: str | None = None) -> Trace:
    """Return the records of a trace; a ValueError names the first line that does not fit.

    The form, "--trace" or "--trace-ascii", is told from the text where it is not given.
    """
    if form not in (None, *_WIDTHS):
        raise ValueError(f"form={form!r}: a trace is a {TRACE!r} or a {TRACE_ASCII!r}")
    if not text:
        raise ValueError("line 1: the trace is empty")
    lines = text.split("\n")  # splitlines() splits at characters that an Info line may hold
    if lines.pop():
        raise ValueError(f"line {len(lines) + 1}: the trace breaks off, this line has no end")
    if all(line.endswith("\r") for line in lines):  # written on Windows
        lines = [line[:-1] for line in lines]
    form = form or _form(lines)
    records: list[Block | Info] = []
    marks: dict[str, int] = {}
    at = 0
    while at < len(lines):
        if head := _BLOCK.fullmatch(lines[at]):
            data, after = _read_block(lines, at, head, form)
            records.append(Block(head["direction"], head["kind"], data, _stamp(head)))
            at = after
        elif head := _INFO.fullmatch(lines[at]):
            marks.setdefault(head["mark"] + " ", at)
            if len(marks) > 1:
                raise ValueError(f"line {at + 1}: Info lines begin in two ways in one trace")
            records.append(Info(head["text"] or "", _stamp(head)))
            at += 1
        else:
            raise ValueError(f"line {at + 1}: {_why_no_record(lines[at])}: {_short(lines[at])}")
    return Trace(records, form, next(iter(marks), INFO))


def _why_no_record(line: str) -> str:
    if _DUMP.fullmatch(line):
        return "more bytes than the block before it has, or no block before it"
    if _BLOCK.match(line) or _INFO.match(line):
        return "a record, and more behind it"
    return "neither a block nor an Info line"


def _short(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:57] + "...")


def _form(lines: list[str]) -> str:
    """Tell the form by vote: in how many blocks the first line begins with its bytes in hex.

    A text line of less than 48 characters cannot; so only a body that is itself a hex dump
    could mislead, and one damaged line does not.
    """
    votes = 0
    for head, line in pairwise(lines):
        block, dump = _BLOCK.fullmatch(head), _DUMP.fullmatch(line)
        if block and dump and int(block["size"]):
            pairs = len(_PAIRS.match(dump["rest"] or "")[0].split())
            votes += 1 if pairs >= min(16, int(block["size"])) else -1
    # A damaged trace of one block may leave it open; hex is the form the course uses.
    return TRACE if votes >= 0 else TRACE_ASCII


def _stamp(head: re.Match) -> Stamp:
    time_us = None
    if head["h"]:
        seconds = int(head["h"]) * 3600 + int(head["m"]) * 60 + int(head["s"])
        time_us = seconds * 1_000_000 + int(head["us"])
    transfer = None if head["transfer"] is None else int(head["transfer"])
    connection = None if head["connection"] in (None, "x") else int(head["connection"])
    return Stamp(time_us, transfer, connection)


def _read_block(lines: list[str], at: int, head: re.Match, form: str) -> tuple[bytes, int]:
    """Return the bytes of the block whose head stands at `at`, and where the next record is."""
    size = int(head["size"])
    if head["verb"] != _VERBS[head["direction"]]:
        raise ValueError(f"line {at + 1}: {head['direction']} does not go with {head['verb']}")
    if head["hex"] != f"{size:x}":
        raise ValueError(f"line {at + 1}: {size} bytes are not 0x{head['hex'][:20]}")
    data = bytearray()
    first = at + 1
    while len(data) < size:
        at += 1
        if at == len(lines) or not (dump := _DUMP.fullmatch(lines[at])):
            raise ValueError(
                f"line {at + 1}: the block of line {first} breaks off after {len(data)} "
                f"of {size} bytes"
            )
        if dump["offset"] != f"{len(data):04x}":
            raise ValueError(
                f"line {at + 1}: offset {dump['offset'][:20]}, but {len(data):04x} comes next"
            )
        rest, left = dump["rest"] or "", size - len(data)
        if form == TRACE:
            data += _from_hex(rest, min(_WIDTHS[form], left), at + 1)
        else:
            # The next line of the block tells by its offset where this one ends.
            after = _DUMP.fullmatch(lines[at + 1]) if at + 1 < len(lines) else None
            length = int(after["offset"], 16) - len(data) if after else left
            data += _from_ascii(rest, length, left, at + 1)
    return bytes(data), at + 1


def _from_hex(rest: str, count: int, line: int) -> bytes:
    """Return the `count` bytes of one line of --trace, checked against their letters."""
    pairs = rest[: 3 * count]
    if not re.fullmatch(r"(?:[0-9a-f]{2} )*[0-9a-f]{2} ?", pairs) or len(pairs.split()) != count:
        raise ValueError(f"line {line}: not {count} bytes in hexadecimal: {_short(pairs)}")
    data = bytes.fromhex(pairs)
    # Old curls print the byte 7f as it is; editors take away blanks at the end.
    column = rest[3 * count :].replace("\x7f", ".")
    expected = " " * (_HEX - 3 * count) + _letters(data)
    if column.rstrip(" ") != expected.rstrip(" ") or len(column) > len(expected):
        raise ValueError(f"line {line}: these letters are not those bytes: {_short(rest)}")
    return data


def _from_ascii(text: str, length: int, left: int, line: int) -> bytes:
    """Return what one line of --trace-ascii stands for: `length` bytes, of `left` still due.

    A line ends at 64 letters, at CR LF (not printed), or with the block. Where blanks at
    the end are lost, two missing bytes are taken for CR LF.
    """
    width = _WIDTHS[TRACE_ASCII]
    text = text.replace("\x7f", ".")
    if bad := re.search(r"[^ -~]", text):
        raise ValueError(f"line {line}: {bad[0]!r} is no letter of {TRACE_ASCII}")
    missing = length - len(text)
    # Before anything of this length is made: a damaged line may claim any number of bytes.
    if not 0 < length <= min(left, width + 2) or missing < 0 or len(text) > width:
        raise ValueError(f"line {line}: {len(text)} letters do not fit {length} bytes")
    end = b"\r\n" if missing >= 2 else b""
    text = text.ljust(length - len(end))
    if len(text) > width or not (end or length == left or len(text) == width):
        raise ValueError(f"line {line}: {len(text)} letters, and no reason to end the line")
    return text.encode("ascii") + end


# --- writing


def write(trace: Trace) -> str:
    """Return the text of a trace, as curl writes it in this form."""
    return "".join(f"{line}\n" for line in _lines(trace))


def _lines(trace: Trace) -> Iterator[str]:
    if trace.form not in _WIDTHS:
        raise ValueError(f"form={trace.form!r}: a trace is a {TRACE!r} or a {TRACE_ASCII!r}")
    for record in trace.records:
        if isinstance(record, Info):
            yield f"{record.stamp}{trace.mark}{record.text}"
            continue
        size = len(record.data)
        verb = _VERBS[record.direction]
        yield f"{record.stamp}{record.direction} {verb} {record.kind}, {size} bytes (0x{size:x})"
        yield from dump(record.data) if trace.form == TRACE else _dump_ascii(record.data)


def dump(data: bytes) -> Iterator[str]:
    """Yield the lines of a dump, 16 bytes each: offset, hexadecimal, letters."""
    width = _WIDTHS[TRACE]
    for at in range(0, len(data), width):
        part = data[at : at + width]
        yield f"{at:04x}: {part.hex(' ') + ' ':{_HEX}}{_letters(part)}"


def _dump_ascii(data: bytes) -> Iterator[str]:
    at, width = 0, _WIDTHS[TRACE_ASCII]
    while at < len(data):
        end = data.find(b"\r\n", at, at + width + 2)
        part = data[at : end if end >= 0 else at + width]
        yield f"{at:04x}: {_letters(part)}"
        at += len(part) + (2 if end >= 0 else 0)


def _letters(data: bytes) -> str:
    """Return a letter for each byte, a dot where it has none."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)
