"""The storage engines."""

from __future__ import annotations

from breakeven.ledger.engine.duck import DuckEngine
from breakeven.ledger.engine.memory import MemoryEngine
from breakeven.ledger.engine.port import Opener

ENGINES: dict[str, Opener] = {"duckdb": DuckEngine, "memory": MemoryEngine}
"""Each opens a snapshot; `memory` is the definition that the others are tested against."""
