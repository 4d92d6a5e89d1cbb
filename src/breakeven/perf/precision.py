"""What a number format means for memory and arithmetic."""

from __future__ import annotations

from typing import Literal

from breakeven.errors import FactError
from breakeven.schema.hardware import Accelerator
from breakeven.schema.noun import Noun

Peak = Literal["flops_fp16", "flops_fp8", "flops_int8"]


class Precision(Noun, frozen=True, kw_only=True):
    """Bytes per weight and per cached key or value element, and which peak of the specification applies."""

    weight_bytes: float
    kv_bytes: float
    peak: Peak


PRECISIONS: dict[str, Precision] = {
    "fp16": Precision(weight_bytes=2.0, kv_bytes=2.0, peak="flops_fp16"),
    "bf16": Precision(weight_bytes=2.0, kv_bytes=2.0, peak="flops_fp16"),
    "fp8": Precision(weight_bytes=1.0, kv_bytes=1.0, peak="flops_fp8"),
    "int8": Precision(weight_bytes=1.0, kv_bytes=2.0, peak="flops_int8"),
    "int4": Precision(weight_bytes=0.5625, kv_bytes=2.0, peak="flops_fp16"),
    "fp4": Precision(weight_bytes=0.5625, kv_bytes=1.0, peak="flops_fp8"),
}
"""4-bit formats carry a 16-bit or 8-bit scale per block of 16 to 32 weights: 4.5 bits each. `fp4` counts the fp8 peak,
because `Accelerator` states no fp4 peak: too slow where prefill rules on hardware with fp4 arithmetic."""


def precision_of(name: str) -> Precision:
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
