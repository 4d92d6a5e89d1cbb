"""Continuous batching: the fast state machine against a plain one, and the laws every queue obeys."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import UsageError
from breakeven.perf.fleet import Fleet
from breakeven.perf.simulate import simulate
from breakeven.perf.step import pairs_of, run_s, slowed, step_s, steps_within, tokens_s
from breakeven.schema.performance import StepCurve
from breakeven.schema.workload import Trace, pack

CURVE = StepCurve(
    prefill_s_per_token=2e-5,
    step_base_s=0.01,
    step_per_sequence_s=1e-4,
    step_per_context_s=1e-7,
    max_sequences=4,
    kv_tokens=3000,
    request_s=0.003,
)

BENT = StepCurve(
    prefill_s_per_token=2e-5,
    step_base_s=0.01,
    step_per_sequence_s=1e-4,
    step_per_context_s=1e-7,
    max_sequences=4,
    kv_tokens=3000,
    request_s=0.003,
    step_per_pair_s=3e-8,
    token_s=((2.0, 0.001), (64.0, 0.0015), (300.0, 0.004), (1000.0, 0.02)),
    step_per_window_context_s=4e-7,
    window_tokens=200,
)
"""A curve with every term: attention of prompts, a bent cost of tokens, a sliding window."""

REQUESTS = st.lists(
    st.tuples(st.floats(0, 0.5), st.integers(1, 900), st.integers(1, 60)), min_size=1, max_size=25
)  # gap, prompt, answer


def trace_of(requests):
    arrivals = np.cumsum([gap for gap, _, _ in requests])
    return Trace(
        name="t",
        arrival_s=pack(arrivals),
        input_tokens=pack(prompt for _, prompt, _ in requests),
        output_tokens=pack(answer for _, _, answer in requests),
    )


def plain(requests, curve, budget):
    """One replica, one step at a time, written straight from the rules and sharing nothing with the fast one."""
    clock, waiting, prompts, running, done = 0.0, [], [], [], {}
    coming = [
        {"key": key, "ready": at + curve.request_s, "left": prompt, "prompt": prompt, "answer": answer, "out": 0}
        for key, (at, (_, prompt, answer)) in enumerate(
            zip(np.cumsum([gap for gap, _, _ in requests]), requests, strict=True)
        )
    ]
    while coming or waiting or prompts or running:
        if not (waiting or prompts or running):
            clock = max(clock, coming[0]["ready"])
        while coming and coming[0]["ready"] <= clock:
            waiting.append(coming.pop(0))
        while waiting and len(prompts) + len(running) < curve.max_sequences:
            asked = (*prompts, *running, waiting[0])
            if sum(math.ceil((one["prompt"] + one["answer"]) / 16) for one in asked) > curve.kv_tokens // 16:
                break
            prompts.append(waiting.pop(0))
        room, taken, pairs, ready = budget - len(running), 0, 0, []
        for one in list(prompts):
            part = min(one["left"], room - taken)
            before = one["prompt"] - one["left"]
            pairs += sum(before + query for query in range(1, part + 1))
            one["left"] -= part
            taken += part
            if one["left"]:
                break
            ready.append(one)
            prompts.remove(one)
        context = sum(one["prompt"] + one["out"] for one in running)
        clock += (
            curve.step_base_s
            + curve.step_per_sequence_s * len(running)
            + curve.step_per_context_s * context
            + curve.prefill_s_per_token * taken
            + curve.step_per_window_context_s * sum(min(one["prompt"], curve.window_tokens) for one in running)
            + curve.step_per_pair_s * pairs
            + (np.interp(len(running) + taken, *zip(*curve.token_s, strict=True)) if curve.token_s else 0.0)
        )
        for one in (*running, *ready):
            one["out"] += 1
            one.setdefault("first", clock)
            if one["out"] == one["answer"]:
                one["done"] = clock
                done[one["key"]] = one
        running = [one for one in (*running, *ready) if "done" not in one]
    return [done[key] for key in sorted(done)]


@settings(max_examples=80, deadline=None)
@given(REQUESTS, st.sampled_from([64, 256, 1000]), st.sampled_from([CURVE, BENT]))
def test_fast_equals_plain(requests, budget, curve) -> None:
    """Runs of decode steps summed in closed form give the times of stepping one by one (invariant 8)."""
    found = simulate(trace_of(requests), curve, 1, max_batch_tokens=budget)
    expected = plain(requests, curve, budget)
    arrivals = found.column("arrival_s")
    assert len(expected) == len(requests)
    np.testing.assert_allclose(found.column("ttft_s"), [one["first"] for one in expected] - arrivals, rtol=1e-9)
    np.testing.assert_allclose(found.column("e2e_s"), [one["done"] for one in expected] - arrivals, rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(REQUESTS, st.integers(1, 3), st.randoms(use_true_random=False))
def test_how_finely_time_is_cut_changes_nothing(requests, replicas, random) -> None:
    """Advancing at any times in between, as a real clock does, gives what one advance to the end gives."""
    trace = trace_of(requests)
    expected = simulate(trace, CURVE, replicas)
    fleet, made, now = Fleet(CURVE, replicas), [], 0.0
    columns = zip(*(trace.column(name) for name in ("arrival_s", "input_tokens", "output_tokens")), strict=True)
    for at, prompt, answer in columns:
        while now < at:
            fleet.advance(now)
            now += random.choice([0.0004, 0.02, 0.3])
        fleet.advance(at)
        made.append(fleet.arrive(at, int(prompt), int(answer)))
    while (due := fleet.next_change_s()) != math.inf:
        fleet.advance(due + random.choice([1e-9, 0.005]))
    np.testing.assert_allclose([one.first_s for one in made] - trace_arrivals(trace), expected.column("ttft_s"))
    np.testing.assert_allclose([one.done_s for one in made] - trace_arrivals(trace), expected.column("e2e_s"))
    assert fleet.in_flight == 0


def trace_arrivals(trace):
    return np.frombuffer(trace.arrival_s)


@settings(max_examples=60, deadline=None)
@given(REQUESTS)
def test_a_clock_that_waits_for_changes_misses_none(requests) -> None:
    """No first or last token falls before the time announced as the next change."""
    fleet = Fleet(CURVE, 1)
    trace = trace_of(requests)
    made = [
        fleet.arrive(at, int(prompt), int(answer))
        for at, prompt, answer in zip(
            *(trace.column(name) for name in ("arrival_s", "input_tokens", "output_tokens")), strict=True
        )
    ]
    while (due := fleet.next_change_s()) != math.inf:
        before = {id(one) for one in fleet.advance(math.nextafter(due, 0.0))}
        assert not [one for one in made if id(one) in before and not math.isclose(last_change(one), due)]
        fleet.advance(math.nextafter(due, math.inf))
    assert all(not math.isnan(one.done_s) for one in made)


def last_change(one):
    return one.first_s if math.isnan(one.done_s) else one.done_s


@settings(max_examples=60, deadline=None)
@given(REQUESTS, st.integers(1, 4), st.sampled_from(["least_loaded", "round_robin"]))
def test_conservation_causality_and_littles_law(requests, replicas, routing) -> None:
    """Every request is answered once; nothing precedes its cause; mean in flight is rate x residence (inv. 1, 10)."""
    trace = trace_of(requests)
    found = simulate(trace, CURVE, replicas, routing=routing)
    ttft, e2e = found.column("ttft_s"), found.column("e2e_s")
    assert found.n == trace.n
    assert found.refused == 0
    assert not np.isnan(e2e).any()
    alone = CURVE.request_s + CURVE.step_base_s + np.frombuffer(trace.input_tokens) * CURVE.prefill_s_per_token
    assert (ttft >= alone * (1 - 1e-12)).all()
    gaps = np.frombuffer(trace.output_tokens) - 1
    assert (e2e - ttft >= gaps * CURVE.step_base_s * (1 - 1e-9)).all()
    assert found.busy_s <= found.span_s * replicas * (1 + 1e-9)
    assert math.isclose(time_average(found), found.in_flight_mean, rel_tol=1e-9)


def time_average(found):
    """The number in the system integrated over time, from its ups and downs."""
    starts = found.column("arrival_s")
    events = sorted([(at, 1) for at in starts] + [(at, -1) for at in starts + found.column("e2e_s")])
    area, level = 0.0, 0
    for (at, change), (after, _) in zip(events, [*events[1:], events[-1]], strict=True):
        level += change
        area += level * (after - at)
    return area / (events[-1][0] - events[0][0])


@settings(max_examples=30, deadline=None)
@given(REQUESTS)
def test_same_inputs_same_bytes(requests) -> None:
    """A simulation is a function of its inputs (invariant 7)."""
    assert simulate(trace_of(requests), CURVE, 2) == simulate(trace_of(requests), CURVE, 2)


@settings(max_examples=60, deadline=None)
@given(REQUESTS, st.lists(st.floats(0, 2), max_size=25))
def test_cancelled_requests_leave_no_trace(requests, moments) -> None:
    """Cancel anything at any time: the rest is answered, and afterwards the replica is as good as new."""
    fleet, made, now = Fleet(CURVE, 1), [], 0.0
    for (gap, prompt, answer), wait in zip(requests, [*moments, *[None] * 25], strict=False):
        now += gap
        fleet.advance(now)
        made.append((fleet.arrive(now, prompt, answer), wait))
        if wait is not None:
            fleet.advance(now + wait)
            now += wait
            fleet.cancel(made[len(made) // 2][0])
    fleet.advance(math.inf)
    assert fleet.in_flight == 0
    assert all(one.gone or not math.isnan(one.done_s) for one, _ in made)
    late = [fleet.arrive(1e6, 700, 40) for _ in range(4)]
    fleet.advance(math.inf)
    fresh = Fleet(CURVE, 1)
    expected = [fresh.arrive(1e6, 700, 40) for _ in range(4)]
    fresh.advance(math.inf)
    assert [one.done_s for one in late] == pytest.approx([one.done_s for one in expected], rel=1e-12)


def test_what_can_never_fit_is_refused_at_once() -> None:
    """A request larger than the cache is counted as refused and holds nobody up."""
    found = simulate(trace_of([(0.0, 4000, 10), (0.0, 100, 10)]), CURVE, 1)
    assert found.refused == 1
    assert math.isnan(found.column("e2e_s")[0])
    assert found.column("replica").tolist() == [-1.0, 0.0]


def test_memory_limits_what_runs_together() -> None:
    """Two requests that do not fit together run one after the other."""
    together = simulate(trace_of([(0.0, 100, 50), (0.0, 100, 50)]), CURVE, 1)
    apart = simulate(trace_of([(0.0, 2000, 50), (0.0, 2000, 50)]), CURVE, 1)
    assert together.column("ttft_s")[1] < together.column("e2e_s")[0]
    assert apart.column("ttft_s")[1] > apart.column("e2e_s")[0]


def test_one_slot_and_one_token_is_a_queue_with_fixed_service() -> None:
    """With one slot and answers of one token, the mean wait is Pollaczek-Khinchine's rho S / (2 (1 - rho)), to 5 %."""
    curve = StepCurve(
        prefill_s_per_token=1e-4, step_base_s=0.0, step_per_sequence_s=0.0, step_per_context_s=0.0, max_sequences=1,
        kv_tokens=10_000,
    )  # fmt: skip
    rng, service, rho = np.random.default_rng(7), 0.1, 0.7
    arrivals = np.cumsum(rng.exponential(service / rho, 40_000))
    ones = pack(np.ones(len(arrivals)))
    trace = Trace(
        name="md1", arrival_s=pack(arrivals), input_tokens=pack(np.full(len(arrivals), 1000.0)), output_tokens=ones
    )
    wait = simulate(trace, curve, 1).column("ttft_s").mean() - service
    assert wait == pytest.approx(rho * service / (2 * (1 - rho)), rel=0.05)


