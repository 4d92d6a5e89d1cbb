"""The fitted numbers of the step-time model, with where they came from and how far off they were."""

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
    """Efficiencies against the specification, and costs a specification does not state.

    `compute`, `memory` and `link` are shares of peak; `step_s` is paid by every step, `sequence_s` by every sequence
    in it, `link_latency_s` by every all-reduce, `request_s` by every request before its first step. `n` rows of
    `source` were fitted; `errors` are those of held-out rows.
    """

    name: str
    compute: float
    memory: float
    link: float
    step_s: float
    sequence_s: float
    link_latency_s: float
    request_s: float
    errors: Errors
    n: int
    source: str
    licence: str
    as_of: str
