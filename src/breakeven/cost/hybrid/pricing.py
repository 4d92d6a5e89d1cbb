"""What a purchase costs on every hour of a load, source by source."""

from __future__ import annotations

import numpy as np

from breakeven.cost.hybrid.market import Market, Matrix
from breakeven.cost.hybrid.offers import Mix, Part
from breakeven.cost.hybrid.program import Counts


def priced(market: Market, need: Matrix, counts: Counts, *, bound_usd: float, blocks: int) -> Mix:
    """The mix of these machines of each term for needs (periods x hours): exact, hour by hour."""
    committed, left = _committed(market, need, counts)
    parts = (*committed, *_by_use(market, need, left))
    return Mix(
        parts=parts,
        cost_usd=sum(part.cost_usd for part in parts),
        bound_usd=bound_usd,
        need_unit_h=float(need.sum()),
        all_on_demand_usd=float(need.sum(axis=1) @ market.on_demand_usd),
        blocks=blocks,
    )


def _committed(market: Market, need: Matrix, counts: Counts) -> tuple[tuple[Part, ...], Matrix]:
    """The part of each offer, the cheapest unit serving first, and what they leave."""
    parts: dict[int, Part] = {}
    used_usd = market.used_usd
    for index in _merit(market):
        chosen = market.offer == index
        capacity = (market.units[:, chosen] @ counts[chosen])[:, None]
        served = np.minimum(need, capacity)
        need = need - served
        parts[index] = Part(
            name=market.offers[index].name,
            machines=tuple((market.running()[:, chosen] @ counts[chosen]).tolist()),
            started=tuple(np.bincount(market.start[chosen], counts[chosen], market.periods).astype(int).tolist()),
            served_unit_h=float(served.sum()),
            paid_unit_h=float(capacity.sum() * market.hours),
            cost_usd=float(market.term_usd[chosen] @ counts[chosen] + served.sum() * used_usd[index]),
        )
    return tuple(parts[index] for index in sorted(parts)), need


def _merit(market: Market) -> list[int]:
    """Offers by what a used unit-hour costs, then by their price per unit-hour, the lowest of their terms."""
    usd, used = market.term_usd / (market.units.sum(axis=0) * market.hours), market.used_usd.tolist()
    lowest = [float(usd[market.offer == index].min(initial=np.inf)) for index in range(len(market.offers))]
    return sorted(range(len(market.offers)), key=lambda index: (used[index], lowest[index], index))


def _by_use(market: Market, need: Matrix, left: Matrix) -> tuple[Part, ...]:
    """Spot, first where it is cheaper and up to its share of the whole need, then on-demand."""
    cheaper = market.spot_usd < market.on_demand_usd
    share = np.where(cheaper, market.spot_share, 0.0)[:, None]
    spot = np.minimum(left, share * need)
    on_demand = _used("on_demand", left - spot, market.on_demand_usd)
    return (_used(market.spot_name, spot, market.spot_usd), on_demand) if market.spot_name else (on_demand,)


def _used(name: str, served: Matrix, usd_per_unit_h: Matrix) -> Part:
    by_period = served.sum(axis=1)
    total = float(by_period.sum())
    cost = float(by_period @ usd_per_unit_h)
    return Part(name=name, machines=(), started=(), served_unit_h=total, paid_unit_h=total, cost_usd=cost)
