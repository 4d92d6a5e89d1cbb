"""What a use case asks for: latency targets, quality of service, locality."""

from __future__ import annotations

from breakeven.schema.noun import Noun, Placement, Tier


class Objective(Noun, frozen=True, kw_only=True):
    """Targets of one use case; None is "no target". `attainment` is the share of requests that must meet them."""

    use_case: str
    tier: Tier = "important"
    budget_s: float | None = None
    ttft_s: float | None = None
    tpot_s: float | None = None
    attainment: float = 0.95
    placements: tuple[Placement, ...] = ()
    regions: tuple[str, ...] = ()
    spare_replicas: int = 0
    horizon_months: int = 36
