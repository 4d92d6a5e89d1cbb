"""One record for each identity: the first, so that the order of arrival does not matter."""

from __future__ import annotations

import ibis

from breakeven.ledger.columns import Table
from breakeven.ledger.engine.ask.tables import Values, relation

_IDENTITY: dict[Table, tuple[str, ...]] = {
    "predictions": ("prediction_id",),
    "outcomes": ("tenant", "source", "event_id"),
    "capacity": ("id",),
    "engine": ("id",),
}
_ORDER: dict[Table, tuple[str, ...]] = {
    "predictions": ("node", "sequence"),
    "outcomes": ("received_s", "node", "sequence"),
    "capacity": ("start_s", "end_s"),
    "engine": ("start_s", "end_s"),
}


def once(table: Table, values: Values) -> ibis.Table:
    """The rows of a table, repeats included, without the repeats."""
    del values
    t = relation(table, {"predictions": "all_p", "outcomes": "all_o", "capacity": "all_c", "engine": "all_e"}[table])
    order = ibis.window(group_by=_IDENTITY[table], order_by=_ORDER[table])
    return t.mutate(place=ibis.row_number().over(order)).filter(ibis._.place == 0).drop("place")
