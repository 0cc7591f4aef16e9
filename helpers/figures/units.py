"""Numbers with their units, as every figure and its words write them.

Plan: measured times are seconds everywhere in the code; a figure says in which unit it writes
them. Two or three digits are shown, as many as one run of an experiment is worth.

Left out: the ticks of an axis, where matplotlib chooses the numbers.
"""

from __future__ import annotations

# The units of time that a figure may count in, and a prediction may be asked in.
IN_SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}


def seconds(value: float) -> str:
    """Return a time with two digits that matter: 1.01 s, 0.21 s, 12 ms."""
    return f"{value:.2f} s" if value >= 0.0995 else f"{value * 1000:.0f} ms"


def milliseconds(value: float) -> str:
    """Return a time given in seconds, in milliseconds: 1014 ms, 3.1 ms, 0.24 ms."""
    value *= 1000
    if value < 0.005:
        return "< 0.01 ms"
    return f"{value:.0f} ms" if value >= 9.95 else f"{value:.{1 if value >= 0.995 else 2}f} ms"


def either(value: float) -> str:
    """Return a time in seconds or, if it is short, in milliseconds: 1.01 s, 12 ms, 0.24 ms."""
    return seconds(value) if value >= 0.0995 else milliseconds(value)


def time(value: float) -> str:
    """Return a time in the unit that suits it: 1.3 s, 21 ms, 4.4 µs."""
    unit = next((unit for unit in ("s", "ms") if value >= 0.995 * IN_SECONDS[unit]), "µs")
    number = value / IN_SECONDS[unit]
    return f"{number:.0f} {unit}" if number >= 9.95 else f"{number:.2g} {unit}"


def size(value: float) -> str:
    """Return a number of bytes in the unit that suits it: 2 MB, 3.89 kB, 155 B."""
    for unit, factor in (("MB", 1e6), ("kB", 1e3)):
        if value >= 0.9995 * factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value:.0f} B"
