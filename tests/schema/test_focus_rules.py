"""FOCUS 1.2: the table of columns is the specification's, and every rule finds what it is for, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.schema import focus
from breakeven.schema.focus import COLUMNS, KNOWN, MANDATORY, NAMES, Cell, Row, Table, join, total
from breakeven.schema.focus_row import Account, Charge, Price, Seller, each, months_later, quotient, row
from breakeven.schema.focus_rules import CHECKS, faults, find

ROOT = Path(__file__).parents[2]
START = datetime(2026, 11, 24, tzinfo=UTC)
SPECIFIED = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
]
NULLABLE = {"BillingAccountName", "ChargeClass", "ChargeDescription", "PricingQuantity", "PricingUnit"}


def sound(cost: Decimal = Decimal("1.5"), quantity: Decimal = Decimal(3)) -> Row:
    charge = Charge(
        description="tokens",
        start=START,
        end=START + timedelta(days=1),
        effective=cost,
        price=Price(unit="Tokens", quantity=quantity, unit_price=quotient(cost, quantity)),
        service="Inference API",
        sku_price="api-x@2026-08-21",
        resource="api",
    )
    return row(Account(name="A"), Seller(provider="x", region="eu"), charge, {"x_use_case": "rank"}, {"team": "a"})


def broken(**cells: Cell) -> tuple[str, ...]:
    return faults([sound() | cells])


def test_the_mandatory_columns_are_the_specification_s() -> None:
    """Twenty-one columns are mandatory; exactly five of them may be null."""
    assert sorted(MANDATORY) == sorted(SPECIFIED)
    assert len(MANDATORY) == 21
    assert {one.name for one in COLUMNS if one.level == "Mandatory" and one.nullable} == NULLABLE


def test_a_column_is_declared_once_and_ours_come_last() -> None:
    """FOCUS columns first, in Pascal case and below fifty characters; custom ones after them, with their prefix."""
    assert len(set(NAMES)) == len(NAMES)
    custom = [one.level == "Custom" for one in COLUMNS]
    assert custom == sorted(custom)
    for one in COLUMNS:
        assert one.name.startswith("x_") == (one.level == "Custom")
        assert one.level == "Custom" or (one.name[0].isupper() and one.name.isalnum() and len(one.name) <= 50)
        assert one.about


def test_all_57_columns_of_the_specification_are_known() -> None:
    """A provider's column is read by its type, also where breakeven writes nothing into it."""
    assert len([name for name, one in KNOWN.items() if one.level != "Custom"]) == 57


def test_the_documentation_holds_the_table_of_the_code() -> None:
    """The columns in `docs/focus.md` are generated, so they cannot differ."""
    assert focus.column_table() in (ROOT / "docs/focus.md").read_text()


def test_what_is_built_conforms() -> None:
    """A row built from its parts breaks no rule and has every column."""
    assert faults([sound()]) == ()
    assert tuple(sound()) == NAMES


@given(st.decimals(-1000, 1000, places=12), st.integers(1, 10**9))
def test_any_charge_conforms(cost: Decimal, quantity: int) -> None:
    """Whatever it costs, also as a refund: a refund has a negative quantity, for a price is never negative."""
    signed = Decimal(-quantity if cost < 0 else quantity)
    assert faults([sound(cost, signed)]) == ()
    assert total([sound(cost, signed)]) == cost


@pytest.mark.parametrize("name", MANDATORY)
def test_a_missing_column_is_found(name: str) -> None:
    """Each mandatory column must be there, null or not."""
    without = {key: value for key, value in sound().items() if key != name}
    assert any(f"row 1, {name}" in one and "mandatory column is missing" in one for one in faults([without]))


@pytest.mark.parametrize("name", sorted(set(MANDATORY) - NULLABLE))
def test_null_is_found_where_it_must_not_be(name: str) -> None:
    """A column that allows no null has a value in every row."""
    assert any(one.startswith(f"row 1, {name}: null: must not be null") for one in broken(**{name: None}))


@pytest.mark.parametrize("name", NAMES)
def test_a_value_of_another_type_is_found(name: str) -> None:
    """A number where text belongs, text where a number belongs, a local time where UTC belongs."""
    wrong: dict[str, Cell] = {"String": Decimal(1), "JSON": "[1]", "Decimal": "1", "Date/Time": "2026-11-24"}
    assert any(one.startswith(f"row 1, {name}: ") for one in broken(**{name: wrong[KNOWN[name].kind]}))


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_money_is_finite(value: str) -> None:
    """What is unknown is not a number."""
    assert any("is not finite" in one for one in broken(EffectiveCost=Decimal(value)))


