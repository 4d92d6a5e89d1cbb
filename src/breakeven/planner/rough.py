"""Rough costs at three scenarios, in closed form: what `estimate` compares.

A replica's capacity is its saturated rate, times the share of it that latency targets usually leave, against the peak
of a demand of which only the mean is known. A scenario of low, base or high cost takes all of these, the operating
assumptions and the performance model's own error at once.
"""

from __future__ import annotations

import math

import msgspec

from breakeven.catalog.find import Catalog
from breakeven.cost.assumptions import Assumptions, Scenario
from breakeven.cost.case import Case, Demand, Fleet, Site
from breakeven.cost.tco import monthly_bill
from breakeven.perf.effects import errors
from breakeven.perf.prior import PRIOR
from breakeven.perf.steady import replica_rps
from breakeven.planner.asked import api_offers, question_of
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope, candidates, of_api
from breakeven.quantity import SECONDS_PER_MONTH
from breakeven.schema.bill import Bill
from breakeven.schema.estimate import Ask, Choice, ChoiceKind
from breakeven.schema.noun import Figure, Noun, Placement

SCENARIOS: tuple[Scenario, ...] = ("low", "base", "high")

PEAK_TO_MEAN: dict[Scenario, float] = {"low": 1.5, "base": 3.0, "high": 4.8}
"""Peak over mean rate. High: 20 % of a day's requests in one hour, as in NVIDIA's published example. Assumed."""

USABLE: dict[Scenario, float] = {"low": 0.85, "base": 0.65, "high": 0.45}
"""Share of the saturated rate that stays inside usual TTFT and TPOT targets. Assumed; a plan simulates it."""

PLACES: dict[ChoiceKind, Placement] = {"rent": "cloud", "own": "on_prem", "api": "api"}


class Machine(Noun, frozen=True, kw_only=True):
    """The month of one machine per scenario, and the requests that it carries in it."""

    month: dict[Scenario, Bill]
    carries: dict[Scenario, float]


class Part(Noun, frozen=True, kw_only=True):
    """A choice with what the crossings need: its month per scenario, and every machine that could be had instead."""

    choice: Choice
    month: dict[Scenario, Bill] = {}
    machines: tuple[Machine, ...] = ()


