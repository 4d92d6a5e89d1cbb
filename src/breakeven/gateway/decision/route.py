"""Choosing a target: eligible set, propensities, seed, so that another policy can be evaluated from the log."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

from breakeven.gateway.decision.strategy.fixed import fixed
from breakeven.gateway.decision.strategy.weighted import weighted
from breakeven.schema.noun import Noun
from breakeven.schema.policy import Route, RouteTarget

Strategy = Callable[[tuple[RouteTarget, ...], float], tuple[int, tuple[float, ...]]]
"""(eligible targets, uniform draw in [0, 1)) -> (position chosen, propensity of each)."""

STRATEGIES: dict[str, Strategy] = {"fixed": fixed, "weighted": weighted}

SEED_BITS = 63


class Choice(Noun, frozen=True, kw_only=True):
    """What was chosen among what, with which probability. The same seed gives the same choice."""

    eligible: tuple[str, ...]
    propensities: tuple[float, ...]
    chosen: str
    arm: str
    seed: int


def choose(route: Route, eligible: tuple[RouteTarget, ...], *, seed: int) -> Choice | None:
    """Let the route's strategy choose; None when nothing is eligible."""
    if not eligible:
        return None
    position, propensities = STRATEGIES[route.strategy](eligible, seed / (1 << SEED_BITS))
    target = eligible[position]
    return Choice(
        eligible=tuple(one.deployment for one in eligible),
        propensities=propensities,
        chosen=target.deployment,
        arm=target.arm,
        seed=seed,
    )


def sticky_seed(use_case: str, key: str) -> int:
    """The seed that a subject (or session, or request) keeps within a use case: a hash, uniform in [0, 2**63)."""
    digest = blake2b(f"{use_case}\0{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - SEED_BITS)
