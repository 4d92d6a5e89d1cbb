"""What each feature of the simulator does, by the law or the closed form that it follows."""

import math
import subprocess
import sys

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import UsageError
from breakeven.perf.simulate import simulate
from breakeven.perf.step import step_s
from breakeven.schema.performance import StepCurve
from breakeven.schema.serving import Admission, Autoscale, Outage, Serving, Speculation, Split
from breakeven.schema.workload import Trace, pack, pack_integers

CURVE = StepCurve(
    prefill_s_per_token=1e-4, step_base_s=0.01, step_per_sequence_s=1e-4, step_per_context_s=1e-7, max_sequences=64,
    kv_tokens=100_000,
)  # fmt: skip


def trace_of(arrivals, prompts, answers, **more):
    n = len(arrivals)
    return Trace(
        name="t",
        arrival_s=pack(arrivals),
        input_tokens=pack(np.broadcast_to(prompts, n)),
        output_tokens=pack(np.broadcast_to(answers, n)),
        **more,
    )


def poisson(rate, n, seed=3):
    return np.cumsum(np.random.default_rng(seed).exponential(1 / rate, n))


def chat(sessions, turns, seed=5, block=16):
    """Conversations: each turn's prompt is the last one's and 160 tokens more; turns come every few seconds."""
    rng = np.random.default_rng(seed)
    rows = sorted(
        (start + turn * 3 + rng.random(), session, 160 * (turn + 1))
        for session, start in enumerate(rng.random(sessions) * sessions / 4)
        for turn in range(turns)
    )
    hashes = [session * 10_000 + place for _, session, prompt in rows for place in range(prompt // block)]
    offsets = np.cumsum([0] + [prompt // block for *_, prompt in rows])
    return trace_of(
        [at - rows[0][0] for at, *_ in rows], [prompt for *_, prompt in rows], 40.0,
        block_offsets=pack_integers(offsets.tolist()), block_hashes=pack_integers(hashes), hash_block_tokens=block,
    )  # fmt: skip


@pytest.mark.parametrize("spread", ["fixed", "exponential"])
def test_one_slot_is_a_queue_with_general_service(spread) -> None:
    """One slot, one token: the mean wait is Pollaczek-Khinchine's rate E[S^2] / (2 (1 - rho)), to 2 %."""
    curve = msgspec.structs.replace(CURVE, step_base_s=0.0, step_per_sequence_s=0.0, max_sequences=1)
    rng, n, rho = np.random.default_rng(11), 400_000, 0.6
    prompts = np.full(n, 1000.0) if spread == "fixed" else np.maximum(1, rng.exponential(1000, n).round())
    service = prompts * curve.prefill_s_per_token
    rate = rho / service.mean()
    found = simulate(
        trace_of(poisson(rate, n), prompts, 1), curve, 1, serving=Serving(max_batch_tokens=10**6, block_tokens=1)
    )
    wait = (found.column("ttft_s") - service).mean()
    assert wait == pytest.approx(rate * (service**2).mean() / (2 * (1 - rho)), rel=0.02)


@pytest.mark.parametrize(("ratio", "rho"), [(3.0, 0.5), (3.0, 0.8), (10.0, 0.7)])
def test_batching_until_idle_meets_its_bound(ratio, rho) -> None:
    """Inoue: mean latency is 1.5 t0 / (1 - rho) + (a / 2)(rho + 2) / (1 - rho^2) for t(b) = a b + t0; to 2 %."""
    a = 0.001
    t0 = ratio * a
    curve = StepCurve(
        prefill_s_per_token=a, step_base_s=t0, step_per_sequence_s=0.0, step_per_context_s=0.0, max_sequences=10**6,
        kv_tokens=10**9,
    )  # fmt: skip
    found = simulate(trace_of(poisson(rho / a, 200_000), 1, 1), curve, 1, max_batch_tokens=10**6)
    bound = 1.5 * t0 / (1 - rho) + a / 2 * (rho + 2) / (1 - rho**2)
    assert found.column("e2e_s").mean() == pytest.approx(bound, rel=0.02)


@pytest.mark.parametrize(("batch", "alpha", "drafts"), [(1, 0.8, 4), (16, 0.8, 3), (8, 0.5, 2)])
def test_speculation_speeds_up_by_its_closed_form(batch, alpha, drafts) -> None:
    """E[tokens] T(b) / (k T_draft + T(b (k + 1))) with E = (1 - a^(k+1)) / (1 - a), to 1 %."""
    curve = msgspec.structs.replace(CURVE, step_per_context_s=0.0, kv_tokens=10**7)
    draft = Speculation(draft_tokens=drafts, acceptance=alpha, draft_s=0.0005)
    trace = trace_of(np.zeros(batch), 1, 3001)
    plain, fast = (
        simulate(trace, curve, 1, serving=Serving(speculation=one)).column("tpot_s").mean() for one in (None, draft)
    )
    expected = (1 - alpha ** (drafts + 1)) / (1 - alpha)
    alone = step_s(curve, decoding=batch, context=0, prompt=0)
    verified = alone + drafts * batch * curve.prefill_s_per_token + drafts * draft.draft_s
    assert plain / fast == pytest.approx(expected * alone / verified, rel=0.01)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 500), st.floats(0.1, 1.0))
def test_faster_steps_never_delay_a_lone_request(prompt, answer, factor) -> None:
    """Alone it is a theorem. Among others it is not: a faster step may end before an arrival and leave it behind."""
    trace = trace_of([0.0], prompt, answer)
    slow = simulate(trace, CURVE, 1)
    names = ("prefill_s_per_token", "step_base_s", "step_per_sequence_s", "step_per_context_s")
    quick = msgspec.structs.replace(CURVE, **{name: getattr(CURVE, name) * factor for name in names})
    fast = simulate(trace, quick, 1)
    for name in ("ttft_s", "e2e_s"):
        assert fast.column(name)[0] <= slow.column(name)[0] * (1 + 1e-12)


def test_growth_admits_more_and_preempts() -> None:
    """Where a whole answer is not reserved, more run at once, some give way, and all are answered in full."""
    curve = msgspec.structs.replace(CURVE, kv_tokens=4000)
    trace = trace_of(np.arange(40) * 0.01, 100, 400)
    reserve, recompute, swap = (
        simulate(trace, curve, 1, serving=Serving(growth=how, swap_s_per_token=1e-6))
        for how in ("reserve", "recompute", "swap")
    )
    assert reserve.column("preemptions").sum() == 0
    for found in (recompute, swap):
        assert found.column("preemptions").sum() > 0
        assert found.batch_mean > reserve.batch_mean
        assert found.output_tokens == reserve.output_tokens == 40 * 400
    alone = CURVE.step_base_s  # the first prompt has a step for itself
    assert swap.prefill_s == pytest.approx(alone + 40 * 100 * CURVE.prefill_s_per_token)
    assert recompute.prefill_s > swap.prefill_s


def test_the_urgent_go_first() -> None:
    """With priorities the lower number waits less, and without them the order is that of arrival."""
    curve = msgspec.structs.replace(CURVE, max_sequences=2)
    trace = trace_of(np.arange(60) * 0.01, 50, 30, priority=pack(np.arange(60) % 2))
    fcfs, ranked = (
        simulate(trace, curve, 1, serving=Serving(order=one)).column("ttft_s") for one in ("fcfs", "priority")
    )
    assert (np.diff(fcfs + np.arange(60) * 0.01) >= 0).all()
    assert ranked[::2].mean() < 0.6 * fcfs[::2].mean()
    assert ranked[1::2].mean() > fcfs[1::2].mean()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_hits_without_probability_are_no_cache(seed) -> None:
    """Probability 0 equals off, and a trace without hashes has nothing to find."""
    trace = trace_of(poisson(5, 50, seed), 300, 20)
    off = simulate(trace, CURVE, 2)
    for serving in (Serving(prefix_cache="chance", seed=seed), Serving(prefix_cache="blocks")):
        found = simulate(trace, CURVE, 2, serving=serving)
        assert msgspec.structs.replace(found, peak_kv_tokens=off.peak_kv_tokens) == off


def test_hits_come_at_their_probability() -> None:
    """The share of prompt tokens that the cache spares is the probability, less the last token of each."""
    found = simulate(
        trace_of(poisson(5, 20_000), 500, 1), CURVE, 4, serving=Serving(prefix_cache="chance", hit_probability=0.3)
    )
    assert found.column("hit_tokens").sum() / (20_000 * 499) == pytest.approx(0.3, abs=0.01)


def test_a_conversation_finds_its_past() -> None:
    """Every turn but the first hits all blocks of the turn before; first tokens come sooner and prefill shrinks."""
    trace = chat(20, 5)
    off, on = (simulate(trace, CURVE, 1, serving=Serving(prefix_cache=one)) for one in ("off", "blocks"))
    prompts = np.array(trace.column("input_tokens"))
    assert on.column("hit_tokens").tolist() == (prompts - 160).tolist()
    assert on.prefill_s == pytest.approx(off.prefill_s / 3, rel=0.05)
    assert on.column("ttft_s").mean() < off.column("ttft_s").mean()


def test_a_small_cache_forgets_the_oldest() -> None:
    """Hits fall with the size of the cache, and never help beyond it."""
    trace = chat(60, 5)
    hits = [
        simulate(trace, msgspec.structs.replace(CURVE, kv_tokens=size), 1, serving=Serving(prefix_cache="blocks"))
        .column("hit_tokens")
        .sum()
        for size in (2_000, 8_000, 32_000, 10**6)
    ]
    assert hits == sorted(hits)
    assert 0 <= hits[0] < hits[-1]


def test_affinity_finds_what_other_routings_miss() -> None:
    """Sent back to where its prefix is, a conversation hits as on one replica; in turn it mostly misses."""
    trace = chat(60, 5)
    alone = simulate(trace, CURVE, 1, serving=Serving(prefix_cache="blocks")).column("hit_tokens").sum()
    hits = {
        routing: simulate(trace, CURVE, 4, serving=Serving(prefix_cache="blocks", routing=routing))
        .column("hit_tokens")
        .sum()
        for routing in ("prefix_affinity", "round_robin")
    }
    assert hits["prefix_affinity"] == alone
    assert hits["round_robin"] < 0.5 * alone


def test_whole_prompts_hold_answers_up() -> None:
    """Without chunks a long prompt has the step for itself: it starts sooner, and those who decode wait."""
    trace = trace_of([0.0, 1.0], [10, 8000], [400, 2])
    chunked, whole = (
        simulate(trace, CURVE, 1, serving=Serving(max_batch_tokens=512, chunked=one)) for one in (True, False)
    )
    assert whole.column("ttft_s")[1] < chunked.column("ttft_s")[1]
    assert whole.column("e2e_s")[0] > chunked.column("e2e_s")[0]


def test_pools_hand_the_cache_over() -> None:
    """The second token waits for the transfer; prompts no longer stretch the steps of others."""
    split = Split(prefill_replicas=1, transfer_s_per_token=1e-5, latency_s=0.05)
    lone = simulate(trace_of([0.0], 1000, 2), CURVE, 2, serving=Serving(split=split))
    first = CURVE.step_base_s + 1000 * CURVE.prefill_s_per_token
    assert lone.column("ttft_s")[0] == pytest.approx(first)
    second = 0.05 + 1000e-5 + step_s(CURVE, decoding=1, context=1001, prompt=0)
    assert lone.column("tpot_s")[0] == pytest.approx(second)
    trace = trace_of(poisson(4, 400), 1500, 60)
    together = simulate(trace, CURVE, 2)
    apart = simulate(trace, CURVE, 2, serving=Serving(split=Split(prefill_replicas=1)))
    assert np.percentile(apart.column("tpot_s"), 95) < np.percentile(together.column("tpot_s"), 95)


def test_nothing_runs_while_nobody_asks() -> None:
    """Scaled to zero everyone is served, the first of a burst after a cold start, and idle time costs nothing."""
    trace = trace_of(np.concatenate([np.arange(20) * 0.1, 5000 + np.arange(20) * 0.1]), 100, 50)
    scale = Autoscale(target_in_flight=8, least=0, most=4, cold_start_s=30, stabilisation_s=60)
    found = simulate(trace, CURVE, 0, serving=Serving(autoscale=scale))
    fixed = simulate(trace, CURVE, 1)
    assert found.refused == 0
    assert found.column("ttft_s")[[0, 20]] == pytest.approx([30.2, 30.2], rel=0.01)
    assert 60 < found.replica_s < 0.2 * fixed.replica_s
    assert fixed.replica_s == pytest.approx(fixed.span_s)


def test_more_load_gets_more_replicas() -> None:
    """Above the target per replica the fleet grows, up to its most."""
    trace = trace_of(poisson(40, 4000), 200, 100)
    scale = Autoscale(target_in_flight=16, least=1, most=6, cold_start_s=5, stabilisation_s=30)
    found = simulate(trace, CURVE, 1, serving=Serving(autoscale=scale))
    assert found.column("replica").max() == 5
    assert found.replica_s < 6 * found.span_s


def test_refusing_at_the_door_keeps_the_promise() -> None:
    """At twice what a replica carries, those let in get their first token in time; without a door hardly any does."""
    limit = 2.0
    peak = (
        simulate(trace_of(np.zeros(4000), 500, 20), CURVE, 1).n
        / simulate(trace_of(np.zeros(4000), 500, 20), CURVE, 1).span_s
    )
    trace = trace_of(poisson(2 * peak, 6000), 500, 20)
    open_door = simulate(trace, CURVE, 1)
    door = simulate(trace, CURVE, 1, serving=Serving(admission=Admission(ttft_s=limit)))
    assert (open_door.column("ttft_s") <= limit).mean() < 0.1
    kept = door.column("ttft_s")[door.column("outcome") == 0]
    assert (kept <= 1.2 * limit).mean() > 0.95
    assert len(kept) / door.span_s > 0.95 * peak
    assert door.refused + len(kept) == door.n


def test_a_step_that_would_be_too_slow_is_not_joined() -> None:
    """With a limit on TPOT the batch stops growing where the next sequence would break it."""
    trace = trace_of(np.arange(64) * 0.02, 1, 500)
    limit = step_s(CURVE, decoding=16, context=0, prompt=0)
    door = simulate(trace, CURVE, 1, serving=Serving(admission=Admission(tpot_s=limit)))
    assert 12 <= (door.column("outcome") == 0).sum() <= 16


def test_an_outage_moves_requests_and_loses_none() -> None:
    """Those on the lost replica are answered by the other, later; what they had is computed again."""
    trace = trace_of(np.arange(40) * 0.05, 200, 200)
    calm = simulate(trace, CURVE, 2)
    storm = simulate(trace, CURVE, 2, serving=Serving(outages=(Outage(replica=0, down_s=2.0, up_s=50.0),)))
    assert storm.refused == 0
    assert storm.output_tokens == calm.output_tokens
    assert storm.column("e2e_s").sum() > calm.column("e2e_s").sum()
    assert storm.prefill_s > calm.prefill_s
    assert storm.replica_s == pytest.approx(2 * storm.span_s - (storm.span_s - 2.0))


def test_a_fleet_gone_for_good_serves_nobody() -> None:
    """Who finds no replica any more is counted as unserved."""
    trace = trace_of([0.0, 10.0], 100, 10)
    found = simulate(trace, CURVE, 1, serving=Serving(outages=(Outage(replica=0, down_s=5.0),)))
    assert found.column("outcome").tolist() == [0.0, 3.0]
    assert math.isnan(found.column("e2e_s")[1])


def test_an_empty_answer_is_one_prompt_step() -> None:
    """A request of 0 output tokens takes its prompt's step, has no TPOT, and adds no output token."""
    found = simulate(trace_of([0.0], 100, 0), CURVE, 1)
    assert found.column("e2e_s")[0] == pytest.approx(step_s(CURVE, decoding=0, context=0, prompt=100))
    assert math.isnan(found.column("tpot_s")[0])
    assert found.output_tokens == 0
    assert found.steps == 1


@pytest.mark.parametrize(
    ("serving", "words"),
    [
        (Serving(split=Split(prefill_replicas=2)), "2 of 2 replicas"),
        (Serving(split=Split(prefill_replicas=1), autoscale=Autoscale(target_in_flight=1)), "autoscaled together"),
        (Serving(autoscale=Autoscale(target_in_flight=1, least=3, most=2)), "between 3 and 2"),
        (Serving(outages=(Outage(replica=2, down_s=0.0),)), "replica 2 of 2"),
        (Serving(block_tokens=0), "blocks of 0"),
        (Serving(speculation=Speculation(draft_tokens=2, acceptance=1.5)), "1.5 are accepted"),
        (Serving(prefix_cache="blocks", block_tokens=7), "hashes 16 tokens at a time"),
    ],
)
def test_what_does_not_go_together_is_refused(serving, words) -> None:
    """The error names both values and gives a way out."""
    with pytest.raises(UsageError, match=words) as caught:
        simulate(chat(2, 2), CURVE, 2, serving=serving)
    assert caught.value.way_out


def test_numba_is_not_imported_unasked() -> None:
    """Importing the simulator costs no compiler, nor does a small simulation."""
    code = (
        "import sys; from breakeven.perf.simulate import simulate; from breakeven.schema.workload import Trace, pack;"
        "from breakeven.schema.performance import StepCurve;"
        "c = StepCurve(prefill_s_per_token=1e-4, step_base_s=.01, step_per_sequence_s=0., step_per_context_s=0.,"
        "max_sequences=4, kv_tokens=1000); one = pack([1.0]);"
        "simulate(Trace(name='t', arrival_s=one, input_tokens=one, output_tokens=one), c, 1);"
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
