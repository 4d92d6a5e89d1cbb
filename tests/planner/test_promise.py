"""What is promised can be measured, and a period that goes as planned keeps the promise."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakeven.audit.actual import ACTUALS
from breakeven.audit.verify import verify
from breakeven.planner.candidate import Candidate
from breakeven.planner.choose import choose
from breakeven.planner.evaluate import evaluate
from breakeven.planner.promise import cost_figure, rate_error
from breakeven.planner.question import Question
from breakeven.quantity import SECONDS_PER_MONTH, pico_from_usd
from breakeven.schema.fact import Fact
from breakeven.schema.noun import Figure
from breakeven.schema.plan import Plan
from breakeven.schema.statement import Observation

relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)


@pytest.fixture
def planned(
    question: Callable[..., Question], candidate: Callable[..., Candidate], world: type, facts: tuple[Fact, ...]
) -> Callable[..., Plan]:
    def make(**asked: object) -> Plan:
        one = question(**asked)
        scales = world(one, {"a": 9.0}, {"a": 3.0})
        found = evaluate(candidate("a"), one, predict=scales.predict, price=scales.price)
        return choose([found], one, facts, as_of="2026-11-24", seed=1)

    return make


def as_planned(plan: Plan, *, seconds: float, share: float, useful: bool) -> Observation:
    """A period in which everything went as the plan says."""
    option, rate = plan.options[0], plan.workload.rate_mean_rps
    n = round(rate * seconds * share)
    inside = round(n * option.performance.goodput_share.value)
    capacity = option.monthly_cost_usd / SECONDS_PER_MONTH * seconds * 1.5
    return Observation(
        use_case="assistant",
        deployment="a",
        plan_id=plan.id,
        n=n,
        answered=n,
        in_budget=inside,
        useful=round(inside * 0.5) if useful else None,
        span_s=seconds,
        up_s=seconds * 1.5,
        cost_pico_usd=0,
        capacity_pico_usd=pico_from_usd(capacity),
        ttft_s=tuple(0.1 for _ in range(n)),
        tpot_s=tuple(0.02 for _ in range(n)),
        total_s=tuple(4.0 for _ in range(n)),
        emulated=True,
        share=share,
    )


@relaxed
@given(seconds=st.floats(60, 3600), share=st.floats(0.3, 1.0), useful=st.booleans())
def test_a_period_as_planned_keeps_the_cost_promise(
    planned: Callable[..., Plan], seconds: float, share: float, useful: bool
) -> None:
    """Whatever its length, with a holdout, and with capacity up before the traffic came."""
    plan = planned(used_share=0.5 if useful else None)
    findings = {
        finding.metric: finding
        for finding in verify(plan, as_planned(plan, seconds=seconds, share=share, useful=useful))
    }
    cost = findings["cost_per_1000_in_budget_usd"]
    assert cost.verdict == "came_true"
    assert cost.actual == pytest.approx(cost.predicted, rel=0.05)
    assert ("cost_per_useful_prediction_usd" in findings) == useful
    if useful:
        assert findings["cost_per_useful_prediction_usd"].verdict == "came_true"


def test_every_promise_can_be_measured(planned: Callable[..., Plan]) -> None:
    """No metric is promised that the audit does not know."""
    promised = {promise.metric for promise in planned(used_share=0.5).promises}
    assert promised <= set(ACTUALS)
    assert {"cost_per_1000_in_budget_usd", "ttft_p50_s", "ttft_p95_s", "tpot_p50_s", "goodput_share"} <= promised


def test_the_promised_cost_is_the_month_over_the_predictions_in_budget(planned: Callable[..., Plan]) -> None:
    """1,000 x month / (requests a month x share in budget), the point inside its interval."""
    plan = planned()
    option = plan.options[0]
    figure = plan.promises[0].predicted
    share = option.performance.goodput_share.value
    expected = 1000 * option.monthly_cost_usd / (plan.workload.rate_mean_rps * SECONDS_PER_MONTH * share)
    assert figure.value == pytest.approx(expected)
    assert figure.low < figure.value < figure.high
    assert "fact/price" in figure.facts


def test_burstier_demand_makes_a_wider_promise(question: Callable[..., Question]) -> None:
    """The error of a mean rate grows with dispersion and falls with the number of requests seen."""
    calm, bursty = question(workload={"idc": 1.0}), question(workload={"idc": 9.0})
    assert rate_error(bursty.workload) == pytest.approx(3 * rate_error(calm.workload))
    assert rate_error(question(workload={"n": 1600}).workload) == pytest.approx(rate_error(calm.workload) / 2)
    assert rate_error(question(workload={"n": 0}).workload) == 0.0


def test_unmeasured_use_promises_no_cost_per_useful_prediction(planned: Callable[..., Plan]) -> None:
    """What no event can tell is not promised."""
    metrics = {promise.metric for promise in planned().promises}
    assert "cost_per_useful_prediction_usd" not in metrics


@relaxed
@given(low=st.floats(0.0, 0.8))
def test_a_lower_share_never_narrows_the_promised_cost(planned: Callable[..., Plan], low: float) -> None:
    """Also where none may come in time: that is the dearest end there is, not an unknown one."""
    plan = planned()
    option = plan.options[0]

    def dearest(least: float) -> float:
        share = Figure(value=0.9, unit="share", low=least, high=1.0)
        return cost_figure(option, plan.workload, share, per=1.0).high or 0.0

    assert dearest(0.0) >= dearest(low) >= dearest(0.8) > 0.0
