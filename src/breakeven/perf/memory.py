"""What fits: weights, the key-value cache, and how many sequences there is room for.

Memory accounting is the largest source of error on tight configurations, so every term has its name.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from breakeven.errors import InfeasibleError
from breakeven.perf.coefficients import START, Coefficients
from breakeven.perf.precision import formats_of, required
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model
from breakeven.schema.noun import Noun

MAX_SEQUENCES = 2048
"""No engine runs more sequences at once per replica by default, however small they are."""

COMMUNICATION_BYTES = 4.1e8
"""Buffers for collectives on each of several boards: 392 MiB, as aiconfigurator-core 0.12 states for NCCL on 4 and 8
boards of every kind."""

_STATE_BYTES = 4.0
_LOGIT_BYTES = 4.0
_WIDTHS = 6.0
"""Activations alive at once per token of a step, in hidden widths of 16 bits: residual, query, two of a gated
feed-forward sharded over boards, workspace. Assumed."""


class Cache(NamedTuple):
    """Bytes on each board: per token of context, per token inside a sliding window, per sequence."""

    full: float
    window: float
    state: float


class Budget(Noun, frozen=True, kw_only=True):
    """Where the memory of one board goes, bytes, and what the rest holds.

    `cache_tokens` count over the whole replica, in whole blocks; `sequences` have the context that was asked for.
    """

    total: float
    weights: float
    activations: float
    communication: float
    reserved: float
    cache: float
    cache_tokens: int
    sequences: int


def weight_bytes(model: Model, precision: str, engine: str = "") -> float:
    """Bytes of all weights: dense and expert parameters at their formats, embeddings at 16 bits."""
    kinds = formats_of(model, precision, engine)
    tables = max(0.0, model.params - model.dense_params - model.routed_params)
    return model.dense_params * kinds.dense.bytes + model.routed_params * kinds.expert.bytes + tables * 2.0


def cache_bytes(model: Model, precision: str, engine: str = "", boards: int = 1) -> Cache:
    """What the cache takes on each of `boards` boards, all layers.

    Key-value heads are spread over the boards, and repeated where they are fewer, as tensor parallelism does; a latent
    (one head) is on every board.
    """
    each = formats_of(model, precision, engine).cache.bytes
    full = each * model.kv_numbers_per_token / min(boards, model.kv_heads)
    window = each * model.window_layers * model.window_kv_width / min(boards, model.window_kv_heads or model.kv_heads)
    return Cache(full, window, _STATE_BYTES * model.state_numbers_per_sequence / boards)


def budget(  # noqa: PLR0913 - each is a term
    model: Model,
    accelerator: Accelerator,
    boards: int,
    precision: str,
    *,
    stages: int = 1,
    engine: str = "",
    context: float = 1024.0,
    max_batch_tokens: int = 2048,
    block_tokens: int = 16,
    fitted: Coefficients = START,
) -> Budget:
    """Where each board's memory goes, for sequences of `context` tokens.

    cache = memory x usable - weights - activations of a step - communication buffers - reserved

    Raises:
        FactError: the accelerator's memory is unknown.
        InfeasibleError: nothing is left for a cache; the message says how much is needed, and the nearest that fits.
    """
    total = required(accelerator, "memory_bytes", "memory accounting needs")
    weights = weight_bytes(model, precision, engine) / (boards * stages)
    activations = max_batch_tokens * _WIDTHS * model.hidden * 2.0 / boards + _LOGIT_BYTES * model.vocab * 256 / boards
    communication = COMMUNICATION_BYTES if boards * stages > 1 else 0.0
    left = total * fitted.usable_share - weights - activations - communication - fitted.reserved_bytes
    each = cache_bytes(model, precision, engine, boards)
    sequence = _sequence_bytes(model, each, context, block_tokens) / stages
    if left < min(sequence, _sequence_bytes(model, each, block_tokens, block_tokens) / stages):
        _refuse(model, accelerator, (boards, stages), precision, engine, total - left, fitted)
    tokens = math.floor(left * stages / sequence * context) if context else 0
    return Budget(
        total=total, weights=weights, activations=activations, communication=communication,
        reserved=fitted.reserved_bytes + total * (1 - fitted.usable_share), cache=left,
        cache_tokens=max(block_tokens, tokens // block_tokens * block_tokens),
        sequences=max(1, min(MAX_SEQUENCES, math.floor(left / sequence))),
    )  # fmt: skip


def _sequence_bytes(model: Model, each: Cache, context: float, block_tokens: int) -> float:
    """Bytes on each board of a sequence, its last block whole."""
    held = math.ceil(context / block_tokens) * block_tokens
    return each.full * held + each.window * min(held, model.window_tokens) + each.state


def _refuse(
    model: Model,
    accelerator: Accelerator,
    divided: tuple[int, int],
    precision: str,
    engine: str,
    needed: float,
    fitted: Coefficients,
) -> None:
    boards, stages = divided
    memory = float(accelerator.memory_bytes or 0.0)
    weights = weight_bytes(model, precision, engine)
    message = (
        f"{model.id} in {precision} needs {weights / 1e9:.1f} GB of weights and "
        f"{(needed - weights / (boards * stages)) / 1e9:.1f} GB more on each of {boards * stages} x {accelerator.id},"
        f" which has {memory / 1e9:.0f} GB"
    )
    room = memory * fitted.usable_share - fitted.reserved_bytes - COMMUNICATION_BYTES
    least = next((n for n in (1, 2, 4, 8, 16, 32, 64) if n > boards * stages and weights / n < 0.97 * room), None)
    more = f"use {least} x {accelerator.id} per replica" if least else "use boards with more memory"
    raise InfeasibleError(message, f"{more}, a lower precision or a smaller model", binding="memory")
