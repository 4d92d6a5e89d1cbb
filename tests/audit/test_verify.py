"""Each promise against what was measured: the rule, its direction, and when it must stay silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakeven.audit.actual import ACTUALS, Actual, of_cost
from breakeven.audit.verify import HIGHER_IS_BETTER, judge, verify
from breakeven.errors import UsageError
from breakeven.schema.finding import Verdict
from breakeven.schema.noun import Figure
from breakeven.schema.plan import Plan
from breakeven.schema.statement import Observation

Planned = Callable[..., Plan]
Seen = Callable[..., Observation]

MONEY = st.integers(1, 10**15)


def exact(value: float, unit: str = "s") -> Figure:
    return Figure(value=value, unit=unit, basis="derived", low=value, high=value)


@given(st.sampled_from(sorted(ACTUALS)), *[st.floats(0, 10) for _ in range(4)])
def test_the_verdict_follows_from_overlap_and_direction(metric: str, a: float, b: float, c: float, d: float) -> None:
    """Overlapping intervals came true; otherwise smaller is better, save for shares in budget."""
    low, high, actual_low, actual_high = *sorted((a, b)), *sorted((c, d))
    predicted = Figure(value=low, unit="", low=low, high=high)
    found = judge(metric, predicted, Actual(value=actual_low, low=actual_low, high=actual_high, n=99))
    if actual_low <= high and low <= actual_high:
        assert found == "came_true"
    else:
        above = actual_low > high
        assert found == ("better" if above == (metric in HIGHER_IS_BETTER) else "worse")


def test_findings_come_in_the_order_of_the_promises(planned: Planned, seen: Seen) -> None:
    """One finding each, none lost, none invented."""
    plan = planned(ttft_p95_s=exact(1.9), goodput_share=exact(0.9, "share"), tpot_p50_s=exact(1.0))
    findings = verify(plan, seen())
    assert [finding.metric for finding in findings] == ["ttft_p95_s", "goodput_share", "tpot_p50_s"]
    assert {finding.verdict for finding in findings} == {"came_true"}
    assert all(finding.plan_id == plan.id and finding.basis == "measured" for finding in findings)


@pytest.mark.parametrize(
    ("metric", "promised", "verdict"),
    [
        ("ttft_p50_s", 0.5, "worse"),
        ("ttft_p50_s", 5.0, "better"),
        ("goodput_share", 0.99, "worse"),
        ("goodput_share", 0.5, "better"),
        ("e2e_p95_s", 0.1, "worse"),
        ("cost_per_1000_in_budget_usd", 0.1, "worse"),
        ("cost_per_1000_in_budget_usd", 1.0, "better"),
    ],
)
def test_direction(planned: Planned, seen: Seen, metric: str, promised: float, verdict: Verdict) -> None:
    """Lower latency and cost are better, a higher share in budget is."""
    (finding,) = verify(planned(**{metric: exact(promised)}), seen())
    assert finding.verdict == verdict
    assert finding.low is not None
    assert finding.high is not None
    assert finding.actual is not None
    assert finding.low <= finding.actual <= finding.high


def test_the_cost_is_the_capacity_of_the_span_over_what_was_in_budget(seen: Seen) -> None:
    """0.1 USD of capacity for the span and 180 in budget: 0.1 / 180 x 1,000 USD."""
    found = of_cost(seen(), per=1000.0, useful=False)
    assert found.value == pytest.approx(1000 * 0.1 / 180)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kept=st.floats(0.1, 1.0), longer=st.floats(1.0, 5.0))
def test_a_holdout_and_idle_time_before_the_traffic_do_not_change_the_cost(
    seen: Seen, kept: float, longer: float
) -> None:
    """Compared at equal rate: with a part of the traffic, on capacity up for longer, the figure stays."""
    whole = of_cost(seen(in_budget=1800), per=1000.0, useful=False)
    part = seen(in_budget=round(1800 * kept), share=kept, up_s=100.0 * longer, capacity_pico_usd=round(1e11 * longer))
    found = of_cost(part, per=1000.0, useful=False)
    assert found.value == pytest.approx(whole.value, rel=0.01)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MONEY, st.integers(2, 9))
def test_cost_is_linear_in_money(seen: Seen, money: int, factor: int) -> None:
    """Twice the capacity price is twice the cost, interval included."""
    one = of_cost(seen(capacity_pico_usd=money), per=1.0, useful=False)
    many = of_cost(seen(capacity_pico_usd=money * factor), per=1.0, useful=False)
    for field in ("value", "low", "high"):
        assert getattr(many, field) == pytest.approx(factor * getattr(one, field))


def test_an_api_is_charged_by_request(seen: Seen) -> None:
    """Without capacity the charges count, whatever the share and the span."""
    found = of_cost(seen(capacity_pico_usd=0, cost_pico_usd=9 * 10**11, share=0.3), per=1000.0, useful=False)
    assert found.value == pytest.approx(1000 * 0.9 / 180)
    assert "per request" in found.note


def test_too_few_rows_are_no_evidence(planned: Planned, seen: Seen) -> None:
    """44 latencies for a p95, 19 requests for a share, 19 in budget for a cost: nothing is judged, and why is said."""
    figures = {"ttft_p95_s": exact(1.0), "goodput_share": exact(1.0), "cost_per_1000_in_budget_usd": exact(1.0)}
    few = seen(n=19, in_budget=19, ttft_s=tuple(float(at) for at in range(44)))
    findings = verify(planned(**figures), few)
    assert {finding.verdict for finding in findings} == {"not_enough_evidence"}
    assert ["45" in findings[0].note, "20" in findings[1].note, "20" in findings[2].note] == [True] * 3
    assert all(finding.low is None for finding in findings)


def test_nothing_seen_is_no_evidence(planned: Planned, seen: Seen) -> None:
    """An empty ledger judges no promise and divides by nothing."""
    empty = seen(n=0, answered=0, in_budget=0, span_s=0.0, up_s=0.0, ttft_s=(), tpot_s=(), total_s=(), useful=0)
    findings = verify(planned(**{metric: exact(1.0) for metric in ACTUALS}), empty)
    assert {finding.verdict for finding in findings} == {"not_enough_evidence"}


def test_unmeasured_use_is_not_measurable(planned: Planned, seen: Seen) -> None:
    """No event tells what was used, so no amount of traffic would."""
    (finding,) = verify(planned(cost_per_useful_prediction_usd=exact(1.0)), seen())
    assert (finding.verdict, finding.actual, finding.basis) == ("not_measurable", None, "unknown")
    (measured,) = verify(planned(cost_per_useful_prediction_usd=exact(0.1 / 120)), seen(useful=120))
    assert measured.verdict == "came_true"


def test_an_unknown_metric_is_not_measurable(planned: Planned, seen: Seen) -> None:
    """A promise from a later version does not stop the others from being checked."""
    first, second = verify(planned(happiness=exact(1.0), ttft_p50_s=exact(1.0)), seen())
    assert (first.verdict, second.verdict) == ("not_measurable", "came_true")


def test_a_point_promise_is_compared_with_the_actual_interval(planned: Planned, seen: Seen) -> None:
    """Without a predicted interval the point must lie inside; without a point nothing is judged."""
    point = Figure(value=1.0, unit="s")
    assert verify(planned(ttft_p50_s=point), seen())[0].verdict == "came_true"
    assert verify(planned(ttft_p50_s=Figure(value=None, unit="s")), seen())[0].verdict == "not_enough_evidence"


def test_the_wrong_deployment_is_refused_by_name(planned: Planned, seen: Seen) -> None:
    """The message names what was seen and what was promised."""
    with pytest.raises(UsageError, match="assistant on a100; it does about assistant on h100"):
        verify(planned(ttft_p50_s=exact(1.0)), seen(deployment="a100"))


def test_emulated_and_partial_traffic_are_said(planned: Planned, seen: Seen) -> None:
    """A reader sees what the measurement is worth."""
    (finding,) = verify(planned(ttft_p50_s=exact(1.0)), seen(emulated=True, share=0.8))
    assert "emulated" in finding.note
    assert "80%" in finding.note


def test_every_verdict_can_be_reached() -> None:
    """The five words of the schema are the five this rule uses."""
    reached = {"came_true", "better", "worse", "not_enough_evidence", "not_measurable"}
    assert set(get_args(Verdict)) == reached
