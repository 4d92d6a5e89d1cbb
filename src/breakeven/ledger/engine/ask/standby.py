"""Standby: what capacity cost, whether used or not."""

from __future__ import annotations

import ibis

from breakeven.ledger.engine.ask.tables import HOUR_S, C, P, Values, floor, rank, total, unique, whole, within
from breakeven.ledger.engine.port import NANO


def standby(values: Values) -> ibis.Table:
    """One row for each deployment and hour, in the order of `port.Standby`."""
    c = within(C, values, "start_s")
    policy_id, plan_id = values["policy_id"], values["plan_id"]
    planned = unique(P.filter(P.plan_id == plan_id), "policy_id").select(named="policy_id").mutate(planned=True)
    c = c.left_join(planned, c.policy_id == planned.named)
    c = c.filter(policy_id.isnull() | (c.policy_id == policy_id), plan_id.isnull() | c.planned.fill_null(False))
    c = c.mutate(hour=floor(c.start_s / HOUR_S), up_ns=whole(c.end_s - c.start_s, NANO))
    groups = c.group_by("deployment", "hour").aggregate(
        model=c.model.max(), cost_pico_usd=total(c.cost_pico_usd), up_ns=total(c.up_ns), basis=rank(c.basis).max()
    )
    return groups.order_by("deployment", "hour")
