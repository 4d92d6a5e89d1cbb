"""The flat columns of each table of segments: name, DuckDB type, and how it is read from one record as JSON."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun

Table = Literal["predictions", "outcomes", "capacity", "engine", "corrections", "bad"]
TABLES: tuple[Table, ...] = ("predictions", "outcomes", "capacity", "engine")
"""The tables of the questions."""
STORED: tuple[Table, ...] = (*TABLES, "corrections", "bad")
"""All tables: `corrections` change what predictions cost, `bad` holds the events that violate the tracking plan."""
TOKEN_KINDS = ("served", "consumed", "billable", "priced")
TOKEN_COUNTS = {"input": "input_tokens", "cached_input": "cached_input_tokens"} | {
    "output": "output_tokens",
    "reasoning": "reasoning_tokens",
}
_TOKENS = "STRUCT(input BIGINT, cached_input BIGINT, output BIGINT, reasoning BIGINT)"


class Column(Noun, frozen=True, kw_only=True):
    """One column: `expression` reads it from the JSON fields, which have the DuckDB types of `FIELDS`."""

    name: str
    kind: str
    expression: str


def _plain(kind: str, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name=name, kind=kind, expression=f'"{name}"') for name in names)


def _json(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name=name, kind="JSON", expression=f'"{name}"::VARCHAR') for name in names)


def _tokens() -> tuple[Column, ...]:
    return tuple(
        Column(name=f"{kind}_{column}", kind="BIGINT", expression=f"coalesce({kind}.{count}, 0)")
        for kind in TOKEN_KINDS
        for count, column in TOKEN_COUNTS.items()
    )


COLUMNS: dict[Table, tuple[Column, ...]] = {
    "predictions": (
        *_plain("VARCHAR", "prediction_id", "use_case", "tenant"),
        *_plain("DOUBLE", "time_s"),
        *_plain("BIGINT", "cost_pico_usd"),
        *_plain("BOOLEAN", "in_budget"),
        *_plain("VARCHAR", "status", "deployment", "model", "placement", "arm", "policy_id", "plan_id", "tier"),
        *_plain("VARCHAR", "request_id", "trace_id", "node"),
        *_plain("BIGINT", "sequence"),
        *_plain("VARCHAR", "region", "device_class", "channel", "subject", "subject_kind", "session", "consent"),
        *_plain("VARCHAR", "chosen", "cache", "reason", "price_id", "cost_basis", "tokens_basis", "energy_basis"),
        *_plain("VARCHAR", "features_hash", "prompt", "action", "drill", "protocol", "parent_span_id"),
        *_plain("UBIGINT", "seed"),
        *_plain("BIGINT", "http_status", "rows_scored", "version"),
        *_plain("BOOLEAN", "emulated", "stream"),
        *_plain("DOUBLE", "total_s", "ttft_s", "tpot_s", "chunk_gap_max_s", "budget_s", "ttft_target_s"),
        *_plain("DOUBLE", "tpot_target_s", "work_s", "in_flight", "energy_kwh"),
        *_tokens(),
        *_json("labels", "eligible", "propensities", "attempts", "stages", "actions", "action_propensities"),
        *_json("routed"),
    ),
    "outcomes": (
        *_plain("VARCHAR", "event_id", "source", "kind", "event_type"),
        *_plain("DOUBLE", "time_s", "received_s"),
        *_plain("VARCHAR", "tenant", "prediction_id", "subject", "use_case", "node"),
        *_plain("BIGINT", "sequence"),
        *_plain("DOUBLE", "value", "duration_s"),
        *_plain("VARCHAR", "currency", "stage", "consent", "data", "previous"),
        *_plain("BIGINT", "version"),
    ),
    "capacity": (
        *_plain("VARCHAR", "id", "deployment", "model", "placement", "price_id", "basis", "policy_id"),
        *_plain("DOUBLE", "start_s", "end_s", "power_idle_w"),
        *_plain("BIGINT", "replicas", "pico_usd_per_replica_s", "version"),
        *_plain("BOOLEAN", "emulated"),
        Column(
            name="cost_pico_usd",
            kind="BIGINT",
            expression="round_even((end_s - start_s) * replicas * pico_usd_per_replica_s, 0)::BIGINT",
        ),
    ),
    "engine": (
        *_plain("VARCHAR", "id", "deployment", "target", "source"),
        *_plain("DOUBLE", "start_s", "end_s", "busy", "running", "waiting", "kv_cache_use", "power_w", "energy_kwh"),
        *_plain("BIGINT", "finished", "input_tokens", "cached_input_tokens", "output_tokens", "accelerators"),
        *_plain("BIGINT", "version"),
    ),
    "corrections": (
        *_plain("VARCHAR", "id", "prediction_id", "tenant"),
        *_plain("DOUBLE", "time_s"),
        *_plain("BIGINT", "cost_pico_usd"),
        *_plain("VARCHAR", "price_id", "reason", "author"),
        *_plain("BIGINT", "version"),
    ),
    "bad": (
        *_plain("VARCHAR", "event_id", "source", "event_type", "tenant"),
        *_plain("DOUBLE", "time_s", "received_s"),
        *_plain("VARCHAR", "node"),
        *_plain("BIGINT", "sequence"),
        *_plain("VARCHAR", "rule", "path", "reason", "plan", "event"),
        *_plain("BIGINT", "version"),
    ),
}
"""What a segment holds. A field of a record without a column here makes a test fail."""

TIME: dict[Table, str] = {
    "predictions": "time_s",
    "outcomes": "time_s",
    "capacity": "start_s",
    "engine": "start_s",
    "corrections": "time_s",
    "bad": "received_s",
}
"""The column that orders a table and decides its `dt=` partition."""

IDENTITY: dict[Table, tuple[str, ...]] = {
    "predictions": ("prediction_id",),
    "outcomes": ("tenant", "source", "event_id"),
    "capacity": ("id",),
    "engine": ("id",),
    "corrections": ("id",),
    "bad": ("node", "sequence"),
}
"""What makes two rows the same."""

FIRST: dict[Table, tuple[str, ...]] = {
    "predictions": ("node", "sequence"),
    "outcomes": ("received_s", "node", "sequence"),
    "capacity": ("start_s", "end_s"),
    "engine": ("start_s", "end_s"),
    "corrections": ("time_s DESC", "cost_pico_usd DESC", "price_id DESC"),
    "bad": ("received_s",),
}
"""Which of several such rows counts: the first in this order, so that the order of arrival does not matter."""


def fields(table: Table) -> dict[str, str]:
    """The JSON fields that the expressions read, with their DuckDB types."""
    nested = {"predictions": dict.fromkeys(TOKEN_KINDS, _TOKENS)}.get(table, {})
    return {column.name: column.kind for column in COLUMNS[table] if '"' in column.expression} | nested


def select(table: Table) -> str:
    """The select list of a table."""
    return ", ".join(f'{column.expression} AS "{column.name}"' for column in COLUMNS[table])
