"""The target that would be least full with this request on it."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.gateway.decision.strategy.option import Option, one_of


def least_loaded(options: Sequence[Option], draw: float) -> tuple[int, tuple[float, ...]]:
    """Choose the least (in flight + 1) / slots; ties are broken evenly, so that workers do not flock."""
    loads = [(option.in_flight + 1) / option.slots if option.slots > 0 else float("inf") for option in options]
    least = min(loads)
    return one_of([position for position, load in enumerate(loads) if load == least], len(options), draw)
