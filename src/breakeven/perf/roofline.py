"""Step times from a specification: a roofline with fitted efficiencies.

    t = max(FLOPs / (peak x e_c), weight bytes / (bandwidth x e_m)) + cache bytes / (bandwidth x e_m)
        + prefill attention / (peak16 x e_c) + all-reduce + t0 + t1 x sequences

Links count one direction, as the catalog states them. No pipeline bubbles, sliding windows, latent attention or
imbalance of experts.
"""

from __future__ import annotations

import numpy as np

from breakeven.perf import memory
from breakeven.perf.coefficients import Coefficients
from breakeven.perf.power.curve import idle_w, power_curve
from breakeven.perf.power.law import Activity
from breakeven.perf.precision import precision_of, required
from breakeven.perf.prior import PRIOR
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model
from breakeven.schema.noun import Noun
from breakeven.schema.performance import PowerCurve, StepCurve

PREFILL_CHUNK = 2048
"""Prompt tokens an engine puts into one step by default."""


class Size(Noun, frozen=True, kw_only=True):
    """Work per step of a model on a replica, and what the replica could do at its peak (units in the names)."""

    flops_per_token: float
    flops_per_sequence: float
    flops_per_pair: float
    dense_bytes: float
    expert_bytes: float
    expert_share: float
    cache_bytes_per_token: float
    link_bytes_per_token: float
    all_reduces: int
    peak_flops: float
    peak_flops_fp16: float
    bandwidth_bytes_s: float
    link_bytes_s: float


class Batch(Noun, frozen=True, kw_only=True):
    """One step: `decoding` sequences with `context` tokens cached in all, and `prefill` tokens over `pairs` pairs."""

    decoding: float = 0.0
    context: float = 0.0
    prefill: float = 0.0
    pairs: float = 0.0


def size(model: Model, accelerator: Accelerator, accelerators: int, precision: str) -> Size:
    """What one replica of `accelerators` boards does per step.

    Raises:
        FactError: the specification lacks memory bandwidth, the peak of the precision, or (for several boards) links.
    """
    peak = precision_of(precision).peak
    flops = required(accelerator, peak, f"{precision} arithmetic needs")
    link = required(accelerator, "link_bytes_s", "several accelerators need") if accelerators > 1 else 1.0
    head = min(float(model.vocab * model.hidden), model.active_params)
    routed, share = _experts(model)
    weights = memory.weight_bytes(model, precision)
    expert_bytes = routed * precision_of(precision).weight_bytes
    return Size(
        flops_per_token=2.0 * (model.active_params - head),
        flops_per_sequence=2.0 * head,
        flops_per_pair=4.0 * model.layers * model.heads * model.head_dim,
        dense_bytes=weights - expert_bytes,
        expert_bytes=expert_bytes,
        expert_share=share,
        cache_bytes_per_token=memory.kv_bytes_per_token(model, precision, accelerators),
        link_bytes_per_token=2.0 * model.layers * model.hidden * 2.0 * 2.0 * (accelerators - 1) / accelerators,
        all_reduces=2 * model.layers if accelerators > 1 else 0,
        peak_flops=flops * accelerators,
        peak_flops_fp16=(accelerator.flops_fp16 or flops) * accelerators,
        bandwidth_bytes_s=accelerators * required(accelerator, "bandwidth_bytes_s", "decoding needs"),
        link_bytes_s=link,
    )


def _experts(model: Model) -> tuple[float, float]:
    """Parameters in routed experts, (params - active) / (1 - k/E), and the share k/E one token touches."""
    if model.experts <= model.experts_per_token or model.experts == 0:
        return 0.0, 0.0
    share = model.experts_per_token / model.experts
    return min(model.params, (model.params - model.active_params) / (1.0 - share)), share


def step_s(at: Size, fitted: Coefficients, batch: Batch) -> float:
    """Seconds of one engine step, by the formula of this module."""
    tokens = batch.decoding + batch.prefill
    touched = at.expert_bytes * (1.0 - (1.0 - at.expert_share) ** tokens) if at.expert_bytes else 0.0
    bandwidth = at.bandwidth_bytes_s * fitted.memory
    compute_s = (at.flops_per_token * tokens + at.flops_per_sequence * batch.decoding) / (
        at.peak_flops * fitted.compute
    )
    weights_s = (at.dense_bytes + touched) / bandwidth
    cache_s = at.cache_bytes_per_token * batch.context / bandwidth
    attention_s = at.flops_per_pair * batch.pairs / (at.peak_flops_fp16 * fitted.compute)
    reduce_s = (
        tokens * at.link_bytes_per_token / (at.link_bytes_s * fitted.link) + at.all_reduces * fitted.link_latency_s
    )
    host_s = fitted.step_s + fitted.sequence_s * batch.decoding
    return max(compute_s, weights_s) + cache_s + attention_s + reduce_s + host_s


