"""One record for each identity: the first, so that the order of arrival does not matter."""

from __future__ import annotations

import ibis

from breakeven.ledger.columns import FIRST, IDENTITY, Table
from breakeven.ledger.engine.ask.tables import Values, relation


def once(table: Table, values: Values) -> ibis.Table:
    """The rows of a table, repeats included, without the repeats."""
    del values
    t = relation(table, {"predictions": "all_p", "outcomes": "all_o", "capacity": "all_c", "engine": "all_e"}[table])
    order = ibis.window(group_by=IDENTITY[table], order_by=FIRST[table])
    return t.mutate(place=ibis.row_number().over(order)).filter(ibis._.place == 0).drop("place")
