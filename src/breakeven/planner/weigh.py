"""The two questions about a candidate, answered by the performance model and the cost engine: how fast, how much."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from breakeven.catalog.cite import offer_facts
from breakeven.catalog.find import Catalog
from breakeven.cost.assumptions import Assumptions
from breakeven.cost.case import Case, Demand, Fleet, Site
from breakeven.cost.tco import monthly_bill
from breakeven.planner.candidate import Candidate
from breakeven.planner.question import Question
from breakeven.planner.speed import Speeds
from breakeven.schema.bill import Bill
from breakeven.schema.fact import Fact
from breakeven.schema.noun import Figure, Noun
from breakeven.schema.performance import Performance


class Scales(Noun, frozen=True, kw_only=True):
    """What candidates are weighed with: facts, assumptions, the question, and speeds on the trace of its demand."""

    catalog: Catalog
    assumptions: Assumptions
    question: Question
    speeds: Speeds

    def speed(self, candidate: Candidate, replicas: int) -> Performance:
        """What that many replicas deliver on the trace at the workload's rate.

        Raises:
            ValueError: the candidate has no curve.
        """
        curve = candidate.curve
        if curve is None:
            message = f"{candidate.name} has no step curve to predict with"
            raise ValueError(message)
        found = self.speeds.of(curve, self.question, replicas, candidate.deployment.id)
        return with_facts(found, candidate.facts)

    def bill(self, candidate: Candidate, replicas: int) -> Bill:
        """What that many replicas cost a month, spares added where the plan may size the deployment."""
        deployment, offer = candidate.deployment, candidate.offer
        if offer is None:
            return Bill(option=candidate.name, lines=(), unpriced=("no offer",))
        spare = 0 if candidate.fixed or candidate.per_request else self.question.objective.spare_replicas
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
        return monthly_bill(case)

    def _power(self, accelerator: str) -> tuple[float | None, str]:
        if not accelerator:
            return None, ""
        tdp = self.catalog.accelerator(accelerator).tdp_w
        return tdp, "" if tdp is None else f"accelerator/{accelerator}/tdp_w"

    def facts(self, keys: Sequence[str], candidates: Sequence[Candidate]) -> tuple[Fact, ...]:
        """The facts of keys; prices of a user's own offers come from the offers themselves."""
        own = {fact.key: fact for one in candidates if one.offer is not None for fact in offer_facts(one.offer)}
        return tuple(own[key] if key in own else self.catalog.fact(key) for key in keys)


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
