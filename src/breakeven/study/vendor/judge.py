"""One proposal on the workload: costed, timed, tracked, flagged and questioned, but not ranked yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from breakeven.catalog.find import Catalog
from breakeven.config.problem import suggest
from breakeven.config.study.proposal import Proposal, WorkloadFile
from breakeven.errors import StudyError
from breakeven.schema.comparison import Assessed, LevelCost, Standing
from breakeven.schema.fact import Fact
from breakeven.schema.noun import Figure
from breakeven.study.evaluate import Evaluated
from breakeven.study.vendor import currency, limit
from breakeven.study.vendor.case import Asked, placed, sourced
from breakeven.study.vendor.cost import (
    Loads,
    always_on,
    cost,
    held,
    loads_of,
    missing,
    month,
    parts,
    per_1000,
    requests,
    without_minimum,
    without_unclear_licences,
)
from breakeven.study.vendor.cross import Runner
from breakeven.study.vendor.fact import facts_of
from breakeven.study.vendor.flag import Seen, flags, misplaced
from breakeven.study.vendor.latency import Speed
from breakeven.study.vendor.leave import in_months, leaving, most_credit
from breakeven.study.vendor.level import budget_s, level, scenarios, worth
from breakeven.study.vendor.question import questions
from breakeven.study.vendor.track import points, score

UNRANKED = Standing(place=None, score=0.0, shares={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A proposal assessed, with what the ranking and the crossings need; `comparable` where its cost may be ranked."""

    assessed: Assessed
    runner: Runner
    requests: float
    facts: dict[str, Fact]
    warnings: tuple[str, ...]
    excluded: tuple[str, ...]
    comparable: bool


def judged(proposal: Proposal, workload: WorkloadFile, catalog: Catalog) -> Found:
    """One proposal.

    Raises:
        StudyError: something cannot be computed.
    """
    _fitting(proposal, workload)
    with placed(proposal):
        stated = Asked(proposal=proposal, workload=sourced(workload), catalog=catalog, option=proposal.option)
        _meant(stated)
        asked, licences = without_unclear_licences(stated)
        loads = loads_of(asked)
        return _judged(asked, loads, asked.evaluated(month(asked, loads)), licences)


def _fitting(proposal: Proposal, workload: WorkloadFile) -> None:
    """The proposal speaks of levels the workload has, and serves all of it."""
    where = ("proposals", proposal.id)
    for name in proposal.latency:
        if name not in workload.levels:
            known = list(workload.levels)
            message = f"{proposal.id}: `latency` has the level `{name}`, and the workload has {', '.join(known)}"
            raise StudyError(message, suggest(name, known), path=(*where, "latency", name))
    if proposal.option.share is not None:
        message = f"{proposal.id}: `option.share` is {proposal.option.share.value}, and proposals are compared on all"
        raise StudyError(message, "remove `share:`; compare on a smaller `demand:` instead", path=(*where, "option"))


def _meant(asked: Asked) -> None:
    """All that both files state can be meant."""
    scope = asked.demanded(1.0).scope
    limit.check(scope, asked.workload, limit.WORKLOAD, "workload")
    limit.check(scope, asked.proposal, limit.PROPOSAL)
    currency.check(asked, scope)


def _judged(asked: Asked, loads: Loads, found: Evaluated, licences: tuple[str, ...]) -> Found:
    speed, lacking = Speed(asked, found), missing(asked, found)
    fixed = held(asked, found)
    levels = tuple(level(fixed, speed, loads, name, lacking) for name in asked.workload.levels)
    whole, kept = cost(asked, found), _kept(asked, levels)
    leave, credit = leaving(asked, found), most_credit(asked, found, parts(asked, found))
    seen = Seen(
        asked=asked,
        found=found,
        speed=speed,
        levels=levels,
        month=whole,
        without_minimum=_without(asked, loads),
        exit=leave,
        exit_months=in_months(leave, whole),
        credit=credit,
        licences=licences,
        budget_s=budget_s(asked, found),
    )
    assessed = _assessed(seen, loads, lacking, kept)
    facts = found.scope.facts | fixed.evaluated(month(fixed, loads)).scope.facts
    unknown = f"its cost is not whole: {'; '.join(lacking)}" if lacking else ""
    return Found(
        assessed=assessed,
        runner=Runner(asked=asked, loads=loads, unknown=unknown),
        requests=requests(found),
        facts=facts_of(facts.values(), asked.proposal.id, asked.workload),
        warnings=tuple(f"{asked.proposal.id}: {text}" for text in found.scope.warnings),
        excluded=misplaced(asked),
        comparable=not lacking and not kept,
    )


def _assessed(seen: Seen, loads: Loads, lacking: tuple[str, ...], kept: str) -> Assessed:
    asked, found, proposal = seen.asked, seen.found, seen.asked.proposal
    steady, burst = _split(asked, loads, seen.month)
    rubric = points(proposal.tracking)
    useful, _ = worth(asked, found, within=None, reason=kept or "; ".join(lacking))
    return Assessed(
        id=proposal.id,
        vendor=proposal.vendor,
        title=proposal.title,
        source=proposal.source,
        date=proposal.date or "",
        cost=seen.month,
        per_1000=per_1000(asked, found),
        per_1000_useful=useful,
        parts=parts(asked, found),
        always_on=steady,
        burst=burst,
        levels=seen.levels,
        scenarios=scenarios(asked, loads, found),
        spread=seen.speed.worst_spread(),
        tracking=score(rubric),
        points=rubric,
        exit=seen.exit,
        exit_months=seen.exit_months,
        credit_most=seen.credit,
        flags=flags(seen),
        questions=questions(asked, found, seen.licences),
        standing=UNRANKED,
        missing=lacking,
    )


def _kept(asked: Asked, levels: tuple[LevelCost, ...]) -> str:
    """Why the proposal has no price per useful prediction of the month; empty where every level is in order."""
    return "; ".join(_reasons(asked, levels))


def _reasons(asked: Asked, levels: tuple[LevelCost, ...]) -> Iterator[str]:
    for one in levels:
        if one.within is False or (one.within is None and asked.workload.latency is not None):
            yield one.per_1000_useful.note or one.latency.note


def _without(asked: Asked, loads: Loads) -> Figure | None:
    """The month without minimums; None where there are none."""
    free = without_minimum(asked)
    return None if free is None else cost(free, free.evaluated(month(free, loads)))


def _split(asked: Asked, loads: Loads, whole: Figure) -> tuple[Figure, Figure]:
    """The month's cost as what the always-on part alone would cost, and what bursts add to that."""
    try:
        steady = cost(asked, asked.evaluated(always_on(asked, loads)))
    except StudyError as error:
        none = Figure(value=None, unit=whole.unit, note=error.message)
        return none, none
    added = (whole.value or 0.0) - (steady.value or 0.0)
    burst = Figure(value=added, unit=whole.unit, basis=whole.basis, how="month - always on", facts=whole.facts)
    return steady, burst
