"""Which unit serves which tier: spot for the laxer tiers as far as their rule goes, the rest in the parts' order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from breakeven.planner.portfolio.tiers import Tiers
from breakeven.schema.noun import Tier
from breakeven.schema.portfolio import Part, Placing, TierPart

DUST = 1e-12


def spread(
    parts: Sequence[Part], tiers: Tiers, placing: Placing, *, waited: Mapping[str, float], spot_share: float
) -> tuple[TierPart, ...]:
    """Shares of each tier by unit; together every tier has the same.

    `waited` are the shares of all requests that waited, by unit: the opportunistic ones where they were deferred.
    """
    if placing == "together":
        even = tuple((part.name, part.share) for part in parts)
        return tuple(TierPart(tier=tier, share=tiers.share(tier), shares=even) for tier in tiers.present)
    left = {part.name: part.share for part in parts}
    spots = {part.name for part in parts if part.kind == "spot"}
    found: dict[Tier, dict[str, float]] = {}
    for tier in reversed(tiers.present):
        asked, most = tiers.share(tier), tiers.share(tier) * (1.0 if tier == "opportunistic" else spot_share)
        if placing == "deferred" and tier == "opportunistic":
            taken = _take(left, list(waited), asked, waited)
        else:
            taken = _take(left, [name for name in left if name in spots], most, left)
            rest = _take(left, [name for name in left if name not in spots], asked - sum(taken.values()), left)
            taken = {**rest, **taken}
        found[tier] = taken
    return tuple(_part(tier, tiers.share(tier), found[tier]) for tier in tiers.present)


def _part(tier: Tier, share: float, taken: Mapping[str, float]) -> TierPart:
    return TierPart(tier=tier, share=share, shares=tuple((name, part / share) for name, part in taken.items()))


def _take(left: dict[str, float], order: Sequence[str], wanted: float, most: Mapping[str, float]) -> dict[str, float]:
    """From what is left of each unit, in this order, at most `most` of each, until there is enough."""
    taken: dict[str, float] = {}
    for name in order:
        part = min(left[name], most[name], wanted)
        if part > DUST:
            taken[name], left[name], wanted = part, left[name] - part, wanted - part
    return taken
