"""Corrections applied on reading: what a prediction cost after all, alike on every engine.

Of several corrections of a prediction the latest (`time_s`, `id`) holds, whatever the order in which they came. A
snapshot without any is read as if there were no such thing. One of a prediction that nobody wrote does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from breakeven.ledger import duck
from breakeven.ledger.columns import COLUMNS
from breakeven.ledger.snapshot import Snapshot
from breakeven.schema.correction import BASIS, Correction
from breakeven.schema.journal import Record
from breakeven.schema.record import Prediction

RELATION = "corrected"
"""Prediction id, cost and price of the corrections that hold."""
_ORDER = ", ".join(f"{name} DESC" for name in ("time_s", "id", "cost_pico_usd", "price_id"))
LATEST = f"""SELECT prediction_id, cost_pico_usd, price_id FROM (
  SELECT *, row_number() OVER (PARTITION BY prediction_id ORDER BY {_ORDER}) AS place
  FROM all_k) AS ranked WHERE place = 1"""  # noqa: S608 - our own names
"""What makes `RELATION` of all corrections, in the dialect of every engine."""
_SAID = {
    "cost_pico_usd": "coalesce(k.cost_pico_usd, t.cost_pico_usd)",
    "cost_basis": f"CASE WHEN k.prediction_id IS NULL THEN t.cost_basis ELSE '{BASIS}' END",
    "price_id": "CASE WHEN coalesce(k.price_id, '') = '' THEN t.price_id ELSE k.price_id END",
}


def any_in(snapshot: Snapshot) -> bool:
    """Whether a snapshot holds a correction."""
    sealed = any(one.table == "corrections" for one in snapshot.segments)
    return sealed or any(isinstance(one, Correction) for one in snapshot.records)


def latest(records: Iterable[Record]) -> dict[str, Correction]:
    """The corrections that hold, by prediction id."""
    found: dict[str, Correction] = {}
    for one in records:
        if isinstance(one, Correction):
            before = found.get(one.prediction_id)
            found[one.prediction_id] = one if before is None or _place(one) > _place(before) else before
    return found


def _place(one: Correction) -> tuple[float, str, int, str]:
    return one.time_s, one.id, one.cost_pico_usd, one.price_id


def corrected(one: Prediction, found: dict[str, Correction]) -> Prediction:
    """A prediction with the cost that holds."""
    said = found.get(one.prediction_id)
    if said is None:
        return one
    price_id = said.price_id or one.price_id
    return replace(one, cost_pico_usd=said.cost_pico_usd, cost_basis=BASIS, price_id=price_id)


def hold(connection: duck.Connection, snapshot: Snapshot) -> bool:
    """Make the table `RELATION` of a snapshot's corrections; False, and no table, where there are none."""
    if not any_in(snapshot):
        return False
    files = [one.path for one in snapshot.segments if one.table == "corrections"]
    unsealed = [one for one in snapshot.records if isinstance(one, Correction)]
    duck.hold(connection, "new_corrections", "corrections", unsealed)
    sealed = f"{duck.segments('corrections', files)} UNION ALL BY NAME " if files else ""
    connection.execute(f"CREATE VIEW all_k AS {sealed}SELECT * FROM new_corrections")  # noqa: S608 - quoted
    connection.execute(f"CREATE TABLE {RELATION} AS {LATEST}")
    return True


def joined(source: str, names: Iterable[str] = ()) -> str:
    """The relation `source` of predictions with the costs that hold; `names` are its columns, by default all."""
    columns = tuple(names) or tuple(column.name for column in COLUMNS["predictions"])
    said = ", ".join(f"{_SAID[name]} AS {name}" if name in _SAID else f"t.{name}" for name in columns)
    return f"SELECT {said} FROM {source} t LEFT JOIN {RELATION} k ON k.prediction_id = t.prediction_id"  # noqa: S608 - ours
