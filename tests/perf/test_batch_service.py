"""Servers that work in batches: conservation, closed forms, stability, and what is a theorem about faster and more."""

import itertools
import math
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import EvidenceError, InfeasibleError
from breakeven.measure.rows import rows
from breakeven.perf.batch_curve import BatchCurve, batch_s, line_of, of_rows
from breakeven.perf.batch_service import mean_delay_s, serve, waiting_s
from breakeven.perf.classic import capacity_rps, choose, predict_classic
from breakeven.schema.load import LoadPoint, LoadReport, Spread
from breakeven.schema.objective import Objective
from breakeven.schema.workload import Trace, Workload, pack

MEASURED = ((1.0, 0.004), (4.0, 0.006), (16.0, 0.012), (64.0, 0.040))
N = 400_000

arrivals = st.lists(st.floats(0, 0.05), min_size=1, max_size=150).map(np.cumsum)
curves = st.builds(
    BatchCurve,
    base_s=st.floats(1e-4, 0.05),
    request_s=st.floats(0, 0.01),
    points=st.sampled_from([(), MEASURED, MEASURED[:1]]),
    max_batch=st.integers(1, 40),
    max_delay_s=st.sampled_from([0.0, 0.0, 0.003, 0.04]),
)


def poisson(rate, n=N, seed=11):
    return np.cumsum(np.random.default_rng(seed).exponential(1 / rate, n))


def demand(rate, n=4000):
    at = poisson(rate, n)
    at = (at - at[0]) * (n / rate / (at[-1] - at[0]))
    ones = pack(np.ones(n))
    workload = Workload(
        use_case="homepage", n=n, span_s=n / rate, rate_mean_rps=rate, rate_p95_rps=rate, rate_max_rps=rate,
        window_s=60.0, iat_cv=1.0, idc=1.0, shape="steady", input_tokens_mean=0.0, input_tokens_p50=0.0,
        input_tokens_p95=0.0, output_tokens_mean=0.0, output_tokens_p50=0.0, output_tokens_p95=0.0,
    )  # fmt: skip
    return workload, Trace(name="p", arrival_s=pack(at), input_tokens=ones, output_tokens=ones)


def objective(budget_s):
    return Objective(use_case="homepage", budget_s=budget_s, attainment=0.95)


@given(arrivals, curves)
def test_every_request_is_answered_once_in_order_and_no_server_does_two_things_at_once(at, curve) -> None:
    """Batches hold all requests and at most `max_batch`; each starts after its requests came and the last one ended."""
    run = serve(at, curve)
    assert run.sizes.sum() == len(at)
    assert run.sizes.min() >= 1
    assert run.sizes.max() <= curve.max_batch
    firsts = np.cumsum(run.sizes) - run.sizes
    ends = (at + run.delays)[firsts]
    begins = ends - batch_s(curve, run.sizes)
    assert np.all(begins >= at[firsts + run.sizes - 1] - 1e-9)
    assert np.all(begins[1:] >= ends[:-1] - 1e-9)
    assert np.all(np.diff(at + run.delays) >= -1e-9)
    assert run.busy_s == pytest.approx(batch_s(curve, run.sizes).sum())
    assert run.busy_s <= run.span_s + 1e-9


@given(arrivals, curves)
def test_no_delay_is_batching_until_idle(at, curve) -> None:
    """A free server takes at once whoever waits, up to its largest batch: the textbook, written out."""
    curve = msgspec.structs.replace(curve, max_delay_s=0.0)
    free, first, expected = -math.inf, 0, []
    while first < len(at):
        begin = max(free, at[first])
        size = min(curve.max_batch, int((at[first:] <= begin).sum()))
        free = begin + float(batch_s(curve, [size])[0])
        expected += [free - one for one in at[first : first + size]]
        first += size
    assert serve(at, curve).delays == pytest.approx(expected)


