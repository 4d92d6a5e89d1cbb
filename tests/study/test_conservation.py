"""Money is conserved: in any study and every view, lines sum to totals to the last digit, and prices scale alone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.schema.tco import Tco
from breakeven.study.compute import compute

EXAMPLES = settings(max_examples=50)
SIZE = st.floats(0.01, 900).map(lambda size: round(size, 4))
SHARE = st.floats(0, 1).map(lambda share: round(share, 3))
HORIZONS = (1, 7, 24)


class Price(NamedTuple):
    """An amount of money in a study that is not yet written down; `unit` is what it is per."""

    size: float
    unit: str = ""


def written(value, k=1.0, currency="USD"):
    """A study as it is written, every price multiplied by k and in a currency."""
    if isinstance(value, Price):
        return f"{value.size * k!r} {currency}{value.unit}"
    if isinstance(value, Mapping):
        return {key: written(one, k, currency) for key, one in value.items()}
    return [written(one, k, currency) for one in value] if isinstance(value, list) else value


def prices(unit=""):
    return SIZE.map(lambda size: Price(size, unit))


@st.composite
def changing(draw, unit):
    """A price that may have a trend or a step."""
    price = draw(prices(unit))
    ways = [price, {"value": price, "trend": "-30 %/year"}, {"value": price, "steps": [[3, draw(prices(unit))]]}]
    return draw(st.sampled_from(ways))


PURCHASES = st.fixed_dictionaries(
    {"price": changing("/server"), "residual": SHARE.map(lambda share: f"{share * 100} %")},
    optional={"depreciation": st.sampled_from(["straight_line", "declining"])},
)
RENTS = st.fixed_dictionaries(
    {"price": changing("/server/h")},
    optional={
        "when": st.sampled_from(["always_on", "used_hours"]),
        "upfront": prices("/server"),
        "minimum": prices("/month"),
        "overhead": SHARE,
        "support": SHARE,
    },
)
APIS = st.fixed_dictionaries(
    {"input": changing("/Mtok"), "output": prices("/Mtok")},
    optional={
        "cached_input": prices("/Mtok"),
        "minimum": prices("/month"),
        "discount": SHARE.filter(lambda share: share < 1),
    },
)
POWERS = st.fixed_dictionaries(
    {"per_server": st.just("8 kW/server"), "tariff": changing("/kWh")}, optional={"pue": st.just(1.3)}
)
LINES = st.fixed_dictionaries(
    {"monthly": changing("/month").map(lambda rate: {"rate": rate})},
    optional={
        "yearly": prices("/accelerator/year"),
        "once": st.fixed_dictionaries({"rate": prices(), "month": st.integers(0, 30)}),
        "again": st.fixed_dictionaries({"rate": prices(), "every": st.just("5 month")}),
        "each": prices("/1000 request"),
        "later": st.fixed_dictionaries({"rate": prices("/day"), "since": st.integers(1, 30)}),
        "people": st.fixed_dictionaries({"rate": prices("/month"), "category": st.just("people")}),
    },
)


@st.composite
def options(draw, months):
    """An option of any parts, with counts for all that they are per."""
    lease = st.fixed_dictionaries(
        {"payment": prices("/server/month"), "term": st.just(f"{months} month")},
        optional={"upfront": prices("/server"), "buyout": prices("/server")},
    )
    parts = {"purchase": PURCHASES, "lease": lease, "power": POWERS, "rent": RENTS, "api": APIS}
    parts["housing"] = st.fixed_dictionaries({"price": prices("/month")})
    found = draw(st.fixed_dictionaries({"lines": LINES}, optional=parts))
    if draw(st.booleans()):
        found["lines"]["of_it"] = "10 % of monthly"
    if "purchase" in found:
        found["lines"]["care"] = "12 %/year of purchase"
    servers = draw(st.sampled_from([{"servers": "3 server"}, {"capacity": "0.02 request/s/server"}]))
    hourly = "when" in found.get("rent", {}) or draw(st.booleans())
    used = {"used_hours": "200 h/month"} if hourly else {}
    return {**found, "fleet": {**servers, **used, "accelerators_per_server": "8 accelerator/server"}}


@st.composite
def studies(draw):
    """A study of one or two options, in any convention."""
    months = draw(st.sampled_from(HORIZONS))
    conventions = {
        "hours_per_month": draw(st.sampled_from([720, 730])),
        "horizon_months": months,
        "discount_rate": draw(st.sampled_from([None, "3 %", "25 %"])),
        "compounding": draw(st.sampled_from(["monthly", "effective"])),
        "opex": draw(st.sampled_from(["always_on", "used_hours"])),
    }
    demand = {
        "requests": "100000 request/month",
        "input_tokens": "900 token/request",
        "cached_input_tokens": "30 %",
        "output_tokens": "200 token/request",
        "growth": draw(st.sampled_from(["0 %/year", "4 %/month"])),
    }
    named = {name: draw(options(months)) for name in draw(st.sampled_from([("a",), ("a", "b")]))}
    return {
        "conventions": conventions,
        "demand": demand,
        "options": named,
        "pairs": [["a", "b"]] if "b" in named else [],
    }


@pytest.fixture(scope="module")
def computed(study_of, shipped):
    """A study computed, with every price multiplied by k."""

    def found(body, k=1.0, currency="USD", **sections):
        return compute(study_of({**written(body, k, currency), **sections}), shipped)

    return found


def exact(values):
    """The sum of decimal numbers as they are printed, without any rounding."""
    return sum((Decimal(repr(value)) for value in values), Decimal(0))


def told(value):
    return Decimal(repr(value))


@EXAMPLES
@given(studies())
def test_lines_sum_to_totals_in_every_view(computed, body):
    """Cash by month, first month, present cost and all of it: to the last printed digit."""
    for option in computed(body).base.options:
        for month, cash in enumerate(option.cash):
            assert exact(line.cash[month] for line in option.lines) == told(cash), month
        for view in ("first_month", "total", "present"):
            assert exact(getattr(line, view) for line in option.lines) == told(getattr(option, view)), view
        assert all(exact(line.cash) == told(line.total) for line in option.lines)
        assert exact(option.cash) == told(option.total)
        assert option.cash[0] == option.capex
        resold = exact(value for line in option.lines if line.name == "resale" for value in line.cash)
        assert -resold == told(option.residual)


CAPITAL = frozenset({"purchase", "resale", "upfront", "lease_upfront"})
"""Lines that depreciation stands for in the books."""


@EXAMPLES
@given(studies())
def test_every_view_is_one_of_the_same_cash(computed, body):
    """Present cost discounts the cash, the level month is worth it, and accounting has depreciation for capital."""
    rate = float((body["conventions"]["discount_rate"] or "0 %").removesuffix(" %")) / 100
    each = 1 + rate / 12 if body["conventions"]["compounding"] == "monthly" else (1 + rate) ** (1 / 12)
    for option in computed(body).base.options:
        factors = [each**-month for month in range(len(option.cash))]
        assert option.present == pytest.approx(np.dot(option.cash, factors), abs=1e-4)
        assert option.annuity * sum(factors[1:]) == pytest.approx(option.present, abs=1e-4)
        written_off = option.depreciation[0] if option.depreciation else 0.0
        assert option.accounting_month == pytest.approx(option.first_month + written_off, abs=2e-6)
        if body["options"][option.name].get("purchase", {}).get("depreciation") != "declining":
            lost = sum(line.total for line in option.lines if line.name in CAPITAL)
            assert sum(option.depreciation) == pytest.approx(lost, abs=1e-4)
            assert sum(option.accounting) == pytest.approx(option.total, abs=1e-4)


@EXAMPLES
@given(studies())
def test_a_saving_is_what_the_rival_costs_more(computed, body):
    """Month by month, cumulated; what is sold at the horizon comes too late for it."""
    found = computed(body).base
    costs = {}
    for option in found.options:
        lines = [[*line.cash[:-1], 0.0] if line.name == "resale" else line.cash for line in option.lines]
        costs[option.name] = np.cumsum(np.sum(lines, axis=0))
    for pair in found.pairs:
        assert pair.saved == pytest.approx(costs[pair.rival] - costs[pair.owner], abs=1e-3)


@EXAMPLES
@given(studies())
def test_a_result_survives_being_written_down(computed, body):
    """JSON and back is the same result, and the same study is the same bytes."""
    found = computed(body)
    text = msgspec.json.encode(found)
    assert msgspec.json.decode(text, type=Tco) == found
    assert msgspec.json.encode(computed(json.loads(json.dumps(written(body))))) == text


def money(found):
    """Every amount of a result, by its place."""
    for option in found.base.options:
        for line in option.lines:
            yield from zip([f"{option.name}.{line.name}"] * len(line.cash), line.cash, strict=True)
        for view in ("first_month", "total", "present", "annuity", "accounting_month", "capex", "residual"):
            yield f"{option.name}.{view}", getattr(option, view)
        yield from (("depreciation", value) for value in option.depreciation)
    for pair in found.base.pairs:
        yield from (("saved", value) for value in pair.saved)


def figures(found, *, of_money):
    """Figures of money, or the others, by name; never is nan."""
    shown = [one for part in (*found.base.options, *found.base.pairs) for one in part.figures]
    chosen = {one.name: one.figure for one in shown if (found.currency in one.figure.unit) is of_money}
    return {name: math.nan if figure.value is None else figure.value for name, figure in chosen.items()}


def scaled(one, other, k):
    """Money of the other is k times that of the one, and what is no money is the same."""
    before, after = list(money(one)), list(money(other))
    assert [place for place, _ in after] == [place for place, _ in before]
    amounts = [k * value for _, value in before]
    assert [value for _, value in after] == pytest.approx(amounts, rel=1e-9, abs=2e-5 * (1 + k))
    shown = {name: k * value for name, value in figures(one, of_money=True).items()}
    assert figures(other, of_money=True) == pytest.approx(shown, rel=1e-6, abs=1e-5 * (1 + k), nan_ok=True)
    plain = figures(one, of_money=False)
    assert figures(other, of_money=False) == pytest.approx(plain, rel=1e-5, abs=1e-7, nan_ok=True)


@EXAMPLES
@given(studies(), st.sampled_from([0.5, 3.0, 40.0]))
def test_prices_k_times_as_high_cost_k_times_as_much(computed, body, k):
    """Every amount is k times what it was; months, rates, shares and volumes are what they were."""
    scaled(computed(body), computed(body, k), k)


@EXAMPLES
@given(studies(), st.sampled_from([0.25, 0.8, 150.0]), st.booleans())
def test_another_currency_is_the_same_study_at_its_rate(computed, body, rate, inverse):
    """The result in euros is that in dollars times the rate, however the rate is quoted."""
    ends = {"from": "EUR", "to": "USD", "rate": 1 / rate} if inverse else {"from": "USD", "to": "EUR", "rate": rate}
    fx = [{**ends, "as_of": "2026-01-01", "source": "made up"}]
    scaled(computed(body), computed({**body, "currency": "EUR"}, fx=fx), rate)


@EXAMPLES
@given(studies())
def test_a_currency_is_a_name_while_there_is_one(computed, body):
    """The same numbers in another currency throughout are the same result, and need no rate."""
    scaled(computed(body), computed({**body, "currency": "EUR"}, currency="EUR"), 1.0)
