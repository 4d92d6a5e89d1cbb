"""A small study made by hand: a server bought, rented by the hour, and an API without a price for cached input.

Its figures are plausible and nothing more: no test quotes them as facts. Amounts are computed here in the plainest way
(a loop over months), so that the documents have true sums to show.
"""

from __future__ import annotations

import math

import msgspec
import pytest

from breakeven.schema.fact import Fact
from breakeven.schema.noun import Figure
from breakeven.schema.outlook import Band, Chance, Outlook, Recovery, Swing, Turn
from breakeven.schema.plan import Level, Plan
from breakeven.schema.tco import Pair, Result, Tco, TcoLine, TcoOption, Truth, Variant

MONTHS = 36
RATE = 1.08 ** (1 / 12) - 1
PURCHASE, RENT, PUE = "offer/server/purchase", "offer/rent/hour", "assumption/pue"


def fact(key: str, value: float, unit: str, basis: str = "list", **bounds: float) -> Fact:
    return Fact(key=key, value=value, unit=unit, source="Made up", as_of="2026-10-01", basis=basis, **bounds)


FACTS = (
    fact(PURCHASE, 250_000.0, "USD/server", "sale", low=210_000.0, high=340_000.0),
    fact(RENT, 2.2, "USD/accelerator/h", "on_demand"),
    fact(PUE, 1.3, "ratio", "assumption", low=1.1, high=1.6),
)


def present(cash: list[float]) -> float:
    return math.fsum(amount / (1 + RATE) ** month for month, amount in enumerate(cash))


def line(name: str, category: str, cash: list[float], formula: str, *facts: str, **rest: object) -> TcoLine:
    month = cash[1] if len({*cash[1:]}) == 1 else 0.0
    return TcoLine(
        name=name,
        category=category,
        first_month=month,
        total=math.fsum(cash),
        present=present(cash),
        fixed=True,
        formula=formula,
        facts=facts,
        **rest,
    )


def monthly(amount: float) -> list[float]:
    return [0.0, *[amount] * MONTHS]


def once(amount: float, month: int) -> list[float]:
    return [amount if at == month else 0.0 for at in range(MONTHS + 1)]


def books(parts: dict[str, tuple[str, list[float], str, tuple[str, ...]]], written_off: float) -> tuple[float, ...]:
    """Cash by month without purchase and resale, and what is written off instead."""
    others = [part[1] for name, part in parts.items() if name not in {"purchase", "resale"}]
    return tuple(math.fsum(month) + (written_off if at else 0.0) for at, month in enumerate(zip(*others, strict=True)))


def option(name: str, title: str, placement: str, parts: dict[str, tuple[str, list[float], str, tuple[str, ...]]]):
    """An option with its sums; depreciation is straight, purchase less resale over the horizon."""
    lines = tuple(line(at, category, cash, how, *facts) for at, (category, cash, how, facts) in parts.items())
    cash = [math.fsum(month) for month in zip(*(part[1] for part in parts.values()), strict=True)]
    capex, resale = (parts[key][1] if key in parts else [0.0] for key in ("purchase", "resale"))
    bought, left = math.fsum(capex), -math.fsum(resale)
    first = math.fsum(one.first_month for one in lines)
    worth = present(cash)
    return TcoOption(
        name=name,
        title=title,
        placement=placement,
        lines=lines,
        first_month=first,
        total=math.fsum(cash),
        present=worth,
        annuity=worth * RATE / (1 - (1 + RATE) ** -MONTHS),
        accounting_month=first + (bought - left) / MONTHS,
        capex=bought,
        residual=left,
        cash=tuple(cash),
        depreciation=((bought - left) / MONTHS,) * MONTHS if bought else (),
        accounting=books(parts, (bought - left) / MONTHS),
    )


def owned(pue: float = 1.3) -> TcoOption:
    power = monthly(8 * 0.7 * 730 * 0.12 * pue)
    made = option(
        "own",
        "8 x H100, owned",
        "on_prem",
        {
            "purchase": ("hardware", once(250_000, 0), "one server", (PURCHASE,)),
            "resale": ("hardware", once(-25_000, MONTHS), "10 % of the purchase", (PURCHASE,)),
            "power": ("energy", power, "8 accelerators x 0.7 kW x 730 h x 0.12 USD/kWh x PUE", (PUE,)),
            "staff": ("people", monthly(2_400), "0.2 FTE x 12,000 USD/FTE/month", ()),
        },
    )
    figure = Figure(value=0.41, unit="USD/Mtoken", basis="derived", how="annuity / tokens a month", facts=(PURCHASE,))
    return msgspec.structs.replace(made, figures=(Result(name="cost per million tokens", figure=figure),))


def rented() -> TcoOption:
    rent = monthly(8 * 2.2 * 730)
    return option(
        "rent",
        "8 x H100, rented",
        "cloud",
        {
            "rent": ("rent", rent, "8 accelerators x 2.2 USD/h x 730 h", (RENT,)),
            "staff": ("people", monthly(1_200), "0.1 FTE", ()),
        },
    )


def unpriced() -> TcoOption:
    made = option("api", "API", "api", {"tokens": ("tokens", monthly(900), "input tokens only", ())})
    nothing = dict.fromkeys(("first_month", "total", "present", "annuity", "accounting_month"))
    return msgspec.structs.replace(made, unpriced=("price of cached input",), **nothing)


