"""Goodput: throughput that stays inside its latency targets."""

from __future__ import annotations


def goodput_rps(in_budget: int, span_s: float) -> float | None:
    """Requests per second answered inside all their targets; None for an empty span."""
    return in_budget / span_s if span_s > 0 else None


def goodput_share(in_budget: int, arrived: int) -> float | None:
    """Share of arrived requests answered inside all their targets; None when none arrived."""
    return in_budget / arrived if arrived else None
