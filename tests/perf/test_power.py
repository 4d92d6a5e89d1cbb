"""Power by phase and batch: bounds, monotony, energy as an integral, and the rows that the law was fitted to."""

import csv
import itertools
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.catalog.load import load
from breakeven.metric.energy import energy_j, energy_kwh, joules_per_token, mean_power_w, tokens_per_watt
from breakeven.perf.curve import step_curve
from breakeven.perf.power import run as drawn
from breakeven.perf.power.curve import at, decode_w, factors, idle_w, power_curve, prefill_w
from breakeven.perf.power.law import IDLE_SHARE, Activity, share
from breakeven.perf.power.prior import PRIOR
from breakeven.perf.power_fit import SHAPES, coverage, fit, held_out, interval, judged, log_errors, points
from breakeven.perf.simulate import simulate
from breakeven.schema.performance import StepCurve
from breakeven.schema.workload import Trace, pack

DATA = Path(__file__).parents[2] / "bench/data/splitwise_sim_perf_model.csv"
A100, H100 = load().accelerator("a100-sxm-80gb"), load().accelerator("h100-sxm")
LLAMA_8B, LLAMA_2 = load().model("llama-3.1-8b"), load().model("llama-2-70b")
CURVE = step_curve(LLAMA_8B, A100, 1, "bf16")

shares = st.floats(0.0, 1.0)
activities = st.builds(lambda memory, compute: Activity(memory=memory, compute=compute), shares, shares)
loads = st.tuples(st.floats(0.2, 40.0), st.integers(5, 60), st.integers(16, 3000), st.integers(1, 150))


@pytest.fixture(scope="module")
def measured():
    """The operating points, and what was refused."""
    with DATA.open(newline="", encoding="utf-8") as lines:
        return points(csv.DictReader(lines), {"a100-80gb": A100})


def trace_of(rate, n, prompt, answer):
    arrivals = np.cumsum(np.random.default_rng(7).exponential(1 / rate, n))
    columns = [pack(column) for column in (arrivals, np.full(n, prompt), np.full(n, answer))]
    return Trace(name="t", arrival_s=columns[0], input_tokens=columns[1], output_tokens=columns[2])


@given(activities, shares, shares)
def test_a_share_lies_between_idle_and_the_rating_and_rises_with_what_is_done(activity, memory, compute) -> None:
    """More utilisation never lowers watts."""
    more = Activity(memory=max(activity.memory, memory), compute=max(activity.compute, compute))
    assert IDLE_SHARE <= share(PRIOR, activity) <= share(PRIOR, more) <= 1.0


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["a100-sxm-80gb", "h100-sxm", "h200-sxm", "l40s"]),
    st.sampled_from([1, 2, 4]),
    st.sampled_from(["bf16", "fp8"]),
    st.one_of(st.none(), st.floats(60.0, 900.0)),
)
def test_watts_of_a_deployment_are_bounded_and_rise_with_tokens_and_batch(board, boards, precision, cap_w) -> None:
    """Idle <= watts <= the lower of rating and cap, in both phases, and no larger batch draws less."""
    accelerator = load().accelerator(board)
    if precision == "fp8" and accelerator.flops_fp8 is None:
        precision = "bf16"
    curve = step_curve(LLAMA_8B, accelerator, boards, precision, power_cap_w=cap_w)
    most = boards * min(accelerator.tdp_w, cap_w or math.inf)
    assert curve.power.limit_w == most
    for watts in (curve.power.prefill_w, curve.power.decode_w):
        assert all(low[0] < high[0] and low[1] <= high[1] for low, high in itertools.pairwise(watts))
        assert curve.power_idle_w <= watts[0][1]
        assert watts[-1][1] <= most


def test_a_capped_board_draws_its_cap() -> None:
    """A cap that work would exceed is what is drawn."""
    curve = step_curve(LLAMA_8B, H100, 2, "bf16", power_cap_w=200.0)
    assert prefill_w(curve, 2048) == decode_w(curve, 64) == 400.0


def test_without_a_rating_power_is_unknown() -> None:
    """Unknown stays unknown, in watts, joules a token and tokens per watt."""
    dark = msgspec.structs.replace(H100, tdp_w=None)
    curve = step_curve(LLAMA_8B, dark, 1, "bf16")
    assert curve.power is curve.power_idle_w is curve.power_busy_w is idle_w(dark, 1) is None
    run = simulate(trace_of(1.0, 5, 100, 5), curve, 1)
    power = drawn.power_w(curve, run, 100.0)
    assert power.value is drawn.energy_j_per_token(run, power).value is drawn.tokens_per_w(run, power).value is None


