"""Published request traces as logs: arrivals and sizes, with no cost and no duration. Told by their columns.

Times that count from a trace's start are read as Unix time, so that its first request is on 1 January 1970 unless the
rows are shifted.
"""

from __future__ import annotations

from breakeven.ledger.source.mapping import Mapping

AZURE = Mapping(
    time="TIMESTAMP", input_tokens="ContextTokens", output_tokens="GeneratedTokens", default_use_case="azure-trace"
)
"""Azure LLM inference (Azure Public Dataset, CC BY 4.0): instants without a zone, taken for UTC."""
SPLITWISE = Mapping(
    time="arrived_at",
    time_unit="s",
    input_tokens="num_prefill_tokens",
    output_tokens="num_decode_tokens",
    default_use_case="splitwise-trace",
)
BURSTGPT = Mapping(
    time="Timestamp",
    time_unit="s",
    model="Model",
    input_tokens="Request tokens",
    output_tokens="Response tokens",
    default_use_case="burstgpt-trace",
)
"""BurstGPT (CC BY 4.0): seconds from the start. A request of 0 response tokens failed, by its description."""
MOONCAKE = Mapping(
    time="timestamp",
    time_unit="ms",
    input_tokens="input_length",
    output_tokens="output_length",
    default_use_case="mooncake-trace",
)
