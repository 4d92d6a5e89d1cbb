"""A target at random, in proportion to its weight."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.gateway.decision.strategy.option import Option, in_proportion


def weighted(options: Sequence[Option], draw: float) -> tuple[int, tuple[float, ...]]:
    """Choose target i with propensity weight_i / sum of weights.

    Without a positive weight all targets are equally likely.
    """
    return in_proportion([option.weight for option in options], draw)
