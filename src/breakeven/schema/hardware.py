"""An accelerator (or a CPU core) as its specification states it."""

from __future__ import annotations

from breakeven.schema.noun import Noun


class Accelerator(Noun, frozen=True, kw_only=True):
    """One accelerator board. Peak figures are dense (no sparsity); None is unknown. `facts` are its fact keys.

    `architecture` is its generation, by which engines tell what they can run on it; empty is unknown.
    `link_bytes_s` is one direction of what connects it to its peers in a server: NVLink or the like, else PCIe.
    """

    id: str
    name: str
    vendor: str
    memory_bytes: float | None
    bandwidth_bytes_s: float | None
    flops_fp16: float | None
    flops_fp8: float | None = None
    flops_int8: float | None = None
    flops_fp4: float | None = None
    link_bytes_s: float | None = None
    tdp_w: float | None = None
    architecture: str = ""
    source: str = ""
    as_of: str = ""
    facts: tuple[str, ...] = ()
