"""Langfuse's observations, as its pages, its API and its export to blob storage write them: one generation a row.

Field names: langfuse.com/docs, "Blob Storage Export Field Reference" and the public API's ObservationsView. Its usage
types are kept apart (what was cached is not in `input`), and a type counts as input or output by its name, as its
documentation says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from breakeven.ledger.source.field import Row
from breakeven.ledger.source.mapping import Mapping as LogMapping

NEEDED = (frozenset({"id", "type", "startTime"}), frozenset({"id", "type", "start_time"}))
MARKS = frozenset(
    {"traceId", "trace_id", "usageDetails", "usage_details", "costDetails", "cost_details", "parentObservationId"}
)
KINDS = frozenset({"GENERATION", "EMBEDDING"})
"""Observations that asked a model. Spans, agents, tools and events hold such ones, or none."""
MAPPING = LogMapping(
    time="time",
    end_time="end_time",
    first_token_time="first_token_time",  # noqa: S106 - a column's name
    prediction_id="id",
    use_case="use_case",
    default_use_case="langfuse",
    model="model",
    subject="subject",
    session="session",
    input_tokens="input",
    cached_input_tokens="cached",
    output_tokens="output",
    reasoning_tokens="reasoning",
    cost_usd="cost",
    zero_is_unpriced=True,
    status="level",
)
_NAMES: dict[str, tuple[str, ...]] = {
    "id": ("id",),
    "time": ("startTime", "start_time"),
    "end_time": ("endTime", "end_time"),
    "first_token_time": ("completionStartTime", "completion_start_time"),
    "use_case": ("traceName", "trace_name", "environment"),
    "model": ("model", "providedModelName", "provided_model_name"),
    "subject": ("userId", "user_id"),
    "session": ("sessionId", "session_id"),
    "level": ("level",),
    "cost": ("totalCost", "total_cost", "calculatedTotalCost", "calculated_total_cost"),
}
_USAGE, _COSTS = ("usageDetails", "usage_details", "usage"), ("costDetails", "cost_details")
_PLAIN = {
    "input": ("inputUsage", "promptTokens", "prompt_tokens", "input_tokens"),
    "output": ("outputUsage", "completionTokens", "completion_tokens", "output_tokens"),
}


def recognised(columns: Iterable[str]) -> bool:
    """Whether these are the columns of observations."""
    found = set(columns)
    return any(found >= needed for needed in NEEDED) and bool(found & MARKS)


def prepared(row: Row) -> Row | None:
    """The row under the names of `MAPPING`; None where it is no generation.

    Raises:
        LedgerError: usage or costs are no JSON object.
    """
    if str(row.values.get("type", "")).upper() not in KINDS:
        return None
    values = {name: _first(row, columns) for name, columns in _NAMES.items()}
    usage, costs = _details(row, _USAGE), _details(row, _COSTS)
    counts = {name: _sum(usage, name) for name in ("input", "output")}
    values |= {name: _first(row, _PLAIN[name]) if count is None else count for name, count in counts.items()}
    values["cached"] = sum(n for kind, n in usage.items() if "input" in kind and "cache" in kind and not _made(kind))
    values["reasoning"] = sum(n for kind, n in usage.items() if "output" in kind and "reasoning" in kind)
    if (total := costs.get("total", sum(costs.values()) if costs else None)) is not None:
        values["cost"] = repr(total)
    return msgspec.structs.replace(row, values=values)


def _made(kind: str) -> bool:
    """Tokens that were written to a cache, not read from it."""
    return "creation" in kind or "write" in kind


def _sum(usage: Mapping[str, float], side: str) -> float | None:
    found = [n for kind, n in usage.items() if side in kind]
    return sum(found) if found else None


def _first(row: Row, columns: Iterable[str]) -> object:
    return next((row.values[name] for name in columns if row.values.get(name) not in (None, "")), None)


def _details(row: Row, columns: Iterable[str]) -> dict[str, float]:
    """An object of numbers, also where it is written as text (CSV)."""
    name = next((one for one in columns if row.values.get(one) not in (None, "")), "")
    if not name:
        return {}
    value = row.values[name]
    try:
        found: Any = msgspec.json.decode(value) if isinstance(value, str) else value
        if isinstance(found, list):  # a map of DuckDB's
            found = {one["key"]: one["value"] for one in found}
        numbers = {key: one for key, one in found.items() if one is not None and key not in {"unit", "currency"}}
        return msgspec.convert(numbers, dict[str, float], strict=False)
    except (msgspec.MsgspecError, AttributeError, TypeError, KeyError):
        row.refuse(name, "usage and costs are a JSON object of numbers", "export the observations again")