@settings(max_examples=40, deadline=None)
@given(loads, st.integers(1, 3))
def test_energy_is_the_integral_of_power_over_time(load_, replicas) -> None:
    """Mean watts x span = idle, prefill and decode seconds, each at its watts; J/token inverts tokens/W."""
    trace = trace_of(*load_)
    run = simulate(trace, CURVE, replicas)
    tokens = drawn.prompt_tokens(trace, 2048)
    power = drawn.power_w(CURVE, run, tokens)
    idle_s = run.span_s * replicas - run.prefill_s - run.decode_s
    joules = (
        CURVE.power_idle_w * idle_s
        + prefill_w(CURVE, tokens) * run.prefill_s
        + decode_w(CURVE, run.batch_mean) * run.decode_s
    )
    assert power.value * run.span_s == pytest.approx(joules)
    assert replicas * CURVE.power_idle_w <= power.value <= replicas * CURVE.power.limit_w * (1 + 1e-9)
    assert power.low <= power.value <= power.high
    each, per_w = drawn.energy_j_per_token(run, power), drawn.tokens_per_w(run, power)
    assert each.value * run.output_tokens == pytest.approx(joules)
    assert each.value * per_w.value == pytest.approx(1.0)
    assert each.low * per_w.high == pytest.approx(1.0)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(1.01, 3.0), min_size=1, max_size=3), st.integers(50, 1500))
def test_the_same_work_in_less_time_draws_more(factors_, prompt) -> None:
    """More arrivals per second never lower mean watts nor raise joules a token, up to what the ends of a run add."""
    rates = np.cumprod([0.5, *factors_])
    found = []
    for rate in rates:
        run = simulate(trace_of(rate, 300, prompt, 20), CURVE, 1)
        power = drawn.power_w(CURVE, run, float(prompt))
        found.append((power.value, drawn.energy_j_per_token(run, power).value))
    assert all(later[0] >= earlier[0] * 0.995 for earlier, later in itertools.pairwise(found))
    assert all(later[1] <= earlier[1] * 1.005 for earlier, later in itertools.pairwise(found))


def test_no_phase_needs_a_curve() -> None:
    """A curve with one busy power draws it in both phases, without an interval."""
    curve = msgspec.structs.replace(CURVE, power=None, power_busy_w=300.0)
    assert prefill_w(curve, 9.0) == decode_w(curve, 4.0) == 300.0
    found = drawn.power_w(curve, simulate(trace_of(2.0, 20, 100, 10), curve, 1), 100.0)
    assert found.low == found.value == found.high


def test_a_prompt_token_is_read_in_the_step_of_its_prompt() -> None:
    """Weighted by tokens, and cut at the budget of a step."""
    trace = Trace(name="t", arrival_s=pack([0, 1]), input_tokens=pack([100, 300]), output_tokens=pack([1, 1]))
    assert drawn.prompt_tokens(trace, 2048) == pytest.approx((100 * 100 + 300 * 300) / 400)
    assert drawn.prompt_tokens(trace, 50) == 50
    empty = Trace(name="t", arrival_s=pack([0]), input_tokens=pack([0]), output_tokens=pack([1]))
    assert drawn.prompt_tokens(empty, 2048) == 0.0


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e5)), min_size=1, max_size=8))
def test_energy_adds_up(parts) -> None:
    """Parts in any grouping sum to the same joules; kWh, J a token and tokens per watt follow from them."""
    total, seconds = energy_j(parts), sum(part[1] for part in parts)
    assert total == pytest.approx(energy_j(parts[:1]) + energy_j(parts[1:]))
    assert energy_kwh(1000.0, 3600.0) == pytest.approx(1.0)
    mean = mean_power_w(total, seconds)
    assert mean is None if seconds == 0 else mean <= max(part[0] for part in parts) * (1 + 1e-9)
    assert joules_per_token(350.0, 700.0) == 1 / tokens_per_watt(700.0, 350.0)
    assert joules_per_token(350.0, 0.0) is None


