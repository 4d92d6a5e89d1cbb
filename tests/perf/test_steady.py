"""Steady state in closed form: its laws, and that token-level simulation of a closed loop says the same."""

import heapq
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.catalog.load import load
from breakeven.perf.batching import Replica, Sequence
from breakeven.perf.coefficients import START
from breakeven.perf.curve import step_curve
from breakeven.perf.effects import place, resolve
from breakeven.perf.memory import divides
from breakeven.perf.prior import PRIOR
from breakeven.perf.roofline import columns, size, stack
from breakeven.perf.steady import Load, fits, output_tokens_s, tpot_s, ttft_s
from breakeven.schema.performance import StepCurve

CATALOG = load()
H100 = CATALOG.accelerator("h100-sxm")
VAST = msgspec.structs.replace(H100, memory_bytes=8e12)
SHIPPED = st.sampled_from([model for model in CATALOG.models() if model.layers])
BOARDS, ENGINES = st.sampled_from([1, 2, 8]), st.sampled_from(["", "vllm", "sglang", "trtllm"])
PROMPTS, ANSWERS = st.integers(1, 32_000), st.integers(1, 4000)
IN_FLIGHT = np.unique(np.geomspace(1, 2048, 60).round())


def loop(prompt, output, in_flight=IN_FLIGHT, *, whole=False) -> Load:
    """Closed loops of one length, over numbers in flight; `whole` outputs have a place from the start."""
    held = np.asarray(1.0 if whole else 0.5)
    return Load(np.asarray(float(prompt)), np.asarray(float(output)), np.asarray(in_flight, dtype=float), held)


def deployment(model, boards, engine, accelerator=VAST):
    """Size and shipped coefficients, or None where the boards cannot share the heads."""
    if not divides(model, boards):
        return None
    at = place(accelerator, engine=engine, precision="fp8", model=model.id, boards=boards)
    return size(model, accelerator, boards, "fp8", engine=engine), columns(resolve(PRIOR, at))


@settings(max_examples=60)
@given(SHIPPED, BOARDS, ENGINES, PROMPTS, ANSWERS)
def test_more_in_flight_is_slower_for_each_and_faster_for_all(model, boards, engine, prompt, output) -> None:
    """TPOT and TTFT never fall with concurrency, throughput neither."""
    if (found := deployment(model, boards, engine)) is not None:
        for figure in (tpot_s, ttft_s, output_tokens_s):
            assert np.all(np.diff(figure(*found, loop(prompt, output))) >= -1e-12)


@settings(max_examples=40)
@given(SHIPPED, BOARDS, ENGINES, PROMPTS, ANSWERS, st.floats(1.0, 2.0))
def test_longer_prompts_and_slower_steps_are_slower(model, boards, engine, prompt, output, factor) -> None:
    """Twice the prompt, or every step longer: later first tokens and fewer tokens a second."""
    if (found := deployment(model, boards, engine)) is not None:
        at, fitted = found
        one = loop(prompt, output)
        slow, long = fitted._replace(scale=fitted.scale * factor), loop(2 * prompt, output)
        for other, by in ((one, slow), (long, fitted)):
            assert np.all(ttft_s(at, by, other) >= ttft_s(at, fitted, one) * (1 - 1e-9))
            assert np.all(output_tokens_s(at, by, other) <= output_tokens_s(at, fitted, one) * (1 + 1e-9))


@settings(max_examples=40)
@given(SHIPPED, BOARDS, ENGINES, PROMPTS, ANSWERS, st.floats(0.0, 2.0))
def test_throughput_counts_every_prompt(model, boards, engine, prompt, output, share) -> None:
    """In flight = tokens per second x seconds per token with all prompt work in it, whatever a token waits for."""
    if (found := deployment(model, boards, engine)) is not None:
        at, fitted = found[0], found[1]._replace(prefill_share=np.asarray(share))
        one = loop(prompt, output)
        busy = np.minimum(one.in_flight, fits(at, fitted, one))
        np.testing.assert_allclose(output_tokens_s(at, fitted, one) * tpot_s(at, fitted, one, whole=True), busy)
        if share <= 1:
            assert np.all(tpot_s(at, fitted, one) <= tpot_s(at, fitted, one, whole=True) * (1 + 1e-12))


