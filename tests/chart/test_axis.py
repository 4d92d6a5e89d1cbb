"""Laws of ticks, scales, written values and labels."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.report.chart import axis

magnitudes = st.floats(1e-9, 1e12, allow_nan=False)


@given(st.floats(-1e9, 1e9), magnitudes, st.integers(1, 12))
def test_linear_ticks_are_even_and_inside(low, span, count):
    """Linear ticks are evenly spaced, lie inside the axis and are at most a few more than asked for."""
    high = low + span
    ticks = axis.linear_ticks(low, high, count)
    slack = max(abs(low), abs(high), span) * 1e-6
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    assert len(ticks) <= count + 1
    steps = [b - a for a, b in pairwise(ticks)]
    assert all(step == pytest.approx(steps[0], rel=1e-3, abs=slack) for step in steps)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 100, (0, 20, 40, 60, 80, 100)),
        (0, 1, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (0, 42400, (0, 10000, 20000, 30000, 40000)),
    ],
)
def test_linear_ticks_are_round(low, high, expected):
    """Ticks are 1, 2, 2.5 or 5 times a power of ten."""
    assert axis.linear_ticks(low, high) == pytest.approx(expected)


def test_an_axis_without_extent_has_one_tick():
    """Where low equals high there is one tick."""
    assert axis.linear_ticks(3, 3) == (3,)


@given(magnitudes, st.floats(1, 1e9), st.integers(2, 9))
def test_log_ticks_ascend_inside_the_axis(low, ratio, count):
    """Logarithmic ticks ascend, lie inside the axis and never exceed the count."""
    high = low * ratio
    ticks = axis.log_ticks(low, high, count)
    assert len(ticks) <= max(2, count)
    assert all(a < b for a, b in pairwise(ticks)) or low == high
    assert all(low * (1 - 1e-6) <= tick <= high * (1 + 1e-6) for tick in ticks)


def test_log_ticks_show_more_than_decades():
    """Inside two decades 1, 2 and 5 are shown; over many decades only the decades."""
    assert axis.log_ticks(1, 100, 8) == pytest.approx((1, 2, 5, 10, 20, 50, 100))
    assert axis.log_ticks(1, 1e5, 8) == pytest.approx((1, 10, 100, 1000, 1e4, 1e5))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (2, 1)])
def test_a_log_axis_needs_positive_bounds(low, high):
    """A logarithmic axis refuses what has no logarithm, naming both bounds."""
    with pytest.raises(ValueError, match=f"{low} and {high}"):
        axis.log_ticks(low, high)


@given(st.floats(0.1, 1e3), st.floats(1.1, 1e3), st.booleans(), st.lists(st.floats(-1e6, 1e6), min_size=2))
def test_a_scale_is_monotone_and_stays_on_the_axis(low, ratio, log, values):
    """A larger value never lies further left, and nothing lies outside the axis."""
    scale = axis.Scale(low=low, high=low * ratio, start=10, end=110, log=log)
    places = [scale.at(value) for value in sorted(values)]
    assert all(a <= b + 1e-9 for a, b in pairwise(places))
    assert all(10 - 1e-9 <= place <= 110 + 1e-9 for place in places)


boxes = st.lists(st.tuples(st.floats(0, 400), st.floats(1, 30)), min_size=1, max_size=12)


@given(boxes)
def test_pushed_labels_neither_overlap_nor_leave(wishes):
    """Labels that fit together end up inside the bounds without overlap, in the order of their wishes."""
    centres, sizes = [c for c, _ in wishes], [s for _, s in wishes]
    placed = axis.push_apart(centres, sizes, 0, 400)
    spans = sorted((p - s / 2, p + s / 2) for p, s in zip(placed, sizes, strict=True))
    assert all(a[1] <= b[0] + 1e-6 for a, b in pairwise(spans))
    assert spans[0][0] >= -1e-6
    assert spans[-1][1] <= 400 + 1e-6


def test_labels_that_do_not_collide_stay_where_they_are():
    """Pushing moves nothing that already fits."""
    assert axis.push_apart([50, 200, 350], [20, 20, 20], 0, 400) == [50, 200, 350]


@given(st.text(max_size=60), st.floats(20, 300))
def test_a_fitted_label_fits(text, room):
    """A shortened label is never wider than its room, and an unshortened one is untouched."""
    fitted = axis.fit(text, 12, room)
    assert axis.text_width(fitted, 12) <= room
    assert fitted == text or fitted.endswith("…")


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (1404, "USD/month", "$1,404 / month"),
        (0.00001234, "USD", "$0.00001234"),
        (None, "USD", "unpriced"),
        (None, "USD/month", "unpriced"),
        (0.0123, "s", "12.3 ms"),
        (None, "s", "unknown"),
        (0.5, "share", "50 %"),
        (50, "%", "50 %"),
        (12850, "count", "12,850"),
        (3.25, "rps", "3.25 rps"),
        (12345678, "tokens/s", "12,345,678 tokens/s"),
        (0.125, "1", "0.125"),
        (None, "rps", "unknown"),
        (float("nan"), "rps", "unknown"),
    ],
)
def test_values_are_written_in_their_unit(value, unit, written):
    """Money, durations, shares and counts are written as people write them; None is never a zero."""
    assert axis.write(value, unit) == written


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.9953, "99.53 %"),
        (0.999999, "99.99 %"),
        (0.0007, "0.070 %"),
        (0.05, "5.0 %"),
        (-0.2, "-20 %"),
    ],
)
def test_almost_all_is_not_all(share, written):
    """Only everything is 100 %, and only nothing is 0 %."""
    assert axis.percent(share) == written


@given(st.floats(1e-12, 1 - 1e-12))
def test_no_share_between_is_written_as_all_or_nothing(share):
    """Every share strictly between 0 and 1 is written as neither."""
    assert axis.percent(share) != "100 %"
    assert axis.percent(share) != "0 %"


@pytest.mark.parametrize(
    ("usd", "written"), [(0, "$0"), (950, "$950"), (12500, "$12.5k"), (2e6, "$2M"), (-3e9, "-$3B")]
)
def test_axis_money_is_short(usd, written):
    """Ticks write thousands, millions and billions with a letter."""
    assert axis.compact_usd(usd) == written


def test_rates_are_written_per_second():
    """A rate of something counted is a number per its period."""
    assert axis.write(3.25, "1/s") == "3.25 / s"


@given(st.text("abcdefghij-0123456789", min_size=1, max_size=60), st.floats(20, 500))
def test_a_shortened_name_keeps_both_its_ends(name: str, room: float) -> None:
    """It fits, it is whole where there is room, and what is left out is in its middle."""
    fitted = axis.fit_name(name, 12, room)
    whole = axis.text_width(name, 12) <= room
    assert (fitted == name) is whole
    if not whole:
        head, _, tail = fitted.partition("…")
        assert axis.text_width(fitted, 12) <= room or len(head + tail) <= 1
        assert name.startswith(head)
        assert name.endswith(tail)
        assert 0 <= len(head) - len(tail) <= 1
