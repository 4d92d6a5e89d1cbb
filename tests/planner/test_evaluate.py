"""A candidate becomes an option: enough replicas, the right bill, and no price for what misses its targets."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakeven.planner.binding import UNMEASURED, UNMEASURED_API, commonest, constraint
from breakeven.planner.candidate import Candidate
from breakeven.planner.evaluate import evaluate
from breakeven.planner.question import Question
from breakeven.quantity import SECONDS_PER_MONTH
from breakeven.schema.plan import Option

relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def weigh(candidate: Candidate, question: Question, world: object) -> Option:
    return evaluate(candidate, question, predict=world.predict, price=world.price)


@relaxed
@given(speed=st.floats(0.3, 50), rate=st.floats(0.1, 30))
def test_the_replicas_carry_the_p95_of_the_demand(
    question: Callable[..., Question], candidate: Callable[..., Candidate], world: type, speed: float, rate: float
) -> None:
    """At the objective's attainment, and their share in budget meets it."""
    asked = question(workload={"rate_mean_rps": rate, "rate_p95_rps": rate * 1.5})
    found = weigh(candidate("a"), asked, world(asked, {"a": speed}, {"a": 1.0}))
    assert found.feasible
    assert found.performance is not None
    sustained = found.performance.max_goodput_rps.value or 0.0
    assert found.deployment.replicas * sustained >= rate * 1.5 - 1e-6
    assert (found.useful_share or 0.0) >= asked.objective.attainment


@relaxed
@given(speed=st.floats(0.3, 50), rate=st.floats(0.1, 30), margins=st.tuples(st.floats(0, 2), st.floats(0, 2)))
def test_more_margin_never_takes_fewer_replicas(
    question: Callable[..., Question],
    candidate: Callable[..., Candidate],
    world: type,
    speed: float,
    rate: float,
    margins: tuple[float, float],
) -> None:
    """Nor costs less; and what serves carries the 95th percentile and the margin over it."""
    found = []
    for margin in sorted(margins):
        asked = question(workload={"rate_mean_rps": rate, "rate_p95_rps": rate * 1.5}, margin=margin)
        found.append(weigh(candidate("a"), asked, world(asked, {"a": speed}, {"a": 1.0})))
        assert found[-1].capacity.headroom >= 1 - 1e-9
        assert found[-1].capacity.needed_rps == pytest.approx(rate * 1.5 * (1 + margin))
    less, more = found
    assert less.deployment.replicas <= more.deployment.replicas
    assert less.monthly_cost_usd <= more.monthly_cost_usd


def test_the_unit_cost_is_the_month_over_what_was_useful(
    question: Callable[..., Question], candidate: Callable[..., Candidate], world: type
) -> None:
    """Monthly cost / (monthly requests x share in budget x measured share used)."""
    asked = question(used_share=0.25)
    found = weigh(candidate("a"), asked, world(asked, {"a": 20.0}, {"a": 2.0}))
    assert found.monthly_cost_usd is not None
    share = found.performance.goodput_share.value * 0.25
    assert found.useful_share == pytest.approx(share)
    expected = found.monthly_cost_usd / (4.0 * SECONDS_PER_MONTH * share)
    assert found.cost_per_useful_prediction_usd == pytest.approx(expected)


@relaxed
@given(rate=st.floats(5, 60), speed=st.floats(0.4, 1.5))
def test_no_other_number_of_replicas_is_cheaper(
    question: Callable[..., Question], candidate: Callable[..., Candidate], world: type, rate: float, speed: float
) -> None:
    """By brute force over 40 more: where a replica pays for itself by what it brings into budget, it is added."""
    asked = question(workload={"rate_mean_rps": rate, "rate_p95_rps": rate})
    scales = world(asked, {"a": speed}, {"a": 1.0})
    found = weigh(candidate("a"), asked, scales)
    first = math.ceil(rate / scales.sustained("a") - 1e-9)
    sizes = [(n, scales.predict(candidate("a"), n)) for n in range(first, first + 40)]
    meets = [(n, speed) for n, speed in sizes if speed.stable and speed.goodput_share.value >= 0.95]
    costs = [n * 730.0 / (rate * SECONDS_PER_MONTH * speed.goodput_share.value) for n, speed in meets]
    assert found.cost_per_useful_prediction_usd == pytest.approx(min(costs))


def test_spares_are_paid_for_and_carry_no_promise(
    question: Callable[..., Question], candidate: Callable[..., Candidate], world: type
) -> None:
    """N+1 has one replica more at the speed of N."""
    plain, spare = question(), question(spare_replicas=1)
    without = weigh(candidate("a"), plain, world(plain, {"a": 20.0}, {"a": 1.0}))
    extra = weigh(candidate("a"), spare, world(spare, {"a": 20.0}, {"a": 1.0}))
    assert extra.deployment.replicas == without.deployment.replicas + 1
    assert extra.performance == without.performance


