"""Audit: events, losses and policies."""

from __future__ import annotations

import ibis

from breakeven.ledger.engine.ask.attribution import attributed, events
from breakeven.ledger.engine.ask.tables import ALL_B, ALL_E, ALL_P, DROPPED, E, Values, asked, unique, within


def kinds(values: Values) -> ibis.Table:
    """How many events of each kind."""
    o = within(E, values)
    return o.group_by("kind").aggregate(events=o.count()).order_by("kind")


def unused(values: Values) -> ibis.Table:
    """One row: events that found no prediction, that were denied, and whose money is foreign."""
    e = events(within(E, values))
    found = attributed(e)
    key = ["tenant", "source", "event_id"]
    t = e.left_join(found, key).select("value", "currency", "target", "denied", "prediction_id", "subject", "consent")
    foreign = t.value.notnull() & t.currency.upper().notin(["", "USD"])
    nobody = (t.consent == "denied") & (t.prediction_id == "") & (t.subject == "")
    return t.aggregate(
        unattributed=t.count(where=t.target.isnull() & ~nobody),
        denied=t.count(where=t.denied.fill_null(False) | nobody),
        foreign=t.count(where=foreign),
    )


def policies(values: Values) -> ibis.Table:
    """The policies in force."""
    p = asked(values)
    return unique(p.filter(p.policy_id != ""), "policy_id").order_by("policy_id")


def lost(values: Values) -> ibis.Table:
    """Sequence numbers that no record carries, by node, in the whole ledger."""
    del values
    frames = ibis.union(*(t.select("node", "sequence") for t in (ALL_P, ALL_E, ALL_B, DROPPED)))
    frames = frames.filter(frames.sequence > 0)
    nodes = frames.group_by("node").aggregate(missing=frames.sequence.max() - frames.sequence.nunique())
    return nodes.aggregate(lost=nodes.missing.sum().fill_null(0))
