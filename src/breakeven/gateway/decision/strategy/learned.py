"""A target of the side that a learned router prefers for this prompt."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.gateway.decision.strategy.option import Option, in_proportion


def learned(options: Sequence[Option], draw: float) -> tuple[int, tuple[float, ...]]:
    """Choose by weight among the preferred; of these (and of all, where none is) among the feasible first.

    The preference is an order, not a command: where no preferred target is feasible and another is, that one answers.
    """
    everyone = range(len(options))
    able = [position for position in everyone if options[position].feasible] or everyone
    best = [position for position in able if options[position].preferred] or able
    found, shares = in_proportion([options[position].weight for position in best], draw)
    whole = [0.0] * len(options)
    for position, share in zip(best, shares, strict=True):
        whole[position] = share
    return best[found], tuple(whole)
