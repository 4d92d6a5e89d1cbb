"""Tiers of a demand: what each may be served by, together and apart.

Together, all requests are served by the rule of the strictest tier there is. Apart, critical requests go to spot only
where on-demand stands behind it, important ones up to the spot's share, opportunistic ones without a limit; and
opportunistic work that may wait is taken out of the curve, to fill idle committed hours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from breakeven.planner.portfolio.dispatch import Task
from breakeven.planner.portfolio.load import Duration
from breakeven.schema.noun import Noun, Tier
from breakeven.schema.portfolio import Placing

ORDER: tuple[Tier, ...] = ("critical", "important", "opportunistic")


class Tiers(Noun, frozen=True, kw_only=True):
    """Shares of every window's requests by tier, summing to 1; `may_wait`: opportunistic work within the month."""

    critical: float = 0.0
    important: float = 1.0
    opportunistic: float = 0.0
    may_wait: bool = False

    def share(self, tier: Tier) -> float:
        """The share of one tier."""
        return float(getattr(self, tier))

    @property
    def present(self) -> tuple[Tier, ...]:
        """The tiers that have a share, the strictest first."""
        return tuple(tier for tier in ORDER if self.share(tier) > 0)


def tiers_of(shares: Mapping[Tier, float], *, may_wait: bool = False) -> Tiers:
    """Shares by tier, checked.

    Raises:
        ValueError: a share is negative, or they do not sum to 1.
    """
    found = Tiers(**{tier: float(shares.get(tier, 0.0)) for tier in ORDER}, may_wait=may_wait)
    check(found)
    return found


def check(tiers: Tiers) -> None:
    """Raise where the shares cannot be meant."""
    shares = [tiers.share(tier) for tier in ORDER]
    if not all(share >= 0 for share in shares) or not math.isclose(sum(shares), 1.0, abs_tol=1e-9):
        message = f"shares of tiers are >= 0 and sum to 1, got {shares} with a sum of {sum(shares):g}"
        raise ValueError(message)


def tasks(load: Duration, tiers: Tiers) -> dict[Placing, Task]:
    """What is to be served in each way of placing the tiers; only `together` where there is one tier."""
    strict = tiers.present[0]
    found: dict[Placing, Task] = {"together": _one(load, strict)}
    if len(tiers.present) > 1:
        found["by priority"] = Task(
            firm=load,
            free_share=tiers.opportunistic,
            open_share=tiers.important,
            covered_share=tiers.critical,
        )
    if tiers.may_wait and tiers.opportunistic > 0:
        found["deferred"] = _deferred(load, tiers)
    return found


def _one(load: Duration, tier: Tier) -> Task:
    return Task(
        firm=load,
        free_share=float(tier == "opportunistic"),
        open_share=float(tier == "important"),
        covered_share=float(tier == "critical"),
    )


def _deferred(load: Duration, tiers: Tiers) -> Task:
    firm = 1 - tiers.opportunistic
    return Task(
        firm=load.scaled(firm),
        open_share=tiers.important / firm if firm else 0.0,
        covered_share=tiers.critical / firm if firm else 0.0,
        waiting=load.requests * tiers.opportunistic,
    )