BREACHES: dict[str, tuple[dict[str, Cell], str]] = {
    "an unknown category": ({"ChargeCategory": "Fee"}, "ChargeCategory"),
    "a class that is no correction": ({"ChargeClass": "Refund"}, "ChargeClass"),
    "an unknown service category": ({"ServiceCategory": "AI"}, "ServiceCategory"),
    "a subcategory of another category": ({"ServiceSubcategory": "Block Storage"}, "ServiceSubcategory"),
    "a frequency in other words": ({"ChargeFrequency": "Usage-based"}, "ChargeFrequency"),
    "a currency in small letters": ({"BillingCurrency": "usd"}, "BillingCurrency"),
    "an empty text": ({"ProviderName": " "}, "ProviderName"),
    "tags that are nested": ({"Tags": '{"a": {"b": 1}}'}, "Tags"),
    "tags that are not JSON": ({"Tags": "team=a"}, "Tags"),
    "an end that is the start": ({"ChargePeriodEnd": START}, "ChargePeriodEnd"),
    "an end before the start": ({"BillingPeriodEnd": START - timedelta(days=60)}, "BillingPeriodEnd"),
    "a time without a zone": ({"ChargePeriodStart": START.replace(tzinfo=None)}, "ChargePeriodStart"),
    "usage without a quantity": ({"PricingQuantity": None}, "PricingQuantity"),
    "a quantity without a unit": ({"PricingUnit": None}, "PricingUnit"),
    "consumption without a unit": ({"ConsumedUnit": None}, "ConsumedUnit"),
    "usage without consumption": ({"ConsumedQuantity": None, "ConsumedUnit": None}, "ConsumedQuantity"),
    "a purchase that is consumed": ({"ChargeCategory": "Purchase", "ChargeFrequency": "One-Time"}, "ConsumedQuantity"),
    "a purchase by usage": ({"ChargeCategory": "Purchase"}, "ChargeFrequency"),
    "usage without a SKU": ({"SkuId": None}, "SkuId"),
    "a tax with a price": ({"ChargeCategory": "Tax"}, "ListUnitPrice"),
    "a negative price": ({"ListUnitPrice": Decimal("-0.5")}, "ListUnitPrice"),
    "a list cost that is not the product": ({"ListCost": Decimal("1.6")}, "ListCost"),
    "a contracted cost that is not the product": ({"ContractedCost": Decimal("1.4")}, "ContractedCost"),
    "a credit that costs something else": ({"ChargeCategory": "Credit", "EffectiveCost": Decimal(1)}, "EffectiveCost"),
    "a name without an id": ({"ResourceId": None, "ResourceType": None, "ResourceName": "x"}, "ResourceName"),
    "a type without an id": ({"ResourceId": None}, "ResourceType"),
    "a region without a name": ({"RegionName": None}, "RegionName"),
    "a custom column without its prefix": ({"team": "a"}, "team"),
}


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_is_found_in_its_column(name: str) -> None:
    """Each rule names row, column, value and the way out."""
    cells, column = BREACHES[name]
    found = [one for one in find([sound(), sound() | cells]) if one.column == column]
    assert found
    assert {one.row for one in found} == {2}
    assert all(one.problem and one.way_out for one in found)


def test_a_correction_may_differ() -> None:
    """Of a correction neither quantity nor product is asked."""
    correction: Row = {"ChargeClass": "Correction", "PricingQuantity": None, "PricingUnit": None, "SkuId": None}
    assert broken(**correction, ConsumedQuantity=None, ConsumedUnit=None) == ()
    assert broken(ChargeClass="Correction", ListCost=Decimal(7)) == ()


def test_rounded_prices_of_providers_pass_and_wrong_ones_do_not() -> None:
    """A product may miss the cost by a millionth of it, or half of the tenth decimal, and no more."""
    assert broken(ListCost=Decimal("1.500001")) == ()
    assert broken(ListCost=Decimal("1.50001")) != ()
    assert faults([sound(Decimal("1e-10")) | {"ListCost": Decimal(0), "EffectiveCost": Decimal(0)}]) != ()


def test_a_sku_price_has_one_sku_and_a_service_one_category() -> None:
    """What is true within every row may be wrong of the file."""
    two = [sound(), sound() | {"SkuId": "other", "ServiceCategory": "Web", "ServiceSubcategory": "Other (Web)"}]
    assert [one.column for one in find(two)] == ["SkuPriceId", "ServiceName"]
    assert all(str(one).startswith("file, ") for one in find(two))


@given(st.lists(st.decimals(-100, 100, places=12), max_size=8), st.decimals(-1, 1, places=12))
def test_the_sum_is_checked_to_the_last_digit(costs: list[Decimal], off: Decimal) -> None:
    """The file must sum to the total of its source, exactly."""
    rows = [sound(cost, Decimal(-1 if cost < 0 else 1)) for cost in costs]
    whole = total(rows)
    assert faults(rows, effective_cost=whole) == ()
    assert bool(faults(rows, effective_cost=whole + off)) == (off != 0)


def test_joined_tables_keep_every_column_and_row() -> None:
    """A column that one of them lacks is null in its rows."""
    one, other = (
        Table(columns=("a", "b"), rows=({"a": "1", "b": "2"},)),
        Table(columns=("b", "c"), rows=({"b": "3", "c": "4"},)),
    )
    found = join([one, other])
    assert found.columns == ("a", "b", "c")
    assert found.rows == ({"a": "1", "b": "2", "c": None}, {"a": None, "b": "3", "c": "4"})


@given(st.integers(1, 12), st.integers(0, 60))
def test_months_are_counted_by_the_calendar(month: int, later: int) -> None:
    """So many months later is the first of the month that is so many months on."""
    found = months_later(datetime(2026, month, 1, tzinfo=UTC), later)
    assert found.day == 1
    assert found.year * 12 + found.month == 2026 * 12 + month + later


@given(st.decimals(-1000, 1000, places=6))
def test_one_unit_of_anything_costs_what_it_costs(cost: Decimal) -> None:
    """Quantity times price is the cost, and the price is not negative."""
    price = each(cost)
    assert price.unit_price >= 0
    assert price.quantity * price.unit_price == cost


def test_every_kind_of_column_has_its_check() -> None:
    """No type is declared that nothing looks at."""
    assert set(CHECKS) == {one.kind for one in KNOWN.values()}
    check: Callable[[Cell], tuple[str, str] | None] = CHECKS["Decimal"]
    assert check(Decimal(1)) is None
