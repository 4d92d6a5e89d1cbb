"""An independent calculator, month by month, written from docs/tco.md alone: the engine must agree with it to the cent.

Plain loops over plain floats. It knows the units that the studies below are drawn in, and nothing of the engine.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.study.compute import compute

Body = dict[str, Any]
PER_SERVER = 8  # accelerators


def number(text: str) -> float:
    """`30 %/year` is 0.3."""
    size, unit = text.split(maxsplit=1)
    return float(size) / (100 if unit.startswith("%") else 1)


def at(price: Any, month: int) -> float:
    """A price in month 1, 2, ...; what is paid in month 0 has that of month 1."""
    if price is None or isinstance(price, str):
        return 0.0 if price is None else number(price)
    found, month = number(price["value"]), max(1, month)
    for first, later in price.get("steps", ()):
        found = number(later) if month >= first else found
    trend = price.get("trend", "0 %/year")
    return found * (1 + number(trend)) ** ((month - 1) / (12 if "year" in trend else 1))


class Naive:
    """One option: what each of its lines pays in months 0 to the horizon, and what is written off."""

    def __init__(self, body: Body, name: str, scale: float = 1.0) -> None:
        self.says, self.demand, self.option = body["conventions"], body["demand"], body["options"][name]
        self.horizon, self.hours, self.scale = self.says["horizon_months"], self.says["hours_per_month"], scale
        self.fleet = self.option.get("fleet", {})
        self.paid: dict[str, list[float]] = {}
        self.capital, self.written = self._nothing(), self._nothing()
        self.standing, self.in_use, self.last_sale = self._nothing(), self._nothing(), 0.0
        for part in ("purchase", "lease", "power", "housing", "rent", "api", "provisioned"):
            if part in self.option:
                getattr(self, part)(**self.option[part])
        for line, stated in self.option.get("lines", {}).items():
            self.line(line, **stated)
        self.cash = [sum(line[month] for line in self.paid.values()) for month in range(self.horizon + 1)]

    def _nothing(self) -> list[float]:
        return [0.0] * (self.horizon + 1)

    def _every_month(self) -> range:
        return range(1, self.horizon + 1)

    def _pay(self, name: str, month: int, amount: float, *, capital: bool = False) -> None:
        self.paid.setdefault(name, self._nothing())[month] += amount
        self.capital[month] += amount if capital else 0.0

    # Demand and counts

    def requests(self, month: int) -> float:
        """Served in a month."""
        size, unit = self.demand["requests"].split()
        times = {"request/month": 1.0, "request/day": self.hours / 24, "request/s": self.hours * 3600}[unit]
        growth = self.demand.get("growth", "0 %/year")
        grown = (1 + number(growth)) ** ((month - 1) / (12 if "year" in growth else 1))
        return float(size) * times * grown * self.scale * number(self.option.get("share", "100 %"))

    def mean_rate(self, month: int) -> float:
        """Requests a second, over all hours."""
        return self.requests(month) / self.hours / 3600

    def needed(self, month: int) -> float:
        """Servers that serve: stated, or sized from the busiest hour."""
        if "servers" in self.fleet:
            return number(self.fleet["servers"])
        busiest = self.mean_rate(month) * float(self.demand.get("peak_to_mean", 1))
        if "peak_hour_share" in self.demand:
            busiest = self.mean_rate(month) * 24 * number(self.demand["peak_hour_share"])
        return _whole(busiest / number(self.fleet["capacity"]))

    def _begin(self, needs: list[float], term: int) -> list[tuple[int, float]]:
        """(first month, how many) of what comes: what begins stays for its term, and is enough in every month."""
        begun: list[tuple[int, float]] = []
        for month in self._every_month():
            more = needs[month - 1] - self.standing[month]
            if more > 0:
                begun.append((month, more))
                for later in range(month, min(month + term, self.horizon + 1)):
                    self.standing[later] += more
        return begun

    def _agreed(self, price: Any, begun: list[tuple[int, float]], month: int, term: int) -> float:
        """What stands in a month, each at the price of the month it began in."""
        return sum(at(price, first) * count for first, count in begun if first <= month < first + term)

    def _machines(self, term: int = 10**6) -> list[tuple[int, float]]:
        return self._begin([self.needed(month) + self._spare() for month in self._every_month()], term)

    def _spare(self) -> float:
        return number(self.fleet.get("spare_servers", "0 server"))

    def _hours(self, when: str | None) -> float:
        when = when or self.says["opex"]
        return self.hours if when == "always_on" else number(self.fleet["used_hours"])

    # Parts

    def purchase(self, price: Any, life: str | None = None, *, refresh: bool = False, residual: Any = None) -> None:
        """Bought at the end of the month before; replaced at the end of its life or kept; sold at the horizon."""
        months = self.horizon if life is None else int(number(life))
        for first, count in self._machines():
            bought = first - 1
            while bought < self.horizon:
                paid = at(price, bought) * count
                gone = min(self.horizon, bought + months) if refresh else self.horizon
                self._pay("purchase", bought, paid, capital=True)
                sold = self._worth(paid, count, gone - bought, months, residual)
                self._pay("resale", gone, -sold, capital=True)
                self.last_sale += sold if gone == self.horizon else 0.0
                end = self._worth(paid, count, months, months, residual)
                for month in range(bought + 1, gone + 1):
                    self.in_use[month] += paid
                    self.written[month] += (paid - end) / months
                bought = gone

    def _worth(self, paid: float, count: float, age: int, life: int, residual: Any) -> float:
        """What a sale brings at an age."""
        left = 0.0 if residual is None else number(residual) * (paid if "%" in residual else count)
        return paid - (paid - left) * min(1.0, age / life)

    def lease(self, payment: Any, term: str, upfront: Any = None, buyout: Any = None) -> None:
        """A payment a month over the term."""
        months, begun = int(number(term)), self._machines()
        for first, count in begun:
            self._prepay("lease", first, at(upfront, first) * count, months + 1 - first)
        for month in self._every_month():
            self._pay("lease", month, self._agreed(payment, begun, month, months))
        if buyout is not None:
            self._pay("lease", months, at(buyout, months) * self.standing[months])

    def _prepay(self, name: str, first: int, paid: float, term: int) -> None:
        self._pay(name, first - 1, paid, capital=True)
        for month in range(first, min(first + term, self.horizon + 1)):
            self.written[month] += paid / term

    def power(self, per_server: str, tariff: Any, utilisation: str, when: str | None = None, **more: Any) -> None:
        """Power x servers x (busy + (1 - busy) x idle share) x hours x PUE x tariff; spare ones draw nothing."""
        busy, idle = number(utilisation), number(more.get("idle_share", "0 %"))
        for month in self._every_month():
            draw = number(per_server) * (self.standing[month] - self._spare()) * (busy + (1 - busy) * idle)
            hours = self._hours(when)
            self._pay("power", month, draw * hours * float(more.get("pue", 1)) * at(tariff, month))

    def housing(self, price: Any, racks: str | None = None, contracted: str | None = None) -> None:
        """By the rack, or by the power contracted."""
        for month in self._every_month():
            drawn = number(self.option.get("power", {}).get("per_server", "0 kW")) * self.standing[month]
            count = drawn if contracted is None and racks is None else number(racks or contracted or "")
            self._pay("housing", month, at(price, month) * count)

    def rent(self, price: Any, when: str | None = None, term: str | None = None, **more: Any) -> None:
        """By the hour; committed machines for their term."""
        months = 1 if term is None else int(number(term))
        hours = self._hours(when) if term is None else self.hours
        begun = self._machines(months)
        each = PER_SERVER if "accelerator" in str(price) else 1
        shares = [number(more.get(name, "0 %")) for name in ("overhead", "goodput_loss", "interruption", "support")]
        for month in self._every_month():
            rent = self._agreed(price, begun, month, months) * each * hours
            beside = rent * sum(shares[:3])  # more hours than the work takes
            paid = max(rent, at(more.get("minimum"), month) - beside)
            self._pay("rent", month, paid + beside + paid * shares[3])
        for first, count in begun:
            if "upfront" in more:
                self._prepay("rent", first, at(more["upfront"], first) * count, months)

    def api(self, **prices: Any) -> None:
        """Every token at its price."""
        for month in self._every_month():
            self._pay("api", month, self._tokens_cost(month, **prices))

    def tokens(self, month: int) -> dict[str, float]:
        """Mtok of a month by kind."""
        size = {name: number(self.demand.get(name, "0 %")) for name in self.demand if "tokens" in name}
        cached = size["input_tokens"] * size.get("cached_input_tokens", 0.0)
        output = size["output_tokens"] + size.get("reasoning_tokens", 0.0)
        each = {"input": size["input_tokens"] - cached, "cached_input": cached, "output": output}
        return {kind: self.requests(month) * size / 1e6 for kind, size in each.items()}

    def _tokens_cost(self, month: int, share: float = 1.0, tiers: Any = (), **prices: Any) -> float:
        cost = self.requests(month) * share * at(prices.get("request"), month)
        for kind, volume in self.tokens(month).items():
            left, price = volume * share, at(prices.get(kind), month)
            bounds = sorted((number(tier["above"]), tier.get(kind)) for tier in tiers)
            below = 0.0
            for bound, then in [*bounds, (math.inf, None)]:
                taken = min(left, bound - below)
                cost, left, below = cost + taken * price, left - taken, bound
                price = price if then is None else at(then, month)
        cost *= 1 - number(prices.get("batch_share", "0 %")) * number(prices.get("batch_discount", "0 %"))
        return max(cost * (1 - number(prices.get("discount", "0 %"))), at(prices.get("minimum"), month))

    def provisioned(self, price: Any, capacity: str, **more: Any) -> None:
        """Units in steps, held for their term; what does not fit is paid as it goes."""
        size, step = number(capacity), number(more.get("step", "1 unit"))
        least, term = number(more.get("minimum_units", "0 unit")), int(number(more.get("term", "1 month")))
        wanted, enough = [], []
        for month in self._every_month():
            flow = self.requests(month) if "request" in capacity else sum(self.tokens(month).values()) * 1e6
            enough.append(flow / self.hours / 3600 / size)
            units = number(more["units"]) if "units" in more else _whole(enough[-1] / step) * step
            wanted.append(max(least, units))
        begun = self._begin(wanted, term)
        for month in self._every_month():
            hours = self.hours if "/h" in str(price) else 1
            self._pay("provisioned", month, self._agreed(price, begun, month, term) * hours)
            if "overflow" in more:
                above = max(0.0, 1 - self.standing[month] / enough[month - 1])
                self._pay("provisioned", month, self._tokens_cost(month, above, **more["overflow"]))

    def line(self, name: str, rate: Any, of: str = "", **more: Any) -> None:
        """By what the unit is per: a time, servers, accelerators, requests, or once."""
        unit = (rate if isinstance(rate, str) else rate["value"]).split(maxsplit=1)[1]
        if unit == "USD":
            month, every = more.get("month", 0), int(number(more.get("every", "1000 month")))
            while month < self.horizon or (month == self.horizon and "every" not in more):
                self._pay(name, month, at(rate, month))
                month += every
            return
        if unit == "%" and of == "rent":
            self._pay(name, 0, number(rate) * self.paid[of][0])  # paid ahead
        for month in range(more.get("since", 1), min(self.horizon, more.get("until", self.horizon)) + 1):
            count = {"server": self.standing[month], "accelerator": self.standing[month] * PER_SERVER}
            times = next((count[thing] for thing in count if f"/{thing}" in unit), 1.0)
            if "request" in unit:
                times = self.requests(month) / 1000
            times /= 12 if unit.endswith("/year") else 1
            times *= self.hours / 24 if unit.endswith("/day") else 1
            times *= self._hours(more.get("when")) if unit.endswith("/h") else 1
            if of == "purchase":
                times *= self.in_use[month]
            elif of:
                times *= self.paid[of][month]
            self._pay(name, month, at(rate, month) * times)

    # What comes out

    def factor(self, month: int) -> float:
        """What money of a month is worth now."""
        rate = number(self.says.get("discount_rate") or "0 %")
        each = rate / 12 if self.says.get("compounding") != "effective" else (1 + rate) ** (1 / 12) - 1
        return (1 + each) ** -month

    def present(self) -> float:
        """Discounted cash."""
        return sum(cash * self.factor(month) for month, cash in enumerate(self.cash))

    def annuity(self) -> float:
        """The level month worth the present cost."""
        return self.present() / sum(self.factor(month) for month in self._every_month())

    def accounting(self) -> list[float]:
        """Depreciation in the place of purchase, prepayment and resale."""
        books = zip(self.cash, self.capital, self.written, strict=True)
        return [cash - capital + written for cash, capital, written in books]

    def unit_cost(self) -> float:
        """Level price of a request; none where a month's demand is more than the fleet carries in its used hours."""
        used = number(self.fleet["used_hours"]) / self.hours if "used_hours" in self.fleet else 1.0
        for month in self._every_month():
            if "capacity" in self.fleet:
                carried = number(self.fleet["capacity"]) * (self.standing[month] - self._spare()) * used
                if self.mean_rate(month) > carried * (1 + 1e-6):
                    return math.nan
        return self.present() / sum(self.requests(month) * self.factor(month) for month in self._every_month())


