"""Replicas beyond those that carry the demand: for a failure, for the loss of a zone, for spot that is withdrawn."""

from __future__ import annotations

import math

from breakeven.planner.candidate import Candidate
from breakeven.schema.objective import Objective


def standby(candidate: Candidate, objective: Objective, serving: int) -> int:
    """Spare replicas of a candidate whose `serving` ones carry the demand; none where it cannot be sized.

    The most of: those asked for (N+1), those that leave enough when a zone is lost, and those that leave enough when
    spot is withdrawn.
    """
    if candidate.fixed or candidate.per_request:
        return 0
    spot = 0 if candidate.survival is None else beyond(serving, candidate.survival, allowed(objective))
    return max(objective.spare_replicas, across(serving, objective.zones), spot)


def allowed(objective: Objective) -> float:
    """Share of time in which too few replicas may be left: 1 - availability, else 1 - attainment."""
    return 1.0 - (objective.attainment if objective.availability is None else objective.availability)


def across(serving: int, zones: int) -> int:
    """Fewest spares so that, all replicas spread evenly over zones, the loss of the fullest leaves `serving`."""
    if zones < 2:  # noqa: PLR2004 - one zone cannot be lost and leave anything
        return 0
    spare = 0
    while (total := serving + spare) - math.ceil(total / zones) < serving:
        spare += 1
    return spare


def beyond(serving: int, survival: float, allowed_share: float) -> int:
    """Fewest k so that P(fewer than n of n + k are left) <= the allowed share, each there with chance `survival`.

    Replicas are taken as withdrawn independently. At a chance of 0 there is no such k, and `serving` comes back.
    """
    for spare in range(serving):
        if lost(serving + spare, spare, survival)[0] <= allowed_share:
            return spare
    return serving


def lost(total: int, spare: int, survival: float) -> tuple[float, float]:
    """Of `total` replicas with `spare` to lose: P(more are lost), and the expected number missing then.

    Losses are binomial: P(L = j) = C(N, j) (1 - s)^j s^(N - j).
    """
    if survival <= 0:
        return 1.0, float(total - spare)
    if survival >= 1:
        return 0.0, 0.0
    mass = survival**total
    odds, kept, missed, mean = (1 - survival) / survival, mass, 0.0, total * (1 - survival)
    for gone in range(1, spare + 1):
        mass *= (total - gone + 1) / gone * odds
        kept += mass
        missed += gone * mass
    over = max(0.0, 1.0 - kept)
    return over, max(0.0, mean - missed - spare * over)
