"""The forecast is the simulation in figures: the same numbers, an interval each, and no point near saturation."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.catalog.load import load
from breakeven.perf.coefficients import Errors, Residuals
from breakeven.perf.curve import step_curve
from breakeven.perf.forecast import Deployed, forecast
from breakeven.perf.simulate import simulate
from breakeven.schema.objective import Objective
from breakeven.schema.performance import StepCurve
from breakeven.schema.serving import Autoscale, Serving, Speculation, Split
from breakeven.schema.workload import Trace, pack

ANY = Objective(use_case="any")
PLAIN = Serving()


def error(low: float, high: float) -> Residuals:
    return Residuals(n=10, mape=0.1, median=0.1, p90=0.2, log_low=low, log_high=high)


ERRORS = Errors(tpot=error(-0.2, 0.25), ttft=error(-0.5, 0.5), throughput=error(-0.1, 0.1))
CURVE = step_curve(load().model("llama-3.1-8b"), load().accelerator("h100-sxm"), 1, "bf16", engine="vllm")


def trace(n: int, rate: float, prompt: int = 800, output: int = 100, seed: int = 0) -> Trace:
    gaps = np.random.default_rng(seed).exponential(1 / rate, n)
    arrivals = np.cumsum(gaps) - gaps[0]
    return Trace(
        name="made",
        arrival_s=pack(arrivals.tolist()),
        input_tokens=pack([prompt] * n),
        output_tokens=pack([output] * n),
    )


def deployed(curve: StepCurve = CURVE, replicas: int = 1, serving: Serving = PLAIN) -> Deployed:
    return Deployed(curve=curve, replicas=replicas, serving=serving, errors=ERRORS)


def test_the_figures_are_those_of_the_simulation() -> None:
    """Means, percentiles, throughput and steps of a run, digit by digit."""
    came = trace(300, 5.0)
    found, run = forecast(came, deployed(), ANY), simulate(came, CURVE, 1)
    for name in ("ttft_s", "tpot_s", "e2e_s"):
        values, shown = run.column(name), getattr(found, name)
        assert shown.mean == float(values.mean())
        assert [shown.p50, shown.p95, shown.p99] == np.percentile(values, (50, 95, 99)).tolist()
    assert (found.output_tokens_per_s, found.steps) == (run.output_tokens_s, run.steps)
    assert found.energy_j_per_token == found.power_w / run.output_tokens_s


@given(rate=st.floats(0.5, 12), output=st.integers(1, 200), replicas=st.integers(1, 3), seed=st.integers(0, 9))
@settings(max_examples=20)
def test_every_point_lies_in_its_interval(rate: float, output: int, replicas: int, seed: int) -> None:
    """For latencies, throughput, goodput, power and energy; near saturation there are intervals alone."""
    found = forecast(trace(60, rate, output=output, seed=seed), deployed(replicas=replicas), ANY)
    for name in ("ttft_s", "tpot_s", "e2e_s"):
        for point in ("mean", "p50", "p95", "p99"):
            value, interval = getattr(getattr(found, name), point), getattr(getattr(found.intervals, name), point)
            assert (value is None) == (not found.stable or (name == "tpot_s" and output == 1))
            assert value is None or interval[0] <= value <= interval[1]
    for name in ("output_tokens_per_s", "goodput_rps", "power_w", "energy_j_per_token"):
        low, high = getattr(found.intervals, name)
        assert low <= getattr(found, name) <= high


def test_near_saturation_there_is_no_point() -> None:
    """Above 90 % of capacity: an interval, and a note that says unstable."""
    found = forecast(trace(200, 500.0), deployed(), ANY)
    assert found.rho > 0.9
    assert not found.stable
    assert found.ttft_s.p95 is None
    assert found.intervals.ttft_s.p95[0] > 0
    assert found.note.startswith("unstable")


@given(faster=st.floats(1.01, 4), prompt=st.integers(1, 5000), output=st.integers(1, 300))
@settings(max_examples=25)
def test_more_bandwidth_is_never_slower_for_one_request(faster: float, prompt: int, output: int) -> None:
    """A lone request ends no later on a board that differs in bandwidth only."""
    catalog = load()
    board = catalog.accelerator("h100-sxm")
    quick = msgspec.structs.replace(board, bandwidth_bytes_s=board.bandwidth_bytes_s * faster)
    one = trace(1, 1.0, prompt, output)
    slow, fast = (
        forecast(one, deployed(step_curve(catalog.model("llama-3.1-8b"), each, 1, "bf16", engine="vllm")), ANY)
        for each in (board, quick)
    )
    assert fast.e2e_s.mean <= slow.e2e_s.mean * (1 + 1e-12)
    assert slow.rho is None


def test_load_counts_what_features_spare() -> None:
    """Speculation and prefix hits lower rho; replicas that may be added do too; apart, the fuller side counts."""
    came = trace(100, 5.0)
    plain = forecast(came, deployed(), ANY).rho
    cached = Serving(prefix_cache="chance", hit_probability=1.0)
    assert forecast(came, deployed(serving=cached), ANY).rho < plain
    drafted = Serving(speculation=Speculation(draft_tokens=3, acceptance=0.8))
    assert forecast(came, deployed(serving=drafted), ANY).rho < plain
    scaled = Serving(autoscale=Autoscale(target_in_flight=8, most=4))
    assert forecast(came, deployed(serving=scaled), ANY).rho == pytest.approx(plain / 4)
    apart = Serving(split=Split(prefill_replicas=1))
    assert forecast(came, deployed(replicas=2, serving=apart), ANY).rho > plain / 2


def test_targets_make_goodput() -> None:
    """Only what is inside every target counts; refused at the door counts for nothing."""
    came = trace(300, 6.0)
    found = forecast(came, deployed(), ANY)
    target = Objective(use_case="x", ttft_s=found.ttft_s.p50)
    assert forecast(came, deployed(), target).goodput_share == pytest.approx(0.5, abs=0.02)
    assert found.goodput_share == 1.0
