"""Which unit serves which tier: the stricter tier first, on what the rules let it use."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.planner.portfolio.tiers import Tiers
from breakeven.schema.noun import Tier
from breakeven.schema.portfolio import Part, Placing, TierPart

DUST = 1e-12


def spread(parts: Sequence[Part], tiers: Tiers, placing: Placing) -> tuple[TierPart, ...]:
    """Shares of each tier by unit; together every tier has the same."""
    if placing == "together":
        even = tuple((part.name, part.share) for part in parts)
        return tuple(TierPart(tier=tier, share=tiers.share(tier), shares=even) for tier in tiers.present)
    left = {part.name: part.share for part in parts}
    kinds = {part.name: part.kind for part in parts}
    found: dict[Tier, dict[str, float]] = {}
    for tier in reversed(tiers.present):
        order = sorted(left, key=lambda name: (kinds[name] != "spot", list(left).index(name)))
        found[tier] = _take(left, order if tier != tiers.present[0] else list(left), tiers.share(tier))
    return tuple(
        TierPart(
            tier=tier,
            share=tiers.share(tier),
            shares=tuple((name, share / tiers.share(tier)) for name, share in found[tier].items()),
        )
        for tier in tiers.present
    )


def _take(left: dict[str, float], order: Sequence[str], wanted: float) -> dict[str, float]:
    taken: dict[str, float] = {}
    for name in order:
        part = min(left[name], wanted)
        if part > DUST:
            taken[name], left[name], wanted = part, left[name] - part, wanted - part
    return taken
