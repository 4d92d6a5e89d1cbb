"""Energy and carbon of a month, and of a token where nothing is measured."""

from __future__ import annotations

import math

from breakeven.quantity import HOURS_PER_MONTH

WATTS_PER_KW = 1000.0


def it_kw(tdp_w: float, accelerators: int, server_power_ratio: float) -> float:
    """Power of the servers in kW while serving: TDP x accelerators x (server power / accelerator TDP)."""
    return tdp_w * accelerators * server_power_ratio / WATTS_PER_KW


def month_kwh(kw: float, pue: float, hours: float = HOURS_PER_MONTH) -> float:
    """Energy of a month in kWh, cooling included: IT kW x PUE x hours."""
    return kw * pue * hours


def replica_power_w(
    tdp_w: float, accelerators: int, *, server_power_ratio: float, idle_power_ratio: float
) -> tuple[float, float]:
    """Idle and busy power of one replica in W, its share of the server included."""
    busy = tdp_w * accelerators * server_power_ratio
    return busy * idle_power_ratio, busy


def wh_per_output_token(active_params_billion: float, batch: float) -> float:
    """Wh per output token and accelerator, estimated from active parameters and batch; without cooling.

    1.1665e-6 * exp(-0.0112 * batch) * billions of active parameters + 4.0529e-5 (EcoLogits' regression). A measured
    figure always takes precedence.
    """
    return 1.1665e-6 * math.exp(-0.0112 * batch) * active_params_billion + 4.0529e-5
