"""Judges a drill: from the records of its time, whether every promise of the failure policy was kept.

The rules stand here a second time on purpose: what the gateway did is held against the policy, not against its code.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from breakeven.audit.chain import disobeyed
from breakeven.metric.latency import percentile
from breakeven.quantity import format_seconds
from breakeven.schema.drilled import CaseDrilled, Drilled, DrillVerdict, Ending, Kept
from breakeven.schema.noun import Noun
from breakeven.schema.policy import Drill, UseCase
from breakeven.schema.record import Prediction

MARGIN_S = 0.02
"""What a request may take beyond its budget."""
SAVED_RETRIES = 10
"""Retries that a worker may have saved up for a use case before the drill, on top of a share of what it sends."""
SHOWN = 3
DEPARTED = frozenset({"cancelled"})
_SAID_NOTHING = frozenset({"answered", "cached"})
_FAILED = frozenset({"timeout", "error", "unreachable"})


class Evidence(Noun, frozen=True, kw_only=True):
    """What was seen: `records` of the drill's time and around it, duplicates included; `ended_s` is when it ended.

    `sent` requests of the drill's own; `answered` are the prediction ids that their answers named. `lost` sequence
    numbers were used up in its time and no record carries them.
    """

    drill: Drill
    ended_s: float
    use_cases: Mapping[str, UseCase]
    records: Sequence[Prediction]
    sent: int = 0
    answered: tuple[str, ...] = ()
    lost: int = 0
    interrupted: bool = False
    notes: tuple[str, ...] = ()


def judge(seen: Evidence) -> Drilled:
    """The report of a drill."""
    touched = _requests(one for one in seen.records if one.drill == seen.drill.id)
    cases = {one.use_case for one in touched}
    within = _requests(one for one in seen.records if one.use_case in cases and _meanwhile(one, seen))
    known = {one.request_id for one in touched}
    beside = [one for one in within if one.request_id not in known]
    promises = _promises(seen, touched, [*touched, *beside]) if touched else ()
    verdict, why = _verdict(touched, promises)
    return Drilled(
        drill=seen.drill,
        ended_s=seen.ended_s,
        verdict=verdict,
        why=why,
        touched=len(touched),
        beside=len(beside),
        beside_in_budget=sum(one.in_budget for one in beside),
        in_budget=sum(one.in_budget for one in touched),
        endings=_endings(touched),
        cases=tuple(_case(name, [one for one in touched if one.use_case == name]) for name in sorted(cases)),
        tries=sum(len(_tries(one)) for one in touched),
        retries=_kinds(touched)["retry"],
        hedges=_kinds(touched)["hedge"],
        fallbacks=_kinds(touched)["fallback"],
        amplification=_amplification([*touched, *beside]),
        sent=seen.sent,
        answers=len(seen.answered),
        interrupted=seen.interrupted,
        promises=promises,
        notes=seen.notes,
        **_money(seen),
    )


def _meanwhile(one: Prediction, seen: Evidence) -> bool:
    return seen.drill.from_s <= one.time_s < seen.ended_s


def _requests(records: Iterator[Prediction]) -> list[Prediction]:
    """One record for each request: several subjects make several records, a duplicate is told elsewhere."""
    first: dict[str, Prediction] = {}
    for one in records:
        first.setdefault(one.request_id, one)
    return list(first.values())


def _money(seen: Evidence) -> dict[str, int]:
    rows = {one.prediction_id: one for one in seen.records if one.drill == seen.drill.id}.values()
    costs = [one.cost_pico_usd for one in rows]
    return {
        "cost_pico_usd": sum(cost for cost in costs if cost is not None),
        "unpriced": sum(cost is None for cost in costs),
    }


def _verdict(touched: Sequence[Prediction], promises: Sequence[Kept]) -> tuple[DrillVerdict, str]:
    if not touched:
        return "not_enough_evidence", "no request was touched"
    broken = [one for one in promises if one.kept is False]
    if broken:
        return "broken", "; ".join(one.said for one in broken)
    return "held", ""


def _promises(seen: Evidence, touched: Sequence[Prediction], within: Sequence[Prediction]) -> tuple[Kept, ...]:
    return (
        _in_time(touched),
        _recorded(seen, touched),
        _chain(seen, touched),
        _bounded(seen, within),
    )


# The promises


def _in_time(touched: Sequence[Prediction]) -> Kept:
    bounded = [(one, overrun) for one in touched if (overrun := overrun_s(one)) is not None]
    if not bounded:
        return Kept(promise="in_time", kept=None, said=f"none of {len(touched)} requests has a latency budget")
    late = sorted(((one, over) for one, over in bounded if _late(one)), key=lambda pair: -pair[1])
    if late:
        worst, over = late[0]
        said = (
            f"{len(late)} of {len(bounded)} requests ended more than {format_seconds(MARGIN_S)} past their budget, "
            f"the worst {format_seconds(over)} past {format_seconds(worst.budget_s)}"
        )
        return Kept(promise="in_time", kept=False, said=said, breaches=_named(one for one, _ in late))
    said = f"all {len(bounded)} requests ended within their budget and {format_seconds(MARGIN_S)}"
    return Kept(promise="in_time", kept=True, said=said)


def _late(one: Prediction) -> bool:
    return one.budget_s is not None and one.total_s > one.budget_s + MARGIN_S


def _recorded(seen: Evidence, touched: Sequence[Prediction]) -> Kept:
    ids = Counter(one.prediction_id for one in seen.records)
    twice = sorted({one.prediction_id for one in touched if ids[one.prediction_id] > 1})
    missing = [name for name in seen.answered if not ids[name]]
    silent = [one.prediction_id for one in touched if not _explained(one)]
    faults = [
        (f"{len(twice)} requests have more than one record", twice),
        (f"{len(missing)} answers have no record", missing),
        (f"{len(silent)} records do not say why they ended so", silent),
        (f"{seen.lost} records are lost", [""] * seen.lost),
    ]
    found = [(said, names) for said, names in faults if names]
    if found:
        names = tuple(name for _, several in found for name in several if name)
        return Kept(promise="recorded", kept=False, said=", ".join(said for said, _ in found), breaches=names[:SHOWN])
    return Kept(promise="recorded", kept=True, said=f"each of {len(touched)} requests has one record, with its reason")


def _explained(one: Prediction) -> bool:
    if one.status not in _SAID_NOTHING and not one.reason:
        return False
    return all(attempt.reason for attempt in one.attempts if attempt.outcome in _FAILED)


def _chain(seen: Evidence, touched: Sequence[Prediction]) -> Kept:
    known = [one for one in touched if one.use_case in seen.use_cases]
    found = [(one, why) for one in known if (why := disobeyed(one, seen.use_cases[one.use_case]))]
    if found:
        said = f"{len(found)} of {len(known)} requests left the failure chain: {found[0][1]}"
        return Kept(promise="chain", kept=False, said=said, breaches=_named(one for one, _ in found))
    if not known:
        return Kept(promise="chain", kept=None, said="the policy no longer knows the use cases")
    return Kept(promise="chain", kept=True, said=f"all {len(known)} requests walked the failure chain as written")


def _bounded(seen: Evidence, within: Sequence[Prediction]) -> Kept:
    """Retries per first try, by use case: never more than its share, beyond what workers had saved up."""
    groups: dict[str, list[Prediction]] = defaultdict(list)
    for one in within:
        groups[one.use_case].append(one)
    over = [said for name in sorted(groups) if (said := _over(groups[name], seen.use_cases.get(name)))]
    if over:
        return Kept(promise="amplification", kept=False, said="; ".join(over))
    kinds = _kinds(within)
    if not kinds["primary"]:
        return Kept(promise="amplification", kept=None, said="no request was sent to a deployment")
    allowed = int(sum(_allowed(groups[name], seen.use_cases.get(name)) for name in groups))
    said = f"retries: {kinds['retry']} of {allowed} allowed, hedges: {kinds['hedge']}, first tries: {kinds['primary']}"
    return Kept(promise="amplification", kept=True, said=said)


def _over(requests: Sequence[Prediction], use_case: UseCase | None) -> str:
    kinds, allowed = _kinds(requests), _allowed(requests, use_case)
    if use_case is None or kinds["retry"] <= allowed:
        return ""
    return (
        f"{use_case.name} sent {kinds['retry']} retries for {kinds['primary']} requests, of {int(allowed)} allowed: "
        f"its share of them and {SAVED_RETRIES} that a worker may have saved up"
    )


def _allowed(requests: Sequence[Prediction], use_case: UseCase | None) -> float:
    """Retries that a use case's allowance grants its workers at most."""
    if use_case is None or use_case.retry is None:
        return 0.0
    workers = len({one.node for one in requests})
    return use_case.retry.ratio * _kinds(requests)["primary"] + SAVED_RETRIES * workers


