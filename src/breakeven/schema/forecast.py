"""What a deployment would do with a trace: points, the 80 % interval of each, and how near it is to its capacity."""

from __future__ import annotations

from breakeven.schema.noun import Noun

Bounds = tuple[float, float]
"""The low and the high end of an 80 % interval."""


class Points(Noun, frozen=True, kw_only=True):
    """A latency over requests, seconds. None: no request has it, or the load is too near to capacity for a point."""

    mean: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class PointBounds(Noun, frozen=True, kw_only=True):
    """The interval of each point of a latency, seconds; None where no request has it."""

    mean: Bounds | None = None
    p50: Bounds | None = None
    p95: Bounds | None = None
    p99: Bounds | None = None


class Intervals(Noun, frozen=True, kw_only=True):
    """80 % intervals of the figures of a `Forecast`, by the same names."""

    ttft_s: PointBounds
    tpot_s: PointBounds
    e2e_s: PointBounds
    output_tokens_per_s: Bounds
    goodput_rps: Bounds
    goodput_share: Bounds
    power_w: Bounds | None
    energy_j_per_token: Bounds | None


class Forecast(Noun, frozen=True, kw_only=True):
    """Figures of all replicas together over a trace.

    `goodput_rps` counts requests inside every target (answered at all, where there is no target) per second from the
    first arrival to the last token. `rho` is the offered share of capacity, None where all arrive at once; above 0.9
    `stable` is False and latencies have intervals but no points. `energy_j_per_token` is per output token, idle time
    included. `hit_share` is the share of prompt tokens that the prefix cache held. `replicas_mean` is the time average
    of replicas that are on.
    """

    requests: int
    answered: int
    ttft_s: Points
    tpot_s: Points
    e2e_s: Points
    output_tokens_per_s: float
    goodput_rps: float
    goodput_share: float
    power_w: float | None
    energy_j_per_token: float | None
    intervals: Intervals
    rate_rps: float | None
    rho: float | None
    stable: bool
    span_s: float
    in_flight_mean: float
    batch_mean: float
    replicas_mean: float
    busy_share: float
    preemptions: int
    hit_share: float
    steps: int
    note: str = ""
