"""A provider's FOCUS 1.x file (FinOps Open Cost and Usage Specification), or our own export of it.

Read by the specification's columns: ChargePeriodStart/End, BilledCost, BillingCurrency, and where ConsumedUnit is
tokens, ConsumedQuantity. What is charged is told from SkuMeter or ChargeDescription; the model from `x_model`,
SkuMeter, ResourceName, ResourceId or ServiceName, whichever is filled first. Taxes and credits are models of their own,
so that they show.
"""

from __future__ import annotations

from typing import Any

from breakeven.ledger.invoice import line
from breakeven.ledger.invoice.line import Line, Terms
from breakeven.ledger.source.field import Row

NEEDED = (frozenset({"BilledCost", "ChargePeriodStart", "BillingCurrency"}),)
_DAY_S = 86_400.0
Counts = dict[str, Any]
"""Some counts of a line."""
_UNITS = {"token": 1, "tokens": 1, "1k tokens": 1000, "1m tokens": 10**6}


def read(row: Row, terms: Terms) -> Line | None:
    """One charge."""
    start_s, end_s, _ = line.period(row, "ChargePeriodStart", terms, end="ChargePeriodEnd", default_s=_DAY_S)
    meter = row.text("SkuMeter") or row.text("ChargeDescription")
    counts = _ours(row) if "x_predictions" in row.values else _consumed(row, meter.lower())
    return Line(
        place=f"{row.file}:{row.number}",
        start_s=start_s,
        end_s=end_s,
        model=_model(row),
        key=row.text("x_tenant") or row.text("SubAccountId"),
        meter=meter,
        pico_usd=line.money(row, "BilledCost", row.text("BillingCurrency"), terms),
        batch="batch" in meter.lower(),
        **counts,
    )


def _model(row: Row) -> str:
    category = row.text("ChargeCategory")
    if category and category not in {"Usage", "Purchase"}:
        return category.lower()
    columns = ("x_model", "SkuMeter", "ResourceName", "ResourceId", "ServiceName")
    return next((row.text(column) for column in columns if row.text(column)), "unnamed")


def _ours(row: Row) -> Counts:
    names = {"calls": "x_predictions", "input_tokens": "x_tokens_input", "output_tokens": "x_tokens_output"}
    return {name: line.count(row, column) for name, column in names.items()}


def _consumed(row: Row, meter: str) -> Counts:
    unit = _UNITS.get(row.text("ConsumedUnit").lower())
    amount = row.number_of("ConsumedQuantity", "a quantity")
    if unit is None or amount is None:
        return {}
    tokens = round(amount * unit)
    if "output" in meter:
        return {"output_tokens": tokens}
    cached = "cach" in meter and "write" not in meter
    return {"input_tokens": tokens, "cached_input_tokens": tokens if cached else None}
