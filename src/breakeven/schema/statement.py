"""A statement: what a period cost and what it was good for, with every sum adding up."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Basis, Figure, Noun


class Step(Noun, frozen=True, kw_only=True):
    """One row of the waterfall; a statement's steps sum to its total. `predictions` None where none belong."""

    name: str
    cost_pico_usd: int
    predictions: int | None
    basis: Basis


class Latency(Noun, frozen=True, kw_only=True):
    """Percentiles in seconds over the answered predictions of a cut; None without data. `n` is the sample size."""

    n: int
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    mean_s: float | None


class Worth(Noun, frozen=True, kw_only=True):
    """What money was good for beside use. Revenue is attributed by the ledger's rules, not caused: `lift` says which.

    `cost_per_useful_usage_usd` leaves idle capacity out (usage basis); the cut's own figure holds it (reservation).
    """

    cost_per_useful_usage_usd: Figure = Figure(value=None, unit="USD")
    cost_per_conversion_usd: Figure = Figure(value=None, unit="USD")
    return_on_spend: Figure = Figure(value=None, unit="ratio")


class Cut(Noun, frozen=True, kw_only=True):
    """Totals of one group. `useful` None means that usefulness is not measurable downstream.

    `cost_pico_usd` = direct and work cost (`served_cost_pico_usd`) + idle that follows the work. `unpriced` counts rows
    without a price. `unobserved` rows leave both numerator and denominator of the cost per useful prediction.
    """

    dimension: str
    key: str
    predictions: int
    answered: int
    in_budget: int
    used: int | None
    converted: int | None
    useful: int | None
    unobserved: int
    unpriced: int
    cost_pico_usd: int
    served_cost_pico_usd: int
    idle_pico_usd: int
    unobserved_cost_pico_usd: int
    cost_per_useful_prediction_usd: Figure
    conversion_rate: Figure
    revenue: float
    ttft: Latency
    tpot: Latency
    total: Latency
    goodput_rps: Figure
    input_tokens: int
    output_tokens: int
    emulated: int
    energy_kwh: Figure
    gco2: Figure
    statuses: dict[str, int] = {}
    waterfall: tuple[Step, ...] = ()
    worth: Worth = Worth()


class Day(Noun, frozen=True, kw_only=True):
    """A UTC day of a statement: final when no outcome is expected any more, provisional until then, or again.

    `version` counts its roll-ups, None before the first; `reason` says why the last was made, or why it is provisional.
    """

    day: str
    state: Literal["provisional", "final"]
    version: int | None = None
    reason: str = ""


class Statement(Noun, frozen=True, kw_only=True):
    """Everything the report prints. `conserved` is True when every breakdown sums to the total (invariant 2).

    Percentiles are `exact`, or of a `histogram`, within 2.6 % of the exact ones.
    """

    start_s: float | None
    end_s: float | None
    predictions: int
    useful_predictions: int | None
    cost_total_pico_usd: int
    capacity_pico_usd: int
    direct_pico_usd: int
    idle_pico_usd: int
    over_attributed_pico_usd: int
    cost_per_useful_prediction_usd: Figure
    total: Cut
    cuts: tuple[Cut, ...]
    waterfall: tuple[Step, ...]
    conserved: bool
    events: dict[str, int] = {}
    measured_pico_usd: int = 0
    lost: int = 0
    warnings: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    version: int = 1
    days: tuple[Day, ...] = ()
    percentiles: Literal["exact", "histogram"] = "exact"


class Observation(Noun, frozen=True, kw_only=True):
    """What the ledger measured for one use case on one deployment since a plan was applied: sufficient statistics.

    `up_s` is the time the deployment's capacity was up, `span_s` the time from the first to the last arrival; sorted
    samples are seconds. `useful` None means that usefulness is not measurable; then `in_budget` stands in for it.
    `unpriced` rows have no cost; tokens are sums over all of them.
    """

    use_case: str
    deployment: str
    plan_id: str
    n: int
    answered: int
    in_budget: int
    useful: int | None
    span_s: float
    up_s: float
    cost_pico_usd: int
    capacity_pico_usd: int
    ttft_s: tuple[float, ...]
    tpot_s: tuple[float, ...]
    total_s: tuple[float, ...]
    emulated: bool
    share: float = 1.0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
