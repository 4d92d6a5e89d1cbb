"""How fast a deployment answers a workload, with an interval on each figure."""

from __future__ import annotations

from breakeven.schema.noun import Figure, Noun

NO_TOKENS = "a classic model has no tokens"
"""How figures of tokens came to be unknown, where there are none."""


class PowerCurve(Noun, frozen=True, kw_only=True):
    """Watts of a replica's boards while it works, at most `limit_w`: their rating, or a power cap.

    Points ascend in size and never fall in watts; between them it is linear, outside flat. `prefill_w` is by prompt
    tokens in a step, `decode_w` by decoding sequences. `low`..`high` are factors that hold 80 % of measurements.
    """

    limit_w: float
    prefill_w: tuple[tuple[float, float], ...]
    decode_w: tuple[tuple[float, float], ...]
    low: float = 1.0
    high: float = 1.0


class StepCurve(Noun, frozen=True, kw_only=True):
    """The deployment's coefficients as data: what the emulator, the gateway and the cost engine need of `perf`.

    A step with `b` decoding sequences and `c` prompt tokens lasts, in seconds,

        step_base_s + step_per_sequence_s b + step_per_context_s (tokens of context of the decoding sequences)
        + step_per_window_context_s (sum over decoding sequences of min(prompt tokens, window_tokens))
        + step_per_pair_s (query-key pairs of the prompt chunks) + prefill_s_per_token c + token_s(b + c)

    A chunk of c tokens after p earlier ones of its prompt has c p + c (c + 1) / 2 pairs. `token_s` holds points (tokens
    in the step, seconds), ascending: linear between them, the first value below, the last slope beyond; it carries what
    is not linear in tokens (weight reads, arithmetic, expert sharing, all-reduce). `step_per_context_s` and
    `step_per_window_context_s` are the cache reads of full and of sliding-window layers. `max_sequences` fit in memory,
    `kv_tokens` in the cache. A request waits `request_s` (parsing, tokenisation) before its first step.

    `power_idle_w` is drawn while waiting; `power` says what work draws, and without it `power_busy_w` does.
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
    step_per_pair_s: float = 0.0
    token_s: tuple[tuple[float, float], ...] = ()
    step_per_window_context_s: float = 0.0
    window_tokens: int = 0
    power: PowerCurve | None = None


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
