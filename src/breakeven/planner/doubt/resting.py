"""Terms of units and of devices, with the terms of what answers the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from breakeven.cost.assumptions import Assumptions
from breakeven.planner.candidate import Candidate
from breakeven.planner.doubt.placed import believed_speed, devices_of, units_of, whole_bill
from breakeven.planner.doubt.response import PROPORTIONAL, Response
from breakeven.planner.doubt.terms import Terms, lines_of, of_part, term_months, terms
from breakeven.planner.question import Question, part_of
from breakeven.schema.noun import Noun
from breakeven.schema.plan import Option
from breakeven.schema.workload import Trace

Pair = tuple[Option, Candidate]


class Around(Noun, frozen=True, kw_only=True):
    """What terms need beside an option: the demand, the assumptions, and of whoever answers the rest its speed."""

    question: Question
    trace: Trace | None
    assumed: Assumptions
    responses: Mapping[str, Response]
    keys: Mapping[str, str]
    tdp_w: Mapping[str, float | None]


def rests_of(pairs: Sequence[Pair]) -> list[Pair]:
    """Whoever answers the rest of an option, with its candidate."""
    return [(one.rest, other.rest) for one, other in pairs if one.rest is not None and other.rest is not None]


def with_rest(one: Terms, option: Option, candidate: Candidate, around: Around) -> Terms:
    """The terms with its units or devices, its speed, and who answers the rest; others are as they were."""
    if not candidate.placed:
        return one
    question = around.question
    units = units_of(option, candidate, question)
    devices = devices_of(option, candidate, question, around.trace, around.assumed.electricity_us_commercial)
    reached = None if candidate.measured is None else candidate.measured.goodput_share.value
    return msgspec.structs.replace(
        one,
        lines=(),
        share=1.0 if reached is None else reached,
        units=units,
        devices=devices,
        speed=believed_speed(candidate),
        rest=_overflow(candidate, around) if units is not None else _fallback(option, candidate, around),
    )


def _overflow(candidate: Candidate, around: Around) -> Terms | None:
    """An API that answers what overflows, as if it answered everything."""
    rest = candidate.rest
    if rest is None or rest.offer is None:
        return None
    bill = whole_bill(rest, around.question, around.assumed)
    reached = None if rest.measured is None else rest.measured.goodput_share.value
    return Terms(
        name=rest.name,
        offer=rest.offer,
        monthly_usd=bill.total_usd or 0.0,
        lines=lines_of(rest.offer, bill),
        share=1.0 if reached is None else reached,
        attainment=around.question.objective.attainment,
        accelerators=1,
        spare=0,
        tdp_w=0.0,
        term_months=term_months(rest.offer.term),
        capacity=None,
        quality="",
    )


def _fallback(option: Option, candidate: Candidate, around: Around) -> Terms | None:
    """What answers the part that devices do not, sized for it."""
    if option.rest is None or candidate.rest is None or candidate.offer is None or candidate.offer.device is None:
        return None
    part, name = 1.0 - candidate.offer.device.share, option.rest.name
    found = terms(
        option.rest,
        candidate.rest,
        part_of(around.question, part),
        response=around.responses.get(name, PROPORTIONAL),
        tdp_w=around.tdp_w.get(name),
        speed=around.keys[name],
    )
    return None if found is None else of_part(found, part)