def _whole(count: float) -> float:
    """The next whole number, but for the rounding of floats."""
    return float(math.ceil(count * (1 - 1e-9)))


def savings(owner: Naive, rival: Naive) -> list[float]:
    """Cumulated month by month; what is sold at the horizon comes too late."""
    saved: list[float] = []
    for month, (own, other) in enumerate(zip(owner.cash, rival.cash, strict=True)):
        last = rival.last_sale - owner.last_sale if month == owner.horizon else 0.0
        saved.append((saved[-1] if saved else 0.0) + other - own + last)
    return saved


def break_even(saved: list[float]) -> float:
    """First month by which the extra capital is back, linear inside the month."""
    for month, after in enumerate(saved):
        if after >= 0:
            return month - after / (after - saved[month - 1]) if month else 0.0
    return math.nan


# Studies to agree on


def prices(unit: str, most: float = 900.0) -> st.SearchStrategy[Any]:
    """A price of a unit: level, with a trend, or with steps."""
    sizes = st.floats(0.01, most).map(lambda size: f"{round(size, 4)} {unit}")
    trends = st.sampled_from(["-40 %/year", "2 %/month", "7 %/year"])
    steps = st.lists(st.tuples(st.integers(1, 30), sizes), min_size=1, max_size=2, unique_by=lambda step: step[0])
    return sizes | some({"value": sizes, "trend": trends}) | some({"value": sizes, "steps": steps.map(sorted)})