class Rough(Noun, frozen=True, kw_only=True):
    """Catalog, question and the assumptions of the three scenarios."""

    catalog: Catalog
    ask: Ask
    assumed: dict[Scenario, Assumptions]

    def api(self) -> Part:
        """The cheapest offer of the API asked for."""
        found = [of_api(offer) for offer in api_offers(self.catalog, self.ask)]
        if not found:
            return nothing("api", f"no API of the catalog sells {self.ask.against} on {self.ask.as_of}")
        best = min(found, key=lambda one: (total(self.bill(one, 1, "base")), one.name))
        month = dict.fromkeys(SCENARIOS, self.bill(best, 1, "base"))
        return Part(choice=self._choice("api", best, month), month=month)

    def capacity(self, kind: ChoiceKind) -> Part:
        """The cheapest rented or owned deployment at base cost."""
        found = [one for one in self._capable() if one.deployment.placement == PLACES[kind] and one.curve is not None]
        if not found:
            return nothing(kind, f"the catalog has no sheet of {self.ask.model}, or no offer to {kind} that holds it")
        best = min(found, key=lambda one: (total(self._month(one, "base")), one.name))
        month = {scenario: self._month(best, scenario) for scenario in SCENARIOS}
        return Part(
            choice=self._choice(kind, best, month),
            month=month,
            machines=tuple(self._machine(one) for one in found),
        )

    def _capable(self) -> tuple[Candidate, ...]:
        if self.ask.model not in self.catalog.model_heads:
            return ()
        scope = Scope(models=(self.ask.model,), as_of=self.ask.as_of, apis=0)
        return candidates(self.catalog, question_of(self.ask, PEAK_TO_MEAN["base"]), scope)

    def _choice(self, kind: ChoiceKind, one: Candidate, month: dict[Scenario, Bill]) -> Choice:
        low, base, high = (month[scenario].total_usd for scenario in SCENARIOS)
        bill, thousands = month["base"], self.ask.requests_per_month / 1000
        facts = tuple(dict.fromkeys((*(key for line in bill.lines for key in line.facts), *one.facts)))
        monthly = Figure(
            value=base,
            unit="USD",
            basis="derived",
            low=low,
            high=high,
            how="sum of the bill's lines at base, low and high cost",
            facts=facts,
            note=f"unpriced: {', '.join(bill.unpriced)}" if bill.unpriced else "",
        )
        replicas = None if one.per_request else self.replicas(one, "base")
        accelerator = one.deployment.accelerator
        each = divided(monthly, thousands)
        return Choice(
            kind=kind,
            name=one.name,
            monthly_usd=monthly,
            per_1000_usd=each,
            accelerator=accelerator,
            replicas=replicas,
            bill=bill,
        )

    def replicas(self, one: Candidate, scenario: Scenario) -> int:
        """ceil(mean rate x peak / (saturated rate x usable share))."""
        return max(1, math.ceil(self.ask.rate_rps * PEAK_TO_MEAN[scenario] / self._rate(one, scenario)))

    def _rate(self, one: Candidate, scenario: Scenario) -> float:
        """Requests per second one replica answers in time; faster than predicted at low cost, slower at high."""
        if one.curve is None:
            return math.inf
        error = errors(PRIOR).throughput
        off = {"low": error.log_high, "base": 0.0, "high": error.log_low}[scenario]
        saturated = replica_rps(one.curve, prompt=self.ask.input_tokens, output=self.ask.output_tokens)
        return saturated * math.exp(off) * USABLE[scenario]

    def _machine(self, one: Candidate) -> Machine:
        return Machine(
            month={scenario: self.bill(one, 1, scenario) for scenario in SCENARIOS},
            carries={scenario: self._carried(one, scenario) for scenario in SCENARIOS},
        )

    def _carried(self, one: Candidate, scenario: Scenario) -> float:
        """Requests a month that one machine carries at the assumed peak."""
        count = one.offer.count if one.offer is not None else 1
        fits = max(1, count // max(1, one.deployment.accelerators))
        return fits * self._rate(one, scenario) / PEAK_TO_MEAN[scenario] * SECONDS_PER_MONTH

    def _month(self, one: Candidate, scenario: Scenario) -> Bill:
        return self.bill(one, self.replicas(one, scenario), scenario)

    def bill(self, one: Candidate, replicas: int, scenario: Scenario) -> Bill:
        """The month's bill of that many replicas."""
        if one.offer is None:
            return Bill(option=one.name, lines=(), unpriced=("no offer",))
        accelerator = one.deployment.accelerator
        tdp_w = self.catalog.accelerator(accelerator).tdp_w if accelerator else None
        case = Case(
            option=one.name,
            placement=one.deployment.placement,
            offer=one.offer,
            assumptions=self.assumed[scenario],
            demand=self._demand(),
            fleet=Fleet(replicas=replicas, accelerators=max(1, one.deployment.accelerators), tdp_w=tdp_w),
            site=Site(tdp_fact="" if tdp_w is None else f"accelerator/{accelerator}/tdp_w"),
        )
        return monthly_bill(case)

    def _demand(self) -> Demand:
        n = self.ask.requests_per_month
        return Demand(requests=n, input_tokens=n * self.ask.input_tokens, output_tokens=n * self.ask.output_tokens)


def nothing(kind: ChoiceKind, why: str) -> Part:
    """A choice that does not exist, with the reason."""
    unknown = Figure(value=None, unit="USD", note=why)
    return Part(choice=Choice(kind=kind, name="", monthly_usd=unknown, per_1000_usd=unknown))


def total(bill: Bill) -> float:
    """A bill's total for ranking; unpriced comes last."""
    return math.inf if bill.total_usd is None else bill.total_usd


def divided(figure: Figure, by: float) -> Figure:
    """A figure per something."""
    value, low, high = (None if part is None else part / by for part in (figure.value, figure.low, figure.high))
    return msgspec.structs.replace(figure, value=value, low=low, high=high)