def test_the_shipped_law_is_the_fit_of_the_committed_rows(measured) -> None:
    """scripts/fit_power.py gives what is shipped, to the digits that it writes."""
    found, _ = measured
    law = judged(fit(found), found)
    assert (PRIOR.memory, PRIOR.compute) == pytest.approx((law.memory, law.compute), rel=1e-3)
    assert (PRIOR.errors.mape, PRIOR.coverage80) == pytest.approx((law.errors.mape, law.coverage80), abs=5e-3)
    assert len(found) == PRIOR.n == 41


def test_rows_that_say_nothing_are_passed_over_and_impossible_ones_refused(measured) -> None:
    """Only the A100's rows state power; prompts beyond what Llama 2 was trained for are named."""
    found, refused = measured
    assert {point.group.split("/")[1] for point in found} == {"a100-80gb"}
    assert [why for _, why in refused] == ["a prompt of 8192 tokens is beyond the model's 4096"] * 3
    with DATA.open(newline="", encoding="utf-8") as lines:
        none, unknown = points(csv.DictReader(lines), {})
    assert not none
    assert all("not at hand" in why for _, why in unknown)


def test_the_law_beats_constants_on_groups_it_has_not_seen(measured) -> None:
    """Held out by (model, tensor parallelism) and by model, its mean error is under half that of 63 % of TDP."""
    found, _ = measured
    constant = np.mean([abs(0.63 / point.share - 1) for point in found])
    models = [point.group.split("/")[0] for point in found]
    for errors in (held_out(found), held_out(found, models)):
        assert np.mean(np.abs(np.exp(-errors) - 1)) < constant / 2


def test_a_law_is_found_again(measured) -> None:
    """Points made from a law give it back."""
    found, _ = measured
    exact = [msgspec.structs.replace(one, share=one.share * math.exp(-log_errors([one], PRIOR)[0])) for one in found]
    law = fit(exact)
    assert (law.memory, law.compute) == pytest.approx((PRIOR.memory, PRIOR.compute), rel=1e-3)


@given(st.lists(st.floats(-1, 1), min_size=20, max_size=60))
def test_an_interval_holds_at_least_80_percent_of_what_made_it(errors) -> None:
    """Its ranks lie outside 10 % and 90 %; a group that differs from the others may still fall out of it."""
    low, high = interval(np.array(errors))
    assert np.mean([(low <= one <= high) for one in errors]) >= 0.8
    assert coverage(np.array([0.0] * 20 + [5.0] * 20), ["a"] * 20 + ["b"] * 20) == 0.0


def test_shapes_are_those_of_the_catalog() -> None:
    """Llama 2 here and in the catalog are one."""
    shape = SHAPES["llama2-70b"]
    for name in ("params", "active_params", "layers", "heads", "kv_heads", "head_dim"):
        assert getattr(shape, name) == getattr(LLAMA_2, name)


def test_an_unmeasured_board_has_a_wider_interval() -> None:
    """The H100's power stands in no row: its interval contains the A100's."""
    assert factors(H100)[0] < factors(A100)[0] < 1 < factors(A100)[1] < factors(H100)[1]


@given(st.lists(st.floats(1, 1e3), min_size=2, max_size=5, unique=True), st.floats(0, 2e3))
def test_between_points_it_is_linear_and_outside_flat(sizes, size) -> None:
    """The line through two points of a line is that line."""
    line = tuple((one, 2 * one) for one in sorted(sizes))
    assert at(line, size) == pytest.approx(2 * min(max(size, line[0][0]), line[-1][0]))


def test_power_curves_can_be_made_of_any_activity() -> None:
    """Where a larger step does less, the larger watts stand."""
    curve = power_curve(
        A100,
        1,
        lambda sizes: [Activity(compute=1 / tokens) for tokens in sizes],
        lambda sizes: [Activity(memory=0.5)] * len(sizes),
        max_sequences=3,
    )
    assert {watts for _, watts in curve.prefill_w} == {400 * share(PRIOR, Activity(compute=1.0))}
    assert [size for size, _ in curve.decode_w] == [1, 2, 3]


def test_a_step_curve_without_power_is_still_a_step_curve() -> None:
    """Power is optional everywhere."""
    bare = StepCurve(
        prefill_s_per_token=1e-5, step_base_s=0.01, step_per_sequence_s=0.0, step_per_context_s=0.0, max_sequences=4,
        kv_tokens=10_000,
    )  # fmt: skip
    assert drawn.power_w(bare, simulate(trace_of(1.0, 3, 10, 2), bare, 1), 10.0).how == drawn.UNKNOWN