def test_a_standing_deployment_keeps_its_replicas(
    question: Callable[..., Question], candidate: Callable[..., Candidate], world: type
) -> None:
    """Neither grown when it is too small, nor shrunk when it is too large."""
    asked = question()
    large = weigh(candidate("a", fixed=True, replicas=9), asked, world(asked, {"a": 20.0}, {"a": 1.0}))
    assert (large.deployment.replicas, large.feasible) == (9, True)
    small = weigh(candidate("a", fixed=True, replicas=1), asked, world(asked, {"a": 3.0}, {"a": 1.0}))
    assert (small.deployment.replicas, small.feasible, small.cost_per_useful_prediction_usd) == (1, False, None)
    assert small.monthly_cost_usd == pytest.approx(730.0)


@pytest.mark.parametrize(
    ("placement", "changes", "asked", "binding"),
    [
        ("api", {}, {}, UNMEASURED_API),
        ("cpu", {}, {}, UNMEASURED),
        ("cloud", {"binding": "memory: 140 GB do not fit 80 GB"}, {}, "memory: 140 GB do not fit 80 GB"),
        ("cloud", {}, {"placements": ("on_prem",)}, "placement not allowed: cloud is not one of on_prem"),
        ("cloud", {"region": "us"}, {"regions": ("eu",)}, "region not allowed: us is not one of eu"),
    ],
)
def test_what_is_excluded_says_why_and_has_no_unit_cost(
    question: Callable[..., Question],
    candidate: Callable[..., Candidate],
    world: type,
    placement: str,
    changes: dict[str, object],
    asked: dict[str, object],
    binding: str,
) -> None:
    """Invariant 12, with the binding constraint; nothing is simulated for it."""
    one = question(**asked)
    scales = world(one, {"a": 9.0}, {"a": 1.0})
    found = weigh(candidate("a", placement, **changes), one, scales)
    assert (found.feasible, found.binding, found.cost_per_useful_prediction_usd) == (False, binding, None)
    assert found.useful_share is None
    assert scales.asked == 0


def test_an_api_without_latency_targets_is_feasible(
    question: Callable[..., Question], candidate: Callable[..., Candidate], world: type
) -> None:
    """Nobody asked how fast it is."""
    asked = question(ttft_s=None)
    found = weigh(candidate("a", "api"), asked, world(asked, {}, {"a": 1.0}))
    assert found.feasible
    assert found.performance is None


def test_measured_speed_stands_in_for_a_curve(
    question: Callable[..., Question], candidate: Callable[..., Candidate], world: type
) -> None:
    """An API or a classic model whose latency was observed is weighed like any other."""
    asked = question()
    scales = world(asked, {"a": 9.0}, {"a": 1.0})
    speed = scales.predict(candidate("a"), 2)
    assert weigh(candidate("a", "api", measured=speed), asked, scales).feasible
    slow = scales.predict(candidate("a"), 1)
    refused = weigh(candidate("a", "cpu", measured=slow), question(attainment=0.99999), scales)
    assert not refused.feasible
    assert constraint(refused.binding) == "goodput"


def test_an_unpriced_option_is_infeasible_and_has_no_month(
    question: Callable[..., Question], candidate: Callable[..., Candidate], world: type
) -> None:
    """Unpriced is a state, never zero."""
    asked = question()
    found = weigh(candidate("a"), asked, world(asked, {"a": 9.0}, {}))
    assert (found.feasible, found.monthly_cost_usd) == (False, None)
    assert found.binding == "unpriced: price per hour"


def test_too_slow_at_any_size_names_the_target(
    question: Callable[..., Question], candidate: Callable[..., Candidate], world: type
) -> None:
    """What an idle deployment still misses is the constraint, with both values."""
    asked = question(ttft_s=0.0)
    found = weigh(candidate("a"), asked, world(asked, {"a": 9.0}, {"a": 1.0}))
    assert not found.feasible
    assert found.binding.startswith(("ttft p95: ", "goodput: "))


def test_the_commonest_constraint_is_counted_by_kind() -> None:
    """Values differ, the kind is what can be acted on; ties go by name."""
    assert commonest(["ttft p95: 2 s > 1 s", "memory: a", "ttft p95: 3 s > 1 s", ""]) == "ttft p95"
    assert commonest(["memory: a", "goodput: b"]) == "goodput"
    assert commonest([]) == ""
