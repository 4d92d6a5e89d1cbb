"""Every way to serve a classic model: the offers of the catalog on whose hardware its batch curve was measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec

from breakeven.catalog.find import Catalog
from breakeven.errors import InfeasibleError
from breakeven.perf.classic import BatchCurve, choose
from breakeven.planner.binding import UNMEASURED, constraint
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope
from breakeven.planner.evaluate import MOST_REPLICAS
from breakeven.planner.question import Question
from breakeven.planner.search import limits
from breakeven.planner.search.space import PLACES, fallback_of, survives
from breakeven.schema.deployment import Deployment
from breakeven.schema.noun import Placement
from breakeven.schema.offer import Offer, OfferKind
from breakeven.schema.plan import Plan
from breakeven.schema.workload import Trace

CPU = "cpu"
"""What a curve of one thread is called that stands for a vCPU."""
WHERE: dict[OfferKind, tuple[Placement, ...]] = {**PLACES, "cpu_hour": ("cpu",)}


def candidates(catalog: Catalog, question: Question, scope: Scope, trace: Trace) -> tuple[Candidate, ...]:
    """All of them by name. A replica is one accelerator, or one vCPU; its batch and delay are the best in the budget.

    What no curve is stated for is unmeasured, and what cannot answer one request in the budget is excluded by it.
    """
    formed = {name: _formed(curve, question, trace) for name, curve in sorted(scope.batches.items())}
    offers = [offer for kind in WHERE for offer in catalog.offers(on=scope.as_of, kind=kind)]
    wanted = [offer for offer in offers if not scope.accelerators or offer.accelerator in scope.accelerators]
    found = [one for offer in wanted for one in _of_offer(offer, offers, formed, question, scope)]
    return tuple(sorted(found, key=lambda one: one.name))


def unmeasured(plan: Plan) -> str:
    """What measuring on other hardware could change: which offers cost less than the choice if one replica carried all.

    "" where nothing is unmeasured. Spares are counted as of one replica.
    """
    left = [one for one in plan.rejected if one.binding == constraint(UNMEASURED)]
    chosen = next(one for one in plan.options if one.name == plan.chosen).cost_per_useful_prediction_usd or 0.0
    known = sorted((one.least_usd, one.option) for one in left if one.least_usd is not None)
    if not known:
        return ""
    cheaper = [name for least, name in known if least < chosen]
    if cheaper:
        what = f"of {len(left)} unmeasured offers {len(cheaper)} cost less than {plan.chosen} if a replica carried all"
        return f"Measuring may change it: {what}, first {', '.join(cheaper[:3])}."
    least, name = known[0]
    return (
        f"Measuring elsewhere cannot change it at this load: of {len(left)} unmeasured offers the cheapest, {name}, "
        f"costs {least / chosen:.2g} times as much even if one replica carried all."
    )


def hardware_of(offer: Offer) -> str:
    """What a curve is measured on for this offer: its accelerator, or a CPU."""
    return CPU if offer.kind == "cpu_hour" else offer.accelerator


def _formed(curve: BatchCurve, question: Question, trace: Trace) -> BatchCurve | str:
    """The curve with its best batch and delay, for as many replicas as share the load; in words why there is none."""
    each = max(size / seconds for size, seconds in curve.points if seconds > 0)
    replicas = min(MOST_REPLICAS, math.ceil(question.sized_rps / each))
    try:
        return choose(question.workload, question.objective, curve, trace, replicas=replicas).curve
    except InfeasibleError as error:
        return f"e2e p95: {error.message}"


def _of_offer(
    offer: Offer,
    offers: Sequence[Offer],
    formed: dict[str, BatchCurve | str],
    question: Question,
    scope: Scope,
) -> Iterator[Candidate]:
    found = formed.get(offer.id, formed.get(hardware_of(offer), UNMEASURED))
    spot = offer.term == "spot"
    for placement in WHERE[offer.kind]:
        one = Candidate(
            name=f"{offer.id}-colo" if placement == "colocated" else offer.id,
            deployment=_deployment(offer, placement, scope),
            offer=offer,
            batches=None if isinstance(found, str) else found,
            binding=found if isinstance(found, str) else "",
            survival=survives(scope) if spot else None,
            fallback=fallback_of(offer, offers) if spot else None,
        )
        yield _named(one, limits.stated(one, None, scope, question.objective))


def _deployment(offer: Offer, placement: Placement, scope: Scope) -> Deployment:
    return Deployment(
        id="",
        model=scope.models[0],
        placement=placement,
        offer=offer.id,
        accelerator=offer.accelerator,
        accelerators=1 if offer.accelerator else 0,
        engine=scope.engines[0] if scope.engines else "",
        precision=scope.precision,
    )


def _named(one: Candidate, binding: str) -> Candidate:
    """Complete: its batch, and the first constraint that excludes it."""
    batch = {} if one.batches is None else {"max_batch": one.batches.max_batch, "max_delay_s": one.batches.max_delay_s}
    deployment = msgspec.structs.replace(one.deployment, id=one.name, **batch)
    return msgspec.structs.replace(one, deployment=deployment, binding=binding)
