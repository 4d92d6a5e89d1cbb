"""A FOCUS file read back: totals of what was billed, and the user's own dated prices, which the catalog accepts."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.catalog.load import load
from breakeven.catalog.source.focus import Prices, Rate, Sold, prices, read, totals
from breakeven.errors import FactError, LedgerError
from breakeven.schema.focus import NAMES, Cell, Row, Table, total
from breakeven.schema.focus_csv import Sheet, to_csv
from breakeven.schema.focus_row import Account, Charge, Price, Seller, months_later, quotient, row

MONTH = datetime(2026, 9, 1, tzinfo=UTC)
EURO = Rate(currency="EUR", usd=1.25, on="2026-09-30", source="the bank's invoice")


def used(cost: str, quantity: str, *, unit: str = "Tokens", sku: str = "gpt-in", month: int = 0, **cells: Cell) -> Row:
    start = months_later(MONTH, month)
    price = Price(unit=unit, quantity=Decimal(quantity), unit_price=quotient(Decimal(cost), Decimal(quantity)))
    charge = Charge(
        description="usage",
        start=start,
        end=months_later(start, 1),
        effective=Decimal(cost),
        price=price,
        service="Inference API",
        sku_price=sku,
    )
    return row(Account(), Seller(provider="Open AI"), charge, {}, {}) | cells


def made(*rows: Row, **more: object) -> Prices:
    return prices(rows, source="invoice 2026-09", as_of="2026-10-02", **more)


def catalog(found: Prices, tmp_path: Path):
    path = tmp_path / "invoice.yaml"
    path.write_text(found.text, encoding="utf-8")
    return load([path])


AS_INPUT = Sold(offer="my-gpt", kind="api", field="input_usd_per_mtok", model="gpt-4o")


def test_a_price_is_what_was_paid_for_one_unit(tmp_path: Path) -> None:
    """EffectiveCost over PricingQuantity of all rows of a SKU, as a fact with basis `invoice`, source and date."""
    found = made(used("3", "1000000"), used("1", "1000000"))
    fact = catalog(found, tmp_path).fact("invoice/open-ai/gpt-in/tokens@2026-09-01")
    assert fact.value == pytest.approx(2e-6)
    assert (fact.unit, fact.basis, fact.as_of) == ("USD per Tokens", "invoice", "2026-10-02")
    assert fact.source == "invoice 2026-09"
    assert "2 rows" in fact.note


def test_a_mapped_sku_is_a_dated_offer(tmp_path: Path) -> None:
    """Several SKUs fill the prices of one offer; every month is an entry of its own."""
    sold = {"gpt-in": AS_INPUT, "gpt-out": msgspec.structs.replace(AS_INPUT, field="output_usd_per_mtok")}
    rows = [used("2", "1000000"), used("9", "1000", sku="gpt-out", unit="1000 Tokens"), used("1", "1000000", month=1)]
    known = catalog(made(*rows, sold=sold), tmp_path)
    september, october = known.offer("my-gpt", "2026-09-20"), known.offer("my-gpt", "2026-10-20")
    assert (september.input_usd_per_mtok, september.output_usd_per_mtok) == (2.0, 9.0)
    assert (october.input_usd_per_mtok, october.output_usd_per_mtok) == (1.0, None)
    assert (september.basis, september.provider, september.model) == ("invoice", "Open AI", "gpt-4o")


@pytest.mark.parametrize(
    ("cost", "unit", "field", "kind", "price"),
    [
        ("0.000004", "Tokens", "input_usd_per_mtok", "api", 2.0),
        ("0.004", "1000 Tokens", "output_usd_per_mtok", "api", 2.0),
        ("4", "1M Tokens", "cached_input_usd_per_mtok", "api", 2.0),
        ("4", "Requests", "request_usd", "api", 2.0),
        ("4", "Hours", "usd_per_hour", "cpu_hour", 2.0),
        ("4", "Replica-Seconds", "usd_per_hour", "accelerator_hour", 7200.0),
        ("4", "Units", "purchase_usd", "server_purchase", 2.0),
    ],
)
def test_units_are_converted_to_the_field_s(
    cost: str, unit: str, field: str, kind: str, price: float, tmp_path: Path
) -> None:
    """What two units cost, in the unit that the offer's price is stated in."""
    term = "purchase" if kind == "server_purchase" else "on_demand"
    what = {"api": {"model": "m"}, "accelerator_hour": {"accelerator": "h100-sxm"}}.get(kind, {})
    sold = {"gpt-in": Sold(offer="mine", kind=kind, field=field, term=term, **what)}
    offer = catalog(made(used(cost, "2", unit=unit), sold=sold), tmp_path).offer("mine", "2026-09-20")
    assert getattr(offer, field) == pytest.approx(price)


