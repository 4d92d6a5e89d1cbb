"""Loads: what engines and accelerators said of themselves."""

from __future__ import annotations

import ibis

from breakeven.ledger.engine.ask.tables import HOUR_S, L, Values, floor, total, whole, within
from breakeven.ledger.engine.port import ATTO_KWH, NANO


def loads(values: Values) -> ibis.Table:
    """One row for each deployment, hour, source and target."""
    e = within(L, values, "start_s")
    span_s = e.end_s - e.start_s
    e = e.mutate(
        hour=floor(e.start_s / HOUR_S),
        seen=whole(span_s, NANO),
        known=ibis.ifelse(e.busy.notnull(), whole(span_s, NANO), None),
        worked=whole(span_s * e.busy, NANO),
        ran=whole(span_s * e.running, NANO),
        atto_kwh=whole(e.energy_kwh, ATTO_KWH),
    )
    counts = {name: total(e[name]) for name in ("finished", "input_tokens", "cached_input_tokens", "output_tokens")}
    key = ("deployment", "hour", "source", "target")
    groups = e.group_by(*key).aggregate(
        intervals=e.count(),
        seen_ns=total(e.seen),
        known_ns=total(e.known),
        busy_ns=total(e.worked),
        running_ns=total(e.ran),
        **counts,
        energy_rows=e.energy_kwh.count(),
        energy_atto_kwh=total(e.atto_kwh),
    )
    return groups.order_by(*key)
