"""What FOCUS 1.2 demands of rows: presence, types, nulls, and what columns of one row say about each other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from breakeven.schema.focus import EXACT, KNOWN, MANDATORY, SUBCATEGORIES, Cell, Column, Row, total
from breakeven.schema.noun import Noun

TOLERANCE, GRAIN = Decimal("1e-6"), Decimal("5e-11")
"""How far a unit price times a quantity may miss the cost, relative to it or in all: providers print ten decimals."""
_CURRENCY = re.compile(r"[A-Z]{3}")


class Fault(Noun, frozen=True, kw_only=True):
    """One breach of the specification. Row 0 is the whole file; rows count from 1, the header apart."""

    row: int
    column: str
    value: str
    problem: str
    way_out: str

    def __str__(self) -> str:
        place = f"row {self.row}" if self.row else "file"
        return f"{place}, {self.column}: {self.value or 'null'}: {self.problem}; {self.way_out}"


_Found = tuple[str, str, str]
"""Column, problem, way out."""


def faults(rows: Sequence[Row], *, effective_cost: Decimal | None = None) -> tuple[str, ...]:
    """Every breach as a sentence with row, column, value and the way out; none for a file that conforms.

    `effective_cost` is what EffectiveCost must sum to, exactly: the total of the statement that the rows came from.
    """
    return tuple(str(one) for one in find(rows, effective_cost=effective_cost))


def find(rows: Sequence[Row], *, effective_cost: Decimal | None = None) -> tuple[Fault, ...]:
    """The breaches as values, by row; those of the whole file last."""
    found = [
        Fault(row=number, column=column, value=_text(row.get(column)), problem=problem, way_out=way_out)
        for number, row in enumerate(rows, 1)
        for rule in ROW_RULES
        for column, problem, way_out in rule(row)
    ]
    whole = [*_one_parent(rows, "SkuPriceId", "SkuId"), *_one_parent(rows, "ServiceName", "ServiceCategory")]
    if effective_cost is not None and total(rows) != effective_cost:
        problem = f"sums to {total(rows)}, the source's total is {effective_cost}"
        whole.append(("EffectiveCost", problem, "do not use the file: money was lost or counted twice"))
    return (*found, *(Fault(row=0, column=name, value="", problem=what, way_out=out) for name, what, out in whole))


def _present(row: Row) -> Iterator[_Found]:
    for name in MANDATORY:
        if name not in row:
            yield name, "a mandatory column is missing", "add the column; it may be null only where FOCUS says so"


def _known(row: Row) -> Iterator[_Found]:
    for name in row:
        if name not in KNOWN and not name.startswith("x_"):
            yield name, "no column of FOCUS 1.2", "give custom columns the prefix x_"


def _values(row: Row) -> Iterator[_Found]:
    for name, value in row.items():
        column = KNOWN.get(name)
        if column is None:
            continue
        if value is None:
            if not column.nullable:
                yield name, "must not be null", "fill it, FOCUS 1.2 allows no null here"
        elif problem := _wrong(column, value):
            yield name, *problem


def _wrong(column: Column, value: Cell) -> tuple[str, str] | None:
    problem = CHECKS[column.kind](value)
    if problem is None and column.allowed and value not in column.allowed:
        return "is not an allowed value", f"use one of {', '.join(column.allowed)}"
    if problem is None and column.name == "BillingCurrency" and not _CURRENCY.fullmatch(str(value)):
        return "is no ISO 4217 code", "write three capital letters, such as USD"
    return problem


def _string(value: Cell) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return "is not a text", "write text"
    return None if value.strip() else ("is an empty text", "leave it null")


def _decimal(value: Cell) -> tuple[str, str] | None:
    if not isinstance(value, Decimal):
        return "is not a decimal", "write digits with a point"
    return None if value.is_finite() else ("is not finite", "leave the row out: unknown is not a number")


def _time(value: Cell) -> tuple[str, str] | None:
    if isinstance(value, datetime) and value.utcoffset() == timedelta(0):
        return None
    return "is not a time in UTC", "write it as 2026-11-24T00:00:00Z"


def _json(value: Cell) -> tuple[str, str] | None:
    try:
        found = json.loads(str(value))
    except ValueError:
        return "is not JSON", 'write an object such as {"team": "search"}'
    flat = isinstance(found, dict) and not any(isinstance(item, dict | list) for item in found.values())
    return None if flat else ("is not a flat object", 'write an object such as {"team": "search"}')


CHECKS: dict[str, Callable[[Cell], tuple[str, str] | None]] = {
    "String": _string,
    "Decimal": _decimal,
    "Date/Time": _time,
    "JSON": _json,
}


def _periods(row: Row) -> Iterator[_Found]:
    for name in ("BillingPeriod", "ChargePeriod"):
        start, end = row.get(f"{name}Start"), row.get(f"{name}End")
        if not isinstance(start, datetime) or not isinstance(end, datetime):
            continue
        # A zone that is missing or wrong is a fault of its own.
        if end.replace(tzinfo=UTC) <= start.replace(tzinfo=UTC):
            yield f"{name}End", f"is not after the start {start:%Y-%m-%d}", "the end is exclusive and after the start"


def _priced(row: Row) -> Iterator[_Found]:
    """What a tax has not, and usage and purchases must have unless they are corrections."""
    category = row.get("ChargeCategory")
    needed = category in {"Usage", "Purchase"} and row.get("ChargeClass") != "Correction"
    columns = ("PricingQuantity", "ListUnitPrice", "ContractedUnitPrice", "SkuId", "SkuPriceId", "PricingCategory")
    for name in columns:
        if name in row and category == "Tax" and row[name] is not None:
            yield name, "must be null for a tax", "leave it null"
        if name in row and needed and row[name] is None:
            yield name, f"must not be null for {category}", "fill it; only corrections may leave it null"


def _pairs(row: Row) -> Iterator[_Found]:
    pairs = (("PricingUnit", "PricingQuantity"), ("ConsumedUnit", "ConsumedQuantity"), ("ResourceType", "ResourceId"))
    for name, other in (*pairs, ("RegionName", "RegionId")):
        if name in row and other in row and (row[name] is None) != (row[other] is None):
            yield name, f"must be null exactly where {other} is", f"{other} is {_text(row[other]) or 'null'}"
    if row.get("ResourceName") is not None and "ResourceId" in row and row["ResourceId"] is None:
        yield "ResourceName", "must be null where ResourceId is", "name the resource's id too"


def _consumed(row: Row) -> Iterator[_Found]:
    if "ConsumedQuantity" not in row:
        return
    used = row.get("ChargeCategory") == "Usage" and row.get("CommitmentDiscountStatus") != "Unused"
    if not used and row["ConsumedQuantity"] is not None:
        yield "ConsumedQuantity", "must be null unless something is used", "leave it null"
    if used and row["ConsumedQuantity"] is None and row.get("ChargeClass") != "Correction":
        yield "ConsumedQuantity", "must not be null for Usage", "say how much was used"


def _products(row: Row) -> Iterator[_Found]:
    quantity = row.get("PricingQuantity")
    for stem in ("List", "Contracted"):
        price, cost = row.get(f"{stem}UnitPrice"), row.get(f"{stem}Cost")
        if not isinstance(price, Decimal) or not price.is_finite():
            continue
        if price < 0:
            yield f"{stem}UnitPrice", "must not be negative", "negative charges have a negative quantity"
        if not isinstance(quantity, Decimal) or not isinstance(cost, Decimal) or row.get("ChargeClass") == "Correction":
            continue
        if not _match(EXACT.multiply(price, quantity), cost):
            yield f"{stem}Cost", f"is not {stem}UnitPrice {price} x PricingQuantity {quantity}", "correct one of them"


def _match(product: Decimal, cost: Decimal) -> bool:
    if not product.is_finite() or not cost.is_finite():
        return True
    return abs(product - cost) <= max(abs(cost) * TOLERANCE, GRAIN)


def _credits(row: Row) -> Iterator[_Found]:
    if row.get("ChargeCategory") != "Credit" or not isinstance(row.get("BilledCost"), Decimal):
        return
    costs = [
        "EffectiveCost",
        *(f"{stem}Cost" for stem in ("List", "Contracted") if row.get(f"{stem}UnitPrice") is None),
    ]
    for name in costs:
        if isinstance(row.get(name), Decimal) and row[name] != row["BilledCost"]:
            yield name, f"must match BilledCost {row['BilledCost']} for a credit", "a credit costs what it is billed at"


def _frequency(row: Row) -> Iterator[_Found]:
    if row.get("ChargeCategory") == "Purchase" and row.get("ChargeFrequency") == "Usage-Based":
        yield "ChargeFrequency", "a purchase is not usage-based", "use One-Time or Recurring"


def _subcategory(row: Row) -> Iterator[_Found]:
    category, name = row.get("ServiceCategory"), row.get("ServiceSubcategory")
    if category in SUBCATEGORIES and isinstance(name, str):
        allowed = (*SUBCATEGORIES[str(category)], f"Other ({category})")
        if name not in allowed:
            yield "ServiceSubcategory", f"does not belong to {category}", f"use one of {', '.join(allowed)}"


ROW_RULES: tuple[Callable[[Row], Iterable[_Found]], ...] = (
    _present,
    _known,
    _values,
    _periods,
    _priced,
    _pairs,
    _consumed,
    _products,
    _credits,
    _frequency,
    _subcategory,
)
"""Each yields what it finds in one row."""


def _one_parent(rows: Sequence[Row], child: str, parent: str) -> list[_Found]:
    parents: dict[str, set[str]] = {}
    for row in rows:
        if row.get(child) is not None and row.get(parent) is not None:
            parents.setdefault(str(row[child]), set()).add(str(row[parent]))
    return [
        (child, f"{name!r} has several {parent}: {', '.join(sorted(found))}", f"one {child} has one {parent}")
        for name, found in sorted(parents.items())
        if len(found) > 1
    ]


def _text(value: Cell) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S%z}"
    return "" if value is None else repr(value) if isinstance(value, str) else str(value)
