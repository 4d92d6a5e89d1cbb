"""What a use case asks for: latency targets, quality of service, locality."""

from __future__ import annotations

from breakeven.schema.noun import Noun, Placement, Tier


class Objective(Noun, frozen=True, kw_only=True):
    """Targets of one use case; None is "no target". `attainment` is the share of requests that must meet them.

    `budget_s` is for the whole use case: of it `network_s`, `features_s` (retrieval), `postprocess_s` and `render_s` go
    before anything is inferred. `quality_floor` is in the unit of the stated qualities. `power_limit_w` holds for what
    stands on premises or in colocation, cooling excluded; `lead_time_days` is until it must serve. `availability` is
    the share of time with enough replicas left; `zones` is over how many places the replicas are spread, of which one
    may fail (1: none may). `margin` is the share by which replicas are to carry more than the demand's 95th percentile.
    """

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
    network_s: float = 0.0
    features_s: float = 0.0
    postprocess_s: float = 0.0
    render_s: float = 0.0
    quality_floor: float | None = None
    power_limit_w: float | None = None
    lead_time_days: float | None = None
    availability: float | None = None
    zones: int = 1
    margin: float = 0.0

    @property
    def around_s(self) -> float:
        """What of the budget is not inference."""
        return self.network_s + self.features_s + self.postprocess_s + self.render_s
