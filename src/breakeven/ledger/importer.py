"""The same statement from a log that no gateway wrote: CSV, Parquet, JSON, or a LiteLLM spend log."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from breakeven.errors import LedgerError
from breakeven.ledger.engine.port import Engine, Opener
from breakeven.ledger.engine.table import ENGINES
from breakeven.ledger.snapshot import Snapshot
from breakeven.ledger.source import convert, litellm
from breakeven.ledger.source.field import Row
from breakeven.ledger.source.mapping import Mapping as Mapping
from breakeven.ledger.source.table import SOURCES
from breakeven.schema.outcome import Outcome
from breakeven.schema.policy import Route, UseCase
from breakeven.schema.record import Prediction


class Imported(NamedTuple):
    """A log as a ledger: the engine to ask, and the use cases to give `statement.build`."""

    engine: Engine
    use_cases: dict[str, UseCase]


def read(path: Path, mapping: Mapping | None = None, engine: str | Opener = "duckdb") -> Imported:
    """A foreign log as a ledger. Without a mapping it must be a LiteLLM spend log.

    Raises:
        LedgerError: the file, a column or a field cannot be what it should be; the message names it and the way out.
    """
    rows = _rows(path)
    first = next(rows, None)
    if first is None:
        message = f"{path}: no rows"
        raise LedgerError(message, "export a period with traffic")
    mapping = _mapping(first, mapping)
    records = tuple(_records(chain([first], rows), mapping))
    predictions = [record for record in records if isinstance(record, Prediction)]
    repeated = len(predictions) - len({one.prediction_id for one in predictions})
    warnings = (f"{path}: {repeated} rows repeat an id and count once",) if repeated else ()
    use_cases = {name: _use_case(name, mapping) for name in sorted({one.use_case for one in predictions})}
    snapshot = Snapshot(records=records, warnings=warnings, distinct=not repeated)
    return Imported((ENGINES[engine] if isinstance(engine, str) else engine)(snapshot), use_cases)


def _rows(path: Path) -> Iterator[Row]:
    if not path.is_file():
        message = f"{path}: no such file"
        raise LedgerError(message, "check the path given to --from")
    if path.suffix not in SOURCES:
        message = f"{path}: no reader for {path.suffix or 'a file without a suffix'}"
        raise LedgerError(message, f"use one of {', '.join(sorted(SOURCES))}")
    return SOURCES[path.suffix](path)


def _mapping(first: Row, mapping: Mapping | None) -> Mapping:
    found = mapping or litellm.recognise(first.values)
    if found is None:
        missing = ", ".join(sorted(litellm.NEEDED - set(first.values)))
        message = f"{first.file}: not a LiteLLM spend log, {missing} missing; its columns: {', '.join(first.values)}"
        raise LedgerError(message, "name the columns in a mapping file and pass it with --map")
    for meaning, column in found.columns().items():
        _check(first, meaning, column)
    if not found.time:
        message = f"{first.file}: the mapping names no column for time"
        raise LedgerError(message, f"add `time:` with one of {', '.join(first.values)}")
    return found


def _check(first: Row, meaning: str, column: str) -> None:
    if column not in first.values:
        near = difflib.get_close_matches(column, first.values, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the columns are {', '.join(first.values)}"
        message = f"{first.file}: no column {column!r}, which the mapping names for {meaning}"
        raise LedgerError(message, hint)


def _records(rows: Iterable[Row], mapping: Mapping) -> Iterator[Prediction | Outcome]:
    for place, row in enumerate(rows, 1):
        yield from convert.records(row, mapping, place)


def _use_case(name: str, mapping: Mapping) -> UseCase:
    return UseCase(
        name=name,
        route=Route(strategy="imported", targets=()),
        budget_s=mapping.budget_s,
        ttft_s=mapping.ttft_target_s,
        tpot_s=mapping.tpot_target_s,
        used_when=mapping.measured_when,
    )
