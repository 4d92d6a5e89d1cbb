"""How many replicas when: the fractile, the demand ahead, the floors, and what the rule saves."""

from __future__ import annotations

import math
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.errors import EvidenceError, UsageError
from breakeven.planner.scaling.ahead import fit_ahead, quantile_rps, quantiles_rps
from breakeven.planner.scaling.play import Fleet, fixed, least_static, play, reactive
from breakeven.planner.scaling.rehearse import rehearse
from breakeven.planner.scaling.rule import fractile, hour_of, make_rule, replicas_for
from breakeven.schema.noun import Figure

MONEY = st.floats(0.01, 1000)


@given(idle=MONEY, miss=MONEY, attainment=st.floats(0.5, 0.999))
def test_the_quantile_is_the_newsvendor_s(world: SimpleNamespace, idle: float, miss: float, attainment: float) -> None:
    """At 1 - idle / (idle + miss) one replica more costs as much idle as it saves missed: q idle = (1 - q) miss."""
    found = fractile(world.usd(idle), world.usd(miss), attainment)
    assert found.value * idle == pytest.approx((1 - found.value) * miss)
    assert found.facts == ("fact/price", "fact/price")


@given(idle=MONEY, miss=MONEY, more=st.floats(1.01, 10))
def test_a_dearer_miss_never_covers_less(world: SimpleNamespace, idle: float, miss: float, more: float) -> None:
    """And dearer idling never more."""
    at = fractile(world.usd(idle), world.usd(miss), 0.9).value
    assert fractile(world.usd(idle), world.usd(miss * more), 0.9).value > at
    assert fractile(world.usd(idle * more), world.usd(miss), 0.9).value < at


def test_the_fractile_minimises_the_cost_of_idle_and_miss(world: SimpleNamespace) -> None:
    """Over a sample of demand, no other number of replicas costs less: the closed form equals brute force."""
    drawn = np.random.default_rng(3).gamma(4.0, 5.0, 4001)
    quantile = fractile(world.usd(2.0), world.usd(7.0), 0.9).value

    def cost(replicas: int) -> float:
        return float(2.0 * np.maximum(replicas - drawn, 0).sum() + 7.0 * np.maximum(drawn - replicas, 0).sum())

    continuous = np.quantile(drawn, quantile, method="inverted_cdf")
    best = min(range(80), key=cost)
    assert cost(best) >= cost(float(continuous)) - 1e-6
    assert abs(best - continuous) <= 1


def test_an_unknown_cost_is_no_free_one(world: SimpleNamespace) -> None:
    """Unpriced: the attainment stands for the fractile, and the rule says so."""
    found = fractile(world.usd(None), world.usd(3.0), 0.93)
    assert (found.value, found.basis) == (0.93, "assumed")
    assert "idle" in found.note


@given(st.floats(0, 1e6), st.floats(0.01, 1e3), st.integers(0, 5), st.integers(5, 10**6))
def test_replicas_cover_the_demand_unless_bounded(demand: float, goodput: float, least: int, most: int) -> None:
    """The fewest whose goodput is no less, between the bounds."""
    found = replicas_for(demand, goodput, least, most)
    assert least <= found <= most
    assert found == most or found >= demand / goodput - 1e-6
    assert found == least or found - 1 < demand / goodput


def test_the_demand_ahead_of_a_world_without_noise_is_the_demand_ahead(world: SimpleNamespace) -> None:
    """Days exactly alike: the formula, fitted on some, tells the next one within 2 %."""
    rates = world.daily(6, noise=0.0)
    fitted = fit_ahead(rates[: 4 * world.PER_DAY], world.STEP_S, 1200.0, 0.5)
    told = quantiles_rps(fitted, rates)[4 * world.PER_DAY : -2]
    assert np.abs(told / rates[4 * world.PER_DAY + 2 :] - 1).max() < 0.02


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.97])
def test_quantiles_cover_what_they_say(world: SimpleNamespace, quantile: float) -> None:
    """On days they were not fitted to, within 4 points, as so many windows allow."""
    rates = world.daily(20, noise=0.2, seed=7)
    half = 10 * world.PER_DAY
    told = quantiles_rps(fit_ahead(rates[:half], world.STEP_S, 900.0, quantile), rates)
    assert (rates[half + 2 :] <= told[half:-2]).mean() == pytest.approx(quantile, abs=0.04)


def test_a_short_series_takes_the_rate_of_now(world: SimpleNamespace) -> None:
    """Without a day of history nothing is fitted but the headroom; without three windows nothing at all."""
    fitted = fit_ahead(world.daily(1), world.STEP_S, 600.0, 0.9)
    assert (fitted.now, fitted.recent, fitted.day) == (1.0, 0.0, 0.0)
    assert fitted.headroom > 0
    with pytest.raises(EvidenceError, match="3 windows of 600 s"):
        fit_ahead(np.ones(3), world.STEP_S, 600.0, 0.9)


def test_the_last_quantile_is_that_of_the_series(world: SimpleNamespace) -> None:
    """One number and the whole column are the same formula."""
    rates = world.daily(3)
    fitted = fit_ahead(rates, world.STEP_S, 900.0, 0.9)
    assert quantile_rps(fitted, rates) == quantiles_rps(fitted, rates)[-1]


def test_hours_of_the_week_begin_on_monday(world: SimpleNamespace) -> None:
    """2026-01-05 was one, and 1970-01-01 a Thursday."""
    assert hour_of(np.array([world.MONDAY, world.MONDAY - 3600, 0.0]), 168).tolist() == [0, 167, 72]
    assert hour_of(np.array([world.MONDAY + 5 * 3600]), 24).tolist() == [5]


