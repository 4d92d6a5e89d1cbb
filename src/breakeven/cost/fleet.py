"""From demand at its peak to instances and servers, and from a yearly cost to prices per token."""

from __future__ import annotations

import math

from breakeven.quantity import SECONDS_PER_HOUR

TOKENS_PER_MTOK = 1e6


def peak_rps(requests_per_day: float, peak_hour_share: float) -> float:
    """Requests per second in the busiest hour: requests a day x its share / 3600."""
    return requests_per_day * peak_hour_share / SECONDS_PER_HOUR


def instances_needed(rate_rps: float, rps_per_instance: float) -> int:
    """Instances that carry a rate inside their targets, at least one."""
    return max(1, math.ceil(rate_rps / rps_per_instance))


def servers_needed(replicas: int, accelerators_per_replica: int, accelerators_per_server: int) -> int:
    """Servers (or rented machines) that hold the replicas: ceil(replicas x accelerators / accelerators a server)."""
    return math.ceil(replicas * accelerators_per_replica / accelerators_per_server)


def usd_per_mtok(usd_per_hour: float, tokens_s: float, utilisation: float = 1.0) -> float | None:
    """USD per million tokens: hourly cost x 1e6 / (3600 x tokens/s at the SLO x utilisation); None for none."""
    made = tokens_s * utilisation * SECONDS_PER_HOUR
    return usd_per_hour * TOKENS_PER_MTOK / made if made > 0 else None


def usd_per_mtok_split(
    cost_usd: float, input_tokens: float, output_tokens: float, output_ratio: float
) -> tuple[float, float]:
    """USD per million input and output tokens when output is `output_ratio` times as dear as input."""
    per_input = cost_usd / (input_tokens + output_ratio * output_tokens) * TOKENS_PER_MTOK
    return per_input, output_ratio * per_input
