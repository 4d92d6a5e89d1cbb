"""The curve that is simulated, emulated and accounted with: it says what the roofline says."""

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.catalog.load import load
from breakeven.metric.work import work_s
from breakeven.perf import steady
from breakeven.perf.coefficients import START
from breakeven.perf.curve import TOKENS, step_curve
from breakeven.perf.effects import place, resolve
from breakeven.perf.memory import divides
from breakeven.perf.prior import PRIOR
from breakeven.perf.roofline import batch, columns, size
from breakeven.perf.roofline import step_s as roofline_s
from breakeven.perf.simulate import simulate
from breakeven.perf.step import step_s
from breakeven.perf.work import work_curve
from breakeven.schema.workload import Trace, pack

CATALOG = load()
LLAMA_8B = CATALOG.model("llama-3.1-8b")
H100 = CATALOG.accelerator("h100-sxm")
VAST = msgspec.structs.replace(H100, memory_bytes=8e12)
SHIPPED = st.sampled_from([model for model in CATALOG.models() if model.layers])
LAYOUTS = st.sampled_from([(1, 1), (4, 1), (2, 2)])
ENGINES = st.sampled_from(["", "vllm", "sglang", "trtllm"])


def even(rate, n, prompt=800.0, answer=150.0):
    """Evenly spaced requests, so that only the deployment differs."""
    return Trace(
        name="even", arrival_s=pack(index / rate for index in range(n)), input_tokens=pack([prompt] * n),
        output_tokens=pack([answer] * n),
    )  # fmt: skip


def both(model, layout, engine, decoding, context, prompt):
    """Seconds of a step of decoding sequences, tokens of context each, and a prompt: on the curve, on the roofline."""
    boards, stages = layout
    fitted = resolve(PRIOR, place(VAST, engine=engine, precision="fp8", model=model.id, boards=boards))
    curve = step_curve(model, VAST, boards, "fp8", fitted, engine=engine, stages=stages)
    at, pairs = size(model, VAST, boards, "fp8", engine=engine, stages=stages), prompt**2 / 2
    window = decoding * min(context, curve.window_tokens)
    found = step_s(curve, decoding=decoding, context=decoding * context, prompt=prompt, window=window, pairs=pairs)
    one = batch(at, np.asarray(float(decoding)), np.asarray(float(context)), prompt, pairs)
    return found, float(roofline_s(at, columns(fitted), one))


@settings(max_examples=60)
@given(SHIPPED, LAYOUTS, ENGINES, st.sampled_from(TOKENS.tolist()))
def test_at_its_points_the_curve_is_the_roofline(model, layout, engine, tokens) -> None:
    """A step of prompt tokens alone takes on a point what it takes on the roofline, but for the head's line."""
    if divides(model, layout[0]):
        curve, roofline = both(model, layout, engine, 0, 0, int(tokens))
        assert curve == pytest.approx(roofline, rel=1e-3)


@settings(max_examples=150)
@given(
    SHIPPED, LAYOUTS, ENGINES, st.integers(0, 1024), st.integers(128, 30_000), st.integers(0, 8192)
)  # fmt: skip
def test_the_curve_is_the_roofline_to_two_per_cent(model, layout, engine, decoding, context, prompt) -> None:
    """Any batch with context, windows, chosen tokens and pairs, for every model of the catalog."""
    if divides(model, layout[0]) and decoding + prompt:
        curve, roofline = both(model, layout, engine, decoding, context, prompt)
        assert curve == pytest.approx(roofline, rel=0.02)


@settings(max_examples=60)
@given(SHIPPED, LAYOUTS, ENGINES)
def test_no_part_of_a_curve_is_negative(model, layout, engine) -> None:
    """More of anything never shortens a step, so that runs of steps can be inverted."""
    boards, stages = layout
    if divides(model, boards):
        curve = step_curve(model, VAST, boards, "fp8", engine=engine, stages=stages)
        parts = (curve.step_per_sequence_s, curve.step_per_context_s, curve.step_per_window_context_s)
        assert min(curve.step_base_s, *parts, curve.step_per_pair_s, curve.request_s) >= 0
        assert all(low[0] < high[0] and low[1] <= high[1] for low, high in itertools.pairwise(curve.token_s))


def test_stages_share_the_boards_memory() -> None:
    """A cache over two stages of a board each holds as much as over two boards that share the layers, or more."""
    shared, staged = (
        step_curve(LLAMA_8B, H100, boards, "bf16", START, stages=stages).kv_tokens
        for boards, stages in ((2, 1), (1, 2))
    )
    assert staged == pytest.approx(shared, rel=0.01)


def test_an_engine_nobody_measured_has_the_base() -> None:
    """Without a name, and with one that no row has, the same curve."""
    assert step_curve(LLAMA_8B, H100, 1, "bf16") == step_curve(LLAMA_8B, H100, 1, "bf16", engine="unheard of")


@settings(max_examples=25)
@given(st.floats(1.2, 3.0), st.floats(1.2, 3.0), st.floats(0.5, 20.0))
def test_a_faster_accelerator_answers_no_later(bandwidth, flops, rate) -> None:
    """A board better by more than the one step that a request may just miss answers no later in the mean."""
    better = msgspec.structs.replace(
        H100, bandwidth_bytes_s=H100.bandwidth_bytes_s * bandwidth, flops_fp16=H100.flops_fp16 * flops
    )
    runs = [simulate(even(rate, 80), step_curve(LLAMA_8B, board, 1, "bf16"), 1) for board in (H100, better)]
    assert runs[1].column("e2e_s").mean() <= runs[0].column("e2e_s").mean() * (1 + 1e-9)


def test_work_adds_up_to_the_time_of_the_steps() -> None:
    """Requests in flight, charged for their work, are charged the time the replica was busy."""
    curve = msgspec.structs.replace(step_curve(LLAMA_8B, H100, 1, "bf16"), step_per_context_s=0.0)
    work = work_curve(curve, context_mean=0.0)
    in_flight, answer = 16, 200
    found = simulate(even(1e9, in_flight, prompt=100.0, answer=float(answer)), curve, 1)
    charged = in_flight * work_s(work, input_tokens=100, output_tokens=answer, rows=0, in_flight=in_flight)
    assert charged == pytest.approx(found.busy_s, rel=0.01)


def test_work_reaches_the_largest_batch() -> None:
    """The points ascend in batch and in time and end at what the replica runs at most."""
    curve = step_curve(LLAMA_8B, H100, 1, "bf16", max_batch=200)
    points = work_curve(curve, 1500).tpot_s
    assert points[-1][0] == 200
    assert all(low[0] < high[0] and low[1] <= high[1] for low, high in itertools.pairwise(points))


def test_a_saturated_replica_is_as_fast_as_its_simulation() -> None:
    """The closed form of the saturated rate agrees with a simulated backlog, ends left out, to 10 %."""
    curve = step_curve(LLAMA_8B, H100, 1, "bf16", context_mean=875, max_batch=64)
    found = simulate(even(1e6, 1500), curve, 1)
    done = sorted(found.column("arrival_s") + found.column("e2e_s"))
    rate = 1000 / (done[1249] - done[249])
    assert steady.replica_rps(curve, prompt=800, output=150) == pytest.approx(rate, rel=0.10)