def test_floors_follow_the_hours(world: SimpleNamespace, rule) -> None:
    """Busy hours have higher ones; a floor is at most what the hour needs, and needs two days of dated rates."""
    found = rule()
    assert [hour.hour for hour in found.schedule] == list(range(24))
    assert all(hour.least <= hour.need for hour in found.schedule)
    assert found.schedule[15].least > found.schedule[3].least
    assert rule(world.daily(14)).period == "week"
    undated = make_rule(world.ask(), world.demand(world.daily(4), None), mean_rps=1, p95_rps=2)
    assert undated.schedule == ()
    assert any("floors" in note for note in undated.notes)


def test_without_a_series_the_headroom_is_assumed_and_says_so(world: SimpleNamespace) -> None:
    """p95 / mean, nothing fitted."""
    found = make_rule(world.ask(), None, mean_rps=10, p95_rps=15)
    assert quantile_rps(found.ahead, np.array([20.0])) == pytest.approx(30.0)
    assert found.ahead.n == 0
    assert any("assumed" in note for note in found.notes)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"goodput_rps": Figure(value=None, unit="requests/s")}, "goodput of None"),
        ({"goodput_rps": Figure(value=0.0, unit="requests/s")}, "goodput of 0.0"),
        ({"least": 5, "most": 4}, "between 5 and 4"),
        ({"cold_start_s": Figure(value=-1.0, unit="s")}, "-1.0 s to start"),
        ({"interval_s": 0.0}, "every 0 s"),
    ],
)
def test_what_cannot_be_a_rule_is_refused_with_both_values(rule, more: dict, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        rule(**more)


def test_a_rule_survives_the_wire(rule) -> None:
    """JSON and back: the same rule; made again, the same bytes."""
    found = rule()
    assert msgspec.json.decode(msgspec.json.encode(found), type=type(found)) == found
    assert msgspec.json.encode(rule()) == msgspec.json.encode(found)


FLEET = Fleet(goodput_rps=10.0, cold_start_s=300.0)


@given(st.lists(st.floats(0, 500), min_size=2, max_size=60), st.integers(0, 60))
def test_what_is_served_is_demand_within_capacity(rates: list[float], replicas: int) -> None:
    """Of a fixed fleet: sum of min(demand, capacity); what is beyond and what is served add up to the demand."""
    series = np.array(rates)
    fleet = msgspec.structs.replace(FLEET, least=0)
    found = play("fixed", series, 600.0, fleet, fixed(replicas))
    served = np.minimum(series, replicas * 10.0).sum() * 600
    assert found.burst_requests == pytest.approx(series.sum() * 600 - served, abs=1e-3)
    assert found.replica_hours == pytest.approx(replicas * len(rates) / 6)


@given(st.lists(st.floats(1, 300), min_size=4, max_size=40), st.floats(0, 3600))
def test_a_slower_start_never_attains_more(rates: list[float], cold_s: float) -> None:
    """The same orders, later capacity, the same bill."""
    series = np.array(rates)
    at_once, late = (
        play("reactive", series, 600.0, Fleet(goodput_rps=10.0, cold_start_s=s), reactive(series, 10.0, 0.8))
        for s in (0.0, cold_s)
    )
    assert late.attainment <= at_once.attainment + 1e-12


@given(st.lists(st.floats(1, 300), min_size=4, max_size=40), st.floats(0.5, 1.0))
def test_the_least_static_is_the_least(rates: list[float], attainment: float) -> None:
    """It attains as much, and one replica less does not."""
    series = np.array(rates)
    found = least_static(series, 600.0, FLEET, attainment)
    assert play("", series, 600.0, FLEET, fixed(found)).attainment >= attainment - 1e-12
    if found > 1:
        assert play("", series, 600.0, FLEET, fixed(found - 1)).attainment < attainment


def test_the_rehearsal_knows_nothing_of_the_future(world: SimpleNamespace) -> None:
    """Other windows at the end change nothing of what the rule had done before: play is causal."""
    rates = world.daily(8)
    whole = rehearse("days", rates, world.STEP_S, FLEET, 0.9)
    other = rehearse("days", np.append(rates[:-1], rates[-1] * 50), world.STEP_S, FLEET, 0.9)
    # The very last window has another demand, and by then every order has been given: hours agree to the replica.
    assert other.rule.replica_hours == whole.rule.replica_hours


def test_days_alike_save_against_static_and_are_attained(world: SimpleNamespace, rule) -> None:
    """With a daily shape the rule takes fewer replica-hours than any fixed fleet of the same attainment."""
    found = rehearse("days", world.daily(10), world.STEP_S, FLEET, 0.95)
    assert found.rule.attainment > 0.98
    assert found.saving_vs_static > 0.2
    assert found.saving_vs_peak_static > 0.2
    assert found.static.attainment >= found.rule.attainment
    assert found.reactive.attainment >= found.rule.attainment
    assert math.isclose(found.saving_vs_static, 1 - found.rule.replica_hours / found.static.replica_hours)


def test_a_forecast_may_be_given(world: SimpleNamespace) -> None:
    """One that knows the future attains all of it, with fewer replica-hours than ours."""
    rates = world.daily(8, noise=0.3)
    ahead = lambda series, first: np.maximum(np.roll(series, -1), np.roll(series, -2))[first:]  # noqa: E731
    seer = rehearse("days", rates, world.STEP_S, FLEET, 0.95, forecast=ahead)
    ours = rehearse("days", rates, world.STEP_S, FLEET, 0.95)
    assert seer.rule.attainment > 0.995
    assert seer.coverage > 0.99
    assert seer.rule.attainment >= ours.rule.attainment
