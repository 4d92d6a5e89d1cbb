"""The fitted numbers of the step-time model, and how far off the model was on rows it had not seen."""

from __future__ import annotations

from breakeven.schema.noun import Noun


class Residuals(Noun, frozen=True, kw_only=True):
    """Errors of one quantity on rows that were not fitted.

    `log_low`..`log_high` are the 10 % and 90 % quantiles of ln(measured / predicted): predicted x exp(log_low) to
    predicted x exp(log_high) held 80 % of the measured rows. `mape`, `median` and `p90` are absolute relative errors.
    """

    n: int
    mape: float
    median: float
    p90: float
    log_low: float
    log_high: float
    how: str = ""


class Errors(Noun, frozen=True, kw_only=True):
    """How far off each quantity was on measured rows that were not fitted; what intervals are made of."""

    tpot: Residuals
    ttft: Residuals
    throughput: Residuals


class Coefficients(Noun, frozen=True, kw_only=True):
    """Efficiencies against the specification, and costs a specification does not state. All positive.

    - Shares of peak: `compute` (matrix products), `attention` (prompt attention), `expert_compute`; of bandwidth:
      `memory` (weights), `cache` (keys and values), `expert_memory`; `link` of the links' rate.
    - `sharpness` p joins arithmetic and weight reads of a step, (a^p + m^p)^(1/p): 1 adds them, infinity takes the
      larger.
    - Seconds: `step_s` per step, `layer_s` per layer, `moe_layer_s` more per layer with experts, `state_layer_s` more
      per layer with latent or linear attention, `sequence_s` per sequence, `token_s` per token of a step,
      `link_latency_s` per all-reduce and doubling of boards; `request_s` before a request's first step.
    - `prefill_share`: how much of the other requests' prompt work a token waits for in a closed loop (1: all of it;
      less where prompts are worked off before answers begin). `queue_share`: of the other requests' prompts, how many
      are before one's own.
    - `reserved_bytes` per board for the runtime, `usable_share` of the rest that the engine gives to weights and cache.
    - `scale` lengthens every step; `bubble` lengthens steps of p pipeline stages by 1 + bubble (1 - 1/p).
    """

    compute: float = 0.65
    memory: float = 0.8
    cache: float = 0.7
    attention: float = 0.45
    link: float = 0.5
    link_latency_s: float = 6e-6
    step_s: float = 1e-3
    layer_s: float = 3e-5
    moe_layer_s: float = 2e-5
    state_layer_s: float = 1e-5
    sequence_s: float = 2e-6
    token_s: float = 1e-7
    expert_compute: float = 0.4
    expert_memory: float = 0.7
    sharpness: float = 1.05
    prefill_share: float = 0.9
    queue_share: float = 0.15
    reserved_bytes: float = 3e9
    usable_share: float = 0.95
    request_s: float = 1e-2
    scale: float = 1.0
    bubble: float = 0.4


FIELDS: tuple[str, ...] = Coefficients.__struct_fields__
"""The coefficients in their order."""

START = Coefficients()
"""Where every fit starts and what it is pulled to: rules of thumb, before any row is seen."""