def test_offline_is_as_many_as_fit() -> None:
    """An infinite number in flight is what the cache holds; beyond that, only the wait for a place grows."""
    at, fitted = deployment(CATALOG.model("llama-3.1-8b"), 1, "vllm", H100)
    held = float(fits(at, fitted, loop(2000, 500)))
    rates = output_tokens_s(at, fitted, loop(2000, 500, [held, 2 * held, math.inf]))
    assert rates == pytest.approx([rates[0]] * 3)
    first, second, third = ttft_s(at, fitted, loop(2000, 500, [held, 2 * held, 3 * held]))
    assert third - second == pytest.approx(second - first)
    assert second - first == pytest.approx(held * 500 / rates[0])


@settings(max_examples=40)
@given(SHIPPED, PROMPTS, ANSWERS, st.floats(1.0, 4.0))
def test_more_memory_holds_more(model, prompt, output, factor) -> None:
    """And never fewer than one sequence, were it only because somebody measured it."""
    small, large = (
        size(model, msgspec.structs.replace(H100, memory_bytes=bytes_each), 1, "bf16")
        for bytes_each in (80e9, 80e9 * factor)
    )
    one = loop(prompt, output)
    assert 1 <= fits(small, columns(START), one) <= fits(large, columns(START), one) <= 2048


@settings(max_examples=20)
@given(st.lists(st.tuples(SHIPPED, ENGINES, PROMPTS, ANSWERS, st.integers(1, 512)), min_size=1, max_size=5))
def test_many_loops_at_once_equal_each_alone(drawn) -> None:
    """A column of deployments and loads has in each row what that one has by itself."""
    alone = [deployment(model, 1, engine) for model, engine, *_ in drawn]
    places = [place(VAST, engine=engine, precision="fp8", model=model.id) for model, engine, *_ in drawn]
    at, fitted = stack([one[0] for one in alone]), columns([resolve(PRIOR, one) for one in places])
    prompt, output, in_flight = (np.array(part, dtype=float) for part in list(zip(*drawn, strict=True))[2:])
    for figure in (tpot_s, ttft_s, output_tokens_s):
        one_by_one = [float(figure(*one, loop(*load[2:]))) for one, load in zip(alone, drawn, strict=True)]
        np.testing.assert_allclose(figure(at, fitted, Load(prompt, output, in_flight)), one_by_one, rtol=1e-12)


def closed_loop(curve: StepCurve, prompt: int, output: int, in_flight: int, rounds: int = 12):
    """A closed loop, token by token, its starts spread over one answer: mean TPOT, and output tokens a second.

    The rate is that of Little's law, in flight / time of an answer: nobody thinks between answers.
    """
    replica = Replica(curve)
    pace = curve.step_base_s * output / in_flight
    due = [(client * pace, client) for client in range(in_flight)]
    done, count = [], 0
    while len(done) < rounds * in_flight:
        until = math.nextafter(min(due[0][0] if due else math.inf, replica.next_change_s()), math.inf)
        done += (ended := [one for one in replica.advance(until) if not math.isnan(one.done_s)])
        for one in ended:
            heapq.heappush(due, (one.done_s, one.key))
        while due and due[0][0] <= until:
            ready, _ = heapq.heappop(due)
            replica.submit(Sequence(count, ready, prompt, output))
            count += 1
    steady = done[len(done) // 3 :]
    tpot = np.mean([(one.done_s - one.first_s) / (one.output_tokens - 1) for one in steady])
    answer_s = np.mean([one.done_s - one.ready_s for one in steady])
    return float(tpot), float(in_flight * output / answer_s)


@pytest.mark.parametrize("in_flight", [1, 4, 16, 64])
@pytest.mark.parametrize(("prompt", "output"), [(1000, 200), (128, 300), (3000, 150)])
@pytest.mark.parametrize(("name", "boards"), [("llama-3.1-8b", 1), ("mixtral-8x7b", 2), ("deepseek-v3", 8)])
def test_a_simulated_closed_loop_agrees(name, boards, prompt, output, in_flight) -> None:
    """With all of the others' prompt work waited for, TPOT and throughput are those of the tokens, to 4 %."""
    model = CATALOG.model(name)
    fitted = msgspec.structs.replace(START, prefill_share=1.0, request_s=1e-9)
    curve = step_curve(model, VAST, boards, "fp8", fitted, engine="vllm", max_batch=256)
    at = size(model, VAST, boards, "fp8", engine="vllm")
    one = loop(prompt, output, in_flight)
    tpot, rate = closed_loop(curve, prompt, output, in_flight)
    assert tpot == pytest.approx(float(tpot_s(at, columns(fitted), one)), rel=0.04)
    assert rate == pytest.approx(float(output_tokens_s(at, columns(fitted), one)), rel=0.04)
