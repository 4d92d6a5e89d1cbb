"""The simulator's kernel against the readable replica, against its own other forms, and by the laws of queues."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.metric.usefulness import in_budget
from breakeven.perf.attain import share_in_budget
from breakeven.perf.fleet import Fleet
from breakeven.perf.simulate import OUTCOMES, simulate
from breakeven.schema.objective import Objective
from breakeven.schema.performance import StepCurve
from breakeven.schema.serving import Admission, Autoscale, Outage, Serving, Speculation, Split
from breakeven.schema.workload import Trace, pack, pack_integers

CURVE = StepCurve(
    prefill_s_per_token=2e-5,
    step_base_s=0.01,
    step_per_sequence_s=1e-4,
    step_per_context_s=1e-7,
    max_sequences=6,
    kv_tokens=1300,
    request_s=0.003,
    step_per_pair_s=3e-8,
    token_s=((2.0, 0.001), (64.0, 0.0015), (300.0, 0.004), (1000.0, 0.02)),
    step_per_window_context_s=4e-7,
    window_tokens=200,
)
ANSWERED, REFUSED, NEVER_FITS, UNSERVED = range(4)

ROWS = st.tuples(st.floats(0, 0.1), st.integers(1, 700), st.integers(1, 250), st.integers(0, 2), st.integers(0, 3))
REQUESTS = st.lists(ROWS, min_size=1, max_size=40)
"""Gap, prompt, answer, priority, and the family whose prompts begin alike."""

SPECULATION = Speculation(draft_tokens=3, acceptance=0.7, draft_s=0.001, draft_per_sequence_s=1e-5)
SCALE = Autoscale(target_in_flight=3, least=0, most=4, cold_start_s=0.5, stabilisation_s=1, interval_s=0.2)
SERVINGS = st.builds(
    Serving,
    max_batch_tokens=st.sampled_from([64, 512]),
    chunked=st.booleans(),
    block_tokens=st.sampled_from([1, 16]),
    growth=st.sampled_from(["reserve", "recompute", "swap"]),
    swap_s_per_token=st.just(1e-6),
    order=st.sampled_from(["fcfs", "priority"]),
    prefix_cache=st.sampled_from(["off", "blocks", "chance"]),
    hit_probability=st.just(0.4),
    speculation=st.sampled_from([None, SPECULATION]),
    routing=st.sampled_from(["least_loaded", "round_robin", "prefix_affinity"]),
    affinity_slack=st.just(2),
    admission=st.sampled_from([None, Admission(ttft_s=0.3, tpot_s=0.5)]),
)
AROUND = st.sampled_from(
    [
        {},
        {"split": Split(prefill_replicas=1, transfer_s_per_token=1e-6, latency_s=0.002)},
        {"autoscale": SCALE},
        {"outages": (Outage(replica=0, down_s=0.3, up_s=0.9), Outage(replica=1, down_s=0.5, up_s=2.0))},
    ]
)
WAYS = st.builds(lambda serving, around: msgspec.structs.replace(serving, **around), SERVINGS, AROUND)


def trace_of(requests, block=32):
    """Equal prefixes have equal blocks; each request's last ones are its own."""
    arrivals = np.cumsum([one[0] for one in requests])
    hashes, offsets = [], [0]
    for key, (_, prompt, *_, family) in enumerate(requests):
        blocks = [family * 100 + place if place < 8 else 1000 * (key + 1) + place for place in range(prompt // block)]
        hashes += blocks
        offsets.append(offsets[-1] + len(blocks))
    return Trace(
        name="t",
        arrival_s=pack(arrivals),
        input_tokens=pack(one[1] for one in requests),
        output_tokens=pack(one[2] for one in requests),
        priority=pack(one[3] for one in requests),
        block_offsets=pack_integers(offsets),
        block_hashes=pack_integers(hashes),
        hash_block_tokens=block,
    )


def columns(found):
    return {
        name: found.column(name)
        for name in ("ttft_s", "tpot_s", "e2e_s", "replica", "outcome", "preemptions", "hit_tokens")
    }


@settings(max_examples=80, deadline=None)
@given(REQUESTS, st.integers(1, 3), st.sampled_from(["least_loaded", "round_robin"]), st.sampled_from([64, 256, 2048]))
def test_the_kernel_equals_the_readable_replica(requests, replicas, routing, budget) -> None:
    """For what both can do, the kernel gives the times of `perf.fleet`, which the emulator runs (invariant 8)."""
    trace = trace_of(requests)
    fleet = Fleet(CURVE, replicas, routing=routing, max_batch_tokens=budget)
    arrivals = trace.column("arrival_s")
    expected = [fleet.arrive(at, one[1], one[2]) for at, one in zip(arrivals, requests, strict=True)]
    fleet.advance(math.inf)
    found = simulate(trace, CURVE, replicas, routing=routing, max_batch_tokens=budget)
    assert found.column("replica").tolist() == [one.replica for one in expected]
    np.testing.assert_allclose(
        found.column("ttft_s"), [one.first_s for one in expected] - np.array(arrivals), rtol=1e-9
    )
    np.testing.assert_allclose(found.column("e2e_s"), [one.done_s for one in expected] - np.array(arrivals), rtol=1e-9)
    assert found.busy_s == pytest.approx(fleet.busy_s, rel=1e-9)
    assert found.steps == fleet.steps


@settings(max_examples=150, deadline=None)
@given(REQUESTS, st.integers(2, 3), WAYS)
def test_runs_equal_steps(requests, replicas, serving) -> None:
    """Runs of decode steps in closed form give what stepping one by one gives, with every feature."""
    trace = trace_of(requests)
    fast = simulate(trace, CURVE, replicas, serving=serving)
    slow = simulate(trace, CURVE, replicas, serving=serving, per_step=True)
    for name, values in columns(slow).items():
        np.testing.assert_allclose(columns(fast)[name], values, rtol=1e-9, err_msg=name)
    assert fast.busy_s == pytest.approx(slow.busy_s, rel=1e-9)
    assert (fast.steps, fast.peak_kv_tokens) == (slow.steps, slow.peak_kv_tokens)
    assert fast.replica_s == pytest.approx(slow.replica_s, rel=1e-9)


@settings(max_examples=150, deadline=None)
@given(REQUESTS, st.integers(2, 3), WAYS)
def test_no_request_and_no_token_is_lost(requests, replicas, serving) -> None:
    """Everyone is answered, or refused at the door, or can never fit; nothing precedes its cause (invariants 1, 10)."""
    trace = trace_of(requests)
    found = simulate(trace, CURVE, replicas, serving=serving)
    outcome, ttft, e2e = (found.column(name) for name in ("outcome", "ttft_s", "e2e_s"))
    assert len(OUTCOMES) == 4
    assert not (outcome == UNSERVED).any()
    assert serving.admission is not None or not (outcome == REFUSED).any()
    answered = outcome == ANSWERED
    assert found.refused == (~answered).sum()
    assert (np.isnan(e2e) == ~answered).all()
    assert found.output_tokens == sum(one[2] for one, ok in zip(requests, answered, strict=True) if ok)
    assert (ttft[answered] >= CURVE.request_s + CURVE.step_base_s).all()
    assert (e2e[answered] >= ttft[answered]).all()
    assert found.peak_kv_tokens <= CURVE.kv_tokens
    assert found.busy_s <= found.replica_s * (1 + 1e-9) + (1e-9 if serving.autoscale is None else found.span_s)
    if serving.growth == "reserve" and not serving.outages:
        assert not found.column("preemptions").any()
    residence = e2e[answered].sum()
    assert found.in_flight_mean * found.span_s == pytest.approx(residence, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(REQUESTS, st.integers(2, 3), WAYS)
def test_same_seed_same_bytes(requests, replicas, serving) -> None:
    """A simulation is a function of its inputs (invariant 7)."""
    trace = trace_of(requests)
    assert simulate(trace, CURVE, replicas, serving=serving) == simulate(trace, CURVE, replicas, serving=serving)


@settings(max_examples=100, deadline=None)
@given(REQUESTS, st.integers(2, 3), WAYS, st.booleans())
def test_compiled_equals_plain(requests, replicas, serving, per_step) -> None:
    """With numba or without, the functions give the same bits."""
    pytest.importorskip("numba")
    trace = trace_of(requests)
    plain, compiled = (
        simulate(trace, CURVE, replicas, serving=serving, per_step=per_step, compiled=how) for how in (False, True)
    )
    assert msgspec.msgpack.encode(plain) == msgspec.msgpack.encode(compiled)


@settings(max_examples=40, deadline=None)
@given(REQUESTS, st.integers(-(2**40), 2**40), st.integers(1, 2**20))
def test_only_the_equality_of_hashes_counts(requests, start, stretch) -> None:
    """Any other numbers that are equal where these are give the same simulation."""
    trace = trace_of(requests)
    other = pack_integers(start + stretch * one for one in trace.integers("block_hashes"))
    serving = Serving(prefix_cache="blocks", routing="prefix_affinity", growth="recompute")
    pytest.importorskip("numba")
    for compiled in (False, True):
        found = simulate(trace, CURVE, 2, serving=serving, compiled=compiled)
        renamed = msgspec.structs.replace(trace, block_hashes=other)
        assert simulate(renamed, CURVE, 2, serving=serving, compiled=compiled) == found


TARGET = st.none() | st.floats(0.02, 3)


@settings(max_examples=60, deadline=None)
@given(REQUESTS, TARGET, TARGET, TARGET)
def test_the_share_in_budget_follows_the_one_rule(requests, budget, ttft, tpot) -> None:
    """Columns are judged as single answers are in the ledger; a refused request met no target."""
    door = Serving(admission=Admission(ttft_s=0.2))
    found = simulate(trace_of(requests), CURVE, 1, serving=door)
    asked = Objective(use_case="u", budget_s=budget, ttft_s=ttft, tpot_s=tpot, attainment=0.9)
    one_by_one = [
        in_budget(
            "refused" if math.isnan(e2e) else "answered", total_s=e2e, ttft_s=first,
            tpot_s=None if math.isnan(gap) else gap, budget_s=budget, ttft_target_s=ttft, tpot_target_s=tpot,
        )
        for first, gap, e2e in zip(*(found.column(name).tolist() for name in ("ttft_s", "tpot_s", "e2e_s")), strict=True)
    ]  # fmt: skip
    assert share_in_budget(found, asked) == sum(one_by_one) / found.n
