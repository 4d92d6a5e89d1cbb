"""Drafts, bits and experts: closed forms against the simulator, and against draws."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.catalog.load import load
from breakeven.config.lever.serving import Experts, Quantization, Speculation
from breakeven.errors import UsageError
from breakeven.perf.curve import step_curve
from breakeven.perf.simulate import simulate
from breakeven.planner.levers.judge import Stakes
from breakeven.planner.levers.steps import best_draft, by_batch, off_above, speculation, step_s, tokens_a_step
from breakeven.planner.levers.weights import (
    experts,
    memory_share,
    quantization,
    quantized,
    replica,
    speedup,
    touched_share,
)
from breakeven.schema.performance import StepCurve
from breakeven.schema.serving import Serving
from breakeven.schema.serving import Speculation as Drafts
from breakeven.schema.workload import Trace, pack

CATALOG = load()
NOTHING = Stakes()
PROMPT, OUTPUT = 64, 2400
PARAMS, BANDWIDTH, FLOPS = 70e9, 3.35e12, 500e12
CACHE_EACH = 1024 * 327_680
"""Bytes of a sequence of 1,024 tokens, 80 layers of 8 heads of 128 numbers, keys and values, 16 bits."""
ON = {"model": "llama-3.3-70b", "accelerator": "h100-sxm", "accelerators": 4, "precision": "fp8"}


def roof(cached_bytes: float = 0.0) -> StepCurve:
    """T(n) = max((weights + cache) / bandwidth, 2 n params / flops): flat up to the ridge, linear beyond."""
    read, each = (PARAMS + cached_bytes) / BANDWIDTH, 2 * PARAMS / FLOPS
    ridge = read / each
    return StepCurve(
        prefill_s_per_token=0.0, step_base_s=0.0, step_per_sequence_s=0.0, step_per_context_s=0.0, max_sequences=512,
        kv_tokens=10**7, token_s=((1.0, read), (ridge, read), (2 * ridge, 2 * read)),
    )  # fmt: skip


def values(**numbers: float) -> dict[str, np.ndarray]:
    given = {"context_tokens": 1024.0, "draft_per_sequence_s": 0.0} | numbers
    return {name: np.asarray(float(value)) for name, value in given.items()}


def real(max_batch: int = 256) -> StepCurve:
    model, board = CATALOG.model("llama-3.3-70b"), CATALOG.accelerator("h100-sxm")
    return step_curve(model, board, 4, "fp8", context_mean=PROMPT + OUTPUT / 2, max_batch=max_batch)


def seconds_per_token(curve: StepCurve, batch: int, serving: Serving) -> float:
    """Mean time per output token of so many requests that start and end together, in the simulator."""
    trace = Trace(
        name="together", arrival_s=pack([0.0] * batch), input_tokens=pack([PROMPT] * batch),
        output_tokens=pack([OUTPUT] * batch),
    )  # fmt: skip
    roomy = msgspec.structs.replace(curve, kv_tokens=10**7)
    found = simulate(trace, roomy, 1, serving=serving, max_batch_tokens=PROMPT * batch + 1, compiled=False)
    return float(np.nanmean(found.column("tpot_s")))


@pytest.mark.parametrize("batch", [1, 8, 32])
@pytest.mark.parametrize("length", [1, 4])
def test_the_speedup_equals_the_simulator_s(batch: int, length: int) -> None:
    """E T(b) / (k T_draft + T(b (k + 1))) within a per cent of requests simulated step by step."""
    curve, draft_s, each_s = real(), 0.0008, 0.00002
    drafts = Drafts(draft_tokens=length, acceptance=0.8, draft_s=draft_s, draft_per_sequence_s=each_s)
    plain = seconds_per_token(curve, batch, Serving())
    drafted = seconds_per_token(curve, batch, Serving(speculation=drafts))
    b, context, k = np.asarray(float(batch)), np.asarray(PROMPT + OUTPUT / 2), np.asarray(float(length))
    gained = tokens_a_step(np.asarray(0.8), k)
    said = (
        gained * step_s(curve, b, context, np.zeros(())) / (k * (draft_s + each_s * b) + step_s(curve, b, context, k))
    )
    assert float(said) == pytest.approx(plain / drafted, rel=0.01)


@pytest.mark.parametrize("batch", [1, 16])
def test_the_best_length_is_the_simulator_s_best(batch: int) -> None:
    """Among all lengths that were simulated none is faster than the one the closed form chooses, within a per cent."""
    curve = real()
    v = values(acceptance=0.7, draft_s=0.001, batch=batch, context_tokens=PROMPT + OUTPUT / 2)
    chosen = int(best_draft(curve, v, 8).length)
    times = {
        k: seconds_per_token(curve, batch, Serving(speculation=Drafts(draft_tokens=k, acceptance=0.7, draft_s=0.001)))
        for k in range(1, 9)
    }
    assert times[chosen] <= min(times.values()) * 1.01


def test_drafts_are_off_under_load() -> None:
    """A 70-billion model at 8 bits on 3.35 TB/s and 500 TFLOP/s, a draft of 3 % of a step, acceptance 0.8.

    Fast at batch 1, less at 16, little at 64, and off from 128 on.
    """
    v = values(acceptance=0.8, draft_s=0.03 * PARAMS / BANDWIDTH)
    found = {size: best_draft(roof(size * CACHE_EACH), v | values(batch=size), 10) for size in (1, 16, 64, 128, 256)}
    assert [round(float(found[size].speedup), 1) for size in (1, 16, 64)] == [3.5, 3.0, 1.3]
    assert [(int(found[size].length), float(found[size].speedup)) for size in (128, 256)] == [(0, 1.0)] * 2


def test_the_load_above_which_drafts_are_off_is_where_the_table_says_nought() -> None:
    """Every batch up to it has a draft, and none beyond."""
    v = values(acceptance=0.8, draft_s=0.03 * PARAMS / BANDWIDTH)
    off = float(off_above(roof(), v, 10))
    assert 1 < off < 75
    assert all((length > 0) == (size <= off) for size, length, _ in by_batch(roof(), v, 10))


@given(acceptance=st.floats(0, 1), batch=st.integers(1, 512), draft=st.floats(0, 0.02))
@settings(max_examples=60, deadline=None)
def test_the_best_draft_never_slows_down(acceptance: float, batch: int, draft: float) -> None:
    """Off is among the choices; more acceptance never makes it worse, a dearer draft never better."""
    v = values(acceptance=acceptance, draft_s=draft, batch=batch)
    found = best_draft(roof(), v, 8)
    assert float(found.speedup) >= 1.0
    worse = best_draft(roof(), v | values(acceptance=acceptance / 2, draft_s=draft, batch=batch), 8)
    dearer = best_draft(roof(), v | values(acceptance=acceptance, draft_s=draft + 0.001, batch=batch), 8)
    assert float(worse.speedup) <= float(found.speedup) + 1e-12
    assert float(dearer.speedup) <= float(found.speedup) + 1e-12


@given(acceptance=st.floats(0, 1), length=st.integers(0, 12))
@settings(max_examples=30, deadline=None)
def test_tokens_of_a_step_are_those_of_draws(acceptance: float, length: int) -> None:
    """The sum over how many drafted tokens are accepted, the bonus token included."""
    by_hand = 1 + sum(acceptance**k for k in range(1, length + 1))
    assert float(tokens_a_step(np.asarray(acceptance), np.asarray(float(length)))) == pytest.approx(by_hand)


def test_a_lever_of_drafts_says_where_to_turn_it_off() -> None:
    """Below that batch it saves, above it changes nothing: the best length is 0."""
    asked = {
        "serving": ON, "acceptance": 0.8, "draft_s": 0.03 * PARAMS / BANDWIDTH, "output_tokens": 300.0,
        "replica_usd_per_hour": 12.0,
    }  # fmt: skip
    low = speculation(Speculation.model_validate(asked | {"batch": 8.0}), NOTHING, roof())
    high = speculation(Speculation.model_validate(asked | {"batch": 256.0}), NOTHING, roof())
    assert (low.verdict, high.verdict) == ("pays", "changes nothing")
    assert high.figure("draft_tokens").value == 0
    assert low.figure("off_above_batch").value == high.figure("off_above_batch").value
    assert (low.figure("draft_tokens_at_1").value or 0) > (low.figure("draft_tokens_at_32").value or 0)


def test_fewer_bits_equal_the_simulator_within_a_per_cent() -> None:
    """A decode with half the bytes a weight, simulated, is faster by 1 / ((1 - m) + m / 2)."""
    model, board = CATALOG.model("llama-3.3-70b"), CATALOG.accelerator("h100-sxm")
    whole = replica(model, board, 4, "fp16")
    half = whole.with_bytes(0.5)
    context = PROMPT + OUTPUT / 2
    for batch in (1, 16, 64):
        times = [seconds_per_token(as_curve(one, batch), batch, Serving()) for one in (whole, half)]
        share = memory_share(whole, float(batch), context, 0.5)
        assert float(speedup(np.asarray(share), np.asarray(0.5))) == pytest.approx(times[0] / times[1], rel=0.01)


def as_curve(one: object, batch: int) -> StepCurve:
    """Steps of a replica at one batch, linear in context, as the simulator takes them."""
    b = np.asarray(float(batch))
    short, long = (float(one.step(b, np.asarray(c))) for c in (1000.0, 2000.0))  # type: ignore[attr-defined]
    each = (long - short) / (1000.0 * batch)
    return StepCurve(
        prefill_s_per_token=0.0, step_base_s=short - each * 1000.0 * batch, step_per_sequence_s=0.0,
        step_per_context_s=each, max_sequences=512, kv_tokens=10**7,
    )  # fmt: skip


def test_fewer_bits_help_less_the_larger_the_batch() -> None:
    """The share that reads weights falls with the batch, and no speed-up exceeds the ratio of bytes."""
    model, board = CATALOG.model("llama-3.3-70b"), CATALOG.accelerator("h100-sxm")
    whole = replica(model, board, 4, "fp16")
    found = [memory_share(whole, float(b), 1024.0, 0.5) for b in (1, 8, 64, 512)]
    assert found == sorted(found, reverse=True)
    assert all(float(speedup(np.asarray(m), np.asarray(0.5))) <= 2.0 for m in found)


def test_quantization_of_a_replica_takes_its_shares_from_it() -> None:
    """All four are filled in; int4 weights without int4 tensor cores gain nothing in prefill, fp8 do."""
    model, board = CATALOG.model("llama-3.3-70b"), CATALOG.accelerator("h100-sxm")
    asked = Quantization.model_validate(
        {"serving": ON | {"precision": "fp16"}, "to_precision": "fp8", "batch": 32.0, "prompt_tokens": 1000.0,
         "output_tokens": 300.0, "prediction_usd": 0.004}
    )  # fmt: skip
    before = replica(model, board, 4, "fp16")
    eight, four = (quantized(asked, before, replica(model, board, 4, one)) for one in ("fp8", "int4"))
    assert eight.bytes_ratio.value == pytest.approx(0.5)
    assert four.bytes_ratio.value == pytest.approx(0.28125)
    assert eight.prefill_gain.value > 1.3
    assert four.prefill_gain.value < 1.1
    assert quantization(eight, NOTHING).verdict == "pays"
    with pytest.raises(UsageError, match="states no memory_share"):
        quantization(asked, NOTHING)


@pytest.mark.parametrize("batch", [1, 8, 64, 256])
def test_experts_read_are_those_of_draws(batch: int) -> None:
    """1 - (1 - k/E)^b within a per cent of batches drawn token by token: 3 %, 22 %, 87 % and all of 256 experts."""
    random = np.random.default_rng(batch)
    runs = 400 if batch < 64 else 100
    drawn = []
    for _ in range(runs):
        chosen = np.argpartition(random.random((batch, 256)), 8, axis=1)[:, :8]
        drawn.append(np.unique(chosen).size / 256)
    said = float(touched_share(256, 8, np.asarray(float(batch))))
    assert said == pytest.approx(float(np.mean(drawn)), rel=0.01)
    assert round(said, 2) == {1: 0.03, 8: 0.22, 64: 0.87, 256: 1.0}[batch]


def test_the_claim_by_active_parameters_holds_at_batch_one_only() -> None:
    """There it equals the cost; with the batch it understates it more, until arithmetic hides the reads."""
    of = replica(CATALOG.model("qwen3-30b-a3b"), CATALOG.accelerator("h100-sxm"), 1, "fp8")
    asked = {"serving": ON, "output_tokens": 300.0, "replica_usd_per_hour": 3.0}
    found = {
        size: experts(Experts.model_validate(asked | {"batch": float(size)}), NOTHING, of) for size in (1, 4, 8, 32)
    }
    ratios = [one.figure("claim_understates").value for one in found.values()]
    assert ratios[0] == pytest.approx(1.0)
    assert ratios == sorted(ratios)
    assert all(one.verdict == "pays" for one in found.values())


def test_a_dense_model_has_no_experts() -> None:
    """Refused by name."""
    of = replica(CATALOG.model("llama-3.1-8b"), CATALOG.accelerator("h100-sxm"), 1, "fp8")
    asked = {"serving": ON, "output_tokens": 300.0, "replica_usd_per_hour": 3.0, "batch": 8.0}
    with pytest.raises(UsageError, match=r"llama-3\.1-8b has no experts"):
        experts(Experts.model_validate(asked), NOTHING, of)
