"""Predictions: intervals from measured errors, no point near saturation, and the laws of capacity."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import EvidenceError
from breakeven.perf.attain import highest_scale, share_in_budget
from breakeven.perf.coefficients import Errors, Residuals
from breakeven.perf.effects import errors
from breakeven.perf.predict import Options, predict
from breakeven.perf.prior import PRIOR
from breakeven.perf.simulate import simulate
from breakeven.schema.noun import Figure
from breakeven.schema.objective import Objective
from breakeven.schema.performance import StepCurve
from breakeven.schema.workload import Trace, Workload, pack

CURVE = StepCurve(
    prefill_s_per_token=3e-5, step_base_s=0.012, step_per_sequence_s=5e-5, step_per_context_s=1e-7, max_sequences=64,
    kv_tokens=60_000, power_idle_w=105.0, power_busy_w=441.0, request_s=0.008,
)  # fmt: skip
SHIPPED = errors(PRIOR)
OBJECTIVE = Objective(use_case="assistant", ttft_s=0.5, tpot_s=0.04, attainment=0.95)


def demand(rate, n=200, seed=3):
    """A trace of Poisson arrivals and the workload that describes it."""
    rng = np.random.default_rng(seed)
    gaps = rng.exponential(1 / rate, n)
    arrivals = (np.cumsum(gaps) - gaps[0]) * (n / rate / (gaps.sum() - gaps[0]))
    prompt, answer = rng.integers(100, 1500, n), rng.integers(10, 300, n)
    trace = Trace(name="p", arrival_s=pack(arrivals), input_tokens=pack(prompt), output_tokens=pack(answer))
    workload = Workload(
        use_case="assistant", n=n, span_s=n / rate, rate_mean_rps=rate, rate_p95_rps=rate, rate_max_rps=rate,
        window_s=60.0, iat_cv=1.0, idc=1.0, shape="steady", input_tokens_mean=float(prompt.mean()),
        input_tokens_p50=800.0, input_tokens_p95=1400.0, output_tokens_mean=float(answer.mean()),
        output_tokens_p50=155.0, output_tokens_p95=285.0,
    )  # fmt: skip
    return workload, trace


def performance(rate, replicas=1, objective=OBJECTIVE, **more):
    workload, trace = demand(rate)
    return predict(workload, objective, CURVE, deployment="d", replicas=replicas, trace=trace, **more)


def figures(found):
    return {
        name: value
        for name in found.__struct_fields__
        if isinstance(value := getattr(found, name), Figure) and value.unit != "W"
    }


@settings(max_examples=20, deadline=None)
@given(st.floats(0.5, 4.0), st.integers(1, 3))
def test_every_figure_can_say_where_it_comes_from(rate, replicas) -> None:
    """Each has a basis, words for how, and an interval around its point (invariant 11)."""
    for figure in figures(performance(rate, replicas)).values():
        assert figure.basis == "derived"
        assert figure.how
        assert figure.low <= figure.high
        assert figure.value is None or figure.low <= figure.value <= figure.high


def test_near_saturation_there_is_no_point() -> None:
    """Above 90 % of capacity latencies are intervals, and the result says "unstable"."""
    calm, full = performance(1.0), performance(16.0)
    assert calm.stable
    assert calm.ttft_p95_s.value is not None
    assert full.rho > 0.9
    assert not full.stable
    assert "unstable" in full.note
    for name in ("ttft_p50_s", "ttft_p95_s", "tpot_p95_s", "e2e_p95_s"):
        assert getattr(full, name).value is None
        assert getattr(full, name).high > getattr(full, name).low


def test_the_interval_is_the_measured_error() -> None:
    """Alone on the replica, TPOT's interval is the point times the quantiles of the residuals."""
    found = performance(0.02).tpot_p50_s
    assert found.low == pytest.approx(found.value * np.exp(SHIPPED.tpot.log_low), rel=0.02)
    assert found.high == pytest.approx(found.value * np.exp(SHIPPED.tpot.log_high), rel=0.02)


def test_what_is_sustained_errs_as_throughput_did() -> None:
    """The highest rate's interval is the point times the quantiles of measured over predicted throughput."""
    found = performance(1.0).max_goodput_rps
    assert found.low == pytest.approx(found.value * np.exp(SHIPPED.throughput.log_low))
    assert found.high == pytest.approx(found.value * np.exp(SHIPPED.throughput.log_high))


