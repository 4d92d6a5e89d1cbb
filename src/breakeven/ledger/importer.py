"""The same statement from a log that no gateway wrote: every format of `source.formats`, without a ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from breakeven.errors import LedgerError
from breakeven.ledger.engine.port import Engine, Opener
from breakeven.ledger.engine.table import ENGINES
from breakeven.ledger.identity import key_of
from breakeven.ledger.snapshot import Snapshot
from breakeven.ledger.source.field import Bad
from breakeven.ledger.source.formats import Entry, open_source
from breakeven.ledger.source.mapping import Mapping as Mapping
from breakeven.ledger.source.read import Taken
from breakeven.schema.journal import Record
from breakeven.schema.policy import Route, UseCase
from breakeven.schema.record import Prediction


class Imported(NamedTuple):
    """A log as a ledger: the engine to ask, and the use cases to give `statement.build`."""

    engine: Engine
    use_cases: dict[str, UseCase]


def read(path: Path, mapping: Mapping | None = None, engine: str | Opener = "duckdb", form: str = "") -> Imported:
    """A foreign log as a ledger. Without a mapping its format is told by its columns.

    Raises:
        LedgerError: the file, a column or a field cannot be what it should be; the message names it and the way out.
    """
    source = open_source(path, mapping, form)
    records = tuple(_sound(source.entries))
    if not records:
        message = f"{path}: no rows that are predictions"
        raise LedgerError(message, "export a period with traffic")
    names = [key_of(record) for record in records if isinstance(record, Prediction)]
    repeated = len(names) - len(set(names))
    warnings = (f"{path}: {repeated} rows repeat an id and count once",) if repeated else ()
    cases = sorted({record.use_case for record in records if isinstance(record, Prediction)})
    rules = {name: use_case(name, source.mapping or Mapping()) for name in cases}
    snapshot = Snapshot(records=records, warnings=warnings, distinct=not repeated)
    return Imported((ENGINES[engine] if isinstance(engine, str) else engine)(snapshot), rules)


def _sound(entries: Iterable[Entry]) -> Iterator[Record]:
    """A statement of a part of a file would be a wrong one: the first bad row ends it."""
    for one in entries:
        if isinstance(one, Bad):
            raise one.error()
        if isinstance(one, Taken):
            yield from one.records


def use_case(name: str, mapping: Mapping) -> UseCase:
    """The rules that a mapping states for its rows."""
    return UseCase(
        name=name,
        route=Route(strategy="imported", targets=()),
        budget_s=mapping.budget_s,
        ttft_s=mapping.ttft_target_s,
        tpot_s=mapping.tpot_target_s,
        used_when=mapping.measured_when,
    )
