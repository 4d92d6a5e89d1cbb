"""The trace of a use case: its arrivals and sizes as columns, from one question to the engine."""

from __future__ import annotations

from breakeven.ledger.engine.port import Engine, Query
from breakeven.schema.workload import Trace


def trace(engine: Engine, use_case: str, *, start_s: float | None = None, end_s: float | None = None) -> Trace:
    """Every arrival of `use_case` in the period, whatever became of it: demand, not service."""
    found = engine.arrivals(Query(use_case=use_case, start_s=start_s, end_s=end_s))
    return Trace(
        name=use_case,
        arrival_s=found.arrival_s,
        input_tokens=found.input_tokens,
        output_tokens=found.output_tokens,
        source="ledger",
    )
