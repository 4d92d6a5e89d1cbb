"""Anthropic's usage and cost exports of the Console.

Written from Anthropic's help page "Cost and usage reporting in the Console" and its Admin API reference (usage report
of messages, cost report), with the column names that published readers of the CSV use, not from a customer's file.
Input tokens are exported apart: not cached, written to the cache, read from it; here input is their sum. The export
counts no requests. Costs (`cost_usd`) are dollars, by day, model and token type.
"""

from __future__ import annotations

from breakeven.ledger.invoice import line
from breakeven.ledger.invoice.line import Line, Terms
from breakeven.ledger.source.field import Row

NEEDED = (
    frozenset({"usage_date_utc", "model_version", "usage_output_tokens"}),
    frozenset({"usage_date_utc", "model", "cost_usd"}),
)
_DAY_S = 86_400.0


def read(row: Row, terms: Terms) -> Line | None:
    """A day's tokens of a model and key, or a day's cost of a model and token type."""
    start_s, end_s, day_only = line.period(row, "usage_date_utc", terms, default_s=3600.0)
    cached = line.count(row, "usage_input_tokens_cache_read")
    written = (line.count(row, f"usage_input_tokens_cache_write_{ttl}") for ttl in ("5m", "1h"))
    kind = row.text("usage_type") or row.text("service_tier")
    return Line(
        place=f"{row.file}:{row.number}",
        start_s=start_s,
        end_s=end_s,
        model=row.text("model_version") or row.text("model"),
        key=row.text("api_key") or row.text("workspace"),
        meter=row.text("token_type") or ("usage" if "usage_output_tokens" in row.values else "cost"),
        input_tokens=line.total(line.count(row, "usage_input_tokens_no_cache"), cached, *written),
        cached_input_tokens=cached,
        output_tokens=line.count(row, "usage_output_tokens"),
        pico_usd=line.money(row, "cost_usd", "USD", terms),
        batch="batch" in kind.lower(),
        day_only=day_only,
    )
