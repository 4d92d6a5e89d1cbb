"""A plan, its purchases and savings as FOCUS rows: cash and accrual each sum to the option's own totals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import EvidenceError, UsageError
from breakeven.report.focus import Saving, planned, purchases, savings
from breakeven.schema.focus import Row, total
from breakeven.schema.focus_csv import Sheet, from_csv
from breakeven.schema.focus_rules import faults
from breakeven.schema.tco import Tco, TcoLine, TcoOption, Variant

START = date(2026, 11, 15)
H = 24


def line(name: str, first: float, whole: float, *, fixed: bool = True, category: str = "any") -> TcoLine:
    about = {"category": category, "present": 0.0, "formula": f"{first:g} a month", "basis": "assumed"}
    return TcoLine(name=name, first_month=first, total=whole, fixed=fixed, **about)


def option(lines: Sequence[TcoLine], cash: Sequence[float], depreciation: Sequence[float] = ()) -> TcoOption:
    return TcoOption(
        name="own",
        title="Own two servers",
        placement="on_prem",
        lines=tuple(lines),
        first_month=0.0,
        total=math.fsum(cash),
        present=0.0,
        annuity=0.0,
        accounting_month=0.0,
        capex=250_000.0,
        residual=10_000.0,
        cash=tuple(cash),
        depreciation=tuple(depreciation),
    )


def study(one: TcoOption, currency: str = "EUR") -> Tco:
    base = Variant(name="base", changed=(), options=(one,), pairs=(), results=())
    return Tco(id="tco-1", title="Servers", as_of="2026-11-24", currency=currency, conventions=(), base=base)


def server() -> Tco:
    """A purchase, a resale, a level line, and depreciation of what the two leave."""
    lines = [line("server", 0.0, 250_000.0), line("resale", 0.0, -10_000.0), line("power", 500.0, 500.0 * H)]
    cash = [250_000.0, *[500.0] * (H - 1), 500.0 - 10_000.0]
    return study(option(lines, cash, [10_000.0] * H))


def of_kind(sheet: Sheet, kind: str) -> list[Row]:
    return [row for row in sheet.table.rows if row["x_cost_kind"] == kind]


def test_cash_and_accrual_each_sum_to_the_option() -> None:
    """BilledCost is the cash, EffectiveCost depreciation and running cost; no rule of FOCUS is broken."""
    sheet = planned(server(), "own", START)
    assert sheet.remarks == ()
    assert faults(sheet.table.rows) == ()
    assert total(sheet.table.rows, "BilledCost") == Decimal(252_000)
    assert total(sheet.table.rows) == Decimal(252_000)
    assert {row["BillingCurrency"] for row in sheet.table.rows} == {"EUR"}
    assert from_csv(sheet.text) == sheet


def test_a_purchase_is_billed_in_its_month_and_used_up_over_the_others() -> None:
    """Month 0 stands in the first calendar month; its EffectiveCost is 0, and depreciation's BilledCost."""
    sheet = planned(server(), "own", START)
    (bought,), (sold,) = of_kind(sheet, "purchase"), of_kind(sheet, "resale")
    assert (bought["BilledCost"], bought["EffectiveCost"]) == (Decimal(250_000), Decimal(0))
    assert (bought["ChargeCategory"], bought["ChargeFrequency"]) == ("Purchase", "One-Time")
    assert bought["ChargePeriodStart"] == datetime(2026, 11, 1, tzinfo=UTC)
    assert (sold["BilledCost"], sold["PricingQuantity"]) == (Decimal(-10_000), Decimal(-1))
    assert sold["ChargePeriodStart"] == datetime(2028, 10, 1, tzinfo=UTC)
    worn = of_kind(sheet, "depreciation")
    assert len(worn) == H
    assert {(row["BilledCost"], row["EffectiveCost"]) for row in worn} == {(Decimal(0), Decimal(10_000))}


def test_there_is_a_row_for_each_line_and_month() -> None:
    """A running line has as many rows as the horizon has months, one after the other."""
    power = [row for row in of_kind(planned(server(), "own", START), "planned") if row["SkuId"] == "tco-1/own/power"]
    assert [row["EffectiveCost"] for row in power] == [Decimal(500)] * H
    months = [row["ChargePeriodStart"] for row in power]
    assert len(set(months)) == H
    assert all(one["ChargePeriodEnd"] == later for one, later in zip(power, months[1:], strict=False))


@settings(max_examples=60)
@given(
    first=st.floats(1, 1e6) | st.floats(-1e6, -1),
    ratio=st.floats(0.01, 40),
    months=st.integers(1, 60),
)
def test_a_line_sums_to_its_total_however_it_moves(first: float, ratio: float, months: int) -> None:
    """Level, growing or falling, and where no growth could do it, level: the total is kept, and a guess is said."""
    whole = first * ratio * months
    one = study(option([line("api", first, whole, fixed=False)], [0.0, *[whole / months] * months]))
    sheet = planned(one, "own", START)
    assert float(total(sheet.table.rows)) == pytest.approx(whole, rel=1e-9)
    assert len(sheet.table.rows) == months
    level = math.isclose(first * months, whole, rel_tol=1e-9, abs_tol=1e-4 * months)  # below a hundredth of a cent
    assert level or any("no monthly amounts of api" in remark for remark in sheet.remarks)


