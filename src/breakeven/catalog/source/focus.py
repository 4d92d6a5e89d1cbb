"""A FOCUS file of a provider, or of ours, read back: totals of what was billed, and the prices it amounts to.

An effective unit price is EffectiveCost / PricingQuantity over the usage of one SKU and pricing unit in one billing
month: what was paid, discounts and amortisation included. It becomes a fact with basis `invoice`. An offer, which the
planner can choose, it becomes only where the reader says what a SKU is: no name of a SKU is guessed at.
"""

from __future__ import annotations

import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ruamel.yaml import YAML

from breakeven.catalog import fields
from breakeven.errors import FactError, LedgerError
from breakeven.schema.focus import EXACT, Row, total
from breakeven.schema.focus_csv import Sheet, from_csv
from breakeven.schema.focus_rules import Fault, find
from breakeven.schema.noun import Noun
from breakeven.schema.offer import OfferKind

SHOWN = 3
_UNIT = re.compile(r"(?:(?P<n>[1-9]\d*)(?P<k>[KMB]?) )?(?P<name>.+)")
_SCALE = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}
_TARGETS: dict[str, dict[str, int]] = {
    "input_usd_per_mtok": {"Tokens": 10**6},
    "cached_input_usd_per_mtok": {"Tokens": 10**6},
    "output_usd_per_mtok": {"Tokens": 10**6},
    "request_usd": {"Requests": 1, "Predictions": 1},
    "usd_per_hour": {"Hours": 1, "Seconds": 3600, "Replica-Seconds": 3600, "Minutes": 60},
    "purchase_usd": {"Units": 1},
}
"""Price field of an offer -> pricing units it can come from, and how many of them it is the price of."""


class Rate(Noun, frozen=True, kw_only=True):
    """What one unit of `currency` was worth in USD on an ISO date, and who says so."""

    currency: str
    usd: float
    on: str
    source: str


class Sold(Noun, frozen=True, kw_only=True):
    """What a SKU is in the catalog: which price `field` of which offer. Several SKUs may fill fields of one offer."""

    offer: str
    kind: OfferKind
    field: str
    model: str = ""
    accelerator: str = ""
    count: int = 1
    region: str = ""
    term: str = "on_demand"


class Total(Noun, frozen=True, kw_only=True):
    """What one service of one provider cost in one billing month, in the billing currency."""

    provider: str
    service: str
    month: str
    currency: str
    rows: int
    billed: Decimal
    effective: Decimal
    listed: Decimal


class Paid(Noun, frozen=True, kw_only=True):
    """The effective price of one SKU in one pricing unit and billing month, in USD; `rate` where it was converted."""

    provider: str
    sku: str
    unit: str
    month: str
    rows: int
    quantity: Decimal
    usd_per_unit: Decimal
    rate: Rate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """A fact file's text, which `catalog.load.load` accepts, the prices in it, and what was left out and why."""

    text: str
    paid: tuple[Paid, ...]
    remarks: tuple[str, ...]


def read(text: str, name: str = "FOCUS file", *, strict: bool = False) -> Sheet:
    """The rows of a FOCUS CSV, with what in them is not as FOCUS 1.2 has it.

    Raises:
        LedgerError: it is not a FOCUS file, or with `strict`, a row breaks a rule; with row, column and value.
    """
    sheet = from_csv(text, name)
    if not sheet.table.rows:
        message = f"{name}: no rows below the header"
        raise LedgerError(message, "export a period with charges")
    found = find(sheet.table.rows)
    if strict and found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        first = found[0]
        message = f"{name}, row {first.row}, column {first.column}: {first.value or 'null'} {first.problem}{more}"
        raise LedgerError(message, first.way_out)
    return Sheet(table=sheet.table, remarks=(*sheet.remarks, *_breaches(found)))


def _breaches(found: Sequence[Fault]) -> list[str]:
    count = Counter(one.column for one in found)
    first = {one.column: one for one in reversed(found)}
    return [f"{count[column]} breaches of FOCUS 1.2 in {column}, first {first[column]}" for column in sorted(count)]