# Figures


def overrun_s(one: Prediction) -> float | None:
    """Seconds past its budget, negative within it; None where it had none, or its client left."""
    return None if one.budget_s is None or one.status in DEPARTED else one.total_s - one.budget_s


def _tries(one: Prediction) -> list[str]:
    return [attempt.kind for attempt in one.attempts if attempt.deployment]


def _kinds(requests: Sequence[Prediction]) -> Counter[str]:
    return Counter(kind for one in requests for kind in _tries(one))


def _amplification(requests: Sequence[Prediction]) -> float | None:
    kinds = _kinds(requests)
    return (kinds["primary"] + kinds["retry"]) / kinds["primary"] if kinds["primary"] else None


def _endings(touched: Sequence[Prediction]) -> tuple[Ending, ...]:
    counts = Counter(ending(one) for one in touched)
    return tuple(Ending(how=how, requests=counts[how]) for how in sorted(counts, key=lambda how: (-counts[how], how)))


def ending(one: Prediction) -> str:
    """How a request ended, in words."""
    if one.status == "answered":
        return f"answered by {one.deployment}"
    if one.status == "fallback":
        return next((step.reason for step in reversed(one.attempts) if not step.deployment), "fallback")
    return one.status


def _case(name: str, touched: Sequence[Prediction]) -> CaseDrilled:
    totals = sorted(one.total_s for one in touched)
    overruns = [over for one in touched if (over := overrun_s(one)) is not None]
    return CaseDrilled(
        use_case=name,
        requests=len(touched),
        in_budget=sum(one.in_budget for one in touched),
        p50_s=percentile(totals, 0.5) or 0.0,
        p99_s=percentile(totals, 0.99) or 0.0,
        budget_s=min((one.budget_s for one in touched if one.budget_s is not None), default=None),
        overrun_s=max(0.0, *overruns) if overruns else None,
    )


def _named(requests: Iterator[Prediction]) -> tuple[str, ...]:
    return tuple(one.prediction_id for one in requests)[:SHOWN]
