"""The contract of a study for scripts: stable names, unrounded numbers, null with a reason."""

from __future__ import annotations

import json
import math

import msgspec
import pytest

from breakeven.report.currency import cash, compact, split
from breakeven.report.number import change, number
from breakeven.report.plain_study import SCHEMA, tco_json
from breakeven.schema.tco import Tco


def test_the_study_has_what_scripts_read(tco: Tco) -> None:
    """Schema, best option, options with lines, results by name, outlook."""
    found = tco_json(tco)
    assert found["schema"] == SCHEMA == 1
    assert found["best"] == found["base"]["best"] == "own"
    assert found["horizon_months"] == 36
    assert found["conventions"] == {"hours per month": "730", "discount rate": "8 %/year, monthly"}
    assert found["base"]["results"]["own_vs_rent.months"]["unit"] == "month"
    assert found["base"]["pairs"][0]["figures"]["break-even, decay 60 %"]["value"] is None
    assert found["base"]["pairs"][0]["figures"]["break-even, decay 60 %"]["note"]
    assert found["variants"][0]["changed"] == {"pue": "1.6"}
    assert found["outlook"]["evpi"] == 4_100.0


def test_numbers_are_not_rounded_and_sums_hold(tco: Tco) -> None:
    """The lines of a priced option sum to its totals within 1e-9; an unpriced one has null."""
    own, rent, api = tco_json(tco)["base"]["options"]
    for option, noun in ((own, tco.base.options[0]), (rent, tco.base.options[1])):
        assert option["present"] == noun.present
        for key in ("first_month", "total", "present"):
            assert math.fsum(line[key] for line in option["lines"]) == pytest.approx(option[key], rel=1e-9)
        assert math.fsum(option["cash"]) == pytest.approx(option["total"], rel=1e-9)
    assert api["present"] is None
    assert api["unpriced"] == ["price of cached input"]


def test_a_study_is_json(tco: Tco, plain: Tco) -> None:
    """Finite numbers, text, lists and objects only; without outlook it is null."""
    for study in (tco, plain):
        found = tco_json(study)
        assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert tco_json(plain)["outlook"] is None


def test_the_json_of_a_study_reads_as_committed(tco: Tco, same_as_committed) -> None:
    """A changed key is a changed contract."""
    encoded = msgspec.json.format(msgspec.json.encode(tco_json(tco)), indent=1).decode()
    same_as_committed("tco.json", encoded + "\n")


@pytest.mark.parametrize(
    ("amount", "code", "written", "short"),
    [
        (1234.5, "USD", "$1,234", "$1.234k"),
        (-1234.5, "EUR", "-1,234 EUR", "-1.234k EUR"),
        (0.0, "CHF", "0 CHF", "0 CHF"),
        (2.5e6, "JPY", "2,500,000 JPY", "2.5M JPY"),
    ],
)
def test_money_is_written_in_its_currency(amount: float, code: str, written: str, short: str) -> None:
    """The same digits as dollars, with the code in place of the sign."""
    assert cash(amount, code) == written
    assert compact(amount, code) == short
    assert cash(None, code) == "unpriced"


@pytest.mark.parametrize(
    ("unit", "parts"),
    [
        ("USD", ("USD", "")),
        ("eur/h", ("EUR", "/h")),
        ("USD per hour", ("USD", " per hour")),
        ("USDX", None),
        ("h", None),
        ("", None),
    ],
)
def test_a_unit_of_money_is_known_by_its_head(unit: str, parts: tuple[str, str] | None) -> None:
    """A name that merely begins like a currency is none."""
    assert split(unit) == parts


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (15_390.4, "h", "15,390 h"),
        (11.72, "month", "11.7 months"),
        (1.3, "ratio", "1.3"),
        (0.25, "EUR/kWh", "0.25 EUR/kWh"),
        (0.45, "fraction", "45 %"),
    ],
)
def test_numbers_of_studies_have_no_exponent(value: float, unit: str, written: str) -> None:
    """Hours in the ten thousands, months, ratios."""
    assert number(value, unit) == written


@pytest.mark.parametrize(("now", "then", "said"), [(2, 3, "+50 %"), (100, 99, "-1 %"), (-2, -3, "-50 %"), (0, 3, "")])
def test_a_change_is_relative_to_now(now: float, then: float, said: str) -> None:
    """Signed, and nothing where there is nothing to compare with."""
    assert change(now, then) == said