def totals(rows: Iterable[Row]) -> tuple[Total, ...]:
    """Cost by provider, service, billing month and currency; their effective costs sum to the file's."""
    groups: dict[tuple[str, str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[
            _text(row, "ProviderName"), _text(row, "ServiceName"), _month(row), _text(row, "BillingCurrency")
        ].append(row)
    return tuple(_total(*key, groups[key]) for key in sorted(groups))


def _total(provider: str, service: str, month: str, currency: str, rows: Sequence[Row]) -> Total:
    billed, effective, listed = (_plain(total(rows, name)) for name in ("BilledCost", "EffectiveCost", "ListCost"))
    return Total(
        provider=provider,
        service=service,
        month=month,
        currency=currency,
        rows=len(rows),
        billed=billed,
        effective=effective,
        listed=listed,
    )


def _plain(value: Decimal) -> Decimal:
    """The same number without trailing zeros or a positive exponent, as people write it."""
    return EXACT.add(value.normalize(EXACT), Decimal(0))


def prices(
    rows: Sequence[Row],
    *,
    source: str,
    as_of: str,
    rates: Iterable[Rate] = (),
    sold: Mapping[str, Sold] | None = None,
) -> Prices:
    """The prices that usage rows amount to, as the text of a fact file.

    `source` names the file for people, `as_of` is its ISO date. `sold` says which SKU ids are prices of which offers.

    Raises:
        FactError: a currency other than USD has no rate, a rate is not above zero or undated, or a SKU's pricing unit
            does not fit the price it is said to be.
    """
    known = _rates(rates)
    groups = _priced(rows)
    left = Counter(_reason(group) for group in groups.values())
    paid = tuple(_paid(key, group, known) for key, group in sorted(groups.items()) if not _reason(group))
    document = {
        "sources": {"invoice": {"source": source, "as_of": as_of}},
        "facts": _facts(paid),
        "offers": _offers(paid, sold or {}),
    }
    remarks = [f"{count} prices left out: {reason}" for reason, count in sorted(left.items()) if reason]
    unknown = sorted(set(sold or {}) - {one.sku for one in paid})
    remarks += [f"no price for SKU {', '.join(unknown)}, which the mapping names"] if unknown else []
    return Prices(
        text=_yaml({name: part for name, part in document.items() if part}), paid=paid, remarks=tuple(remarks)
    )


_Key = tuple[str, str, str, str, str]


def _priced(rows: Iterable[Row]) -> dict[_Key, list[Row]]:
    """Usage rows with a quantity, by provider, SKU, unit, month and currency."""
    groups: dict[_Key, list[Row]] = defaultdict(list)
    for row in rows:
        if row.get("ChargeCategory") == "Usage" and row.get("SkuId") and row.get("PricingQuantity") is not None:
            names = ("ProviderName", "SkuId", "PricingUnit")
            provider, sku, unit = (_text(row, name) for name in names)
            groups[provider, sku, unit, _month(row), _text(row, "BillingCurrency")].append(row)
    return groups


def _reason(group: Sequence[Row]) -> str:
    if total(group, "PricingQuantity") <= 0:
        return "the quantities sum to nothing"
    return "" if total(group) > 0 else "the cost is not above zero, and free is not a price"


def _paid(key: _Key, group: Sequence[Row], rates: Mapping[str, Rate]) -> Paid:
    provider, sku, unit, month, currency = key
    quantity = total(group, "PricingQuantity")
    rate = _rate(currency, rates, f"SKU {sku!r} of {provider}")
    each = EXACT.divide(total(group), quantity)
    usd = each if rate is None else EXACT.multiply(each, Decimal(str(rate.usd)))
    return Paid(
        provider=provider,
        sku=sku,
        unit=unit,
        month=month,
        rows=len(group),
        quantity=quantity,
        usd_per_unit=usd,
        rate=rate,
    )


def _rates(rates: Iterable[Rate]) -> dict[str, Rate]:
    known = {}
    for rate in rates:
        if not 0 < rate.usd < float("inf") or not _is_date(rate.on) or not rate.source.strip():
            message = f"rate {rate.currency}/USD: {rate.usd} on {rate.on!r} by {rate.source!r} is not usable"
            raise FactError(message, "state a rate above zero, its ISO date and its source")
        known[rate.currency] = rate
    return known


def _rate(currency: str, rates: Mapping[str, Rate], what: str) -> Rate | None:
    if currency == "USD":
        return None
    if currency not in rates:
        message = (
            f"{what} is billed in {currency}, prices of the catalog are in USD, and no rate {currency}/USD is given"
        )
        raise FactError(message, f"give a dated rate for {currency}, with its source")
    return rates[currency]


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _facts(paid: Sequence[Paid]) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for one in paid:
        stem = "/".join(("invoice", *(_slug(part) for part in (one.provider, one.sku, one.unit))))
        key, n = f"{stem}@{one.month}", 2
        while key in found:
            key, n = f"{stem}-{n}@{one.month}", n + 1
        found[key] = {
            "value": float(one.usd_per_unit),
            "unit": f"USD per {one.unit}",
            "basis": "invoice",
            "source": "invoice",
            "note": _note(one),
        }
    return found


def _note(one: Paid) -> str:
    said = (
        f"{one.provider}, SKU {one.sku}: EffectiveCost / PricingQuantity, {one.rows} rows, {one.quantity:f} {one.unit}"
    )
    if one.rate is None:
        return said
    return f"{said}; {one.rate.usd:g} USD per {one.rate.currency} on {one.rate.on} by {one.rate.source}"


def _offers(paid: Sequence[Paid], sold: Mapping[str, Sold]) -> list[dict[str, object]]:
    """One dated entry for each offer and month, with the price of every SKU that is said to be part of it."""
    found: dict[tuple[str, str], dict[str, object]] = {}
    for one in paid:
        target = sold.get(one.sku)
        if target is None:
            continue
        entry = found.setdefault((target.offer, one.month), _entry(one, target))
        if target.field in entry:
            message = (
                f"offer {target.offer!r} has two prices {target.field} of {one.month}: SKU {one.sku!r} is another one"
            )
            raise FactError(message, "map one SKU, in one pricing unit, to each price of an offer")
        entry[target.field] = float(_converted(one, target))
        entry["note"] = f"{entry['note']}; {_note(one)}" if "note" in entry else _note(one)
    return [found[key] for key in sorted(found)]


def _entry(one: Paid, target: Sold) -> dict[str, object]:
    texts = {"model": target.model, "accelerator": target.accelerator, "region": target.region}
    return {
        "id": target.offer,
        "provider": one.provider,
        "kind": target.kind,
        "valid_from": one.month,
        "term": target.term,
        "count": target.count,
        "basis": "invoice",
        "source": "invoice",
        **{name: text for name, text in texts.items() if text},
    }


def _converted(one: Paid, target: Sold) -> Decimal:
    if target.field not in fields.PRICES[target.kind]:
        message = f"SKU {one.sku!r}: {target.field} is no price of a {target.kind}"
        raise FactError(message, f"use one of {', '.join(fields.PRICES[target.kind])}")
    found = _UNIT.fullmatch(one.unit)
    name = found["name"] if found else one.unit
    if name not in _TARGETS[target.field]:
        message = f"SKU {one.sku!r} is priced per {one.unit!r}, which does not make {target.field}"
        raise FactError(message, f"it can come from {', '.join(_TARGETS[target.field])}, with a whole number before it")
    each = int(found["n"]) * _SCALE[found["k"]] if found and found["n"] else 1
    return EXACT.divide(EXACT.multiply(one.usd_per_unit, Decimal(_TARGETS[target.field][name])), Decimal(each))


def _yaml(document: Mapping[str, object]) -> str:
    writer = YAML()
    writer.default_flow_style = False
    writer.width = 4096
    text = io.StringIO()
    writer.dump(dict(document), text)
    return text.getvalue()


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._]+", "-", text.lower()).strip("-") or "none"


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _month(row: Row) -> str:
    """The first day of the billing period, as an ISO date."""
    start = row.get("BillingPeriodStart")
    return f"{start:%Y-%m-%d}" if isinstance(start, datetime) else ""