@given(st.integers(1, 200), st.integers(0, 10**6), st.floats(0, 5), st.integers(0, 3000))
def test_whole_steps_within_a_gap(decoding, context, gap, most) -> None:
    """As many steps as fit and not one more."""
    steps = steps_within(CURVE, decoding, context, gap, most)
    assert 0 <= steps <= most
    assert steps == 0 or run_s(CURVE, decoding, context, steps) <= gap
    assert steps == most or run_s(CURVE, decoding, context, steps + 1) > gap


@given(st.integers(1, 50), st.integers(0, 10**5), st.integers(0, 200), st.integers(0, 5000))
def test_a_run_is_the_sum_of_its_steps(decoding, context, steps, window) -> None:
    """The closed form of a run equals adding its steps."""
    added = math.fsum(
        step_s(BENT, decoding=decoding, context=context + step * decoding, prompt=0, window=window)
        for step in range(steps)
    )
    assert run_s(BENT, decoding, context, steps, window) == pytest.approx(added, rel=1e-12)


@given(st.floats(0, 1000))
def test_the_cost_of_tokens_is_linear_between_points(tokens) -> None:
    """The first value holds below the first point; without points tokens cost nothing of their own."""
    assert tokens_s(BENT, tokens) == pytest.approx(np.interp(tokens, *zip(*BENT.token_s, strict=True)), rel=1e-12)
    assert tokens_s(CURVE, tokens) == 0.0


