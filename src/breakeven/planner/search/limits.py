"""Constraints that need no speed: who answers for an offer, quality, lead time, withdrawal of spot, commitments."""

from __future__ import annotations

import re

import msgspec

from breakeven.planner.binding import OWN, before_weighing
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope
from breakeven.schema.model import Model
from breakeven.schema.objective import Objective
from breakeven.schema.offer import Offer

RESERVED = re.compile(r"reserved_(\d+)([ym])")
"""Terms of a commitment, in years or months."""
EIGHT_BITS = frozenset({"fp16", "bf16", "fp8", "int8", "q8_0"})
PUBLISHED = {"fp8": "fp8", "mxfp4": "fp4", "nvfp4": "fp4", "int4": "int4"}
"""Format of published weights to the precision that keeps them as they are."""


def published(model: Model) -> str:
    """The precision in which the model's weights were published."""
    return PUBLISHED.get(model.weight_format, "fp16")


def stated(one: Candidate, model: Model | None, scope: Scope, objective: Objective) -> str:
    """The first constraint that excludes a candidate whatever its speed; its own binding comes last."""
    offer = one.offer
    return (
        before_weighing(msgspec.structs.replace(one, binding=""), objective, speed=False)
        or (nobody_answers(offer) if offer is not None else "")
        or (quality(model, one.deployment.precision, scope, objective) if model is not None else "")
        or (_api_quality(one, scope, objective.quality_floor) if model is None else "")
        or lead_time(one, scope, objective)
        or (withdrawn(offer, objective) if offer is not None else "")
        or (committed(offer, objective) if offer is not None and not one.fixed else "")
        or one.binding
    )


def nobody_answers(offer: Offer) -> str:
    """Listings that are no machine one can count on."""
    if offer.basis == "market":
        return f"provider: {offer.id} lists private hosts, for which nobody answers"
    if offer.id.startswith("card-"):
        return f"provider: {offer.id} is a bare card, and a server around it has no price"
    return ""


def as_published(model: Model, precision: str) -> bool:
    """Whether a precision keeps the weights as they were published."""
    own = published(model)
    return precision == own or {precision, own} <= {"fp16", "bf16"}


def known_quality(model: Model, precision: str, scope: Scope) -> float | None:
    """The score stated for the model in that precision; one for the model alone is of its published weights."""
    alone = scope.qualities.get(model.id) if as_published(model, precision) else None
    return scope.qualities.get(f"{model.id}/{precision}", alone)


def quality(model: Model, precision: str, scope: Scope, objective: Objective) -> str:
    """A floor needs a measured quality; without one, fewer than eight bits need one unless published so."""
    same = as_published(model, precision)
    known = known_quality(model, precision, scope)
    floor = objective.quality_floor
    what = f"{model.id} in {precision}"
    if known is not None:
        return "" if floor is None or known >= floor else f"quality floor: {known:g} of {what} < {floor:g}"
    if floor is not None:
        return f"quality unmeasured: no quality of {what} is stated, the floor is {floor:g}"
    if same or precision in EIGHT_BITS or precision in scope.precisions:
        return ""
    return f"quality unmeasured: no quality of {what} is stated, and 4 bits < 8 bits lose some"


def lead_time(candidate: Candidate, scope: Scope, objective: Objective) -> str:
    """What is bought takes as long as stated, and is not known to be there in time otherwise."""
    limit = objective.lead_time_days
    if limit is None:
        return ""
    placement, accelerator = candidate.deployment.placement, candidate.deployment.accelerator
    days = scope.lead_days.get(placement, None if placement in OWN else 0.0)
    if placement in OWN:
        days = scope.lead_days.get(accelerator, days)
    if days is None:
        return f"lead time: unknown for {f'{accelerator} {placement}'.strip()}, it must serve in {limit:g} days"
    return f"lead time: {days:g} days > {limit:g} days" if days > limit else ""


def withdrawn(offer: Offer, objective: Objective) -> str:
    """Spot is for what may wait, or for a stated availability that spares can keep."""
    if offer.term != "spot" or objective.tier == "opportunistic":
        return ""
    if objective.tier == "critical":
        return f"availability: {offer.id} may be withdrawn, and {objective.use_case} is critical"
    if objective.availability is None:
        return f"availability: {offer.id} may be withdrawn, and no availability is stated that spares could keep"
    return ""


def committed(offer: Offer, objective: Objective) -> str:
    """What is committed to for longer than the plan looks ahead is paid for when nobody plans to need it."""
    found, limit = RESERVED.fullmatch(offer.term), objective.horizon_months
    months = 0 if found is None else int(found[1]) * (12 if found[2] == "y" else 1)
    return f"commitment: {months} months of {offer.id} > the horizon of {limit} months" if months > limit else ""


def _api_quality(one: Candidate, scope: Scope, floor: float | None) -> str:
    known = scope.qualities.get(one.deployment.model)
    if floor is None or (known is not None and known >= floor):
        return ""
    if known is None:
        return f"quality unmeasured: no quality of {one.deployment.model} is stated, the floor is {floor:g}"
    return f"quality floor: {known:g} of {one.deployment.model} < {floor:g}"
