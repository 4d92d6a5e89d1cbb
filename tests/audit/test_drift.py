"""Days are compared with days: quiet months stay quiet, real changes are found, and the future is wide enough."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.audit.drift.judge import Limits, judge
from breakeven.audit.drift.spending import forecast
from breakeven.audit.student import incomplete_beta, two_sided_p, two_sided_quantile
from breakeven.schema.drift import Day, Drift, Series

MONDAY = 4
"""5 January 1970."""


def series(values: list[float], **more: object) -> Series:
    days = tuple(Day(day=MONDAY + at, value=value, n=1000) for at, value in enumerate(values))
    return Series(**{"metric": "cost", "key": "chat", "unit": "USD", "days": days} | more)


def only(one: Series, limits: Limits | None = None) -> Drift:
    [found] = judge([one], str, limits)
    return found


@pytest.mark.parametrize(("df", "t"), [(1, 12.7062), (5, 2.5706), (10, 2.2281), (30, 2.0423), (1000, 1.9623)])
def test_quantiles_are_the_tables(df: int, t: float) -> None:
    """The 5 % points of every textbook."""
    assert two_sided_quantile(0.05, df) == pytest.approx(t, abs=1e-4)


@given(st.floats(0, 50), st.integers(1, 500))
def test_tails_and_quantiles_are_inverse(t: float, df: int) -> None:
    """And a larger t is never more likely."""
    p = two_sided_p(t, df)
    assert 0 <= p <= 1
    assert two_sided_p(t + 1, df) <= p
    if 1e-6 < p < 1 - 1e-6:
        assert two_sided_quantile(p, df) == pytest.approx(t, rel=1e-4, abs=1e-4)


def test_the_incomplete_beta_is_symmetric() -> None:
    """I_x(a, b) = 1 - I_(1-x)(b, a); a half of a symmetric one is a half."""
    assert incomplete_beta(3, 3, 0.5) == pytest.approx(0.5)
    assert incomplete_beta(2, 5, 0.3) == pytest.approx(1 - incomplete_beta(5, 2, 0.7))
    with pytest.raises(ValueError, match="degrees of freedom"):
        two_sided_p(1.0, 0)
    with pytest.raises(ValueError, match=r"inside 0\.\.1"):
        two_sided_quantile(1.0, 5)


def test_quiet_months_raise_no_alarm() -> None:
    """Of 500 looks at five noisy series each, as good as none says that something changed (alpha is 1 %)."""
    rng = np.random.default_rng(7)
    alarms = 0
    for _ in range(500):
        looked = [series(list(np.exp(rng.normal(0, 0.15, 24))), metric=f"m{n}") for n in range(5)]
        alarms += any(one.verdict != "steady" for one in judge(looked, str))
    assert alarms <= 12


def test_a_week_is_no_drift() -> None:
    """A weekend that is always half as busy, and looks recent on Mondays, is taken out once two weeks are known."""
    rng = np.random.default_rng(1)
    weekly = [1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5] * 4
    noisy = [value * math.exp(rng.normal(0, 0.01)) for value in weekly]
    assert only(series(noisy), Limits(recent_days=2)).verdict == "steady"


@pytest.mark.parametrize(("bad", "verdict"), [("up", "worse"), ("down", "better"), ("either", "changed")])
def test_a_real_change_is_found_and_dated(bad: str, verdict: str) -> None:
    """Costs that rise by half for three days, against days that differ by 5 %."""
    rng = np.random.default_rng(3)
    values = [(1.5 if at >= 18 else 1.0) * math.exp(rng.normal(0, 0.05)) for at in range(21)]
    found = only(series(values, bad=bad))
    assert found.verdict == verdict
    assert found.since == str(MONDAY + 18)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.5 < found.high
    assert found.change == pytest.approx(0.5, abs=0.12)


def test_a_change_too_small_to_matter_is_none() -> None:
    """However certain: three per cent on series that never move are not worth a message."""
    assert only(series([1.0] * 14 + [1.03] * 3)).verdict == "steady"
    assert only(series([1.0] * 14 + [1.2] * 3)).verdict == "worse"


def test_shares_differ_by_points() -> None:
    """A useful share from 40 to 30 % is minus ten points, not minus a quarter."""
    found = only(series([0.4, 0.41, 0.39] * 5 + [0.3] * 3, scale="share", bad="down"))
    assert found.verdict == "worse"
    assert found.change == pytest.approx(-0.1, abs=0.01)


def test_too_few_days_are_said() -> None:
    """How many there are, and how many it takes."""
    found = only(series([1.0] * 8))
    assert found.verdict == "not_enough_evidence"
    assert "5 days before the last 3, fewer than 7" in found.note
    assert only(series([])).note == "no day has enough rows"


def test_many_series_are_corrected_together() -> None:
    """One of a hundred quiet series is not an alarm where it would be one alone; the worst come first."""
    rng = np.random.default_rng(11)
    quiet = [series(list(np.exp(rng.normal(0, 0.2, 21))), metric=f"m{n:03d}") for n in range(100)]
    loud = series([1.0 + 0.001 * at for at in range(18)] + [3.0] * 3, metric="loud")
    found = judge([*quiet, loud], str)
    assert found[0].metric == "loud"
    assert sum(one.verdict != "steady" for one in found) == 1


def test_spending_comes_to_what_days_like_these_come_to() -> None:
    """Ten dollars a day, every day: a month of thirty is three hundred, and a limit of 250 falls on the 25th."""
    spent = dict.fromkeys(range(100, 112), 10.0)
    found = forecast(spent, 100, 112, 130, limit_usd=250.0)
    assert found is not None
    assert (found.p5_usd, found.p50_usd, found.p95_usd) == pytest.approx((300, 300, 300))
    assert found.over == 1.0
    assert found.day_reached == 125


def test_todays_spending_is_not_taken_for_a_whole_day() -> None:
    """What is spent by noon counts, at least; a day already dearer than any other stands."""
    spent = dict.fromkeys(range(100, 112), 10.0) | {112: 50.0}
    found = forecast(spent, 100, 112, 113, limit_usd=None)
    assert found is not None
    assert found.p50_usd == pytest.approx(170)
    assert found.over is None


def test_the_interval_of_a_forecast_holds_what_comes() -> None:
    """Of 200 months of noisy days with quiet weekends, nine in ten end inside the 90 % interval, or nearly."""
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(200):
        days = {day: (4.0 if (day + 3) % 7 >= 5 else 10.0) * math.exp(rng.normal(0, 0.3)) for day in range(72, 130)}
        found = forecast({day: usd for day, usd in days.items() if day < 115}, 100, 115, 130, limit_usd=None)
        assert found is not None
        inside += found.p5_usd <= sum(days[day] for day in range(100, 130)) <= found.p95_usd
    assert 170 <= inside <= 198


def test_more_is_spent_never_less() -> None:
    """A forecast is never below what is spent already, and with too few days there is none."""
    assert forecast({100: 1.0, 101: 1.0}, 100, 102, 130, limit_usd=1.0) is None
    found = forecast(dict.fromkeys(range(100, 110), 3.0), 100, 110, 110, limit_usd=20.0)
    assert found is not None
    assert found.p5_usd == pytest.approx(30.0)
