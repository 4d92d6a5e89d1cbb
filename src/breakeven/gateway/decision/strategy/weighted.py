"""A target at random, in proportion to its weight."""

from __future__ import annotations

from itertools import accumulate

from breakeven.schema.policy import RouteTarget


def weighted(targets: tuple[RouteTarget, ...], draw: float) -> tuple[int, tuple[float, ...]]:
    """Choose target i with propensity weight_i / sum of weights; `draw` is uniform in [0, 1).

    Without a positive weight all targets are equally likely.
    """
    weights = [target.weight for target in targets]
    total = sum(weights)
    shares = tuple(weight / total for weight in weights) if total > 0 else (1 / len(targets),) * len(targets)
    last = max(position for position, share in enumerate(shares) if share > 0)
    for position, reached in enumerate(accumulate(shares)):
        if draw < reached:
            return position, shares
    return last, shares
