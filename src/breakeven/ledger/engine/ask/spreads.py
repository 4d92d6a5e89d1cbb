"""Spreads: percentiles of everything and of every group of one dimension."""

from __future__ import annotations

import ibis

from breakeven.ledger.engine.ask.tables import Values, asked, day, delivered, total, whole
from breakeven.ledger.engine.port import METRICS, NANO

SHARES = [0.5, 0.95, 0.99]


def spreads(values: Values, dimension: str) -> ibis.Table:
    """A row for each key: of every metric its count, percentiles and sum. Dimension "" is everything.

    One dimension at a time keeps only one copy of the latencies in memory.
    """
    p = asked(values)
    p = p.filter(delivered(p))
    keys = {"": ibis.literal(""), "day": day(p.time_s)}
    t = p.select(*METRICS, key=keys[dimension] if dimension in keys else p[dimension])
    found: dict[str, ibis.Value] = {}
    for metric in METRICS:
        value = t[metric]
        found |= {
            f"{metric}_n": value.count(),
            f"{metric}_shares": value.quantile(SHARES),
            f"{metric}_ns": total(whole(value, NANO)),
        }
    return t.group_by("key").aggregate(**found).order_by("key")
