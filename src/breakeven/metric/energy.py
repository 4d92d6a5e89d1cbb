"""Energy and carbon of work, and what a token takes of it."""

from __future__ import annotations

import math
from collections.abc import Iterable

JOULES_PER_KWH = 3.6e6


def energy_j(parts: Iterable[tuple[float, float]]) -> float:
    """Joules of parts (watts, seconds): the integral of power over time."""
    return math.fsum(watts * seconds for watts, seconds in parts)


def mean_power_w(energy: float, span_s: float) -> float | None:
    """Mean watts of `energy` joules over a span; None without a span."""
    return energy / span_s if span_s > 0 else None


def energy_kwh(power_w: float, busy_s: float, pue: float = 1.0) -> float:
    """Energy of `busy_s` seconds at `power_w` watts, cooling included by the power usage effectiveness (PUE)."""
    return energy_j([(power_w, busy_s)]) * pue / JOULES_PER_KWH


def carbon_gco2(kwh: float, grid_gco2_per_kwh: float) -> float:
    """Location-based emissions in grams of CO2 equivalent."""
    return kwh * grid_gco2_per_kwh


def tokens_per_watt(output_tokens_s: float, power_w: float) -> float | None:
    """Output tokens per second per watt (tokens per joule); None without power."""
    return output_tokens_s / power_w if power_w > 0 else None


def joules_per_token(power_w: float, output_tokens_s: float) -> float | None:
    """Joules per output token, idle time included; None without tokens. The inverse of `tokens_per_watt`."""
    return power_w / output_tokens_s if output_tokens_s > 0 else None
