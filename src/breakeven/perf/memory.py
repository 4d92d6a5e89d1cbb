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

FITTED_BATCH_TOKENS = 2048
"""Tokens of a step whose activations are inside the fitted `reserved_bytes`."""

_LAYOUTS = (1, 2, 4, 8, 16, 32, 64)
_STATE_BYTES = 4.0
_LOGIT_BYTES = 4.0
_LOGIT_ROWS = 256
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
    full = each * model.kv_numbers_per_token * _share(model.kv_heads, boards)
    window_heads = model.window_kv_heads or model.kv_heads
    window = each * model.window_layers * model.window_kv_width * _share(window_heads, boards)
    return Cache(full, window, _STATE_BYTES * model.state_numbers_per_sequence / boards)


def _share(heads: int, boards: int) -> float:
    """What of the heads the fullest board has."""
    return math.ceil(heads / boards) / heads


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

    cache = memory - weights - activations of a step - communication buffers - reserved

    The reserve was fitted with the activations of steps of 2,048 tokens inside it, and is shown without them.

    Raises:
        FactError: the accelerator's memory is unknown.
        InfeasibleError: nothing is left for a cache; the message says how much is needed, and the nearest that fits.
    """
    total = required(accelerator, "memory_bytes", "memory accounting needs")
    ask = _Ask(model, total, precision, engine, max_batch_tokens, block_tokens, fitted)
    used = _used(ask, boards, stages)
    left = total - sum(used)
    if left < _sequence_bytes(ask, boards, block_tokens) / stages:
        _refuse(ask, accelerator.id, boards * stages, used)
    held = max(1, math.ceil(context / block_tokens)) * block_tokens
    sequences = left * stages / _sequence_bytes(ask, boards, held)
    return Budget(
        total=total, **used._asdict(), cache=left,
        cache_tokens=max(1, math.floor(sequences * held / block_tokens)) * block_tokens,
        sequences=max(1, min(MAX_SEQUENCES, math.floor(sequences))),
    )  # fmt: skip


def divides(model: Model, boards: int) -> bool:
    """Whether the boards can share the attention heads evenly, or every head is on as many of them."""
    return model.heads % boards == 0 or boards % model.heads == 0


class _Ask(NamedTuple):
    model: Model
    total: float
    precision: str
    engine: str
    max_batch_tokens: int
    block_tokens: int
    fitted: Coefficients


class _Used(NamedTuple):
    """What of a board's memory is not cache, bytes."""

    weights: float
    activations: float
    communication: float
    reserved: float


def _used(ask: _Ask, boards: int, stages: int = 1) -> _Used:
    runtime = ask.fitted.reserved_bytes - _activations(ask.model, boards, FITTED_BATCH_TOKENS)
    return _Used(
        weights=weight_bytes(ask.model, ask.precision, ask.engine) / (boards * stages),
        activations=_activations(ask.model, boards, ask.max_batch_tokens),
        communication=COMMUNICATION_BYTES if boards * stages > 1 else 0.0,
        reserved=max(0.0, runtime) + ask.total * (1 - ask.fitted.usable_share),
    )


def _activations(model: Model, boards: int, tokens: int) -> float:
    return (tokens * _WIDTHS * model.hidden * 2.0 + _LOGIT_BYTES * model.vocab * _LOGIT_ROWS) / boards


def _sequence_bytes(ask: _Ask, boards: int, tokens: int) -> float:
    """Bytes on each board of a sequence of that many tokens."""
    each = cache_bytes(ask.model, ask.precision, ask.engine, boards)
    return each.full * tokens + each.window * min(tokens, ask.model.window_tokens) + each.state


def _refuse(ask: _Ask, accelerator: str, boards: int, used: _Used) -> None:
    message = (
        f"{ask.model.id} in {ask.precision} needs {used.weights * boards / 1e9:.1f} GB of weights and"
        f" {(sum(used) - used.weights) / 1e9:.1f} GB more on each of {boards} x {accelerator},"
        f" which has {ask.total / 1e9:.0f} GB"
    )
    least = next((n for n in _LAYOUTS if n > boards and divides(ask.model, n) and _holds(ask, n)), None)
    more = f"use {least} x {accelerator} per replica" if least else "use boards with more memory"
    raise InfeasibleError(message, f"{more}, a lower precision or a smaller model", binding="memory")


def _holds(ask: _Ask, boards: int) -> bool:
    return ask.total - sum(_used(ask, boards)) >= _sequence_bytes(ask, boards, ask.block_tokens)
