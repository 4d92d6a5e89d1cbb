"""The storage engines."""

from __future__ import annotations

from importlib import import_module

from breakeven.errors import UsageError
from breakeven.ledger.engine.duck import DuckEngine
from breakeven.ledger.engine.memory import MemoryEngine
from breakeven.ledger.engine.port import Engine, Opener
from breakeven.ledger.snapshot import Snapshot


def open_spark(snapshot: Snapshot, *, master: str = "local[*]", data_url: str = "") -> Engine:
    """The Spark engine, by `master`; `data_url` is where its workers find the data directory, if elsewhere.

    Raises:
        UsageError: the extra `spark` is not installed.
        LedgerError: no session can be had.
    """
    try:
        engine: Engine = import_module("breakeven.ledger.engine.spark").SparkEngine(
            snapshot, master=master, data_url=data_url
        )
    except ModuleNotFoundError as error:
        message = f"the engine `spark` needs the package {error.name!r}, which is not installed"
        raise UsageError(message, "pip install 'breakeven[spark]'") from error
    return engine


EMBEDDED: dict[str, Opener] = {"duckdb": DuckEngine, "memory": MemoryEngine}
"""Those that need nothing but this package."""

ENGINES: dict[str, Opener] = {**EMBEDDED, "spark": open_spark}
"""Each opens a snapshot; `memory` is the definition that the others are tested against."""
