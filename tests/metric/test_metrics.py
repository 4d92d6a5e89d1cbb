"""One definition per metric, and the law that would catch a wrong one."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.metric import energy, goodput, latency, unit_cost, usefulness, work
from breakeven.schema.policy import WorkCurve

seconds = st.floats(0, 1e4)
samples = st.lists(st.floats(0, 1e6), min_size=1, max_size=60).map(sorted)


@given(seconds, seconds, st.integers(2, 10_000))
def test_end_to_end_is_ttft_plus_the_gaps(first: float, gaps: float, tokens: int) -> None:
    """E2E = TTFT + TPOT x (output tokens - 1): the identity that defines TPOT."""
    total = first + gaps
    per_token = latency.tpot_s(total, first, tokens)
    assert per_token is not None
    assert first + per_token * (tokens - 1) == pytest.approx(total, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("tokens", [0, 1])
def test_one_token_has_no_gap(tokens: int) -> None:
    """TPOT does not exist for fewer than two output tokens."""
    assert latency.tpot_s(2.0, 1.0, tokens) is None


@given(seconds, seconds)
def test_ttft_counts_from_sending(sent: float, waited: float) -> None:
    """TTFT is the wait from sending to the first token, whenever the clock started."""
    assert latency.ttft_s(sent, sent + waited) == pytest.approx(waited, abs=1e-6)


@given(samples, st.floats(0, 1), st.floats(0, 1))
def test_percentiles_are_ordered_and_inside_the_sample(values: list[float], one: float, other: float) -> None:
    """A higher share never gives a lower percentile, and none leaves the range of the sample."""
    low, high = sorted((one, other))
    at_low, at_high = latency.percentile(values, low), latency.percentile(values, high)
    assert at_low is not None
    assert at_high is not None
    slack = 1e-9 * max(1.0, values[-1])
    assert values[0] - slack <= at_low <= at_high + slack
    assert at_high <= values[-1] + slack


@given(samples)
def test_the_middle_percentile_is_the_median(values: list[float]) -> None:
    """p50 equals the textbook median."""
    assert latency.percentile(values, 0.5) == pytest.approx(statistics.median(values), rel=1e-9, abs=1e-9)


def test_percentiles_interpolate_as_type_7() -> None:
    """Hyndman & Fan type 7: the 95th of 0..100 is 95, the 25th of two values lies a quarter between."""
    assert latency.percentile([float(n) for n in range(101)], 0.95) == 95.0
    assert latency.percentile([10.0, 20.0], 0.25) == 12.5


def test_an_empty_sample_has_no_percentile() -> None:
    """No data is None, never 0."""
    assert latency.percentile([], 0.5) is None


def test_a_share_outside_zero_and_one_is_refused() -> None:
    """A percentile of 95 instead of 0.95 is a mistake, and is told so."""
    with pytest.raises(ValueError, match=r"0\.\.1"):
        latency.percentile([1.0], 95)


@given(st.integers(0, 1000), st.integers(0, 1000), st.floats(0.001, 1e6))
def test_goodput_never_exceeds_throughput(inside: int, outside: int, span: float) -> None:
    """Goodput <= throughput, equal only when all is in budget."""
    good, all_of_it = goodput.goodput_rps(inside, span), goodput.goodput_rps(inside + outside, span)
    assert good is not None
    assert all_of_it is not None
    assert good <= all_of_it
    share = goodput.goodput_share(inside, inside + outside)
    assert share is None if inside + outside == 0 else 0 <= share <= 1


def test_goodput_of_nothing_is_unknown() -> None:
    """An empty span has no rate and no arrivals no share."""
    assert goodput.goodput_rps(5, 0.0) is None
    assert goodput.goodput_share(0, 0) is None


targets = st.none() | st.floats(0.01, 10)


@given(st.floats(0, 10), st.none() | st.floats(0, 10), st.none() | st.floats(0, 1), targets, targets, targets)
def test_a_looser_target_never_loses_a_prediction(
    total: float,
    first: float | None,
    per_token: float | None,
    budget: float | None,
    ttft: float | None,
    tpot: float | None,
) -> None:
    """What is in budget under strict targets stays in budget when any target is loosened or dropped."""

    def inside(factor: float | None) -> bool:
        loosened = [None if target is None or factor is None else target * factor for target in (budget, ttft, tpot)]
        return usefulness.in_budget(
            "answered",
            total_s=total,
            ttft_s=first,
            tpot_s=per_token,
            budget_s=loosened[0],
            ttft_target_s=loosened[1],
            tpot_target_s=loosened[2],
        )

    assert inside(1.0) <= inside(2.0) <= inside(None)


def in_budget(status: str = "answered", **changes: float | None) -> bool:
    given_values: dict[str, float | None] = {
        "total_s": 1.0,
        "ttft_s": 0.2,
        "tpot_s": 0.01,
        "budget_s": 1.0,
        "ttft_target_s": 0.2,
        "tpot_target_s": 0.01,
    }
    return usefulness.in_budget(status, **(given_values | changes))  # type: ignore[arg-type]


def test_each_target_binds() -> None:
    """Exactly at every target is inside; past any single one is outside."""
    assert in_budget()
    assert not in_budget(total_s=1.001)
    assert not in_budget(ttft_s=0.201)
    assert not in_budget(tpot_s=0.011)
    assert not in_budget(ttft_s=None)
    assert in_budget(tpot_s=None)


@pytest.mark.parametrize("status", ["refused", "failed", "cancelled"])
def test_what_was_not_delivered_is_not_in_budget(status: str) -> None:
    """Fast failure is not service."""
    assert not in_budget(status)


@pytest.mark.parametrize("status", ["answered", "cached", "fallback"])
def test_every_way_of_answering_counts_as_delivered(status: str) -> None:
    """A cached or fallback answer inside the budget is an answer."""
    assert in_budget(status)


def test_use_follows_the_rule_of_the_use_case() -> None:
    """delivered: being answered is use; exposure: being seen; outcome: acting; unmeasured: unknown, not false."""

    def used(rule: str, *, exposed: bool = False, outcome: bool = False, delivered: bool = True) -> bool | None:
        return usefulness.used(rule, delivered=delivered, exposed=exposed, outcome=outcome)  # type: ignore[arg-type]

    assert used("unmeasured", exposed=True, outcome=True) is None
    assert used("delivered") is True
    assert used("exposure") is False
    assert used("exposure", exposed=True) is True
    assert used("exposure", outcome=True) is True
    assert used("outcome", exposed=True) is False
    assert used("outcome", outcome=True) is True
    assert used("exposure", exposed=True, delivered=False) is False


@given(st.booleans(), st.booleans(), st.booleans() | st.none())
def test_useful_needs_all_of_its_parts(inside: bool, identified: bool, was_used: bool | None) -> None:
    """Useful = in budget and identified and used; unmeasurable use makes it unknown."""
    found = usefulness.useful(inside=inside, identified=identified, was_used=was_used)
    assert found == (None if was_used is None else all((inside, identified, was_used)))


@given(st.integers(-(10**30), 10**30), st.dictionaries(st.text(max_size=3), st.integers(0, 10**18), max_size=8))
def test_shares_sum_to_the_amount(amount: int, weights: dict[str, int]) -> None:
    """Splitting money loses and makes nothing, to the pico-dollar, whatever the weights."""
    parts = unit_cost.share_out(amount, weights)
    assert sum(parts.values()) == amount
    total = sum(weights.values())
    if total:
        for key, weight in weights.items():
            assert abs(parts[key] - amount * weight / total) <= max(1, abs(amount) * 1e-12)
    else:
        assert set(parts) <= {"unattributed"}


def test_unobserved_rows_leave_both_sides() -> None:
    """Cost per useful prediction = (cost - cost of unobserved rows) / useful."""
    assert unit_cost.cost_per_useful_usd(10**12, 4 * 10**11, 6) == pytest.approx(0.1)
    assert unit_cost.cost_per_useful_usd(10**12, 0, 0) is None
    assert unit_cost.cost_per_useful_usd(10**12, 0, None) is None


CURVE = WorkCurve(prefill_s_per_token=1e-4, tpot_s=((1.0, 0.01), (32.0, 0.02)), row_s=1e-6, request_s=1e-3)


def test_overlapping_requests_share_the_clock() -> None:
    """32 requests decoding together take together the wall time of one, not 32 times it."""
    each = work.work_s(CURVE, input_tokens=0, output_tokens=100, rows=0, in_flight=32)
    assert 32 * (each - CURVE.request_s) == pytest.approx(100 * 0.02)


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 1000), st.floats(1, 64))
def test_work_adds_over_its_parts(inputs: int, outputs: int, rows: int, batch: float) -> None:
    """Work = request + prefill + decode + rows, each on its own."""
    whole = work.work_s(CURVE, input_tokens=inputs, output_tokens=outputs, rows=rows, in_flight=batch)
    decode = outputs * work.tpot_at(CURVE, batch) / batch
    assert whole == pytest.approx(1e-3 + inputs * 1e-4 + decode + rows * 1e-6)


@given(st.floats(0, 1e4), st.integers(1, 64))
def test_requests_that_share_a_replica_share_its_time(duration: float, together: int) -> None:
    """Requests side by side for t seconds take t replica-seconds together, and one alone takes all of its own."""
    assert together * work.time_share_s(duration, together) == pytest.approx(duration)
    assert work.time_share_s(duration, 0.3) == duration


def test_tpot_is_linear_between_points_and_flat_outside() -> None:
    """The curve is interpolated, never extrapolated."""
    assert work.tpot_at(CURVE, 0.5) == 0.01
    assert work.tpot_at(CURVE, 16.5) == pytest.approx(0.015)
    assert work.tpot_at(CURVE, 500) == 0.02
    assert work.tpot_at(WorkCurve(), 3) == 0.0


def test_energy_and_carbon_use_their_units() -> None:
    """1 kW for an hour at PUE 1.2 is 1.2 kWh; at 400 g/kWh that is 480 g."""
    kwh = energy.energy_kwh(1000, 3600, pue=1.2)
    assert kwh == pytest.approx(1.2)
    assert energy.carbon_gco2(kwh, 400) == pytest.approx(480)
    assert energy.tokens_per_watt(700, 350) == 2
    assert energy.tokens_per_watt(700, 0) is None
