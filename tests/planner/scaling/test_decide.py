"""One decision from what was seen: pure, bounded, up at once, down when calm."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.planner.scaling.ahead import quantile_rps
from breakeven.planner.scaling.decide import Observation, State, decide, floor_at
from breakeven.planner.scaling.rule import make_rule
from breakeven.schema.scaling import Decision, ScalingRule

LOOKS = st.lists(st.tuples(st.floats(1, 900), st.floats(0, 500), st.integers(0, 300)), min_size=1, max_size=20)


@pytest.fixture(scope="session")
def plain(world: SimpleNamespace) -> ScalingRule:
    """Fitted to four days, without floors by hour."""
    series = world.daily(4)
    return make_rule(world.ask(least=2, most=40), world.demand(series, None), mean_rps=1.0, p95_rps=1.0)


def walk(rule: ScalingRule, looks: list[tuple[float, float, int]]) -> list[Decision]:
    """Decisions at looks that far apart, at such rates, with so many in flight."""
    state, now, asked, found = State(), 1e9, 0.0, []
    state, _ = decide(rule, state, Observation(ended=asked), now)
    for apart_s, rate, in_flight in looks:
        now, asked = now + apart_s, asked + apart_s * rate
        state, decision = decide(rule, state, Observation(ended=asked, in_flight=in_flight), now)
        found.append(decision)
    return found


@given(looks=LOOKS)
def test_decisions_are_bounded_and_cover_the_demand_of_now(plain: ScalingRule, looks: list) -> None:
    """Between least and most; enough for the last window's rate and for what is in flight, unless that is the most."""
    for (_, _, in_flight), one in zip(looks, walk(plain, looks), strict=True):
        assert plain.least <= one.wish <= one.replicas <= plain.most
        assert one.replicas == plain.most or one.replicas * 10.0 >= one.demand_rps - 1e-6
        assert one.replicas == plain.most or one.replicas * 25.0 >= in_flight - 1e-6


@given(looks=LOOKS)
def test_fewer_only_after_calm(plain: ScalingRule, looks: list) -> None:
    """Whenever replicas go, nobody wished for more than those left in the time before."""
    found = walk(plain, looks)
    for at, one in enumerate(found):
        held = [other.wish for other in found[: at + 1] if other.at_s > one.at_s - plain.stabilisation_s]
        assert one.replicas >= max(held) or one.replicas >= found[at - 1].replicas
        if at and one.replicas < found[at - 1].replicas:
            assert one.replicas == max(held)


@given(looks=LOOKS)
def test_replay_decides_alike(plain: ScalingRule, looks: list) -> None:
    """The same observations, the same decisions: nothing but its arguments counts."""
    assert walk(plain, looks) == walk(plain, looks)


def test_the_demand_ahead_is_the_formula_of_the_rule(world: SimpleNamespace, plain: ScalingRule) -> None:
    """A loop that looks at every window says what the whole series says."""
    rates = world.daily(3, seed=5)
    found = walk(plain, [(world.STEP_S, float(rate), 0) for rate in rates])
    for at in (1, 50, 200, len(rates) - 1):
        assert found[at].ahead_rps == pytest.approx(quantile_rps(plain.ahead, rates[: at + 1]), rel=1e-6)


def test_looks_finer_than_windows_add_up(world: SimpleNamespace, plain: ScalingRule) -> None:
    """Ten looks a window know the same windows as one; a day and an hour of them are kept."""
    rates = world.daily(3, seed=5)
    state, now, asked = State(), 1e9, 0.0
    state, _ = decide(plain, state, Observation(ended=0), now)
    for rate in rates:
        for _ in range(10):
            now, asked = now + world.STEP_S / 10, asked + rate * world.STEP_S / 10
            state, _ = decide(plain, state, Observation(ended=asked), now)
    assert np.allclose(state.rates, rates[-len(state.rates) :])
    assert len(state.rates) == world.PER_DAY + 7


def test_the_first_look_decides_nothing_and_a_reset_counter_counts_from_zero(plain: ScalingRule) -> None:
    """No rate is made up, and none is negative."""
    state, first = decide(plain, State(), Observation(ended=5e6), 100.0)
    assert first is None
    state, after = decide(plain, state, Observation(ended=600), 160.0)
    assert after.demand_rps == pytest.approx(10.0)
    assert decide(plain, state, Observation(ended=700), 160.0)[1] is None


@given(rates=st.lists(st.floats(0, 500), min_size=10, max_size=40))
def test_the_demand_of_now_is_that_of_the_last_window(plain: ScalingRule, rates: list[float]) -> None:
    """At looks a minute apart: the mean of the last ten minutes, whatever was before."""
    found = walk(plain, [(60.0, rate, 0) for rate in rates])
    assert found[-1].demand_rps == pytest.approx(sum(rates[-10:]) / 10, abs=1e-6)


@given(waiting=st.lists(st.integers(0, 400), min_size=3, max_size=20))
def test_requests_count_when_they_come_and_not_when_they_end(plain: ScalingRule, waiting: list[int]) -> None:
    """However many of 20 requests/s are still in flight at a look, the demand is 20 requests/s."""
    state, _ = decide(plain, State(), Observation(ended=1000.0), 1e9)
    for at, in_flight in enumerate(waiting, start=1):
        seen = Observation(ended=max(0.0, 1000.0 + at * 1200 - in_flight), in_flight=in_flight)
        state, one = decide(plain, state, seen, 1e9 + 60 * at)
        assert one.demand_rps == pytest.approx(20.0)


def test_a_loop_that_starts_anew_with_known_rates_is_calm(plain: ScalingRule) -> None:
    """One busy minute is a tenth of the window: the other nine are as the window before."""
    state, _ = decide(plain, State(rates=(10.0,) * 200, replicas=2), Observation(ended=0.0), 1e9)
    _, one = decide(plain, state, Observation(ended=1200.0), 1e9 + 60)
    assert one.demand_rps == pytest.approx(0.9 * 10 + 0.1 * 20)


def test_what_is_beyond_bursts(plain: ScalingRule) -> None:
    """40 replicas serve 400 requests/s; the rest is named."""
    [one] = walk(plain, [(60.0, 500.0, 0)])
    assert (one.replicas, one.burst_rps) == (40, pytest.approx(100.0))
    assert "40 at most" in one.reason


def test_the_hour_s_floor_holds_when_nobody_asks(rule, world: SimpleNamespace) -> None:
    """At night with no demand at all there are the replicas that the night all but surely needs."""
    found = rule()
    noon = world.MONDAY + 15 * 3600
    state, _ = decide(found, State(), Observation(ended=0), noon)
    _, one = decide(found, state, Observation(ended=0), noon + 60)
    assert one.replicas == floor_at(found, noon) == found.schedule[15].least
    assert one.reason == "the hour's floor"
