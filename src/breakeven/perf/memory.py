"""What fits: weights, the key-value cache, and how many sequences there is room for.

Memory accounting is the largest source of error on tight configurations, so every term is a named constant.
"""

from __future__ import annotations

import math

from breakeven.errors import InfeasibleError
from breakeven.perf.precision import precision_of, required
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model

RESERVED_BYTES = 2.5e9
"""Activations, CUDA graphs, runtime and communication buffers on each accelerator. Assumed."""

USABLE_SHARE = 0.93
"""Share of what is left that an engine gives to the cache (TensorRT-LLM and vLLM default to 0.9 to 0.95). Assumed."""

MAX_SEQUENCES = 2048
"""No engine runs more sequences at once per replica by default, however small they are."""


def weight_bytes(model: Model, precision: str) -> float:
    """Bytes of all weights, the head at 16 bits: (params - vocab x hidden) x bytes + vocab x hidden x 2."""
    head = min(float(model.vocab * model.hidden), model.params)
    return (model.params - head) * precision_of(precision).weight_bytes + head * 2.0


def kv_bytes_per_token(model: Model, precision: str, accelerators: int = 1) -> float:
    """Bytes of keys and values per token over all layers: 2 x layers x kv heads x head dim x bytes.

    Key-value heads fewer than accelerators are replicated, as tensor parallelism does. Windows count in full.
    """
    copies = max(1.0, accelerators / model.kv_heads)
    return model.kv_numbers(1.0) * copies * precision_of(precision).kv_bytes


def kv_tokens(model: Model, accelerator: Accelerator, accelerators: int, precision: str) -> int:
    """Tokens of context that fit: (memory - weights - 2.5 GB each) x 0.93 / bytes per token.

    Raises:
        FactError: the accelerator's memory is unknown.
        InfeasibleError: the weights alone do not fit.
    """
    memory = accelerators * required(accelerator, "memory_bytes", "memory accounting needs")
    weights = weight_bytes(model, precision)
    free = (memory - weights - accelerators * RESERVED_BYTES) * USABLE_SHARE
    if free <= 0:
        message = (
            f"{model.id} in {precision} needs {weights / 1e9:.1f} GB of weights, and {accelerators} x {accelerator.id}"
            f" has {memory / 1e9:.0f} GB of which {accelerators * RESERVED_BYTES / 1e9:.1f} GB are reserved"
        )
        raise InfeasibleError(
            message,
            "use more accelerators per replica, a lower precision or a smaller model",
            binding="memory",
        )
    return math.floor(free / kv_bytes_per_token(model, precision, accelerators))


def sequences(tokens: int, context_mean: float) -> int:
    """How many sequences of `context_mean` tokens fit in `tokens` of cache, at least one, at most 2,048."""
    return max(1, min(MAX_SEQUENCES, math.floor(tokens / max(1.0, context_mean))))