def test_no_error_no_interval() -> None:
    """Coefficients without residuals give points."""
    none = Residuals(n=1, mape=0.0, median=0.0, p90=0.0, log_low=0.0, log_high=0.0)
    found = performance(1.0, options=Options(errors=Errors(tpot=none, ttft=none, throughput=none)))
    for figure in figures(found).values():
        assert figure.low == pytest.approx(figure.value)
        assert figure.high == pytest.approx(figure.value)


@settings(max_examples=15, deadline=None)
@given(st.floats(1.0, 14.0))
def test_more_replicas_never_lower_goodput(rate) -> None:
    """Adding a replica never makes fewer requests meet their targets (invariant 9)."""
    shares = [performance(rate, replicas).goodput_share.value for replicas in (1, 2, 3, 4)]
    assert shares == sorted(shares)


@settings(max_examples=10, deadline=None)
@given(st.floats(0.2, 1.0), st.floats(0.02, 0.06))
def test_a_looser_target_never_lowers_what_is_sustained(ttft, tpot) -> None:
    """Twice the time allowed never lowers the highest rate (invariant 9)."""
    tight = Objective(use_case="a", ttft_s=ttft, tpot_s=tpot)
    loose = Objective(use_case="a", ttft_s=2 * ttft, tpot_s=2 * tpot)
    rates = [performance(1.0, objective=one).max_goodput_rps.value for one in (tight, loose)]
    assert rates[0] <= rates[1] * 1.02


def test_the_highest_rate_is_met_and_no_higher_one() -> None:
    """At the rate found the attainment is kept; a tenth above it is not."""
    _, trace = demand(1.0)
    scale = highest_scale(trace, CURVE, OBJECTIVE, start=2.0)
    assert share_in_budget(simulate(trace, CURVE, 1, scale=scale), OBJECTIVE) >= OBJECTIVE.attainment
    assert share_in_budget(simulate(trace, CURVE, 1, scale=scale * 1.1), OBJECTIVE) < OBJECTIVE.attainment


def test_a_target_nothing_meets_sustains_nothing() -> None:
    """A TTFT below one step is met at no rate: the answer is 0, not an error."""
    found = performance(1.0, objective=Objective(use_case="a", ttft_s=0.001))
    assert found.max_goodput_rps.value == 0.0
    assert found.goodput_share.value == 0.0


def test_without_targets_capacity_is_what_is_sustained() -> None:
    """No target set: the saturated rate, and the words say so."""
    found = performance(1.0, objective=Objective(use_case="a"))
    assert found.max_goodput_rps.value == pytest.approx(1.0 / found.rho)
    assert "no target" in found.max_goodput_rps.how


def test_the_workload_sets_the_rate_and_the_trace_the_pattern() -> None:
    """Doubling the workload's rate on the same trace is the same as doubling the trace's own rate."""
    workload, trace = demand(1.5)
    doubled = msgspec.structs.replace(workload, rate_mean_rps=3.0)
    faster = msgspec.structs.replace(trace, arrival_s=pack(at / 2 for at in trace.column("arrival_s")))
    runs = [
        predict(doubled, OBJECTIVE, CURVE, deployment="d", replicas=1, trace=one).ttft_p95_s.value
        for one in (trace, faster)
    ]
    assert runs[0] == pytest.approx(runs[1], rel=1e-6)


def test_same_inputs_same_bytes() -> None:
    """A prediction is a function of its inputs (invariant 7)."""
    assert msgspec.json.encode(performance(2.0)) == msgspec.json.encode(performance(2.0))


def test_power_lies_between_idle_and_busy() -> None:
    """The mean follows the time spent in steps; without a rating it is unknown, not 0."""
    found = performance(2.0, replicas=2).power_w
    assert 2 * 105 < found.value < 2 * 441
    assert found.low <= found.value <= found.high
    workload, trace = demand(1.0)
    curve = msgspec.structs.replace(CURVE, power_idle_w=None)
    assert predict(workload, OBJECTIVE, curve, deployment="d", replicas=1, trace=trace).power_w.value is None


@pytest.mark.parametrize("times", [[], [1.0], [2.0, 2.0]])
def test_a_trace_without_a_rate_is_not_enough(times) -> None:
    """Fewer than two instants say nothing about load; the error names the trace and what it holds."""
    workload, _ = demand(1.0)
    ones = pack([1.0] * len(times))
    trace = Trace(name="thin", arrival_s=pack(times), input_tokens=ones, output_tokens=ones)
    with pytest.raises(EvidenceError, match=f"'thin' has {len(times)} requests"):
        predict(workload, OBJECTIVE, CURVE, deployment="d", replicas=1, trace=trace)
