"""Campaigns add what they say: lift x base x the integral of their shape, whatever the windows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.errors import UsageError
from breakeven.schema.demand import Foreseen
from breakeven.workload.campaign import SHAPES, Campaign, campaign, factors, seconds, weight_s
from breakeven.workload.forecast.path import forecast, lifted

CAMPAIGNS = st.builds(
    lambda lift, start, duration, part, shape: Campaign(
        lift=lift, start_s=start, duration_s=duration, shape=shape, ramp_s=0.0 if shape == "step" else duration * part
    ),
    st.floats(-1, 50), st.floats(0, 1e4), st.floats(1, 1e4), st.floats(0, 0.5), st.sampled_from(SHAPES),
)  # fmt: skip


@given(CAMPAIGNS, st.floats(7, 5000))
def test_requests_are_conserved(laid, step_s) -> None:
    """At a base of 5 requests/s the windows' added requests sum to lift x base x integral, for windows of any width."""
    n = int(np.ceil((laid.start_s + laid.duration_s) / step_s)) + 1
    added = (5 * step_s * (factors(laid, step_s, n) - 1)).sum()
    whole = float(weight_s(laid, np.array([1e12]))[0])
    assert added == pytest.approx(laid.lift * 5 * whole, rel=1e-9, abs=1e-6)


@given(CAMPAIGNS)
def test_the_integral_is_that_of_the_shape(laid) -> None:
    """A step holds its duration, a ramp its duration less one ramp; a decay more than nothing and less than a step."""
    whole = float(weight_s(laid, np.array([1e12]))[0])
    expected = {"step": laid.duration_s, "ramp": laid.duration_s - laid.ramp_s}
    if laid.shape in expected:
        assert whole == pytest.approx(expected[laid.shape])
    else:
        assert 0 < whole < laid.duration_s


@given(CAMPAIGNS, st.floats(0, 3e4), st.floats(0, 3e4))
def test_the_weight_is_never_above_one(laid, one, other) -> None:
    """The integral grows by no more than the time that passes, and never falls."""
    early, late = sorted((one, other))
    gained = float(np.diff(weight_s(laid, np.array([early, late])))[0])
    assert -1e-6 <= gained <= late - early + 1e-6


def test_parts_are_read() -> None:
    """Times in any unit; a ramp makes a ramp; the order does not matter."""
    assert campaign("lift=20,start=2d,ramp=6h,duration=21d") == Campaign(
        lift=20, start_s=172_800, ramp_s=21_600, duration_s=1_814_400, shape="ramp"
    )
    assert campaign("duration=90,lift=0.5").shape == "step"
    assert seconds("1.5h", "x") == 5400


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lift=20", "needs lift and duration"),
        ("lift=20,lift=3,duration=1d", "each part once"),
        ("lift=20,duration=1d,length=3", "does not know 'length'"),
        ("lift=much,duration=1d", "lift is 'much'"),
        ("lift=-2,duration=1d", "lift is '-2'"),
        ("lift=2,duration=1y", "duration is '1y'"),
        ("lift=2,duration=1d,shape=bump", "shape is 'bump'"),
        ("lift=2,duration=1d,ramp=13h", "cannot have a ramp of 46800 s"),
        ("lift=2,duration=1d,ramp=1h,shape=step", "leave ramp out"),
        ("lift=2,duration=0", "a step of 0 s"),
    ],
)
def test_what_cannot_be_meant_is_told(text, words) -> None:
    """The part, its value and an example."""
    with pytest.raises(UsageError) as caught:
        campaign(text)
    assert words in str(caught.value)
    assert caught.value.way_out


def test_a_forecast_is_lifted_while_it_lasts() -> None:
    """Twice the base on top for an hour from the second on: times three there, as it was elsewhere; and it is said."""
    counts = np.random.default_rng(1).poisson(50, 1000).astype(float)
    plain = forecast(counts, 600.0, 24)
    more = lifted(plain, campaign("lift=2,start=1h,duration=1h"))
    assert isinstance(more, Foreseen)
    ratio = np.array(more.at(0.5)) / np.array(plain.at(0.5))
    assert ratio.tolist() == pytest.approx([1] * 6 + [3] * 6 + [1] * 12)
    assert "not in the interval" in more.warnings[-1]
