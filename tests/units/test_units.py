"""Numbers with their units read well at every size."""

import pytest

from helpers.figures import units


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 ms"),
        (0.0124, "12 ms"),
        (0.0994, "99 ms"),
        (0.0996, "0.10 s"),
        (0.2096, "0.21 s"),
        (1.014, "1.01 s"),
        (12, "12.00 s"),
    ],
)
def test_seconds_read_well_at_every_size(value, text):
    assert units.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "< 0.01 ms"),
        (0.00024, "0.24 ms"),
        (0.0031, "3.1 ms"),
        (0.0123, "12 ms"),
        (1.014, "1014 ms"),
    ],
)
def test_milliseconds_read_well_at_every_size(value, text):
    assert units.milliseconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.00024, "0.24 ms"), (0.0994, "99 ms"), (0.1, "0.10 s")]
)
def test_a_short_time_is_written_in_milliseconds(value, text):
    assert units.either(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4.4e-6, "4.4 µs"),
        (102e-6, "102 µs"),
        (0.0013, "1.3 ms"),
        (0.021, "21 ms"),
        (0.9951, "1 s"),
        (1.3, "1.3 s"),
    ],
)
def test_a_time_is_written_in_the_unit_that_suits_it(value, text):
    assert units.time(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (155, "155 B"), (999.6, "1 kB"), (3890, "3.89 kB"), (2e6, "2 MB")],
)
def test_a_size_is_written_in_the_unit_that_suits_it(value, text):
    assert units.size(value) == text