def saved(owner: TcoOption, rival: TcoOption) -> list[float]:
    found, sum_so_far = [], 0.0
    for own, other in zip(owner.cash, rival.cash, strict=True):
        sum_so_far += other - own
        found.append(sum_so_far)
    return found


def months(value: float | None, note: str = "") -> Figure:
    return Figure(
        value=value, unit="month", basis="derived", how="capex / monthly saving", facts=(PURCHASE,), note=note
    )


def variant(name: str, pue: float = 1.3) -> Variant:
    own, rent = owned(pue), rented()
    payback = own.capex / (rent.first_month - own.first_month)
    never = months(None, "the API's price falls faster than the server pays back")
    figures = (Result(name="break-even", figure=months(payback)), Result(name="break-even, decay 60 %", figure=never))
    pair = Pair(owner="own", rival="rent", figures=figures, saved=tuple(saved(own, rent)))
    return Variant(
        name=name,
        changed=(("pue", str(pue)),) if pue != 1.3 else (),
        options=(own, rent, unpriced()),
        pairs=(pair,),
        results=(Result(name="own_vs_rent.months", figure=months(payback)), Result(name="with decay", figure=never)),
    )


@pytest.fixture
def outlook() -> Outlook:
    """Draws that were not drawn: bands around the study's own figures."""
    own, rent = owned(), rented()
    middle = saved(own, rent)
    bands = tuple(
        Band(p5=at - 2_500 * month - 20_000, p50=at, p95=at + 2_400 * month + 15_000) for month, at in enumerate(middle)
    )

    def around(value: float) -> Band:
        return Band(p5=value * 0.8, p50=value, p95=value * 1.3)

    return Outlook(
        seed=7,
        draws=10_000,
        horizon_months=MONTHS,
        currency="USD",
        result="Present cost of rent less that of own.",
        best="own",
        compared="rent",
        chances=(
            Chance(option="own", present_cost=around(own.present), probability_best=0.83, expected_regret=4_100.0),
            Chance(option="rent", present_cost=around(rent.present), probability_best=0.17, expected_regret=92_000.0),
        ),
        recoveries=(
            Recovery(
                owner="own",
                rival="rent",
                probability=0.91,
                months=Band(p5=15.0, p50=21.4, p95=None),
                saved=bands,
            ),
        ),
        tornado=(
            Swing(
                name="hours used",
                unit="h/month",
                low=200.0,
                base=730.0,
                high=730.0,
                at_low=-120_000.0,
                at_high=122_652.0,
                first_order=0.71,
                total_order=0.75,
            ),
            Swing(
                name="purchase",
                unit="USD/server",
                low=210_000.0,
                base=250_000.0,
                high=340_000.0,
                at_low=162_000.0,
                at_high=33_000.0,
                facts=(PURCHASE,),
            ),
            Swing(
                name="PUE", unit="ratio", low=1.1, base=1.3, high=1.6, at_low=125_800.0, at_high=117_900.0, facts=(PUE,)
            ),
        ),
        turns=(
            Turn(name="PUE", unit="ratio", base=1.3, at=None, searched_low=1.1, searched_high=1.6),
            Turn(
                name="hours used",
                unit="h/month",
                base=730.0,
                at=455.0,
                searched_low=100.0,
                searched_high=730.0,
                winner="rent",
            ),
        ),
        evpi=4_100.0,
    )


@pytest.fixture
def plain() -> Tco:
    """The study without outlook."""
    truth = Truth(
        name="rule",
        claim="A server pays back in 12 to 18 months",
        varied="spend",
        unit="USD/month",
        searched=(5_000.0, 80_000.0),
        true_when=((17_500.0, 24_300.0),),
    )
    return Tco(
        id="study-1",
        title="Own or rent eight accelerators",
        as_of="2026-11-24",
        currency="USD",
        conventions=(("hours per month", "730"), ("discount rate", "8 %/year, monthly")),
        base=variant("base"),
        variants=(variant("hot summer", 1.6), variant("cool hall", 1.1)),
        truths=(truth,),
        facts=FACTS,
        warnings=("offer/rent/hour is 54 days old.",),
        source="tests/report/study",
    )


@pytest.fixture
def tco(plain: Tco, outlook: Outlook) -> Tco:
    """The study with its outlook."""
    return msgspec.structs.replace(plain, outlook=outlook)


@pytest.fixture
def weighed(plan: Plan, outlook: Outlook) -> Plan:
    """The plan of the memo's tests with three levels of load and an outlook whose swings rest on the plan's facts."""
    swings = tuple(msgspec.structs.replace(swing, facts=("assumption/pue",)) for swing in outlook.tornado)

    def level(name: str, factor: float, option: str, monthly: float | None, lift: float | None) -> Level:
        return Level(
            name=name,
            factor=factor,
            rate_rps=5.5 * factor,
            option=option,
            replicas=2,
            feasible=monthly is not None,
            monthly_cost_usd=monthly,
            cost_per_useful_prediction_usd=None if monthly is None else monthly / (14_000_000 * factor),
            lift_needed_usd=lift,
            binding="" if monthly is not None else "TTFT p95 1.4 s > 1 s",
        )

    levels = (
        level("low", 0.5, "own-h100", 1_400.0, 0.000031),
        level("low", 0.5, "rent-h100", 1_825.0, 0.0),
        level("peak", 3.0, "own-h100", 2_800.0, 0.0),
        level("peak", 3.0, "rent-h100", None, None),
    )
    return msgspec.structs.replace(plan, levels=levels, outlook=msgspec.structs.replace(outlook, tornado=swings))
