"""Opening a ledger: a data directory, or records, behind one of the engines."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from breakeven.errors import UsageError
from breakeven.ledger import snapshot
from breakeven.ledger.engine.port import Engine, Opener
from breakeven.ledger.engine.table import ENGINES
from breakeven.schema.journal import Record


def open_ledger(data_dir: Path, engine: str = "duckdb") -> Engine:
    """An engine over what the ledger in `data_dir` holds now: manifest segments and unsealed journals.

    Raises:
        LedgerError: there is no ledger there.
        UsageError: no such engine.
    """
    return opener(engine)(snapshot.of_folder(data_dir))


def of_records(records: Iterable[Record], engine: str = "memory") -> Engine:
    """An engine over records in memory.

    Raises:
        UsageError: no such engine.
    """
    return opener(engine)(snapshot.of_records(records))


def opener(name: str) -> Opener:
    """What opens an engine over a snapshot.

    Raises:
        UsageError: no such engine.
    """
    try:
        return ENGINES[name]
    except KeyError:
        message = f"no ledger engine {name!r}"
        raise UsageError(message, f"use one of {', '.join(sorted(ENGINES))}") from None
