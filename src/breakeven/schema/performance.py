"""How fast a deployment answers a workload, with an interval on each figure."""

from __future__ import annotations

from breakeven.schema.noun import Figure, Noun


class StepCurve(Noun, frozen=True, kw_only=True):
    """The deployment's coefficients as data: what the emulator, the gateway and the cost engine need of `perf`.

    A decode step with `b` sequences in flight takes `step_base_s + step_per_sequence_s * b + step_per_context_s *
    (tokens of context in flight)` seconds; prefill takes `prefill_s_per_token` a token; `max_sequences` fit in memory.
    A request waits `request_s` (parsing, tokenisation) before its first step.
    """

    prefill_s_per_token: float
    step_base_s: float
    step_per_sequence_s: float
    step_per_context_s: float
    max_sequences: int
    kv_tokens: int
    power_idle_w: float | None = None
    power_busy_w: float | None = None
    request_s: float = 0.0


class Performance(Noun, frozen=True, kw_only=True):
    """Predicted service of one deployment under one workload; `rho` is the offered share of its capacity.

    `stable` is False near or above saturation: then latencies are intervals without a point.
    `goodput_rps` is the rate answered inside the targets by all replicas; `max_goodput_rps` what one replica sustains
    at the objective's attainment.
    """

    deployment: str
    ttft_p50_s: Figure
    ttft_p95_s: Figure
    tpot_p50_s: Figure
    tpot_p95_s: Figure
    e2e_p95_s: Figure
    goodput_rps: Figure
    goodput_share: Figure
    max_goodput_rps: Figure
    power_w: Figure
    rho: float
    stable: bool
    in_flight_mean: float
    curve: StepCurve | None = None
    note: str = ""
