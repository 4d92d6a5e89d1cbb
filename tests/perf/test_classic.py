"""Batches of a classic model against the closed forms of queueing."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.errors import EvidenceError, UsageError
from breakeven.perf.classic import BatchCurve, fit_batches, predict_classic
from breakeven.schema.objective import Objective
from breakeven.schema.workload import Trace, Workload, pack

OBJECTIVE = Objective(use_case="homepage", budget_s=0.05, attainment=0.95)


def demand(rate, n=20_000, seed=5):
    """Poisson arrivals at exactly this rate."""
    arrivals = np.cumsum(np.random.default_rng(seed).exponential(1.0, n))
    arrivals = (arrivals - arrivals[0]) * (n / rate / (arrivals[-1] - arrivals[0]))
    ones = pack(np.ones(n))
    trace = Trace(name="p", arrival_s=pack(arrivals), input_tokens=ones, output_tokens=ones)
    workload = Workload(
        use_case="homepage", n=n, span_s=n / rate, rate_mean_rps=rate, rate_p95_rps=rate, rate_max_rps=rate,
        window_s=60.0, iat_cv=1.0, idc=1.0, shape="steady", input_tokens_mean=0.0, input_tokens_p50=0.0,
        input_tokens_p95=0.0, output_tokens_mean=0.0, output_tokens_p50=0.0, output_tokens_p95=0.0,
    )  # fmt: skip
    return workload, trace


def performance(curve, rate, replicas=1, objective=OBJECTIVE, n=20_000):
    workload, trace = demand(rate, n)
    return predict_classic(workload, objective, curve, deployment="onnx", replicas=replicas, trace=trace)


def mean_delay(found, rate):
    """Residence from Little's law."""
    return found.in_flight_mean / rate


def test_batches_of_one_are_a_queue_with_fixed_service() -> None:
    """Mean delay is S + rho S / (2 (1 - rho)), to 4 %."""
    service, rho = 0.01, 0.6
    found = performance(BatchCurve(base_s=service, request_s=0.0, max_batch=1), rho / service)
    assert found.rho == pytest.approx(rho)
    expected = service + rho * service / (2 * (1 - rho))
    assert mean_delay(found, rho / service) == pytest.approx(expected, rel=0.04)


@pytest.mark.parametrize("rho", [0.5, 0.7])
def test_batching_until_idle_meets_its_bound(rho) -> None:
    """Inoue: mean latency is about 1.5 t0 / (1 - rho) + (a / 2)(rho + 2) / (1 - rho^2) for t(b) = a b + t0; to 4 %."""
    a, t0 = 0.001, 0.01
    found = performance(BatchCurve(base_s=t0, request_s=a, max_batch=100_000), rho / a)
    bound = 1.5 * t0 / (1 - rho) + a / 2 * (rho + 2) / (1 - rho**2)
    assert mean_delay(found, rho / a) == pytest.approx(bound, rel=0.04)


def test_a_delay_fills_batches_and_costs_latency() -> None:
    """Waiting for company lengthens answers when nobody comes."""
    quick = BatchCurve(base_s=0.002, request_s=0.0001)
    patient = msgspec.structs.replace(quick, max_delay_s=0.02)
    rates = [performance(curve, 5.0, n=500).e2e_p95_s.value for curve in (quick, patient)]
    assert rates[1] == pytest.approx(rates[0] + 0.02, abs=0.003)


def test_more_replicas_and_a_looser_budget_never_hurt() -> None:
    """Goodput does not fall with a replica more, nor the highest rate with a longer budget (invariant 9)."""
    curve = BatchCurve(base_s=0.004, request_s=0.001, max_batch=16)
    shares = [performance(curve, 700.0, replicas, n=3000).goodput_share.value for replicas in (1, 2, 3)]
    assert shares == sorted(shares)
    budgets = [msgspec.structs.replace(OBJECTIVE, budget_s=seconds) for seconds in (0.02, 0.05, 0.2)]
    highest = [performance(curve, 100.0, objective=one, n=3000).max_goodput_rps.value for one in budgets]
    assert highest == sorted(highest)
    assert highest[-1] <= 16 / (0.004 + 0.016) * 1.1


def test_tokens_do_not_exist_and_overload_has_no_point() -> None:
    """TTFT and TPOT are unknown, and above the knee the delay is an interval."""
    found = performance(BatchCurve(base_s=0.01, request_s=0.0, max_batch=1, error_high=1.2), 97.0, n=2000)
    assert found.ttft_p50_s.value is None
    assert not found.stable
    assert found.e2e_p95_s.value is None
    assert found.e2e_p95_s.low < found.e2e_p95_s.high
    assert found.power_w.value is None


def test_power_follows_load() -> None:
    """Twice the load, twice the share above idle."""
    curve = BatchCurve(base_s=0.01, request_s=0.0, max_batch=1, power_idle_w=10.0, power_busy_w=50.0)
    watts = [performance(curve, rate, n=4000).power_w.value for rate in (20.0, 40.0)]
    assert watts[0] == pytest.approx(18.0, rel=0.02)
    assert watts[1] == pytest.approx(26.0, rel=0.02)


@given(st.floats(1e-5, 0.1), st.floats(1e-7, 1e-3))
def test_a_line_is_found_again(base, slope) -> None:
    """Exact measurements of t(b) give back a and b."""
    sizes = (1, 2, 8, 32)
    found = fit_batches(sizes, tuple(base + slope * size for size in sizes))
    assert found == pytest.approx((base, slope), rel=1e-4, abs=1e-9)


def test_a_line_needs_two_sizes() -> None:
    """One batch size is no line."""
    with pytest.raises(EvidenceError, match="1 batch size"):
        fit_batches((4, 4), (0.1, 0.11))


def test_nonsense_is_refused() -> None:
    """No replicas and no span are named."""
    workload, trace = demand(10.0, 100)
    curve = BatchCurve(base_s=0.01, request_s=0.0)
    with pytest.raises(UsageError, match="0 replicas"):
        predict_classic(workload, OBJECTIVE, curve, deployment="d", replicas=0, trace=trace)
    flat = msgspec.structs.replace(trace, arrival_s=pack([1.0] * 100))
    with pytest.raises(EvidenceError, match="spans 0 s"):
        predict_classic(workload, OBJECTIVE, curve, deployment="d", replicas=1, trace=flat)
