"""Cells: what predictions cost and what became of them."""

from __future__ import annotations

import ibis

from breakeven.ledger.engine.ask.rows import fate, judged
from breakeven.ledger.engine.ask.tables import HOUR_S, Values, day, floor, rank, total, whole
from breakeven.ledger.engine.port import ATTO_KWH, BASES, NO_HOUR

_STATUSES = ("answered", "cached", "fallback", "refused", "failed", "cancelled")
_KEY = ("deployment", "hour", "day", "use_case", "tenant", "model", "arm", "fate")


def cells(values: Values, *, subjects: bool = True) -> ibis.Table:
    """One row for each cell, in the order of `port.Cell`."""
    t = judged(values, subjects=subjects)
    hour = ibis.ifelse(t.work_pico_usd != 0, floor(t.time_s / HOUR_S), NO_HOUR)
    t = t.mutate(hour=hour, day=day(t.time_s), fate=fate(t))
    return t.group_by(*_KEY).aggregate(**_sums(t)).order_by(*_KEY)


def _sums(t: ibis.Table) -> dict[str, ibis.Value]:
    cost = t.cost_pico_usd.fill_null(0)
    basis = ibis.cases((t.unpriced, len(BASES) - 1), (cost == 0, 0), else_=rank(t.cost_basis))
    burnt = t.energy_kwh.notnull()
    return {
        "measurable": t.was_used.notnull().any(),
        "predictions": t.count(),
        **{status: t.count(where=t.status == status) for status in _STATUSES},
        "in_budget": t.count(where=t.in_budget),
        "used": t.count(where=t.was_used.fill_null(False)),
        "unpriced": t.count(where=t.unpriced),
        "cost_pico_usd": total(cost),
        "work_pico_usd": total(t.work_pico_usd),
        "basis": basis.max(),
        "revenue_micro": total(t.revenue_micro),
        "input_tokens": total(t.served_input_tokens),
        "output_tokens": total(t.served_output_tokens),
        "emulated": t.count(where=t.emulated),
        "energy_rows": t.energy_kwh.count(),
        "energy_atto_kwh": total(whole(t.energy_kwh, ATTO_KWH)),
        "energy_basis": ibis.ifelse(burnt, rank(t.energy_basis), 0).max(),
        "first_s": t.time_s.min(),
        "last_s": t.time_s.max(),
    }