def some(needed: Body, **optional: Any) -> st.SearchStrategy[Body]:
    return st.fixed_dictionaries(needed, optional=optional)


def either(*choices: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(choices)


def many(unit: str, least: int, most: int) -> st.SearchStrategy[str]:
    return st.integers(least, most).map(lambda count: f"{count} {unit}")


def tokens(**more: Any) -> st.SearchStrategy[Body]:
    """Prices of an API."""
    each = {kind: prices("USD/Mtok") for kind in ("input", "cached_input", "output")}
    tier = some({"above": many("Mtok/month", 1, 400), "input": each["input"]}, output=each["output"])
    tiers = st.lists(tier, max_size=3, unique_by=lambda one: one["above"])
    found = some(each, request=prices("USD/request", 0.01), discount=many("%", 0, 90), tiers=tiers, **more)
    return st.builds(dict.__or__, found, either({}, {"batch_share": "40 %", "batch_discount": "50 %"}))


SHARE, WHEN = many("%", 0, 100), either("always_on", "used_hours")
TERM = either("1 month", "5 month", "12 month")
UPLIFTS = dict.fromkeys(("overhead", "goodput_loss", "support"), SHARE)
UNITS = {"price": prices("USD/unit/h", 30), "capacity": either("40 token/s/unit", "0.03 request/s/unit")}
SOLD = {"minimum_units": either("2 unit"), "step": either("3 unit"), "term": TERM}
LIFE = either("7 month", "12 month", "40 month")
PARTS: dict[str, st.SearchStrategy[Any]] = {
    "purchase": some({"price": prices("USD/server", 9e4), "life": LIFE}, residual=SHARE),
    "lease": some(
        {"payment": prices("USD/server/month")}, upfront=prices("USD/server"), buyout=prices("USD/server", 4000)
    ),
    "rent": some({"price": prices("USD/accelerator/h", 4)}, when=WHEN, minimum=prices("USD/month", 2e4), **UPLIFTS),
    "reserved": some({"price": prices("USD/server/h", 30), "term": TERM}, upfront=prices("USD/server"), support=SHARE),
    "api": tokens(minimum=prices("USD/month", 9000)),
    "provisioned": some(UNITS, **SOLD)
    | some({**UNITS, "price": prices("USD/unit/month"), "units": many("unit", 1, 9), "overflow": tokens()}),
}
POWER = some(
    {"per_server": either("8.5 kW/server"), "tariff": prices("USD/kWh", 0.4), "utilisation": SHARE},
    when=WHEN,
    pue=either(1.2, 2),
    idle_share=SHARE,
)
HOUSING = some({"price": prices("USD/kW/month")}, contracted=either("900 kW")) | some(
    {"price": prices("USD/rack/month"), "racks": either("3 rack")}
)
LINES = {
    "window": some({"rate": prices("USD/day")}, since=st.integers(1, 9), until=st.integers(9, 30)),
    "each": some({"rate": prices("USD/1000 request", 9)}),
    "once": some({"rate": prices("USD"), "month": st.integers(0, 24)}),
    "again": some({"rate": prices("USD"), "every": TERM}, month=st.integers(0, 5)),
}
OF_MACHINES = {
    "licence": some({"rate": prices("USD/accelerator/year")}),
    "hourly": some({"rate": prices("USD/server/h", 2)}, when=WHEN),
}


@st.composite
def options(draw: st.DrawFn, horizon: int) -> Body:
    """Machines in one of four ways, with what they need and maybe an API beside them; or an API or its units alone."""
    kind = draw(either(*PARTS))
    machines = kind not in {"api", "provisioned"}
    part, share = draw(PARTS[kind]), draw(some({}, share=many("%", 1, 100)))
    lines = draw(some({"monthly": some({"rate": prices("USD/month")})}, **LINES, **(OF_MACHINES if machines else {})))
    lines["of_it"] = {"rate": "10 %", "of": "monthly"}
    found = {"rent" if kind == "reserved" else kind: part, "lines": lines, **share}
    if kind == "purchase":
        part["refresh"] = draw(st.booleans()) or number(part["life"]) < horizon
        lines["care"] = {"rate": "12 %/year", "of": "purchase"}
    elif kind == "lease":
        part["term"] = f"{horizon} month"
    elif machines:
        lines["managed"] = {"rate": "5 %", "of": "rent"}
    if kind in {"purchase", "lease"}:
        found |= draw(some({"power": POWER}, housing=HOUSING))
    if machines:
        sized = {"capacity": draw(either("0.02 request/s/server", "0.3 request/s/server"))}
        found["fleet"] = {
            **draw(either({"servers": "3 server"}, sized)),
            **draw(either({}, {"spare_servers": "1 server"})),
            "accelerators_per_server": f"{PER_SERVER} accelerator/server",
            "used_hours": draw(either("200 h/month", "720 h/month")),
        }
        found |= draw(some({}, api=PARTS["api"]))
    return found


@st.composite
def studies(draw: st.DrawFn) -> Body:
    """Two options of one study."""
    horizon = draw(either(12, 13, 30))
    demand = some(
        {
            "requests": either("100000 request/month", "4000 request/day", "0.07 request/s"),
            "growth": either("0 %/year", "4 %/month", "-5 %/month", "80 %/year"),
            "input_tokens": either("900 token/request"),
            "output_tokens": either("200 token/request"),
        },
        cached_input_tokens=SHARE,
        reasoning_tokens=either("50 token/request"),
    )
    conventions = {
        "hours_per_month": either(720, 730),
        "horizon_months": st.just(horizon),
        "discount_rate": either(None, "9 %", "25 %"),
        "compounding": either("monthly", "effective"),
        "opex": WHEN,
    }
    return {
        "conventions": draw(some(conventions)),
        "demand": draw(demand) | draw(either({}, {"peak_to_mean": 2.5}, {"peak_hour_share": "9 %"})),
        "options": {name: draw(options(horizon)) for name in ("own", "other")},
        "pairs": [["own", "other"]],
    }


def near(value: Any) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-4, nan_ok=True)