@pytest.mark.parametrize(("months", "whole"), [(1, 500.0), (1, 50.0), (3, 60.0), (3, 0.0), (3, -90.0)])
def test_where_no_growth_fits_the_line_is_level(months: int, whole: float) -> None:
    """One month alone, or a total below the first month: the total is kept, and not the first month."""
    one = study(option([line("api", 100.0, whole)], [0.0, *[whole / months] * months]))
    sheet = planned(one, "own", START)
    assert {row["EffectiveCost"] for row in sheet.table.rows} <= {Decimal(repr(whole / months))}
    assert float(total(sheet.table.rows)) == pytest.approx(whole)


def test_growth_that_keeps_first_month_and_total_is_found() -> None:
    """At two per cent a month over two years, every month comes out as it was."""
    cash = [1000 * 1.02**month for month in range(H)]
    one = study(option([line("api", 1000.0, math.fsum(cash), fixed=False)], [0.0, *cash]))
    sheet = planned(one, "own", START)
    assert [float(str(row["EffectiveCost"])) for row in sheet.table.rows] == pytest.approx(cash)
    assert {row["ChargeFrequency"] for row in sheet.table.rows} == {"Usage-Based"}
    assert [remark for remark in sheet.remarks if "differ from the option's cash" in remark] == []


def test_stated_amounts_are_taken_as_they_are() -> None:
    """With monthly amounts nothing is guessed; without, the months that differ from the option's cash are named."""
    cash = [0.0, *[100.0] * 12, *[300.0] * 12]
    one = study(option([line("api", 100.0, math.fsum(cash))], cash))
    exact = planned(one, "own", START, cash={"api": cash})
    assert exact.remarks == ()
    assert [row["EffectiveCost"] for row in exact.table.rows] == [Decimal(100)] * 12 + [Decimal(300)] * 12
    guessed = planned(one, "own", START)
    assert any("months differ from the option's cash" in remark for remark in guessed.remarks)


@pytest.mark.parametrize("cash", [[0.0] * 24, [0.0, *[501.0] * H], [0.0, *[500.0] * (H + 1)]])
def test_stated_amounts_that_do_not_fit_are_refused(cash: list[float]) -> None:
    """One for each month, month 0 included, and the total of the line."""
    with pytest.raises(UsageError, match="line 'power'"):
        planned(server(), "own", START, cash={"power": cash})


def test_depreciation_of_something_else_is_not_booked_twice() -> None:
    """Where one-off lines are not what depreciation is of, they keep their EffectiveCost, and it is said."""
    one = server().base.options[0]
    other = study(msgspec.structs.replace(one, depreciation=(1.0,) * H))
    sheet = planned(other, "own", START)
    assert of_kind(sheet, "depreciation") == []
    assert total(sheet.table.rows) == total(sheet.table.rows, "BilledCost") == Decimal(252_000)
    assert any(remark.startswith("depreciation sums to 24") for remark in sheet.remarks)
    assert faults(sheet.table.rows) == ()


def test_what_is_not_capital_is_used_up_when_it_is_paid() -> None:
    """Beside a depreciated server a setup fee keeps its EffectiveCost; sums that a study rounded still match."""
    lines = [line("server", 0.0, 250_000.0, category="capital"), line("setup", 0.0, 7_000.0)]
    one = study(option(lines, [257_000.0, *[0.0] * H], [10_416.666667] * H))
    sheet = planned(one, "own", START)
    assert sheet.remarks == ()
    assert [row["SkuId"] for row in of_kind(sheet, "purchase")] == ["tco-1/own/server"]
    assert [row["EffectiveCost"] for row in of_kind(sheet, "one_off")] == [Decimal(7_000)]
    assert float(total(sheet.table.rows)) == pytest.approx(257_000)
    assert total(sheet.table.rows, "BilledCost") == Decimal(257_000)


def test_an_unpriced_option_has_no_rows() -> None:
    """Not rows of 0: an error that names what has no price."""
    one = msgspec.structs.replace(server().base.options[0], unpriced=("colocation",))
    with pytest.raises(EvidenceError, match="colocation"):
        planned(study(one), "own", START)


def test_an_unknown_option_is_named_with_the_known_ones() -> None:
    """The way out is the list."""
    with pytest.raises(UsageError, match="no option 'rent'; it has own"):
        purchases(server(), "rent", START)


def test_purchases_alone_go_with_actual_usage() -> None:
    """Only what was bought, billed, and with no EffectiveCost: usage carries that."""
    sheet = purchases(server(), "own", START)
    assert [row["SkuId"] for row in sheet.table.rows] == ["tco-1/own/server"]
    assert total(sheet.table.rows) == 0
    assert total(sheet.table.rows, "BilledCost") == Decimal(250_000)
    assert faults(sheet.table.rows) == ()


@given(st.lists(st.integers(-(10**8), 10**8).map(lambda cents: cents / 100), max_size=5))
def test_savings_are_credits_and_nothing_else(amounts: list[float]) -> None:
    """A saving is a negative credit row; its file says that it is no money to spend."""
    found = [Saving(month=START, use_case="chat", amount=amount, how="against all on gpt") for amount in amounts]
    sheet = savings(found)
    assert {row["ChargeCategory"] for row in sheet.table.rows} <= {"Credit"}
    assert total(sheet.table.rows) == -sum((Decimal(repr(amount)) for amount in amounts), Decimal(0))
    assert faults(sheet.table.rows) == ()
    assert bool(sheet.remarks) == bool(amounts)