@given(arrivals, curves)
def test_a_delay_only_holds_back_batches_that_are_not_full(at, curve) -> None:
    """No batch starts later than when the server is free and its oldest has waited the delay."""
    run = serve(at, curve)
    firsts = np.cumsum(run.sizes) - run.sizes
    ends = (at + run.delays)[firsts]
    free = np.concatenate([[-math.inf], ends[:-1]])
    latest = np.maximum(free, at[firsts] + curve.max_delay_s)
    assert np.all(ends - batch_s(curve, run.sizes) <= latest + 1e-9)


@pytest.mark.parametrize("rho", [0.3, 0.6, 0.8])
def test_fixed_service_waits_as_pollaczek_and_khinchine_say(rho) -> None:
    """M/D/1, to 2 %."""
    run = serve(poisson(rho / 0.01), BatchCurve(base_s=0.01, max_batch=1))
    assert run.delays.mean() - 0.01 == pytest.approx(waiting_s(rho / 0.01, 0.01, 0.01**2), rel=0.02)


@pytest.mark.parametrize(("law", "rho"), [("exponential", 0.3), ("two kinds", 0.6), ("uniform", 0.8)])
def test_any_service_waits_as_pollaczek_and_khinchine_say(rho, law) -> None:
    """M/G/1, to 2 %: with the first two moments of the times that were drawn."""
    n, rng = 2 * N, np.random.default_rng(2)
    drawn = {
        "exponential": lambda: rng.exponential(1.0, n),
        "uniform": lambda: rng.uniform(0.2, 1.8, n),
        "two kinds": lambda: np.where(rng.random(n) < 0.1, 4.0, 2 / 3),
    }[law]()
    times = 0.01 * drawn
    run = serve(poisson(rho / 0.01, n), BatchCurve(base_s=0.01, max_batch=1), spread=drawn)
    waited = (run.delays - times).mean()
    assert waited == pytest.approx(waiting_s(rho / 0.01, times.mean(), (times**2).mean()), rel=0.02)


@pytest.mark.parametrize("ratio", [3.0, 10.0])
@pytest.mark.parametrize("rho", [0.5, 0.7, 0.9])
def test_batching_until_idle_meets_its_bound(ratio, rho) -> None:
    """Inoue's bound is tight for base / request >= 3 and rho >= 0.5: to 2 %."""
    curve = BatchCurve(base_s=0.001 * ratio, request_s=0.001, max_batch=10**6)
    run = serve(poisson(rho / 0.001, 2 * N), curve)
    assert run.delays.mean() == pytest.approx(mean_delay_s(curve.base_s, curve.request_s, rho / 0.001), rel=0.02)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.1, 20.0), st.floats(0.2, 0.93))
def test_batching_until_idle_is_stable_below_one(ratio, rho) -> None:
    """Below rate x request = 1 the delay stays within its bound however long it runs, whatever the base."""
    curve = BatchCurve(base_s=0.001 * ratio, request_s=0.001, max_batch=10**6)
    run = serve(poisson(rho / 0.001, 100_000), curve)
    bound = mean_delay_s(curve.base_s, curve.request_s, rho / 0.001)
    assert run.delays[-30_000:].mean() <= 1.15 * bound


@settings(max_examples=15, deadline=None)
@given(st.floats(0.1, 20.0), st.floats(1.05, 2.0))
def test_batching_until_idle_is_unstable_above_one(ratio, rho) -> None:
    """Above rate x request = 1 there is no bound, and delays grow in proportion to time."""
    curve = BatchCurve(base_s=0.001 * ratio, request_s=0.001, max_batch=10**9)
    at = poisson(rho / 0.001, 100_000)
    run = serve(at, curve)
    assert mean_delay_s(curve.base_s, curve.request_s, rho / 0.001) == math.inf
    assert run.delays[-30_000:].mean() > 2 * run.delays[:30_000].mean()
    assert run.span_s > at[-1] * (1 + 0.9 * (rho - 1) / 2)


