"""Several types and terms to own or reserve, with spot and on-demand for the rest: the cheapest mix for a load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from breakeven.cost.hybrid.load import Curve, Load, curve, needed
from breakeven.cost.hybrid.market import Market, Matrix, market
from breakeven.cost.hybrid.offers import Commitment, Mix, Price, Spot
from breakeven.cost.hybrid.pricing import priced
from breakeven.cost.hybrid.program import Counts, solve

ROUNDS = 12
CLOSE = 1e-6
"""A mix this close to the bound, as a share of its cost, is the optimum for all purposes."""


def best_mix(
    load: Load,
    offers: Sequence[Commitment],
    *,
    on_demand_usd_per_unit_h: Price,
    spot: Spot | None = None,
    periods: int = 1,
    blocks: int = 100,
    headroom: float = 0.0,
) -> Mix:
    """The cheapest commitments for an hourly load cut into equal periods (3 years: 26,280 hours, 3 periods).

    On-demand is unlimited and paid per unit-hour used. Solved on load-duration curves of at most `blocks` blocks a
    period, priced on every hour; blocks that the answer cuts through are then split until answer and bound meet.

    Raises:
        ValueError: the load, an offer or a price is impossible, or the hours do not divide into the periods.
        UsageError: scipy, the extra `plan`, is not installed.
    """
    need = needed(load, headroom)
    if periods < 1 or need.size % periods:
        message = f"{need.size} hours do not divide into {periods} equal periods"
        raise ValueError(message)
    by_period = need.reshape(periods, -1)
    offered = market(offers, on_demand_usd_per_unit_h, spot, periods=periods, hours_per_period=need.size // periods)
    return best_of(offered, by_period, blocks)


def best_of(offered: Market, need: Matrix, blocks: int = 100, close: float = CLOSE) -> Mix:
    """The cheapest purchase on a market for needs (periods x hours): as close to the optimum as a share of its cost.

    Solve, price, split the blocks where the answer bends the cost, until answer and bound meet.

    Raises:
        UsageError: scipy, the extra `plan`, is not installed.
    """
    curves = [curve(hours, blocks) for hours in need]
    counts, bound = solve(offered, curves, close / 10)
    best = _priced(offered, need, counts, bound, curves)
    for _ in range(ROUNDS):
        if best.cost_usd - bound <= close * best.cost_usd:
            break
        capacities = (offered.units @ counts).tolist()
        curves = [found.split(*_kinks(offered, units)) for found, units in zip(curves, capacities, strict=True)]
        counts, lower = solve(offered, curves, close / 10)
        bound = max(bound, lower)
        best = min(best, _priced(offered, need, counts, bound, curves), key=lambda mix: mix.cost_usd)
    return replace(best, bound_usd=min(bound, best.cost_usd))


def _priced(offered: Market, need: Matrix, counts: Counts, bound: float, curves: list[Curve]) -> Mix:
    return priced(offered, need, counts, bound_usd=bound, blocks=sum(found.starts.size for found in curves))


def _kinks(offered: Market, capacity: float) -> tuple[float, ...]:
    """The needs at which an hour's cost bends: where commitments run out, and where spot does."""
    share = offered.spot_share
    return (capacity, capacity / (1 - share)) if 0 < share < 1 else (capacity,)
