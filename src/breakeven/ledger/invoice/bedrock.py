"""Amazon Bedrock in AWS Cost and Usage Reports (legacy CSV names, or CUR 2.0), one line for each token type.

Written from the AWS pages "Understanding your Amazon Bedrock Cost and Usage Report data" (usage types
`*-input-tokens`, `*-output-tokens`, `*-cache-read-input-token-count`, `*-cache-write-input-token-count`) and the CUR
column dictionary, not from a customer's file. Bedrock counts input without what the cache served or took, so all three
are summed as input. Usage is in the pricing unit, such as `1K tokens`; requests are not counted. The model is a billing
name (`Claude4.6Sonnet`): name the ledger's with `--alias`.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from breakeven.ledger.invoice import line
from breakeven.ledger.invoice.line import Line, Terms
from breakeven.ledger.source.field import Row

_NAMES = {
    "start": ("line_item_usage_start_date", "lineItem/UsageStartDate"),
    "end": ("line_item_usage_end_date", "lineItem/UsageEndDate"),
    "type": ("line_item_usage_type", "lineItem/UsageType"),
    "amount": ("line_item_usage_amount", "lineItem/UsageAmount"),
    "cost": ("line_item_unblended_cost", "lineItem/UnblendedCost"),
    "currency": ("line_item_currency_code", "lineItem/CurrencyCode"),
    "unit": ("pricing_unit", "pricing/unit"),
    "account": ("line_item_usage_account_id", "lineItem/UsageAccountId"),
    "product": ("product_servicename", "product/servicename"),
    "code": ("line_item_product_code", "lineItem/ProductCode"),
}
NEEDED = tuple(frozenset({_NAMES["type"][at], _NAMES["cost"][at]}) for at in (0, 1))
_TYPE = re.compile(
    r"^(?:[A-Z]{2,4}\d?-)?(?P<model>.+?)-(?:mantle-)?"
    r"(?P<meter>input-tokens|output-tokens|cache-read-input-token-count|cache-write-input-token-count)(?P<rest>.*)$"
)
_UNIT = {"": 1000, "1k tokens": 1000, "1m tokens": 10**6, "tokens": 1, "token": 1, "units": 1}
_HOUR_S = 3600.0


def read(row: Row, terms: Terms) -> Line | None:
    """One token type of one model in one hour or day; None for other services."""
    found = _TYPE.match(_text(row, "type"))
    if found is None and "bedrock" not in (_text(row, "code") + _text(row, "product")).lower():
        return None
    start_s, end_s, day_only = line.period(row, _name(row, "start"), terms, end=_name(row, "end"), default_s=_HOUR_S)
    meter = found["meter"] if found else _text(row, "type")
    tokens = _tokens(row) if found else None
    return Line(
        place=f"{row.file}:{row.number}",
        start_s=start_s,
        end_s=end_s,
        model=found["model"] if found else "other",
        key=_text(row, "account"),
        meter=meter + (found["rest"] if found else ""),
        input_tokens=tokens if "input" in meter else None,
        cached_input_tokens=tokens if meter.startswith("cache-read") else None,
        output_tokens=tokens if meter.startswith("output") else None,
        pico_usd=line.money(row, _name(row, "cost"), _text(row, "currency"), terms),
        batch="batch" in (found["rest"] if found else "").lower(),
        day_only=day_only,
    )


def _name(row: Row, what: str) -> str:
    return next((name for name in _NAMES[what] if name in row.values), "")


def _text(row: Row, what: str) -> str:
    return row.text(_name(row, what))


def _tokens(row: Row) -> int | None:
    column, unit = _name(row, "amount"), _text(row, "unit").lower()
    if unit not in _UNIT:
        row.refuse(_name(row, "unit"), f"tokens are priced in {', '.join(filter(None, _UNIT))}", "name it with --map")
    try:
        return round(Decimal(row.text(column) or "0") * _UNIT[unit])
    except InvalidOperation:
        row.refuse(column, "a usage amount is a number", "correct the field")
