"""The first target, always."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.gateway.decision.strategy.option import Option, one_of


def fixed(options: Sequence[Option], draw: float) -> tuple[int, tuple[float, ...]]:
    """Choose the first target; it has propensity 1, whatever the draw."""
    return one_of((0,), len(options), draw)
