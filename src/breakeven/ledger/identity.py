"""What makes two records the same: frames by (node, sequence), predictions by id, events by (tenant, source, id)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from breakeven.ledger.columns import TIME, Table
from breakeven.schema.correction import Correction
from breakeven.schema.journal import Record
from breakeven.schema.outcome import Outcome
from breakeven.schema.record import EngineLoad, Prediction
from breakeven.schema.tracking import Bad


def table_of(record: Record | Bad) -> Table:
    """The table that a record belongs to."""
    if isinstance(record, Bad):
        return "bad"
    if isinstance(record, Prediction):
        return "predictions"
    if isinstance(record, EngineLoad):
        return "engine"
    if isinstance(record, Correction):
        return "corrections"
    return "outcomes" if isinstance(record, Outcome) else "capacity"


def time_of(record: Record | Bad) -> float:
    """The time that orders a record, in Unix seconds."""
    return float(getattr(record, TIME[table_of(record)]))


def key_of(record: Record) -> tuple[str, ...]:
    """What may occur once only, however often it was written.

    An event's tenant is part of its identity, so that no tenant can shadow another's events.
    """
    if isinstance(record, Prediction):
        return ("prediction", record.prediction_id)
    if isinstance(record, Outcome):
        return ("outcome", record.tenant, record.source, record.event_id)
    return (table_of(record), record.id)


def _frame_of(record: Record) -> tuple[object, ...]:
    if not isinstance(record, Prediction | Outcome):
        return key_of(record)
    return (record.node, record.sequence, *key_of(record))


def unique_frames(records: Iterable[Record]) -> tuple[Record, ...]:
    """The records without frames that were written twice, in order."""
    seen: dict[tuple[object, ...], Record] = {}
    for record in records:
        seen.setdefault(_frame_of(record), record)
    return tuple(seen.values())


def repeated(records: Sequence[Record]) -> int:
    """How many predictions carry an id that another one carries."""
    ids = [record.prediction_id for record in records if isinstance(record, Prediction)]
    return len(ids) - len(set(ids))


SEVERAL = "*"
"""Stands for the node of a journal in which several wrote."""


def node_of(records: Iterable[Record], name: str) -> str:
    """The node whose sequence a journal's records carry; `name` where they carry none."""
    nodes = {record.node for record in records if isinstance(record, Prediction | Outcome)}
    return nodes.pop() if len(nodes) == 1 else SEVERAL if nodes else name


def sequences(records: Iterable[Record]) -> tuple[int | None, int | None]:
    """The first and last sequence number, None without any."""
    found = [record.sequence for record in records if isinstance(record, Prediction | Outcome)]
    return (min(found), max(found)) if found else (None, None)
