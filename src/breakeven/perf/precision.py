"""What a number format means for memory and arithmetic."""

from __future__ import annotations

from typing import Literal, NamedTuple

from breakeven.errors import FactError
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model

Peak = Literal["flops_fp16", "flops_fp8", "flops_int8", "flops_fp4"]


class Format(NamedTuple):
    """Bytes per number, block scales included, and which peak of the specification its products run at."""

    bytes: float
    peak: Peak


class Formats(NamedTuple):
    """How a model's numbers are kept: dense weights, routed experts, keys and values. Embeddings stay at 16 bits."""

    dense: Format
    expert: Format
    cache: Format


FP16 = Format(2.0, "flops_fp16")
FP8 = Format(1.0, "flops_fp8")
FP4 = Format(0.5625, "flops_fp4")

PRECISIONS: dict[str, Formats] = {
    "fp16": Formats(FP16, FP16, FP16),
    "bf16": Formats(FP16, FP16, FP16),
    "fp8": Formats(FP8, FP8, FP8),
    "int8": Formats(Format(1.0, "flops_int8"), Format(1.0, "flops_int8"), FP16),
    "int4": Formats(Format(0.5625, "flops_fp16"), Format(0.5625, "flops_fp16"), FP16),
    "fp4": Formats(FP4, FP4, FP8),
    "q4_0": Formats(Format(0.5625, "flops_fp16"), Format(0.5625, "flops_fp16"), FP16),
    "q4_1": Formats(Format(0.625, "flops_fp16"), Format(0.625, "flops_fp16"), FP16),
    "q8_0": Formats(Format(1.0625, "flops_fp16"), Format(1.0625, "flops_fp16"), FP16),
}
"""4-bit formats carry a 16-bit or 8-bit scale per block of 16 to 32 weights: 4.5 bits each. `int4` is weights only.

`q...` are llama.cpp's, by the layout of their blocks: 32 weights with one 16-bit number, or two.
"""

SIXTEEN_BIT_CACHE = frozenset({"vllm", "sglang"})
"""Engines that keep keys and values at 16 bits whatever the weights have, unless told otherwise."""


def formats_of(model: Model, precision: str, engine: str = "") -> Formats:
    """How the model is kept at a precision by an engine.

    Four bits of a mixture of experts are its experts' alone: the dense parts have the format the model was published
    in, where that is a four-bit one, else eight bits (four-bit float) or sixteen (integers).

    Raises:
        FactError: the precision is not known.
    """
    found = precision_of(precision)
    if engine in SIXTEEN_BIT_CACHE:
        found = found._replace(cache=FP16)
    if precision.lower() not in {"fp4", "int4"} or not model.experts:
        return found
    published = model.expert_bits and model.expert_bits < 8  # noqa: PLR2004 - bits
    if published:
        dense = FP16 if model.weight_bits > 8 else FP8  # noqa: PLR2004 - bits
        return found._replace(dense=dense, expert=found.expert._replace(bytes=model.expert_bits / 8))
    return found._replace(dense=FP8 if precision.lower() == "fp4" else FP16)


def peak_of(accelerator: Accelerator, kind: Format) -> Peak:
    """The peak a format's products run at on a board: four-bit weights run at 16 bits where there is no such unit."""
    return "flops_fp16" if kind.peak == "flops_fp4" and not accelerator.flops_fp4 else kind.peak


def precision_of(name: str) -> Formats:
    """The named format.

    Raises:
        FactError: the name is not known.
    """
    found = PRECISIONS.get(name.lower())
    if found is None:
        message = f"precision {name!r} is unknown"
        raise FactError(message, f"use one of {', '.join(sorted(PRECISIONS))}")
    return found


def required(accelerator: Accelerator, field: str, why: str) -> float:
    """A specification value of an accelerator that the model cannot do without.

    Raises:
        FactError: the value is unknown or not positive.
    """
    value = getattr(accelerator, field)
    if value is None or value <= 0:
        message = f"accelerator {accelerator.id!r} has {field} = {value}, which {why}"
        raise FactError(
            message,
            f"add {field} with its source to the catalog entry of {accelerator.id!r}, or choose another precision",
        )
    return float(value)
