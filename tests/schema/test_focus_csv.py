"""FOCUS text: what is written is read again; what a provider writes is read with remarks; what is broken is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import LedgerError
from breakeven.schema.focus import COLUMNS, KNOWN, MANDATORY, NAMES, Cell, Table
from breakeven.schema.focus_csv import Sheet, from_csv, to_csv

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1),
    st.sampled_from(
        ["NULL", "null", "'NULL", "=1+1", "'=x", "''=x", "-", "@a", "a,b", 'a"b', "a\r\nb", "\u2028", "'", " x "]
    ),
)
VALUES: dict[str, st.SearchStrategy[Cell]] = {
    "String": TEXTS,
    "JSON": TEXTS,
    "Decimal": st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=15),
    "Date/Time": st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)).map(  # noqa: DTZ001 - bounds
        lambda time: time.replace(microsecond=0)
    ),
}


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Any order of the columns, some custom ones, any values and nulls."""
    custom = draw(st.lists(st.text("abc_", min_size=1).map("x_{}".format), unique=True, max_size=3))
    columns = tuple(draw(st.permutations([*dict.fromkeys([*NAMES, *custom])])))
    kinds = {name: KNOWN[name].kind if name in KNOWN else "String" for name in columns}
    rows = [{name: draw(st.none() | VALUES[kinds[name]]) for name in columns} for _ in range(draw(st.integers(0, 2)))]
    return Table(columns=columns, rows=tuple(rows))


@settings(deadline=None, max_examples=60)
@given(tables())
def test_reading_undoes_writing(table: Table) -> None:
    """Any table comes back equal, columns in their order, texts to the last character, and without a remark."""
    assert from_csv(to_csv(table)) == Sheet(table=table)


@given(TEXTS)
def test_no_text_is_run_as_a_formula(text: str) -> None:
    """A field never starts with what a spreadsheet evaluates."""
    head, cells = ",".join(MANDATORY), dict.fromkeys(MANDATORY)
    written = to_csv(Table(columns=MANDATORY, rows=(cells | {"ProviderName": text},))).removeprefix(head + "\r\n")
    field = written.lstrip(",").removeprefix('"')
    assert not field.startswith(("=", "+", "-", "@", "\t"))


def provider(**fields: str) -> str:
    """One row as a provider writes it."""
    plain = {
        "BilledCost": "0.00000080000",
        "BillingAccountId": "1234567890123",
        "BillingAccountName": "NULL",
        "BillingCurrency": "USD",
        "BillingPeriodStart": "2024-09-01 00:00:00",
        "BillingPeriodEnd": "2024-10-01 00:00:00",
        "ChargeCategory": "Usage",
        "ChargePeriodStart": "2024-09-18T22:00:00Z",
        "ChargePeriodEnd": "2024-09-18T23:00:00.000Z",
        "EffectiveCost": "8E-7",
        "PricingQuantity": "2.0",
        "PricingUnit": "Requests",
    }
    row = dict.fromkeys(MANDATORY, "") | plain | fields
    return ",".join(row) + "\n" + ",".join(f'"{value}"' for value in row.values()) + "\n"


def test_a_provider_s_way_of_writing_is_read_and_said() -> None:
    """NULL is null, a time without a zone is UTC, an exponent is a number; remarks count what FOCUS would not write."""
    found = from_csv("\ufeff" + provider(FutureColumn="kept"))
    row = found.table.rows[0]
    assert row["BillingAccountName"] is None
    assert row["BillingPeriodStart"] == datetime(2024, 9, 1, tzinfo=UTC)
    assert row["EffectiveCost"] == Decimal("0.0000008")
    assert row["FutureColumn"] == "kept"
    assert len(found.remarks) == 2
    assert found.remarks[0].startswith("1 values: NULL")
    assert found.remarks[1].startswith("3 values: a time")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("EffectiveCost", "$5"),
        ("EffectiveCost", "1,5"),
        ("EffectiveCost", "nan"),
        ("EffectiveCost", "1e999999"),
        ("PricingQuantity", "three"),
        ("ChargePeriodStart", "18/09/2024"),
        ("BillingPeriodEnd", "soon"),
    ],
)
def test_a_value_that_cannot_be_read_is_named(column: str, value: str) -> None:
    """With file, row, column and value, and how to write it."""
    with pytest.raises(LedgerError) as caught:
        from_csv(provider(**{column: value}), "bill.csv")
    assert f"bill.csv, row 1, column {column}: {value!r}" in caught.value.message
    assert caught.value.way_out


@pytest.mark.parametrize("name", MANDATORY)
def test_a_file_without_a_mandatory_column_is_refused(name: str) -> None:
    """The message names what is missing."""
    header = ",".join(one for one in MANDATORY if one != name)
    with pytest.raises(LedgerError, match=f"missing: {name}"):
        from_csv(header + "\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "21 mandatory columns"),
        (",".join([*MANDATORY, "BilledCost"]) + "\n", "'BilledCost' occurs 2 times"),
        (",".join(MANDATORY) + "\nA,B\n", "row 1: 2 fields, but the header names 21"),
        (",".join(MANDATORY) + '\n"torn', "not readable as CSV"),
    ],
)
def test_a_broken_file_is_refused_with_a_way_out(text: str, said: str) -> None:
    """What is no table is no table of costs."""
    with pytest.raises(LedgerError, match=said) as caught:
        from_csv(text)
    assert caught.value.way_out


def test_blank_lines_are_no_rows() -> None:
    """A blank line at the end, or between, is not a row of nulls."""
    head, line = provider().splitlines()
    assert len(from_csv(f"{head}\n\n{line}\n\n").table.rows) == 1


def test_plain_numbers_are_written_without_exponent() -> None:
    """Numbers are read by people and spreadsheets: digits and a point, no trailing zeros, no minus zero."""
    numbers = {"EffectiveCost": Decimal("1E+3"), "BilledCost": Decimal("1E-12"), "ListCost": Decimal("-0.00")}
    text = to_csv(Table(columns=tuple(numbers), rows=(dict(numbers),)))
    assert text.splitlines()[1] == "1000,0.000000000001,0"


def test_every_column_is_read_by_its_declared_type() -> None:
    """Decimals become decimals, times become times, the rest stays text."""
    kinds = {one.kind for one in COLUMNS}
    assert kinds == set(VALUES)
