"""Proposals assessed on one workload, and ranked."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from breakeven.catalog.find import Catalog
from breakeven.config.study.proposal import Proposal, WorkloadFile
from breakeven.errors import StudyError
from breakeven.schema.comparison import Comparison, Load
from breakeven.study.vendor.cost import Loads
from breakeven.study.vendor.cross import SCALES, crossings
from breakeven.study.vendor.judge import Found, judged
from breakeven.study.vendor.rank import Entry, standings


def assess(proposals: Sequence[Proposal], workload: WorkloadFile, catalog: Catalog) -> Comparison:
    """All proposals on the same workload, in the order of their places.

    Raises:
        StudyError: two have the same id, or something cannot be computed. Its path begins with `workload`, or with
            `proposals` and the id, and goes on as in that file.
    """
    _named_once(proposals)
    found = [judged(proposal, workload, catalog) for proposal in sorted(proposals, key=lambda one: one.id)]
    ranked = standings([_entry(one) for one in found], _weights(workload))
    by_id = {one.assessed.id: one for one in found}
    placed_ = tuple(msgspec.structs.replace(by_id[key].assessed, standing=standing) for key, standing in ranked.items())
    facts = {key: fact for one in found for key, fact in one.facts.items()}
    count = found[0].requests
    return Comparison(
        workload=workload.id,
        title=workload.title,
        source=workload.source,
        as_of=workload.as_of,
        currency=workload.currency,
        budget=""
        if workload.latency is None
        else f"{workload.latency.percentile} within {workload.latency.limit.value}",
        requests=count,
        loads=_loads(workload, found[0]),
        weights=_weights(workload),
        conventions=_conventions(workload, found[0].runner.loads),
        proposals=placed_,
        crossings=crossings([one.runner for one in found], count),
        searched=(float(SCALES[0]) * count, float(SCALES[-1]) * count),
        facts=tuple(facts[key] for key in sorted(facts)),
        warnings=tuple(dict.fromkeys(text for one in found for text in one.warnings)),
    )


def _named_once(proposals: Sequence[Proposal]) -> None:
    if not proposals:
        message = "there are 0 proposals to compare"
        raise StudyError(message, "name at least one proposal file", path=("proposals",))
    seen: dict[str, Proposal] = {}
    for one in proposals:
        if one.id in seen:
            message = f"two proposals have the id `{one.id}`: {seen[one.id].vendor} and {one.vendor}"
            raise StudyError(message, "give one of them another `id:`", path=("proposals", one.id, "id"))
        seen[one.id] = one


def _weights(workload: WorkloadFile) -> dict[str, float]:
    stated = workload.weights
    return {"cost": stated.cost, "latency": stated.latency, "tracking": stated.tracking}


def _loads(workload: WorkloadFile, one: Found) -> tuple[Load, ...]:
    base = one.requests / one.runner.loads.mean
    return tuple(
        Load(name=name, multiple=level.multiple, hours=level.hours, requests=base * level.multiple)
        for name, level in workload.levels.items()
    )


def _conventions(workload: WorkloadFile, loads: Loads) -> tuple[tuple[str, str], ...]:
    stated, budget = workload.conventions, workload.latency
    rate = "none" if stated.discount_rate is None else str(stated.discount_rate.value or stated.discount_rate.fact)
    return (
        ("hours per month", "not stated" if stated.hours_per_month is None else f"{stated.hours_per_month:g}"),
        ("horizon", f"{stated.horizon_months} months"),
        ("discount rate", rate),
        ("mean demand", f"{loads.mean:g} x the stated one"),
        ("capacity", f"held for {loads.top:g} x the stated demand, unless it scales in a stated time"),
        ("always on", "the lowest level" if workload.always_on is None else f"{workload.always_on:g} of the mean"),
        (
            "latency budget",
            "none" if budget is None else f"{budget.percentile} within {budget.limit.value}, end to end",
        ),
    )


def _entry(one: Found) -> Entry:
    """What is ranked: cost counts only where it is whole and the budget is kept at every level."""
    found = one.assessed
    bad = sum(flag.tone == "bad" for flag in found.flags)
    return Entry(
        id=found.id,
        values={
            "cost": found.per_1000.value if one.comparable else None,
            "latency": found.spread.value,
            "tracking": found.tracking.value,
        },
        faults=(bad, len(found.flags)),
        excluded=one.excluded,
    )
