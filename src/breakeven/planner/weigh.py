"""The two questions about a candidate, answered by the performance model and the cost engine: how fast, how much."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from breakeven.catalog.cite import offer_facts
from breakeven.catalog.find import Catalog
from breakeven.cost.assumptions import Assumptions
from breakeven.cost.case import Case, Demand, Fleet, Site, price_key
from breakeven.cost.tco import monthly_bill
from breakeven.planner.binding import over_power
from breakeven.planner.candidate import Candidate
from breakeven.planner.question import Question, part_of
from breakeven.planner.sample import Samples
from breakeven.planner.speed import Speeds
from breakeven.planner.standby import lost, standby
from breakeven.quantity import HOURS_PER_MONTH
from breakeven.schema.bill import Bill, Line
from breakeven.schema.fact import Fact
from breakeven.schema.noun import Figure, Noun
from breakeven.schema.performance import Performance


class Scales(Noun, frozen=True, kw_only=True):
    """What candidates are weighed with: facts, assumptions, the question, and speeds on the trace of its demand.

    `powers` remembers what each accelerator draws: a search asks for thousands of bills. `samples` are other samples of
    the demand, which sizes are held to as well; None: the trace alone.
    """

    catalog: Catalog
    assumptions: Assumptions
    question: Question
    speeds: Speeds
    samples: Samples | None = None
    powers: dict[str, float | None] = msgspec.field(default_factory=dict)

    def speed(self, candidate: Candidate, replicas: int) -> Performance:
        """What that many replicas deliver on the trace at the workload's rate.

        Raises:
            ValueError: the candidate has no curve.
        """
        return with_facts(self.speeds.of(candidate, self.question, replicas), candidate.facts)

    def points(self, candidate: Candidate, replicas: int) -> Performance:
        """The same points, found in a third of the time: a search compares points, and intervals are of what it keeps.

        Raises:
            ValueError: the candidate has no curve.
        """
        return self.speeds.of(candidate, self.question, replicas, point_only=True)

    def bill(self, candidate: Candidate, replicas: int) -> Bill:
        """What that many replicas cost a month, spares added where the plan may size the deployment."""
        deployment, offer = candidate.deployment, candidate.offer
        if offer is None:
            return Bill(option=candidate.name, lines=(), unpriced=("no offer",))
        spare = standby(candidate, self.question.objective, replicas)
        tdp_w, tdp_fact = self._power(deployment.accelerator)
        fleet = Fleet(
            replicas=replicas, spare_replicas=spare, accelerators=max(1, deployment.accelerators), tdp_w=tdp_w
        )
        case = Case(
            option=candidate.name,
            placement=deployment.placement,
            offer=offer,
            assumptions=self.assumptions,
            demand=demand(self.question),
            fleet=fleet,
            site=Site(tdp_fact=tdp_fact),
        )
        bill = monthly_bill(case)
        return bill if candidate.survival is None else with_fallback(bill, candidate, replicas, spare)

    def power(self, candidate: Candidate, replicas: int) -> str:
        """The power limit that so many replicas break, with both values; "" where they do not."""
        tdp_w, _ = self._power(candidate.deployment.accelerator)
        return over_power(candidate, self.question.objective, replicas, tdp_w, self.assumptions.server_power_ratio)

    def _power(self, accelerator: str) -> tuple[float | None, str]:
        if not accelerator:
            return None, ""
        if accelerator not in self.powers:
            self.powers[accelerator] = self.catalog.accelerator(accelerator).tdp_w
        tdp = self.powers[accelerator]
        return tdp, "" if tdp is None else f"accelerator/{accelerator}/tdp_w"

    def facts(self, keys: Sequence[str], candidates: Sequence[Candidate]) -> tuple[Fact, ...]:
        """The facts of keys; prices of a user's own offers come from the offers themselves."""
        each = [one for first in candidates for one in (first, first.rest) if one is not None]
        own = {fact.key: fact for one in each if one.offer is not None for fact in offer_facts(one.offer)}
        return tuple(own[key] if key in own else self.catalog.fact(key) for key in keys)


def at_load(scales: Scales, factor: float) -> Scales:
    """The same scales for a multiple of the demand."""
    return msgspec.structs.replace(scales, question=part_of(scales.question, factor))


def with_fallback(bill: Bill, candidate: Candidate, serving: int, spare: int) -> Bill:
    """The bill with on-demand capacity for the hours in which too few spot replicas are left; unpriced without any.

    missing = E[max(0, lost - spare)] of `serving + spare` replicas, each rented by the hour.
    """
    offer = candidate.fallback
    missing = lost(serving + spare, spare, candidate.survival or 0.0)[1]
    if offer is None or offer.usd_per_hour is None:
        named = f"on-demand capacity of {candidate.deployment.accelerator} for when spot is withdrawn"
        return msgspec.structs.replace(bill, unpriced=(*bill.unpriced, named))
    each = offer.usd_per_hour * max(1, candidate.deployment.accelerators) / max(1, offer.count)
    formula = f"{missing:.4g} replicas missing x {each:g} USD/h x {HOURS_PER_MONTH:g} h of {offer.id}"
    amount = missing * each * HOURS_PER_MONTH
    key = price_key(offer, "usd_per_hour")
    line = Line(name="on_demand_fallback", amount_usd=amount, formula=formula, basis="assumed", facts=(key,))
    return msgspec.structs.replace(bill, lines=(*bill.lines, line))


def demand(question: Question) -> Demand:
    """A month of the workload at its mean rate."""
    load, requests = question.workload, question.monthly_predictions
    return Demand(
        requests=requests,
        input_tokens=requests * load.input_tokens_mean,
        cached_input_tokens=requests * load.input_tokens_mean * load.cached_share,
        output_tokens=requests * load.output_tokens_mean,
    )


def with_facts(performance: Performance, keys: tuple[str, ...]) -> Performance:
    """The performance with the keys on every figure that names none."""
    changed = {
        name: msgspec.structs.replace(figure, facts=keys)
        for name in performance.__struct_fields__
        if isinstance(figure := getattr(performance, name), Figure) and not figure.facts
    }
    return msgspec.structs.replace(performance, **changed)
