"""Energy and carbon of work."""

from __future__ import annotations

JOULES_PER_KWH = 3.6e6


def energy_kwh(power_w: float, busy_s: float, pue: float = 1.0) -> float:
    """Energy of `busy_s` seconds at `power_w` watts, cooling included by the power usage effectiveness (PUE)."""
    return power_w * busy_s * pue / JOULES_PER_KWH


def carbon_gco2(kwh: float, grid_gco2_per_kwh: float) -> float:
    """Location-based emissions in grams of CO2 equivalent."""
    return kwh * grid_gco2_per_kwh


def tokens_per_watt(output_tokens_s: float, power_w: float) -> float | None:
    """Output tokens per second per watt; None without power."""
    return output_tokens_s / power_w if power_w > 0 else None
