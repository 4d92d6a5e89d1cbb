"""Building FOCUS rows: whose account, whose capacity, which period, how much at which price."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Literal

from breakeven.schema.focus import NAMES, Cell, Row
from breakeven.schema.noun import Noun

SERVICES = {
    "Inference API": "Generative AI",
    "Inference capacity": "AI Platforms",
    "Gateway": "Other (AI and Machine Learning)",
    "Plan": "AI Platforms",
}
"""Services that breakeven names, and the subcategory of each."""

_TWENTY = Context(prec=20)
Category = Literal["Usage", "Purchase", "Credit"]
Frequency = Literal["Usage-Based", "Recurring", "One-Time"]


class Account(Noun, frozen=True, kw_only=True):
    """The account that the charges belong to; `owner` provides, and bills, what nobody else does."""

    id: str = "breakeven"
    name: str = ""
    owner: str = "own"


class Seller(Noun, frozen=True, kw_only=True):
    """Who stands behind a deployment. `publisher` and `issuer` are the provider unless stated.

    `rented` None follows the placement: capacity in a cloud is rented (billed as it is used up), other is owned.
    """

    provider: str
    publisher: str = ""
    issuer: str = ""
    region: str = ""
    rented: bool | None = None


class Parties(Noun, frozen=True, kw_only=True):
    """Who is who: the account, sellers and carbon intensity (gCO2e/kWh) by deployment.

    A deployment without a seller: an API is sold by its backend, anything else by the account's owner.
    """

    account: Account = Account()
    sellers: dict[str, Seller] = {}
    grid_gco2_per_kwh: dict[str, float] = {}


class Price(Noun, frozen=True, kw_only=True):
    """How many units at which price; `consumed` None is the same quantity."""

    unit: str
    quantity: Decimal
    unit_price: Decimal
    consumed: Decimal | None = None


class Charge(Noun, frozen=True, kw_only=True):
    """The parts of a row that are not about who. `billed` and `listed` None are `effective`.

    `sku_price` is a price entry `<offer>@<date>`, or a name; what stands before "@" is the SKU.
    """

    description: str
    start: datetime
    end: datetime
    effective: Decimal
    price: Price
    service: str
    sku_price: str
    billed: Decimal | None = None
    listed: Decimal | None = None
    category: Category = "Usage"
    frequency: Frequency = "Usage-Based"
    pricing: Literal["Standard", "Other"] = "Standard"
    resource: str = ""
    resource_name: str = ""
    resource_type: str = "Deployment"
    currency: str = "USD"


def row(account: Account, seller: Seller, charge: Charge, custom: Mapping[str, Cell], tags: Mapping[str, str]) -> Row:
    """A row with every column of `focus.NAMES`."""
    listed = charge.effective if charge.listed is None else charge.listed
    values: Row = {
        "BilledCost": charge.effective if charge.billed is None else charge.billed,
        "EffectiveCost": charge.effective,
        "ListCost": listed,
        "ContractedCost": listed,
        "BillingCurrency": charge.currency,
        "ChargeCategory": charge.category,
        "ChargeDescription": charge.description,
        "ChargeFrequency": charge.frequency,
        "ChargePeriodStart": charge.start,
        "ChargePeriodEnd": charge.end,
        "BillingPeriodStart": month_start(charge.start),
        "BillingPeriodEnd": months_later(month_start(charge.start), 1),
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": charge.service,
        "ServiceSubcategory": SERVICES[charge.service],
        **_who(account, seller),
        **_priced(charge),
        **_resource(charge),
        "Tags": _tags(tags),
        **custom,
    }
    return {name: _filled(values.get(name)) for name in NAMES}


def _tags(tags: Mapping[str, str]) -> str:
    known = {name: tag for name, tag in tags.items() if tag}
    return json.dumps(known, ensure_ascii=False, sort_keys=True) if known else ""


def _filled(value: Cell) -> Cell:
    """The value; null for a text that says nothing, which FOCUS does not allow."""
    return None if isinstance(value, str) and not value.strip() else value


def _who(account: Account, seller: Seller) -> Row:
    return {
        "BillingAccountId": account.id,
        "BillingAccountName": account.name,
        "ProviderName": seller.provider,
        "PublisherName": seller.publisher or seller.provider,
        "InvoiceIssuerName": seller.issuer or seller.provider,
        "RegionId": seller.region,
        "RegionName": seller.region,
    }


def _priced(charge: Charge) -> Row:
    price = charge.price
    used = charge.category == "Usage"
    consumed = price.quantity if price.consumed is None else price.consumed
    return {
        "PricingQuantity": price.quantity,
        "PricingUnit": price.unit,
        "ListUnitPrice": price.unit_price,
        "ContractedUnitPrice": price.unit_price,
        "PricingCategory": charge.pricing,
        "SkuId": charge.sku_price.partition("@")[0],
        "SkuPriceId": charge.sku_price,
        "ConsumedQuantity": consumed if used else None,
        "ConsumedUnit": price.unit if used else None,
    }


def _resource(charge: Charge) -> Row:
    if not charge.resource:
        return {}
    kind = charge.resource_type
    return {"ResourceId": charge.resource, "ResourceName": charge.resource_name, "ResourceType": kind}


def quotient(cost: Decimal, by: Decimal) -> Decimal:
    """A quantity or a price to twenty digits: cost / price or cost / quantity; 0 for a division by nothing."""
    return _TWENTY.divide(cost, by) if by else Decimal(0)


def each(cost: Decimal, unit: str = "Months") -> Price:
    """One unit that costs `cost`; income is minus one unit of its amount, as a price is never negative."""
    return Price(unit=unit, quantity=Decimal(-1 if cost < 0 else 1), unit_price=abs(cost))


def day_start(day: int) -> datetime:
    """Midnight UTC of a day counted from 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)


def month_start(time: datetime) -> datetime:
    """Midnight UTC of the first of the month."""
    return time.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def months_later(start: datetime, months: int) -> datetime:
    """The first of a month some months on."""
    years, month = divmod(start.month - 1 + months, 12)
    return start.replace(year=start.year + years, month=month + 1)
