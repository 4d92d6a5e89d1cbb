"""Prefill and decode apart, counted in groups: the simulator's own fleet, under a bound that no fleet exceeds."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from breakeven.errors import UsageError
from breakeven.perf import apart
from breakeven.perf.attain import highest_scale
from breakeven.perf.coefficients import Residuals
from breakeven.perf.predict import Options, ceiling_rps, rate_rps, sustained
from breakeven.perf.simulate import simulate
from breakeven.schema.objective import Objective
from breakeven.schema.performance import StepCurve
from breakeven.schema.serving import Serving, Split
from breakeven.schema.workload import Trace, pack
from breakeven.workload.fit import fit

CURVE = StepCurve(
    step_base_s=0.004, step_per_sequence_s=1e-5, step_per_context_s=2e-8, step_per_pair_s=1e-10,
    prefill_s_per_token=0.0, token_s=((1.0, 1e-5), (64.0, 1e-3), (16384.0, 0.4)),
    max_sequences=64, kv_tokens=60_000, request_s=0.0,
)  # fmt: skip
SPLIT = Split(prefill_replicas=1, decode_replicas=2, transfer_s_per_token=1e-6)


def trace_of(prompts: list[float], outputs: list[float], rate_rps: float) -> Trace:
    """One request after the other at a steady rate."""
    return Trace(
        name="steady",
        arrival_s=pack([at / rate_rps for at in range(len(prompts))]),
        input_tokens=pack(prompts),
        output_tokens=pack(outputs),
    )


def mixed(seed: int, n: int, rate_rps: float = 1.0) -> Trace:
    """Long prompts have short answers and the other way round, or neither: lengths that go together somehow."""
    rng = np.random.default_rng(seed)
    prompts = rng.lognormal(7, 1.0, n).clip(1, 8000).round()
    outputs = (rng.lognormal(4, 1.0, n) * (prompts / 1000) ** rng.uniform(-1, 1)).clip(1, 900).round()
    return trace_of(prompts.tolist(), outputs.tolist(), rate_rps)


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_groups_are_the_instances_that_they_hold(groups: int) -> None:
    """N groups of p and d, simulated, are N (p + d) replicas of which the first N p do prompts: the same bytes."""
    trace = mixed(3, 60, 8.0)
    flat = msgspec.structs.replace(SPLIT, prefill_replicas=groups, decode_replicas=0)
    assert simulate(trace, CURVE, groups, serving=Serving(split=SPLIT)) == simulate(
        trace, CURVE, 3 * groups, serving=Serving(split=flat)
    )


@given(
    seed=some.integers(0, 10_000),
    shape=some.sampled_from([(1, 1), (1, 2), (3, 1)]),
    chunk=some.sampled_from([512, 2048, 8192]),
)
def test_no_overload_gets_more_through_than_the_bound(seed: int, shape: tuple[int, int], chunk: int) -> None:
    """All at once, so that nobody idles for want of requests: answers per second stay under the closed form."""
    trace = mixed(seed, 80, 1e6)
    split = Split(prefill_replicas=shape[0], decode_replicas=shape[1])
    serving = Serving(split=split, max_batch_tokens=chunk)
    run = simulate(trace, CURVE, 1, serving=serving)
    assert trace.n / run.span_s <= apart.ceiling_rps(CURVE, split, apart.lengths(trace), chunk=chunk) * (1 + 1e-9)


def test_the_bound_is_near_what_a_balanced_overload_gets_through() -> None:
    """Of equal requests a long overload reaches most of it: the bound is no mere formality."""
    trace = trace_of([1000.0] * 3000, [60.0] * 3000, 1e6)
    run = simulate(trace, CURVE, 1, serving=Serving(split=SPLIT, max_batch_tokens=8192))
    bound = apart.ceiling_rps(CURVE, SPLIT, apart.lengths(trace), chunk=8192)
    assert 0.85 * bound < trace.n / run.span_s <= bound


def test_what_a_group_sustains_is_simulated_and_under_its_bound() -> None:
    """The rate of one group by scaling arrivals, as for any replica; never above the bound, which more would be."""
    trace, asked = mixed(9, 400), Objective(use_case="u", ttft_s=1.0, tpot_s=0.02)
    load = fit(trace, "u", source="made")
    options = Options(serving=Serving(split=SPLIT, max_batch_tokens=8192), max_batch_tokens=8192)
    found = sustained(trace, CURVE, asked, load, options)
    bound = ceiling_rps(load, CURVE, options, apart.lengths(trace))
    scaled = [
        times * highest_scale(trace, CURVE, asked, start=0.5 * bound / rate_rps(trace) / times, serving=serving)
        for times, serving in apart.sides(options.serving)
    ]
    assert 0 < found <= bound
    assert found == min(bound, min(scaled) * rate_rps(trace))


@given(shape=some.sampled_from([(1, 1), (1, 3), (3, 1), (5, 3)]))
def test_no_side_is_credited_for_sharing_its_bursts(shape: tuple[int, int]) -> None:
    """A group is itself, and p or d times a group with one instance of a side; a fleet of any other kind is itself."""
    split = Split(prefill_replicas=shape[0], decode_replicas=shape[1])
    found = [(times, one.split) for times, one in apart.sides(Serving(split=split))]
    assert found[0] == (1, split)
    for times, one in found[1:]:
        assert 1 in {one.prefill_replicas, one.decode_replicas}
        assert times * one.prefill_replicas * one.decode_replicas == shape[0] * shape[1]
    assert len(found) == 1 + sum(count > 1 for count in shape)
    for other in (Serving(), Serving(split=Split(prefill_replicas=2))):
        assert apart.sides(other) == ((1, other),)


def test_a_cache_raises_the_bound_and_one_token_answers_cost_no_decoding() -> None:
    """What hits spare, prefill instances do not do; without a second token only prompts bound a group."""
    trace = mixed(1, 50)
    plain, kept = (
        apart.prefill_s(CURVE, apart.lengths(trace, share), 2048) for share in (0.0, 0.6)
    )  # fmt: skip
    assert kept < 0.45 * plain
    single = apart.lengths(trace_of([100.0, 300.0], [1.0, 1.0], 1.0))
    assert apart.decode_s(CURVE, single) == 0.0
    assert math.isfinite(apart.ceiling_rps(CURVE, SPLIT, single, chunk=2048))


def test_errors_are_wider_and_say_why() -> None:
    """Twice in logs, both ways; the sentence names what is missing."""
    error = Residuals(n=10, mape=0.1, median=0.1, p90=0.2, log_low=-0.1, log_high=0.2, how="closed tpot")
    found = apart.wider(error)
    assert (found.log_low, found.log_high) == (-0.2, 0.4)
    assert "no row pins" in found.how


def test_a_fleet_of_one_kind_only_is_refused() -> None:
    """Nobody to write answers, or nobody to read prompts."""
    with pytest.raises(UsageError, match="0 of 2 replicas"):
        simulate(mixed(1, 5), CURVE, 1, serving=Serving(split=Split(prefill_replicas=0, decode_replicas=2)))
