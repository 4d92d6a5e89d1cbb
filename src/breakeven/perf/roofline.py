"""Step times from a specification: a roofline with fitted coefficients, over any number of deployments at once.

    t = scale x stages x (1 + bubble (1 - 1/stages)) x [
        matrix products and weight reads joined by sharpness, for dense parts, experts and head
        + cache reads / (bandwidth x cache) + attention / (peak16 x attention)
        + all-reduce: tokens x bytes / (link rate x link) + reduces x latency x log2(boards)
        + step + layers x layer + MoE layers x moe_layer + latent or linear layers x state_layer
        + sequences x sequence + tokens x token ]

Every size is that of one pipeline stage on one board; `stages` of them follow each other, each with its share of the
batch. Experts are read as they are touched: a share 1 - (1 - k/E)^tokens of them. Links count one direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from breakeven.errors import UsageError
from breakeven.perf import memory
from breakeven.perf.coefficients import FIELDS, Coefficients
from breakeven.perf.precision import formats_of, peak_of, required
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model

Column = NDArray[np.float64]
"""One number per deployment, or one for all (shape ())."""


class Size(NamedTuple):
    """Work of a step of one stage on one board, and what the board could do at its peak (units in the names).

    Products: `dense_flops` and `expert_flops` per token, `head_flops` per sequence, `pair_flops` per query-key pair of
    a prompt, `context_flops` per token of context. Reads: `dense_bytes`, `expert_bytes`, `head_bytes` per step,
    `cache_bytes` per token of context, `window_bytes` per token inside a window, `state_bytes` per sequence.
    """

    stages: Column
    boards: Column
    layers: Column
    moe_layers: Column
    state_layers: Column
    dense_flops: Column
    expert_flops: Column
    head_flops: Column
    pair_flops: Column
    context_flops: Column
    dense_bytes: Column
    expert_bytes: Column
    expert_share: Column
    head_bytes: Column
    cache_bytes: Column
    window_bytes: Column
    window_tokens: Column
    sparse_tokens: Column
    state_bytes: Column
    link_bytes: Column
    peak: Column
    peak_expert: Column
    peak_fp16: Column
    bandwidth: Column
    link: Column
    memory_bytes: Column
    weight_bytes: Column


class Fitted(NamedTuple):
    """`Coefficients` as columns, in the order of their fields."""

    compute: Column
    memory: Column
    cache: Column
    attention: Column
    link: Column
    link_latency_s: Column
    step_s: Column
    layer_s: Column
    moe_layer_s: Column
    state_layer_s: Column
    sequence_s: Column
    token_s: Column
    expert_compute: Column
    expert_memory: Column
    sharpness: Column
    prefill_share: Column
    queue_share: Column
    reserved_bytes: Column
    usable_share: Column
    request_s: Column
    scale: Column
    bubble: Column


class Batch(NamedTuple):
    """One step: `decoding` sequences and `prefill` tokens of prompts over `pairs` query-key pairs.

    The sequences have `context` tokens cached in all, of which `window` inside sliding windows.
    """

    decoding: Column
    context: Column
    window: Column
    prefill: Column
    pairs: Column


def size(
    model: Model,
    accelerator: Accelerator,
    boards: int,
    precision: str,
    *,
    stages: int = 1,
    engine: str = "",
    expert_parallel: bool = False,
) -> Size:
    """What one stage of `boards` boards does per step, `stages` stages in a row.

    With `expert_parallel` a mixture of experts may be spread over any number of boards, its attention by requests.

    Raises:
        FactError: the specification lacks memory bandwidth, the peak of the precision, or (for several boards) links.
        UsageError: the model cannot be divided so.
    """
    if not (expert_parallel and model.experts):
        _divisible(model, boards, stages)
    kinds = formats_of(model, precision, engine)
    each = boards * stages
    dense, expert = (
        required(accelerator, peak_of(accelerator, kind), f"{precision} arithmetic needs") for kind in kinds[:2]
    )
    share = model.experts_per_token / model.experts if model.experts else 0.0
    routed, table = model.routed_params, model.table_params
    cache = memory.cache_bytes(model, precision, engine, boards)
    state = model.linear_layers + (model.layers - model.linear_layers if model.attention == "mla" else 0)
    return Size(*(np.asarray(value, dtype=np.float64) for value in (
        stages, boards, model.layers / stages, model.moe_layers / stages, state / stages,
        2 * model.dense_params / each, 2 * routed * share / each, 2 * table / each,
        2 * (model.q_width + model.v_width) * model.full_layers / each,
        2 * model.absorbed_width * model.full_layers / each,
        model.dense_params * kinds.dense.bytes / each, routed * kinds.expert.bytes / each, share, table * 2.0 / each,
        cache.full / stages, cache.window / stages, model.window_tokens, model.sparse_tokens, cache.state / stages,
        2.0 * model.layers / stages * model.hidden * 2.0 * 2.0 * (boards - 1) / boards,
        dense, expert, accelerator.flops_fp16 or min(dense, expert),
        required(accelerator, "bandwidth_bytes_s", "decoding needs"),
        required(accelerator, "link_bytes_s", "several accelerators need") if each > 1 else 1.0,
        accelerator.memory_bytes or np.nan, memory.weight_bytes(model, precision, engine) / each,
    )))  # fmt: skip


def _divisible(model: Model, boards: int, stages: int) -> None:
    if boards < 1 or stages < 1 or stages > model.layers:
        message = f"{model.id} has {model.layers} layers, which {stages} stages of {boards} boards cannot hold"
        raise UsageError(message, f"use at least 1 board, and 1 to {model.layers} stages")
    if not memory.divides(model, boards):
        fits = [n for n in range(1, boards + 1) if memory.divides(model, n)]
        message = f"{model.id} has {model.heads} attention heads, which {boards} boards cannot share evenly"
        raise UsageError(message, f"use {fits[-1]} boards, the nearest number below that divides them")


def stack(sizes: Sequence[Size]) -> Size:
    """Many deployments as one, a row each."""
    return Size(*(np.array(column, dtype=np.float64) for column in zip(*sizes, strict=True)))


def columns(found: Coefficients | Sequence[Coefficients]) -> Fitted:
    """Coefficients as columns: one row for each, or one for all."""
    if isinstance(found, Coefficients):
        return Fitted(*(np.asarray(getattr(found, field), dtype=np.float64) for field in FIELDS))
    return Fitted(*(np.array([getattr(one, field) for one in found], dtype=np.float64) for field in FIELDS))


def batch(
    at: Size, decoding: Column, context_each: Column, prefill: Column | float = 0.0, pairs: Column | float = 0.0
) -> Batch:
    """A step of `decoding` sequences of `context_each` tokens, windows and sparse attention applied."""
    seen = np.where(at.sparse_tokens > 0, np.minimum(context_each, at.sparse_tokens), context_each)
    inside = np.minimum(context_each, at.window_tokens)
    return Batch(decoding, decoding * seen, decoding * inside, np.asarray(prefill), np.asarray(pairs))


def step_s(at: Size, fitted: Fitted, one: Batch) -> Column:
    """Seconds of one engine step, by the formula of this module."""
    decoding, prefill = one.decoding / at.stages, one.prefill / at.stages
    tokens = decoding + prefill
    cache = at.cache_bytes * one.context + at.window_bytes * one.window + at.state_bytes * one.decoding
    attention = at.pair_flops * one.pairs + at.context_flops * one.context
    seconds = (
        _weights_s(at, fitted, decoding, tokens)
        + cache / at.stages / (at.bandwidth * fitted.cache)
        + attention / at.stages / (at.peak_fp16 * fitted.attention)
        + _reduce_s(at, fitted, tokens)
        + _launch_s(at, fitted)
        + fitted.sequence_s * decoding
        + fitted.token_s * tokens
    )
    whole: Column = seconds * at.stages * (1 + fitted.bubble * (1 - 1 / at.stages)) * fitted.scale
    return whole


def _weights_s(at: Size, fitted: Fitted, decoding: Column, tokens: Column) -> Column:
    touched = 1.0 - (1.0 - at.expert_share) ** tokens
    memory_rate, expert_rate = at.bandwidth * fitted.memory, at.bandwidth * fitted.expert_memory
    dense = _joined(
        at.dense_flops * tokens / (at.peak * fitted.compute), at.dense_bytes / memory_rate, fitted.sharpness
    )
    experts = _joined(
        at.expert_flops * tokens / (at.peak_expert * fitted.expert_compute),
        at.expert_bytes * touched / expert_rate,
        fitted.sharpness,
    )
    head = _joined(
        at.head_flops * decoding / (at.peak_fp16 * fitted.compute), at.head_bytes / memory_rate, fitted.sharpness
    )
    total: Column = dense + experts + head
    return total


def _joined(arithmetic: Column, reads: Column, sharpness: Column) -> Column:
    """(arithmetic^p + reads^p)^(1/p), by the larger of the two lest powers overflow; nothing to do takes no time."""
    more = np.maximum(arithmetic, reads)
    share = np.minimum(arithmetic, reads) / np.where(more > 0, more, 1.0)
    joined: Column = more * (1.0 + share**sharpness) ** (1.0 / sharpness)
    return joined


def _reduce_s(at: Size, fitted: Fitted, tokens: Column) -> Column:
    sent = tokens * at.link_bytes / (at.link * fitted.link)
    waited = 2.0 * at.layers * fitted.link_latency_s * np.log2(at.boards)
    return np.asarray(sent + waited)


def _launch_s(at: Size, fitted: Fitted) -> Column:
    return np.asarray(
        fitted.step_s
        + fitted.layer_s * at.layers
        + fitted.moe_layer_s * at.moe_layers
        + fitted.state_layer_s * at.state_layers
    )


def activity(at: Size, fitted: Fitted, one: Batch) -> tuple[Column, Column]:
    """The shares of peak bandwidth and of peak arithmetic that a step reaches: all it does, over its time."""
    decoding, prefill = one.decoding / at.stages, one.prefill / at.stages
    tokens = decoding + prefill
    touched = at.expert_bytes * (1.0 - (1.0 - at.expert_share) ** tokens)
    cache = at.cache_bytes * one.context + at.window_bytes * one.window + at.state_bytes * one.decoding
    read_s = (at.dense_bytes + at.head_bytes + touched + cache / at.stages) / at.bandwidth
    linear_s = at.dense_flops * tokens / at.peak + at.expert_flops * tokens / at.peak_expert
    other_s = (at.head_flops * decoding + at.pair_flops * one.pairs / at.stages) / at.peak_fp16
    length_s = step_s(at, fitted, one) / at.stages
    return read_s / length_s, (linear_s + other_s) / length_s