def step_curve(  # noqa: PLR0913 - what is served, on what, how, and how much of it
    model: Model,
    accelerator: Accelerator,
    accelerators: int,
    precision: str,
    coefficients: Coefficients = PRIOR,
    *,
    context_mean: float = 1024.0,
    max_batch: int = 256,
    power_cap_w: float | None = None,
) -> StepCurve:
    """The replica's step time as a line: what the simulator, the emulator and the gateway's accounting use.

    The line is fitted by relative least squares to the roofline over batches of 1 to what fits (at most `max_batch`)
    sequences of `context_mean` tokens; prefill is the marginal cost of one chunk of `context_mean` tokens, at least 512
    and at most 2,048. `power_cap_w` is a cap on each board's power below its rating.

    Raises:
        FactError: a specification value is missing; the message names the accelerator and the field.
        InfeasibleError: the weights do not fit.
    """
    at = size(model, accelerator, accelerators, precision)
    tokens = memory.kv_tokens(model, accelerator, accelerators, precision)
    fits = min(max_batch, memory.sequences(tokens, context_mean))
    base_s, sequence_s = _line(at, coefficients, fits)
    chunk = min(max(512.0, context_mean), float(PREFILL_CHUNK))
    alone_s = step_s(at, coefficients, Batch(decoding=1.0))
    power = _power(at, coefficients, accelerator, accelerators, context_mean, fits, power_cap_w)
    loaded_s = step_s(at, coefficients, Batch(decoding=1.0, prefill=chunk, pairs=chunk * max(chunk, context_mean) / 2))
    return StepCurve(
        prefill_s_per_token=(loaded_s - alone_s) / chunk,
        step_base_s=base_s,
        step_per_sequence_s=sequence_s,
        step_per_context_s=at.cache_bytes_per_token / (at.bandwidth_bytes_s * coefficients.memory),
        max_sequences=min(max_batch, memory.MAX_SEQUENCES),
        kv_tokens=tokens,
        power_idle_w=idle_w(accelerator, accelerators, power_cap_w),
        power_busy_w=power.decode_w[-1][1] if power else None,
        request_s=coefficients.request_s,
        power=power,
    )


def activity(at: Size, fitted: Coefficients, batch: Batch) -> Activity:
    """The shares of peak that a step reaches: all bytes it reads, and all its arithmetic, in its time."""
    tokens = batch.decoding + batch.prefill
    touched = at.expert_bytes * (1.0 - (1.0 - at.expert_share) ** tokens) if at.expert_bytes else 0.0
    moved = at.dense_bytes + touched + at.cache_bytes_per_token * batch.context
    linear = (at.flops_per_token * tokens + at.flops_per_sequence * batch.decoding) / at.peak_flops
    busy_s = linear + at.flops_per_pair * batch.pairs / at.peak_flops_fp16
    length_s = step_s(at, fitted, batch)
    return Activity(memory=moved / at.bandwidth_bytes_s / length_s, compute=busy_s / length_s)


def _power(
    at: Size,
    fitted: Coefficients,
    board: Accelerator,
    boards: int,
    context: float,
    fits: int,
    cap_w: float | None,
) -> PowerCurve | None:
    """Prompts of `tokens` tokens read whole, and `batch` answers written with `context` tokens each in the cache."""
    return power_curve(
        board,
        boards,
        lambda tokens: activity(at, fitted, Batch(prefill=float(tokens), pairs=tokens**2 / 2)),
        lambda batch: activity(at, fitted, Batch(decoding=float(batch), context=batch * context)),
        max_sequences=fits,
        cap_w=cap_w,
    )


def _line(at: Size, coefficients: Coefficients, fits: int) -> tuple[float, float]:
    """Base and slope, both non-negative, of the step time without cache reads over batches of 1..fits."""
    batches = np.unique(np.geomspace(1, fits, 24).round())
    times = np.array([step_s(at, coefficients, Batch(decoding=float(b))) for b in batches])
    if len(batches) == 1:
        return float(times[0]), 0.0
    design = np.stack([np.ones_like(batches), batches], axis=1) / times[:, None]
    base, slope = np.linalg.lstsq(design, np.ones_like(times), rcond=None)[0]
    return max(float(base), 0.25 * float(times[0])), max(float(slope), 0.0)
