"""The first target, always."""

from __future__ import annotations

from breakeven.schema.policy import RouteTarget


def fixed(targets: tuple[RouteTarget, ...], draw: float) -> tuple[int, tuple[float, ...]]:
    """Choose the first target; it has propensity 1, whatever the draw."""
    del draw
    return 0, tuple(float(position == 0) for position in range(len(targets)))
