"""LiteLLM's spend log (the table LiteLLM_SpendLogs, exported as CSV, Parquet or JSON), recognised by its columns."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from breakeven.ledger.source.mapping import Mapping

NEEDED = frozenset({"request_id", "spend", "startTime", "prompt_tokens", "completion_tokens"})

_COLUMNS = {
    "time": "startTime",
    "end_time": "endTime",
    "first_token_time": "completionStartTime",
    "prediction_id": "request_id",
    "tenant": "team_id",
    "model": "model",
    "deployment": "model_group",
    "subject": "end_user",
    "session": "session_id",
    "status": "status",
    "cache_hit": "cache_hit",
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "cost_usd": "spend",
}


def recognise(columns: Iterable[str]) -> Mapping | None:
    """The mapping of a spend log, or None when the columns are another log's.

    LiteLLM writes 0 where it knows no price, so a paid-for answer that cost nothing counts as unpriced.
    """
    found = set(columns)
    if not found >= NEEDED:
        return None
    there = {meaning: column for meaning, column in _COLUMNS.items() if column in found}
    return msgspec.convert({**there, "zero_is_unpriced": True, "default_use_case": "litellm"}, Mapping)
