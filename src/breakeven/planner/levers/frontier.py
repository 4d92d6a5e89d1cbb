"""How good an order of prompts is for routing: what quality each share of calls to the strong model buys.

    PGR(x) = (q(x) - q_weak) / (q_strong - q_weak)       q(x): mean quality, the x highest scored to the strong model
    APGR   = integral of PGR over x in 0..1              CPT(p) = smallest x with PGR(x) >= p
    AIQ    = area under the non-decreasing convex hull of (cost, quality) / its range of cost

(Ong et al. 2024, RouteLLM, arXiv 2406.18665; Hu et al. 2024, RouterBench, arXiv 2403.12031.)
"""

from __future__ import annotations

import numpy as np

from breakeven.errors import EvidenceError
from breakeven.planner.levers.judge import Floats


def quality_by_share(score: Floats, strong: Floats, weak: Floats) -> Floats:
    """q(i/n) for i = 0..n: mean quality with the i highest scored prompts at the strong model, ties in their order."""
    order = np.argsort(-score, kind="stable")
    gained = np.concatenate([[0.0], np.cumsum((strong - weak)[order])])
    return np.asarray(weak.mean() + gained / score.size)


def recovered(quality: Floats) -> Floats:
    """PGR at i/n.

    Raises:
        EvidenceError: the strong model is not better than the weak one on these prompts.
    """
    gap = float(quality[-1] - quality[0])
    if gap <= 0:
        message = f"the strong model's mean quality, {quality[-1]:.4g}, is not above the weak one's, {quality[0]:.4g}"
        raise EvidenceError(message, "swap them, or send everything to the cheaper one")
    return np.asarray((quality - quality[0]) / gap)


def apgr(quality: Floats) -> float:
    """The mean of PGR over the shares: 0.5 for a random order."""
    return float(np.trapezoid(recovered(quality), dx=1 / (quality.size - 1)))


def cpt(quality: Floats, part: float) -> float:
    """The smallest share of calls to the strong model that recovers `part` of the gap in quality."""
    reached = np.flatnonzero(recovered(quality) >= part - 1e-12)
    return float(reached[0] / (quality.size - 1))


def aiq(quality: Floats, weak_usd: float, strong_usd: float) -> float:
    """Mean height of the hull between the weak model's cost and the strong one's."""
    share = np.linspace(0.0, 1.0, quality.size)
    cost = weak_usd + share * (strong_usd - weak_usd)
    at, height = hull(cost, quality)
    return float(np.trapezoid(height, at) / (at[-1] - at[0]))


def hull(cost: Floats, quality: Floats) -> tuple[Floats, Floats]:
    """The upper convex hull of points ascending in cost, flat after its highest."""
    kept: list[int] = []
    for here in range(cost.size):
        while len(kept) > 1 and _below(cost, quality, kept[-2], kept[-1], here):
            kept.pop()
        kept.append(here)
    heights = np.maximum.accumulate(quality[kept])
    return cost[kept], heights


def _below(cost: Floats, quality: Floats, first: int, middle: int, last: int) -> bool:
    """Whether the middle point is on or below the line through its neighbours."""
    rise = (quality[last] - quality[first]) * (cost[middle] - cost[first])
    return bool((quality[middle] - quality[first]) * (cost[last] - cost[first]) <= rise)
