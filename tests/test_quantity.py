"""Money is exact, and what people read says when something is unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven import quantity


@given(st.decimals(-1_000_000, 1_000_000, places=12))
def test_twelve_decimals_are_exact(amount: object) -> None:
    """A pico-dollar is the smallest unit, so twelve decimals survive."""
    assert quantity.pico_from_usd(str(amount)) == int(amount * 10**12)  # type: ignore[operator]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "-inf"])
def test_money_is_finite(bad: float | str) -> None:
    """No nan or infinite money gets in."""
    with pytest.raises(ValueError, match="finite"):
        quantity.pico_from_usd(bad)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "unpriced"),
        (float("inf"), "unpriced"),
        (0, "$0"),
        (0.0000005, "$0.0000005"),
        (0.00123456, "$0.001235"),
        (0.1, "$0.1"),
        (1.5, "$1.50"),
        (-3.25, "-$3.25"),
        (1234567.8, "$1,234,568"),
    ],
)
def test_dollars_for_people(amount: float | None, text: str) -> None:
    """Small money keeps four digits, large money keeps none it does not need; unknown is never $0."""
    assert quantity.format_usd(amount) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "unknown"), (5e-5, "50 us"), (0.0123, "12.3 ms"), (2.5, "2.5 s"), (600, "10 min")]
)
def test_seconds_for_people(seconds: float | None, text: str) -> None:
    """The unit fits the size."""
    assert quantity.format_seconds(seconds) == text


def test_counts_for_people() -> None:
    """Thousands are separated; unknown is said."""
    assert quantity.format_count(1234567) == "1,234,567"
    assert quantity.format_count(None) == "unknown"