def by_part(option: Any, horizon: int) -> dict[str, list[float]]:
    """Cash of the engine's lines by part, or by name where they are lines of the option's own."""
    found: dict[str, list[float]] = {}
    for flow in option.flows:
        name = flow.name if flow.part == "lines" else flow.part
        paid = found.setdefault(name, [0.0] * (horizon + 1))
        found[name] = [one + float(other) for one, other in zip(paid, flow.cash(horizon)[0], strict=True)]
    return {name: paid for name, paid in found.items() if any(paid)}


@settings(max_examples=200)
@given(studies())
def test_the_engine_agrees_with_a_naive_calculator(evaluated: Any, body: Body) -> None:
    """Every part in every month, the sums of both views, the level price, the saving and the break-even."""
    found = evaluated(body)
    naive = {name: Naive(body, name) for name in body["options"]}
    for name, mine in naive.items():
        option = found.option(name)
        assert by_part(option, mine.horizon) == {part: near(paid) for part, paid in mine.paid.items() if any(paid)}
        assert list(option.cash[0]) == near(mine.cash)
        assert option.total[0] == near(sum(mine.cash))
        assert option.present[0] == near(mine.present())
        assert option.annuity[0] == near(mine.annuity())
        assert list(option.accounting) == near(mine.accounting())
        price = found.named(f"{name}.cost_per_request").amount.scalar
        assert price == near(mine.unit_cost())
    pair = found.pair("own", "other")
    saved = savings(naive["own"], naive["other"])
    assert list(pair.saved[0]) == near(saved)
    assert pair.months[0] == near(break_even(saved))


@settings(max_examples=30)
@given(studies(), st.sampled_from([0.3, 1.0, 6.0]))
def test_levels_are_the_same_study_at_another_demand(study_of: Any, shipped: Any, body: Body, factor: float) -> None:
    """Fleets that are sized are sized anew; what a fleet cannot carry has no price."""
    found = compute(study_of({**body, "levels": {"it": factor}}), shipped)
    for level in found.levels:
        mine = Naive(body, level.option, factor)
        assert level.annuity == near(mine.annuity())
        assert (math.nan if level.unit_cost is None else level.unit_cost) == near(mine.unit_cost())
