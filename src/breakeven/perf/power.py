"""Power of a replica as a share of its boards' rated power (TDP)."""

from __future__ import annotations

from breakeven.schema.hardware import Accelerator

BUSY_SHARE = 0.63
"""Average power over TDP while serving, per board: median of 80 measured rows at batch sizes 2 to 16, llama2-70b (TP 2,
4, 8) and BLOOM-176b (TP 8) on A100-80GB, from splitwise-sim (MIT licence). Other boards are assumed alike."""

BUSY_SHARE_LOW, BUSY_SHARE_HIGH = 0.43, 0.76
"""10 % and 90 % quantiles of the same rows."""

IDLE_SHARE = 0.15
"""Idle power over TDP. Assumed: no row of our sources measures it."""


def idle_w(accelerator: Accelerator, accelerators: int) -> float | None:
    """Watts of `accelerators` boards that hold weights and wait; None when the TDP is unknown."""
    return None if accelerator.tdp_w is None else accelerators * accelerator.tdp_w * IDLE_SHARE


def busy_w(accelerator: Accelerator, accelerators: int) -> float | None:
    """Watts of `accelerators` boards while steps run; None when the TDP is unknown."""
    return None if accelerator.tdp_w is None else accelerators * accelerator.tdp_w * BUSY_SHARE


def mean_w(idle: float | None, busy: float | None, busy_share: float) -> float | None:
    """Mean watts at a share of time busy: idle + share x (busy - idle)."""
    if idle is None or busy is None:
        return None
    return idle + min(1.0, max(0.0, busy_share)) * (busy - idle)
