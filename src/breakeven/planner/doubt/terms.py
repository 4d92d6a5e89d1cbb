"""What an option's cost and capacity depend on, as planned: its offer, its machines, its replicas and their speed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import msgspec

from breakeven.planner.candidate import Candidate
from breakeven.planner.doubt.placed import Devices, Speed, Units
from breakeven.planner.doubt.response import PROPORTIONAL, Response
from breakeven.planner.question import Question
from breakeven.schema.bill import Bill
from breakeven.schema.noun import Noun
from breakeven.schema.offer import Offer
from breakeven.schema.performance import StepCurve
from breakeven.schema.plan import Option

MONTHS_OF_TERM = re.compile(r"reserved_(\d+)(y|m)")
LINE_PRICE = {
    "input_tokens": "input_usd_per_mtok",
    "cached_input_tokens": "cached_input_usd_per_mtok",
    "output_tokens": "output_usd_per_mtok",
    "requests": "request_usd",
}
"""Lines of an API's bill, and the price each rests on."""


class Capacity(Noun, frozen=True, kw_only=True):
    """Replicas that serve (`planned`, without spares) and what one carries as predicted, in requests per second.

    `carries_rps` sizes: it is set so that the predicted demand and its margin need the planned number. `sustained_rps`
    is what one sustains at the attainment. `extra` replicas beyond those needed were planned where a machine has room
    for them anyway. A `fixed` number is not changed when demand or speed turn out otherwise.
    """

    planned: int
    extra: int
    carries_rps: float
    sustained_rps: float
    fixed: bool
    speed: str
    response: Response


class Terms(Noun, frozen=True, kw_only=True):
    """One option as the draws need it. `share` is the share of requests in target, as predicted.

    `term_months` are those of a commitment, 0 for none; `bought` capacity is committed for good. `rest` answers what
    `units` do not, as if it answered everything, or what `devices` do not, as sized for that.
    """

    name: str
    offer: Offer
    monthly_usd: float
    lines: tuple[tuple[str, float], ...]
    share: float
    attainment: float
    accelerators: int
    spare: int
    tdp_w: float
    term_months: int
    capacity: Capacity | None
    quality: str
    units: Units | None = None
    devices: Devices | None = None
    speed: Speed | None = None
    rest: Terms | None = None

    @property
    def bought(self) -> bool:
        """Whether machines are bought."""
        return self.offer.kind == "server_purchase"

    @property
    def committed(self) -> bool:
        """Whether capacity is paid for whether it is needed or not."""
        return self.bought or self.term_months > 0


def terms(
    option: Option,
    candidate: Candidate,
    question: Question,
    *,
    response: Response = PROPORTIONAL,
    tdp_w: float | None = None,
    speed: str = "",
    quality: str = "",
) -> Terms | None:
    """The terms of a priced option; None for one without an offer or a total."""
    offer, total = candidate.offer, option.monthly_cost_usd
    if offer is None or total is None:
        return None
    known = option.performance
    reached = 1.0 if known is None else known.goodput_share.value
    return Terms(
        name=option.name,
        offer=offer,
        monthly_usd=total,
        lines=lines_of(offer, option.bill),
        share=1.0 if reached is None else reached,
        attainment=question.objective.attainment,
        accelerators=max(1, option.deployment.accelerators),
        spare=option.spare_replicas,
        tdp_w=tdp_w or 0.0,
        term_months=term_months(offer.term),
        capacity=_capacity(option, candidate, question, response, speed),
        quality=quality,
    )


def lines_of(offer: Offer, bill: Bill) -> tuple[tuple[str, float], ...]:
    """The amount of each line of an API's bill with the price that it rests on."""
    return tuple((_price_of(offer, line.name), line.amount_usd) for line in bill.lines)


def of_part(part: Terms, share: float) -> Terms:
    """Terms of what serves a share of the demand, so that it is sized by all of it: its rates are by the share."""
    held = part.capacity
    if held is None:
        return part
    rates = {name: getattr(held, name) / share for name in ("carries_rps", "sustained_rps")}
    return msgspec.structs.replace(part, capacity=msgspec.structs.replace(held, **rates))


def _price_of(offer: Offer, line: str) -> str:
    """The offer's field that a line of an API's bill rests on; "" where it states no such price above 0."""
    field = LINE_PRICE.get(line, "")
    if field == "cached_input_usd_per_mtok" and offer.cached_input_usd_per_mtok is None:
        field = "input_usd_per_mtok"
    return field if field and getattr(offer, field) else ""


def term_months(term: str) -> int:
    """Months that a price is agreed for: `reserved_3y` is 36, what is not reserved 0."""
    found = MONTHS_OF_TERM.fullmatch(term)
    return int(found[1]) * (12 if found[2] == "y" else 1) if found else 0


def speed_keys(options: Iterable[tuple[Option, Candidate]]) -> dict[str, str]:
    """The key of each option's speed; what has the same curve has the same speed, and errs with it.

    Prefill and decode apart errs by itself: less is known of it.
    """
    by_curve: dict[tuple[StepCurve, bool], str] = {}
    found: dict[str, str] = {}
    for option, candidate in options:
        key = f"speed/{_in_words(option)}"
        if candidate.curve is not None:
            same = candidate.curve, candidate.serving.split is not None
            taken = key in by_curve.values() and same not in by_curve
            key = by_curve.setdefault(same, f"{key} ({option.name})" if taken else key)
        found[option.name] = key
    return found


def _in_words(option: Option) -> str:
    at = option.deployment
    if not at.accelerator:
        return option.name
    engine = f" with {at.engine}" if at.engine else ""
    apart = "" if at.instances == 1 else f", {at.instances} instances with prefill and decode apart"
    return f"{at.model} in {at.precision} on {max(1, at.accelerators)} x {at.accelerator}{engine}{apart}"


def _capacity(
    option: Option, candidate: Candidate, question: Question, response: Response, key: str
) -> Capacity | None:
    """None where answers are sold, or where nobody knows what a replica sustains."""
    speed = option.performance
    sustained = None if speed is None else speed.max_goodput_rps.value
    if candidate.per_request or candidate.placed or not sustained:
        return None
    sized, planned = question.sized_rps, option.deployment.replicas - option.spare_replicas
    needed = max(1, math.ceil(sized / sustained - 1e-9))
    free = needed < planned and _machines(option, candidate, needed) == _machines(option, candidate, planned)
    carries = sustained if needed == planned or free else sized / max(planned - 0.5, 0.5)
    return Capacity(
        planned=planned,
        extra=planned - needed if free and not candidate.fixed else 0,
        carries_rps=carries,
        sustained_rps=max(sustained, question.workload.rate_mean_rps / planned),
        fixed=candidate.fixed,
        speed=key,
        response=response,
    )


def _machines(option: Option, candidate: Candidate, replicas: int) -> int:
    per = 1 if candidate.offer is None else candidate.offer.count
    return -(-replicas * max(1, option.deployment.accelerators) // per)
