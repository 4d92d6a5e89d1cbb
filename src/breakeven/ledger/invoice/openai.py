"""OpenAI's usage and cost exports: the results of `/organization/usage/completions` and `/organization/costs` as rows.

Written from OpenAI's API reference (Usage, object `organization.usage.completions.result`; Costs, object
`organization.costs.result`) and from published descriptions of the dashboard's `completions_usage_*.csv`, not from a
customer's file. `input_tokens` includes `input_cached_tokens`. Costs name a `line_item` such as `gpt-4o, input`; the
export flattens `amount` to `amount_value` and `amount_currency`. Cache-write tokens stay part of the input.
"""

from __future__ import annotations

from breakeven.ledger.invoice import line
from breakeven.ledger.invoice.line import Line, Terms
from breakeven.ledger.source.field import Row

NEEDED = (frozenset({"start_time", "num_model_requests", "input_tokens"}), frozenset({"start_time", "line_item"}))
_DAY_S = 86_400.0


def read(row: Row, terms: Terms) -> Line | None:
    """A bucket of usage, or an item of cost."""
    return _cost(row, terms) if row.text("line_item") else _usage(row, terms)


def _usage(row: Row, terms: Terms) -> Line | None:
    if not row.text("num_model_requests") and not row.text("input_tokens"):
        return None  # a bucket in which nothing happened
    start_s, end_s, _ = line.period(row, "start_time", terms, end="end_time", default_s=_DAY_S)
    return Line(
        place=f"{row.file}:{row.number}",
        start_s=start_s,
        end_s=end_s,
        model=row.text("model"),
        key=row.text("api_key_id") or row.text("project_id"),
        meter="usage",
        calls=line.count(row, "num_model_requests"),
        input_tokens=line.count(row, "input_tokens"),
        cached_input_tokens=line.count(row, "input_cached_tokens"),
        output_tokens=line.count(row, "output_tokens"),
        pico_usd=line.money(row, "cost", row.text("currency"), terms),
        batch=row.flag("batch"),
    )


def _cost(row: Row, terms: Terms) -> Line:
    start_s, end_s, _ = line.period(row, "start_time", terms, end="end_time", default_s=_DAY_S)
    model, _, meter = row.text("line_item").partition(",")
    column = "amount_value" if "amount_value" in row.values else "amount"
    return Line(
        place=f"{row.file}:{row.number}",
        start_s=start_s,
        end_s=end_s,
        model=model.strip(),
        key=row.text("api_key_id") or row.text("project_id"),
        meter=meter.strip(),
        pico_usd=line.money(row, column, row.text("amount_currency") or row.text("currency"), terms),
        batch="batch" in meter,
    )