@pytest.mark.parametrize(
    ("rows", "sold", "said"),
    [
        ([used("1", "1", unit="Hours")], AS_INPUT, "priced per 'Hours', which does not make input_usd_per_mtok"),
        ([used("1", "1")], msgspec.structs.replace(AS_INPUT, kind="cpu_hour"), "is no price of a cpu_hour"),
        ([used("1", "1"), used("1", "1", unit="1000 Tokens")], AS_INPUT, "two prices input_usd_per_mtok"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(rows: list[Row], sold: Sold, said: str) -> None:
    """A unit that is not the price's, a price that the offer has not, two prices for one field."""
    with pytest.raises(FactError, match=said) as caught:
        made(*rows, sold={"gpt-in": sold})
    assert caught.value.way_out


def test_another_currency_needs_a_dated_rate(tmp_path: Path) -> None:
    """Without one the error names both currencies; with it the fact says rate, date and source."""
    euro = used("4", "2", BillingCurrency="EUR")
    with pytest.raises(FactError, match="billed in EUR, prices of the catalog are in USD, and no rate EUR/USD"):
        made(euro)
    fact = catalog(made(euro, rates=[EURO]), tmp_path).fact("invoice/open-ai/gpt-in/tokens@2026-09-01")
    assert fact.value == pytest.approx(2.5)
    assert "1.25 USD per EUR on 2026-09-30 by the bank's invoice" in fact.note


@pytest.mark.parametrize("change", [{"usd": 0.0}, {"usd": float("inf")}, {"on": "September"}, {"source": " "}])
def test_a_rate_without_value_date_or_source_is_refused(change: dict[str, object]) -> None:
    """A rate is a fact too."""
    with pytest.raises(FactError, match="EUR/USD"):
        made(used("1", "1"), rates=[msgspec.structs.replace(EURO, **change)])


def test_two_currencies_of_a_sku_are_two_facts() -> None:
    """They are not averaged, and neither hides the other."""
    found = made(used("4", "2"), used("4", "2", BillingCurrency="EUR"), rates=[EURO])
    assert sorted(float(one.usd_per_unit) for one in found.paid) == [2.0, 2.5]
    assert found.text.count("USD per Tokens") == 2


def test_what_makes_no_price_is_left_out_and_counted() -> None:
    """Free usage, refunds, purchases and rows without a SKU are not prices of 0."""
    free, back = used("0", "5"), used("-3", "5", sku="refunded")
    bought = used("9", "1", sku="server", ChargeCategory="Purchase")
    found = made(free, back, bought, used("1", "1", SkuId=None, sku="none"), used("1", "0.0", sku="nothing"))
    assert found.paid == ()
    assert found.text.strip().startswith("sources:")
    assert len(found.remarks) == 2
    assert found.remarks == (
        "2 prices left out: the cost is not above zero, and free is not a price",
        "1 prices left out: the quantities sum to nothing",
    )


def test_a_mapped_sku_that_is_not_there_is_said() -> None:
    """A mapping that hits nothing is likely misspelt."""
    assert made(used("1", "1"), sold={"gtp-in": AS_INPUT}).remarks == (
        "no price for SKU gtp-in, which the mapping names",
    )


NAMES_OF_THINGS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12).filter(str.strip)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(NAMES_OF_THINGS, NAMES_OF_THINGS, st.integers(1, 10**9)), min_size=1, max_size=4))
def test_any_names_make_a_loadable_file(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[str, str, int]]
) -> None:
    """Whatever a provider calls its SKUs and units, no price is lost and the catalog loads the file."""
    rows = [used(str(cost), "7", sku=sku, unit=unit) | {"SkuId": sku} for sku, unit, cost in found]
    result = made(*rows)
    known = catalog(result, tmp_path_factory.mktemp("facts")).known
    values = sorted(fact.value for key, fact in known.items() if key.startswith("invoice/"))
    assert values == pytest.approx(sorted(float(one.usd_per_unit) for one in result.paid))


@given(st.lists(st.tuples(st.sampled_from(["A", "B"]), st.integers(0, 2), st.integers(-9, 9)), max_size=12))
def test_totals_sum_to_the_file(found: list[tuple[str, int, int]]) -> None:
    """Every row is in exactly one total: rows, billed and effective cost add up."""
    rows = [used(str(cost), "1", month=month, ProviderName=name) for name, month, cost in found]
    groups = totals(rows)
    assert sum(one.rows for one in groups) == len(rows)
    assert sum((one.effective for one in groups), Decimal(0)) == total(rows)
    assert sum((one.billed for one in groups), Decimal(0)) == total(rows, "BilledCost")
    keys = [(one.provider, one.service, one.month, one.currency) for one in groups]
    assert keys == sorted(set(keys))


def test_totals_are_written_as_people_write_them() -> None:
    """No trailing zeros and no exponents: a provider prints eleven decimals of nothing."""
    printed = [str(totals([used(cost, "1")])[0].effective) for cost in ("0.00000000000", "1.500", "1000", "1E+3")]
    assert printed == ["0", "1.5", "1000", "1000"]


def test_a_file_of_ours_reads_without_remark() -> None:
    """What breakeven exports it imports, equal and without a word."""
    table = Table(columns=NAMES, rows=(used("1", "3"), used("2", "7", sku="b")))
    assert read(to_csv(table)) == Sheet(table=table)


def test_breaches_are_remarks_and_errors_when_strict() -> None:
    """An invoice that bends the rules is still an invoice; who wants the rules kept gets row, column and value."""
    rows = (used("1", "3"), used("1", "3", ChargeFrequency="Usage-based"), used("1", "3", ListCost=Decimal(2)))
    text = to_csv(Table(columns=NAMES, rows=rows))
    assert [remark.split(",")[0] for remark in read(text).remarks] == [
        "1 breaches of FOCUS 1.2 in ChargeFrequency",
        "1 breaches of FOCUS 1.2 in ListCost",
    ]
    with pytest.raises(
        LedgerError, match="bill, row 2, column ChargeFrequency: 'Usage-based' is not an allowed value"
    ) as caught:
        read(text, "bill", strict=True)
    assert "(and 1 more)" in caught.value.message


def test_unknown_columns_are_kept() -> None:
    """A column of another version, or a provider's own, comes through as text."""
    table = Table(columns=("x_team", *NAMES, "InvoiceId"), rows=(used("1", "3") | {"x_team": "ads", "InvoiceId": "7"},))
    assert read(to_csv(table)).table == table


def test_a_file_without_rows_is_refused() -> None:
    """A header alone says nothing about any price."""
    with pytest.raises(LedgerError, match="no rows below the header"):
        read(to_csv(Table(columns=NAMES, rows=())))