@given(arrivals, st.floats(0.001, 0.05), st.floats(1.0, 3.0), st.integers(0, 3))
def test_a_faster_server_without_batches_answers_nobody_later(at, base, slower, seed) -> None:
    """A theorem for batches of one; with batches a faster server may form smaller ones, so only then."""
    spread = np.random.default_rng(seed).exponential(1.0, len(at))
    curve = BatchCurve(base_s=base, max_batch=1)
    fast, slow = (serve(at, curve, factor=factor, spread=spread).delays for factor in (1.0, slower))
    assert np.all(fast <= slow + 1e-9)


@given(arrivals, st.floats(0.001, 0.05), st.integers(1, 3), st.integers(1, 4))
def test_a_multiple_of_replicas_without_batches_answers_nobody_later(at, base, replicas, times) -> None:
    """A theorem where each replica's requests are a part of what another one had: multiples, dealt in turn."""
    curve = BatchCurve(base_s=base, max_batch=1)
    few, many = (serve(at, curve, count).delays for count in (replicas, replicas * times))
    assert np.all(many <= few + 1e-9)


@given(arrivals, curves, st.integers(1, 4))
def test_replicas_share_the_requests(at, curve, replicas) -> None:
    """Each request is answered once whatever the number of replicas, and idle ones do nothing."""
    run = serve(at, curve, replicas)
    assert run.sizes.sum() == len(at) == len(run.delays)
    assert np.all(run.delays >= batch_s(curve, [1])[0] - 1e-9)
    assert run.busy_s <= replicas * run.span_s + 1e-9


def test_a_line_through_its_points_is_the_line() -> None:
    """A curve of points on a line serves as the line does, and beyond its points too."""
    line = BatchCurve(base_s=0.01, request_s=0.001, max_batch=200)
    points = tuple((float(size), 0.01 + 0.001 * size) for size in (1, 8, 32))
    at = poisson(700.0, 20_000)
    assert serve(at, msgspec.structs.replace(line, points=points)).delays == pytest.approx(serve(at, line).delays)
    assert line_of(msgspec.structs.replace(line, points=points)) == pytest.approx((0.01, 0.001))
    assert line_of(line) == (0.01, 0.001)
    assert line_of(BatchCurve(points=((4.0, 0.2),))) == (0.2, 0.0)


@given(st.integers(1, 300))
def test_measured_points_are_met_and_never_extrapolated_downwards(size) -> None:
    """Linear between points, the first below, the last slope beyond; of one point flat."""
    curve = BatchCurve(points=MEASURED)
    xs, ys = zip(*MEASURED, strict=True)
    value = float(batch_s(curve, [size])[0])
    assert value == pytest.approx(np.interp(size, xs, ys) if size <= 64 else 0.040 + (size - 64) * 0.028 / 48)
    assert batch_s(BatchCurve(points=((4.0, 0.2),)), [size])[0] == 0.2
    falling = BatchCurve(points=((1.0, 0.2), (2.0, 0.1)))
    assert batch_s(falling, [size + 1])[0] == pytest.approx(0.1)


def report(kind="batch", models=("ranker",)):
    """What a measurement of batches leaves."""
    points = tuple(
        LoadPoint(
            kind=kind, load=size, sent=30, answered=30, failed=0, measured=30, window_s=1.0, rows_s=size / seconds,
            e2e_s=Spread(n=30, mean=seconds * 1.1, p50=seconds, p95=seconds, p99=seconds),
        )
        for size, seconds in MEASURED
    )  # fmt: skip
    reports = [
        LoadReport(url="u", api="v2", model=model, source="s", date="2026-11-27", points=points) for model in models
    ]
    return [row for one in reports for row in rows(one)]


