"""A target at random, the likelier the faster it lately was."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.gateway.decision.strategy.option import Option, in_proportion

POWER = 2
"""Twice as slow gets a quarter of the requests: enough to notice that it recovered."""
_FASTEST_S = 1e-6


def latency_aware(options: Sequence[Option], draw: float) -> tuple[int, tuple[float, ...]]:
    """Choose in proportion to (1 / recent latency) squared; one never seen is taken to be as fast as the fastest."""
    known = [max(_FASTEST_S, option.latency_s) for option in options if option.latency_s is not None]
    fastest = min(known, default=1.0)
    weights = [
        1.0 if option.latency_s is None else (fastest / max(_FASTEST_S, option.latency_s)) ** POWER
        for option in options
    ]
    return in_proportion(weights, draw)
