"""Records read back from segments: the proof that sealing loses nothing, and how the memory engine reads a ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import duckdb
import msgspec

from breakeven.ledger import duck
from breakeven.ledger.columns import COLUMNS, TOKEN_COUNTS, TOKEN_KINDS, Table
from breakeven.ledger.snapshot import Snapshot
from breakeven.schema.correction import Correction
from breakeven.schema.journal import Record
from breakeven.schema.outcome import Outcome
from breakeven.schema.record import Capacity, EngineLoad, Prediction
from breakeven.schema.tracking import Bad

_KINDS: dict[Table, type[Record]] = {
    "predictions": Prediction,
    "outcomes": Outcome,
    "capacity": Capacity,
    "engine": EngineLoad,
    "corrections": Correction,
}


def restore(snapshot: Snapshot) -> Iterator[Record]:
    """Every record of a snapshot's segments."""
    if not snapshot.segments:
        return
    with duck.connect() as connection:
        for table in _KINDS:
            files = [segment.path for segment in snapshot.segments if segment.table == table]
            if files:
                yield from _table(connection, table, files)


def bad_rows(snapshot: Snapshot) -> Iterator[Bad]:
    """Every bad row of a snapshot, sealed and not."""
    yield from snapshot.bad
    files = [segment.path for segment in snapshot.segments if segment.table == "bad"]
    if files:
        names = [column.name for column in COLUMNS["bad"]]
        with duck.connect() as connection:
            for row in connection.execute(duck.segments("bad", files)).fetchall():
                yield msgspec.convert({"type": "bad"} | dict(zip(names, row, strict=True)), Bad)


def _table(connection: duckdb.DuckDBPyConnection, table: Table, files: Sequence[str]) -> Iterator[Record]:
    names = [column.name for column in COLUMNS[table]]
    for row in connection.execute(duck.segments(table, files)).fetchall():
        yield record(table, dict(zip(names, row, strict=True)))


def record(table: Table, row: Mapping[str, object]) -> Record:
    """The record of one row of a segment.

    Raises:
        msgspec.ValidationError: a column holds what its field cannot be.
    """
    kind = _KINDS[table]
    nested = {column.name for column in COLUMNS[table] if column.kind == "JSON"}
    fields = {
        name: msgspec.json.decode(str(value)) if name in nested else value
        for name, value in row.items()
        if name in kind.__struct_fields__ and value is not None
    }
    if table == "predictions":
        fields |= {name: _tokens(row, name) for name in TOKEN_KINDS}
    return msgspec.convert(fields | {"type": kind.__struct_config__.tag}, kind)


def _tokens(row: Mapping[str, object], kind: str) -> dict[str, object]:
    return {count: row[f"{kind}_{column}"] for count, column in TOKEN_COUNTS.items()}