def test_rows_of_a_measurement_give_the_curve() -> None:
    """Medians before means, milliseconds become seconds, and nothing larger than what was measured is formed."""
    curve = of_rows(report())
    assert np.array(curve.points) == pytest.approx(np.array(MEASURED))
    assert curve.max_batch == 64
    assert of_rows([row for row in report() if row.metric != "p50_latency_ms"]).points[0][1] == pytest.approx(0.0044)


@pytest.mark.parametrize("given_rows", [[], report("closed_concurrency"), report(models=("a", "b"))])
def test_rows_without_one_deployment_are_refused(given_rows) -> None:
    """No latencies by batch, or those of two models, are no curve."""
    with pytest.raises(EvidenceError, match="a curve needs 1"):
        of_rows(given_rows)


def test_figures_of_a_measured_curve_say_so() -> None:
    """Performance takes points as it takes a line."""
    workload, trace = demand(500.0)
    curve = BatchCurve(points=MEASURED, max_batch=16, power_idle_w=10.0, power_busy_w=50.0)
    found = predict_classic(workload, objective(0.05), curve, deployment="onnx", replicas=1, trace=trace)
    assert found.rho == pytest.approx(500.0 / (16 / 0.012))
    assert "4 measured sizes" in found.e2e_p95_s.how
    assert 10.0 < found.power_w.value < 50.0


@pytest.mark.parametrize("budget_s", [0.009, 0.02, 0.1])
def test_the_choice_is_as_good_as_any_setting(budget_s) -> None:
    """No batch and delay of a grid sustains more than 4 % beyond the chosen one; both were found to 2 %."""
    workload, trace = demand(500.0, 1500)
    curve = BatchCurve(points=MEASURED, max_batch=64)
    chosen = choose(workload, objective(budget_s), curve, trace)
    best = 0.0
    for size in (1, 3, 8, 24, 64):
        for delay_s in (0.0, 0.004):
            one = msgspec.structs.replace(curve, max_batch=size, max_delay_s=delay_s)
            args = SimpleNamespace(deployment="d", replicas=1, trace=trace)
            found = predict_classic(workload, objective(budget_s), one, **vars(args))
            best = max(best, found.max_goodput_rps.value)
    assert chosen.highest_rps >= 0.96 * best
    assert chosen.curve.max_delay_s == 0.0
    assert batch_s(curve, [chosen.curve.max_batch])[0] <= budget_s


def test_a_longer_budget_never_lowers_the_choice() -> None:
    """Invariant 9, up to the 2 % of the search; the same inputs give the same choice."""
    workload, trace = demand(300.0, 2000)
    curve = BatchCurve(base_s=0.004, request_s=0.0005)
    found = [choose(workload, objective(budget_s), curve, trace).highest_rps for budget_s in (0.006, 0.01, 0.03, 0.1)]
    assert all(later >= earlier * 0.96 for earlier, later in itertools.pairwise(found))
    assert found == [choose(workload, objective(b), curve, trace).highest_rps for b in (0.006, 0.01, 0.03, 0.1)]


def test_without_a_budget_the_batch_of_the_highest_capacity_is_chosen() -> None:
    """Beyond the size at which a batch costs as much a request, larger ones lose."""
    workload, trace = demand(300.0, 500)
    bent = BatchCurve(points=((1.0, 0.01), (8.0, 0.02), (32.0, 0.3)), max_batch=32)
    chosen = choose(workload, Objective(use_case="u", attainment=0.95), bent, trace)
    assert chosen.curve.max_batch == 8
    assert chosen.highest_rps == capacity_rps(chosen.curve) == pytest.approx(400.0)


def test_a_budget_below_one_request_is_refused_with_both_numbers() -> None:
    """The error says what one takes and what was asked."""
    workload, trace = demand(300.0, 500)
    with pytest.raises(InfeasibleError, match="takes 4 ms, and the budget is 3 ms"):
        choose(workload, objective(0.003), BatchCurve(points=MEASURED), trace)
