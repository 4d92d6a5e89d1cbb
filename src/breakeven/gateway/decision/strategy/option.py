"""What a strategy knows of a target, and what a strategy is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec


class Option(msgspec.Struct, kw_only=True, gc=False):
    """One target as it stands for one request. Mutable, so that a worker may keep one per target and refresh it.

    `slots` is what it holds at once (replicas, or its limit); `latency_s` is recent, None where nothing was seen.
    `cost_pico_usd` is what this request is expected to add to the bill, None where unpriced. `feasible`: predicted to
    keep the targets, or unknown. `affinity` is the rendezvous hash of prompt prefix and deployment, in [0, 1).
    `preferred`: it is of the side that a learned router wants for the prompt.
    """

    deployment: str
    arm: str = ""
    weight: float = 1.0
    in_flight: int = 0
    slots: float = 1.0
    latency_s: float | None = None
    cost_pico_usd: int | None = None
    feasible: bool = True
    affinity: float = 0.0
    preferred: bool = False


Strategy = Callable[[Sequence[Option], float], tuple[int, tuple[float, ...]]]
"""(options, uniform draw in [0, 1)) -> (position chosen, propensity of each). The propensities ignore the draw."""


def pick(propensities: Sequence[float], draw: float) -> int:
    """The position at which the running sum of propensities passes the draw; never one of propensity 0."""
    reached, last = 0.0, 0
    for position, share in enumerate(propensities):
        if share > 0:
            reached += share
            last = position
            if draw < reached:
                return position
    return last


def one_of(best: Sequence[int], count: int, draw: float) -> tuple[int, tuple[float, ...]]:
    """One of the positions in `best` among `count`, all equally likely."""
    if len(best) == 1:
        chosen = best[0]
        return chosen, tuple([float(position == chosen) for position in range(count)])
    shares = [0.0] * count
    for position in best:
        shares[position] = 1 / len(best)
    return best[min(int(draw * len(best)), len(best) - 1)], tuple(shares)


def in_proportion(weights: Sequence[float], draw: float) -> tuple[int, tuple[float, ...]]:
    """A position with propensity weight / sum of weights; without a positive weight all are equally likely."""
    total = sum(weights)
    if total <= 0:
        return one_of(range(len(weights)), len(weights), draw)
    shares = tuple([weight / total for weight in weights])
    return pick(shares, draw), shares