def test_the_cost_of_tokens_keeps_its_last_slope() -> None:
    """Beyond the last point the line goes on; a single point is a constant."""
    slope = (0.02 - 0.004) / 700
    assert tokens_s(BENT, 1500) == pytest.approx(0.02 + 500 * slope, rel=1e-12)
    assert tokens_s(msgspec.structs.replace(BENT, token_s=((8.0, 0.5),)), 99) == 0.5


@given(st.lists(st.integers(1, 300), min_size=1, max_size=8))
def test_chunks_of_a_prompt_have_the_pairs_of_the_whole(chunks) -> None:
    """However a prompt is cut, each token looks once at itself and each earlier one."""
    starts = [sum(chunks[:place]) for place in range(len(chunks))]
    whole = sum(pairs_of(chunk, start) for chunk, start in zip(chunks, starts, strict=True))
    assert whole == pairs_of(sum(chunks), 0)


@settings(max_examples=40, deadline=None)
@given(REQUESTS, st.floats(0.3, 0.95), st.sampled_from([CURVE, BENT]))
def test_time_has_no_unit_of_its_own(requests, factor, curve) -> None:
    """Steps, waits and arrivals all `factor` as long give answers `factor` as late, to the last digit that counts."""
    fast = slowed(curve, factor)
    slow_run = simulate(trace_of(requests), StepCurve(**{**as_dict(curve), "request_s": 0.0}), 2)
    fast_run = simulate(trace_of(requests), StepCurve(**{**as_dict(fast), "request_s": 0.0}), 2, scale=1 / factor)
    np.testing.assert_allclose(fast_run.column("e2e_s"), slow_run.column("e2e_s") * factor, rtol=1e-6)


def as_dict(curve):
    return {name: getattr(curve, name) for name in curve.__struct_fields__}


@pytest.mark.parametrize(("replicas", "scale"), [(0, 1.0), (1, 0.0), (1, -2.0)])
def test_nonsense_is_refused(replicas, scale) -> None:
    """No replicas, or time standing still, is a usage error that names both."""
    with pytest.raises(UsageError, match=f"{replicas} replicas at {scale} times"):
        simulate(trace_of([(0.0, 1, 1)]), CURVE, replicas, scale=scale)
