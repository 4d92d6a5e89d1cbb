"""Why what was measured differs from what was promised, and what the plan saved against the holdout."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun

Cause = Literal["volume", "mix", "price", "performance", "usefulness"]
CAUSES: tuple[Cause, ...] = ("volume", "mix", "price", "performance", "usefulness")


class Factors(Noun, frozen=True, kw_only=True):
    """What one unit cost is made of; with capacity of its own or, `by_request`, charged per request.

    Capacity: `usd_per_replica_hour` x `replicas` / (3,600 `rate_rps`); by request: (`usd_per_input_token` x
    `input_tokens` + `usd_per_output_token` x `output_tokens` + `usd_per_request`) x `price_index`. Either is divided by
    `in_budget` x `used`, the shares of the requests in budget and of those that were useful. Tokens are per request.
    """

    by_request: bool
    rate_rps: float
    in_budget: float
    used: float
    usd_per_replica_hour: float = 0.0
    replicas: float = 0.0
    input_tokens: float = 0.0
    output_tokens: float = 0.0
    usd_per_input_token: float = 0.0
    usd_per_output_token: float = 0.0
    usd_per_request: float = 0.0
    price_index: float = 1.0


class Part(Noun, frozen=True, kw_only=True):
    """What one cause adds to the cost, in the metric's unit; `said` names the figures on both sides."""

    cause: Cause
    amount_usd: float
    said: str


class Explained(Noun, frozen=True, kw_only=True):
    """The difference actual - predicted of a promised cost, split so that `parts` sum to it.

    Without enough evidence there are no parts, and `missing` says what is lacking. `low`..`high` bound the difference.
    """

    plan_id: str
    use_case: str
    deployment: str
    metric: str
    predicted_usd: float
    actual_usd: float | None = None
    difference_usd: float | None = None
    low_usd: float | None = None
    high_usd: float | None = None
    parts: tuple[Part, ...] = ()
    missing: str = ""


class Saving(Noun, frozen=True, kw_only=True):
    """What the plan saves per unit against what the holdout went on with; negative where it costs more.

    `low`..`high` is the 80 % interval of the measured saving; None, with the reason in `missing`, without evidence.
    """

    metric: str
    holdout: str
    predicted_usd: float | None
    actual_usd: float | None = None
    low_usd: float | None = None
    high_usd: float | None = None
    missing: str = ""
