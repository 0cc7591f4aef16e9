"""The faults of a wire: delay, a narrow pipe, a stall, a cut; for one direction each.

Plan: `Faults` says what is wrong with a direction, as plain data. A `FaultyPipe` applies it to
one connection: bytes are put in at one end, with the time they came, and may be taken out
at the other end only when their time has come. It holds no socket and no clock, so it
can be tested with numbers alone. Delay is that of a long wire: many bytes are under way
at once and throughput stays. A narrow pipe is that of a slow link: a byte has passed
when its last bit has. What is random is drawn from a seed, anew for each connection and
direction, so the same seed gives the same faults whatever the order of events.

Left out: lost, doubled and reordered packets, which TCP hides from the programs; and a
delay of the handshake, which the kernel completes before a relay hears of it.
"""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass

from helpers.wire.tap import Flow

# How many bytes a pipe holds before it stops taking more. A delayed pipe holds what is
# under way: its throughput is at most LONG bytes per delay.
SHORT, LONG = 2**21, 2**24
_MOST_PIECES = 2**16
_TICK_S = 0.01  # how long a piece of a narrow pipe takes, about
END, RESET, CUT = "end", "reset", "cut"


@dataclass(frozen=True)
class Faults:
    """What is wrong with one direction of a wire; without arguments, nothing.

    `delay_s` and up to `jitter_s` more (drawn per chunk, order kept); `bytes_per_s` is the
    width of the pipe. After `stall_after` bytes nothing passes for `stall_s` seconds. After
    exactly `cut_after` bytes, or a number drawn with the mean `cut_mean` (exponential, as
    for accidents), the connection is cut: as "end" the receiver sees a proper end, as
    "reset" an abort. Whoever sends into a cut connection is reset. A ValueError names the
    argument that makes no sense.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float | None = None
    stall_after: int = 0
    stall_s: float = 0.0
    cut_after: int | None = None
    cut_mean: float | None = None
    cut_as: str = END
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name in ("cut_as", "seed") or value is None:
                continue
            positive = name in ("bytes_per_s", "cut_mean")
            what = "above 0" if positive else "from 0 up"
            if not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise ValueError(f"{name}={value!r}: it is a number {what}")
            if positive and not value:
                raise ValueError(f"{name}={value!r}: it is a number {what}")
            if name.endswith("_after") and value != int(value):
                raise ValueError(f"{name}={value!r}: bytes come whole")
        if self.cut_as not in (END, RESET):
            raise ValueError(f"cut_as={self.cut_as!r}: it is {END!r} or {RESET!r}")
        if self.cut_after is not None and self.cut_mean is not None:
            raise ValueError("cut_after and cut_mean: one of them is enough")


class FaultyPipe:
    """One direction of one connection: what has come and has not passed yet.

    `flow` counts its bytes. `wake_s` is when to ask again after `ready` gave nothing:
    infinity if something must be put in first. `stalled` says since when it stalls.
    """

    def __init__(self, faults: Faults, flow: Flow, stream: str = ""):
        self.flow = flow
        self.wake_s = math.inf
        self.stalled = False
        self._faults = faults
        self._random = random.Random(f"{faults.seed} {stream}")
        self._cut_at = faults.cut_after
        if faults.cut_mean is not None:
            self._cut_at = int(self._random.expovariate(1 / faults.cut_mean))
        self._stall_at = faults.stall_after if faults.stall_s else None
        self._bound = LONG if faults.delay_s or faults.jitter_s else SHORT
        self._entries: deque[tuple[float, float, memoryview | str]] = deque()
        self._held_until_s = self._pipe_free_s = -math.inf
        self._piece_end_s = -math.inf

    @property
    def room(self) -> int:
        """Return how many more bytes may be put in; the sender has to wait at 0."""
        if len(self._entries) >= _MOST_PIECES:
            return 0
        return max(0, self._bound - self.flow.held)

    @property
    def is_cut(self) -> bool:
        """Tell whether all has passed that passes before the cut."""
        return self._cut_at is not None and self.flow.passed >= self._cut_at

    def put(self, data: bytes | str, now_s: float) -> None:
        """Put in bytes that came just now, or END or RESET for how the stream ended."""
        if isinstance(data, bytes):
            self.flow.taken += len(data)
            self.flow.most_held = max(self.flow.most_held, self.flow.held)
            data = memoryview(data)
        delay_s = self._faults.delay_s
        if self._faults.jitter_s:
            delay_s += self._random.uniform(0, self._faults.jitter_s)
        # What is drawn an earlier time waits behind the others: nothing overtakes.
        self._entries.append((now_s + delay_s, now_s, data))

    def ready(self, now_s: float) -> tuple[float, memoryview | str] | None:
        """Return what may pass now and when it had come; None if nothing may before `wake_s`."""
        self.wake_s = math.inf
        if self.is_cut:
            return now_s, CUT
        if not self._entries:
            return None
        due_s, came_s, data = self._entries[0]
        if due_s <= now_s and self._stall_at == self.flow.passed:
            self._stall_at, self.stalled = None, True
            self._held_until_s = now_s + self._faults.stall_s
        due_s = max(due_s, self._held_until_s)
        if isinstance(data, memoryview):
            data = self._first_of(data)
            if self._faults.bytes_per_s:
                start_s = max(due_s, self._pipe_free_s)
                due_s = self._piece_end_s = start_s + len(data) / self._faults.bytes_per_s
        if due_s > now_s:
            self.wake_s = due_s
            return None
        self.stalled = False
        return came_s, data

    def _first_of(self, data: memoryview) -> memoryview:
        """Return as much of the data as may pass at once."""
        for at in (self._cut_at, self._stall_at):
            if at is not None and at > self.flow.passed:
                data = data[: at - self.flow.passed]
        if rate := self._faults.bytes_per_s:
            data = data[: max(1, int(rate * _TICK_S))]
        return data

    def pass_on(self, count: int, now_s: float) -> None:
        """Count that so many bytes of what was ready have passed now; for an end, 0."""
        due_s, came_s, data = self._entries.popleft()
        if not isinstance(data, memoryview):
            return
        if count < len(data):
            self._entries.appendleft((due_s, came_s, data[count:]))
        self.flow.passed += count
        # A late timer may be made up for; time in which the receiver was slow may not.
        self._pipe_free_s = max(self._piece_end_s, now_s - 5 * _TICK_S)

    def drop(self) -> None:
        """Drop what has not passed."""
        self._entries.clear()
        self.wake_s = math.inf
        self.flow.dropped += self.flow.held
