"""What a bill is asked for: a month of demand, the machines that carry it, and where they stand."""

from __future__ import annotations

from breakeven.cost.assumptions import Assumptions
from breakeven.schema.noun import Noun, Placement
from breakeven.schema.offer import Offer


class Demand(Noun, frozen=True, kw_only=True):
    """One month of requests; token counts are totals, input including cached input."""

    requests: float = 0.0
    input_tokens: float = 0.0
    cached_input_tokens: float = 0.0
    output_tokens: float = 0.0


class Fleet(Noun, frozen=True, kw_only=True):
    """Replicas and what each needs; spare replicas stand by for a failure (N+1). `tdp_w` None is unknown."""

    replicas: int = 1
    spare_replicas: int = 0
    accelerators: int = 1
    vcpus: float = 1.0
    tdp_w: float | None = None


class Site(Noun, frozen=True, kw_only=True):
    """Where owned machines stand; a tariff of None takes the assumed one. The facts are the keys behind the figures."""

    usd_per_kwh: float | None = None
    tariff_fact: str = ""
    tdp_fact: str = ""


class Case(Noun, frozen=True, kw_only=True):
    """Everything one bill depends on."""

    option: str
    placement: Placement
    offer: Offer
    assumptions: Assumptions
    demand: Demand = Demand()
    fleet: Fleet = Fleet()
    site: Site = Site()


def price_key(offer: Offer, field: str) -> str:
    """Key of the fact behind a price of an offer."""
    return f"offer/{offer.id}@{offer.valid_from}/{field}"
