"""Numbers for people: units once, unknown said, nothing rounded to zero."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.report import number
from breakeven.report.words import NO_EVIDENCE, NOT_MEASURABLE, instant
from breakeven.schema.noun import Figure


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (2.5, "USD/hour", "$2.50/hour"),
        (0.05, "USD", "$0.05"),
        (0.02, "s", "20 ms"),
        (0.97, "share", "97 %"),
        (0.12, "fraction of capex per year", "12 % of capex per year"),
        (1.4, "ratio", "1.4"),
        (3.35e12, "byte/s", "3.35 Tbyte/s"),
        (8.03e9, "parameters", "8.03 billion parameters"),
        (128256, "tokens", "128,256 tokens"),
        (700, "W", "700 W"),
        (10.9, "1/s", "10.9/s"),
        (None, "USD", "unknown"),
    ],
)
def test_units_are_written_as_they_are_read(value: float | None, unit: str, shown: str) -> None:
    """Money, time, shares, bytes and counts."""
    assert number.number(value, unit) == shown


@given(st.floats(1e-12, 1e12), st.sampled_from(["USD", "s", "share", "byte", "tokens", "requests/s"]))
def test_what_is_not_zero_is_not_shown_as_zero(value: float, unit: str) -> None:
    """A half nano-dollar is something."""
    assert any(digit in number.number(value, unit) for digit in "123456789")


def test_an_interval_says_its_unit_once() -> None:
    """And nothing when a bound is missing."""
    assert number.interval(1.0, 1.5, "years") == "1 to 1.5 years"
    assert number.interval(0.9, 1.5, "s") == "900 ms to 1.5 s"
    assert number.interval(None, 1.5, "s") == number.interval(1.5, 1.5, "s") == ""


def test_an_unknown_figure_says_why() -> None:
    """Its note, if it has one."""
    assert number.figure(Figure(value=None, unit="s", note="no stream")) == "no stream"
    assert number.figure(Figure(value=None, unit="s"), unknown=NO_EVIDENCE) == NO_EVIDENCE
    assert number.figure(Figure(value=1.0, unit="s", low=0.5, high=2.0)) == "1 s (500 ms to 2 s)"


def test_never_is_a_number_of_months() -> None:
    """A first-class answer."""
    assert (number.months(None), number.months(12.34)) == ("never", "12.3 months")


def test_times_are_utc() -> None:
    """To the second, and empty when unknown."""
    assert instant(0.0) == "1970-01-01 00:00:00 UTC"
    assert instant(None) == ""
    assert NOT_MEASURABLE == "not measurable downstream"
