"""How sure a plan is: everything uncertain drawn together, every option worked out in every draw, and judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from breakeven.catalog.find import Catalog
from breakeven.cost.assumptions import PREFIX
from breakeven.planner.candidate import Candidate
from breakeven.planner.doubt import beliefs as believe
from breakeven.planner.doubt.belief import Array, at_base
from breakeven.planner.doubt.case import Case, Evidence, Given, case_of
from breakeven.planner.doubt.flip import flips
from breakeven.planner.doubt.inquiry import Means, inquiries, ordered, unmeasured
from breakeven.planner.doubt.judge import ALIKE, band, best, losses_usd, regrets_usd
from breakeven.planner.doubt.say import said, sentences
from breakeven.planner.doubt.terms import Terms
from breakeven.planner.doubt.wait import waits
from breakeven.planner.doubt.world import Table, evaluate, world_of
from breakeven.planner.doubt.worth import evpi_usd, first_order
from breakeven.planner.question import Question
from breakeven.planner.speed import Kept
from breakeven.schema.doubt import Doubt, Fate, Inquiry, Uncertain
from breakeven.schema.fact import Fact
from breakeven.schema.plan import Option
from breakeven.schema.workload import Trace

DRAWS = 10_000
SURE = 0.9
"""Share of the draws in which `replicas_sure` suffice."""


def doubt_of(  # noqa: PLR0913 - the front door
    options: Sequence[Option],
    candidates: Sequence[Candidate],
    question: Question,
    catalog: Catalog,
    rng: np.random.Generator,
    *,
    chosen: str,
    seed: int,
    trace: Trace | None = None,
    draws: int = DRAWS,
    evidence: Evidence = Evidence(),  # noqa: B008 - frozen
    kept: Kept | None = None,
) -> tuple[Doubt, tuple[Fact, ...]]:
    """The doubt about a choice, and the facts its ranges rest on. `rng` must come from `seed`, which is written down.

    With a trace the rate that a replica sustains is simulated at other speeds, unless it was `kept`; without, it is
    proportional to speed.

    Raises:
        ValueError: the chosen option has no price, or is none of the options.
        FactError: an assumption is not in the catalog.
    """
    given = Given(
        options=tuple(options),
        candidates={one.name: one for one in candidates},
        question=question,
        catalog=catalog,
        trace=trace,
        evidence=evidence,
        kept=Kept() if kept is None else kept,
    )
    case = case_of(given, chosen, rng, draws)
    keys = {key for one in case.inputs if one.key in case.draws for key in one.facts}
    return judged(case, seed), tuple(catalog.fact(key) for key in sorted(keys))


def judged(case: Case, seed: int) -> Doubt:
    """The doubt of a case: every option in every draw, and what follows."""
    table, point = evaluate(case.world, case.draws), evaluate(case.world, {})
    believed, names = case.beliefs, [one.name for one in case.world.options]
    losses = losses_usd(table, believed.switch_months)
    runner = _runner_up(losses, case.chosen)
    result = losses[case.chosen] if runner < 0 else losses[runner] - losses[case.chosen]
    often = best(table).mean(axis=1)
    fates = _fates(case, table, point, losses, often)
    turning = flips(case.world, case.inputs, case.chosen, {**case.draws, "demand": table.demand_rps})
    found, advice = waits(case)
    chosen = names[case.chosen]
    return Doubt(
        seed=seed,
        draws=len(table.useful),
        horizon_months=case.world.horizon,
        chosen=chosen,
        likeliest=names[int(np.argmax(often))],
        runner_up="" if runner < 0 else names[runner],
        interval=fates[case.chosen].cost_per_useful_usd,
        p_best=float(often[case.chosen]),
        p_none=float((~table.meets.any(axis=0)).mean()),
        fates=tuple(sorted(fates, key=lambda one: (one.expected_regret_usd, one.option))),
        inputs=_shares(case, result, runner),
        flips=turning,
        flips_if=sentences(turning, chosen, best=point.unit[case.chosen, 0] <= _least(point)),
        evpi_usd=evpi_usd(losses),
        inquiries=_inquiries(case, losses, runner),
        waits=found,
        wait_verdict=advice,
        assumptions=said(believed, case.world.question.workload),
    )


def _runner_up(losses: Array, chosen: int) -> int:
    mean = losses.mean(axis=1)
    mean[chosen] = np.inf
    return int(np.argmin(mean)) if len(mean) > 1 else -1


def _least(point: Table) -> float:
    return float(np.where(point.meets, point.unit, np.inf).min()) * (1 + ALIKE)


def _fates(case: Case, table: Table, point: Table, losses: Array, often: Array) -> list[Fate]:
    regrets = regrets_usd(losses)
    return [
        Fate(
            option=one.name,
            base_usd=float(point.unit[at, 0]) if point.meets[at, 0] else None,
            cost_per_useful_usd=band(table.unit[at][table.meets[at]]),
            now_usd=band(table.now[at]),
            monthly_usd=band(table.monthly[at][table.meets[at]]),
            p_best=float(often[at]),
            p_misses_slo=float((~table.meets[at]).mean()),
            p_short_now=float(table.short[at].mean()),
            p_more=float(table.more[at].mean()),
            replicas_sure=int(np.ceil(np.quantile(table.needed[at], SURE))),
            expected_regret_usd=float(regrets[at]),
        )
        for at, one in enumerate(case.world.options)
    ]


def _shares(case: Case, result: Array, runner: int) -> tuple[Uncertain, ...]:
    """What was drawn, with what it explains, the most first. Speeds of other options explain by what is common only."""
    two = (case.decided, case.world.options[runner])
    own = {one.capacity.speed for one in two if one.capacity is not None}
    found = [
        Uncertain(
            key=one.key,
            name=one.name,
            unit=one.unit,
            shape=one.shape,
            base=one.base,
            low=one.low,
            high=one.high,
            share=0.0 if one.parts and one.key not in own else first_order(result, case.draws[one.key]),
            source=one.source,
            facts=one.facts,
        )
        for one in case.inputs
        if one.key in case.draws
    ]
    return tuple(sorted(found, key=lambda one: (-one.share, one.key)))


def _inquiries(case: Case, losses: Array, runner: int) -> tuple[Inquiry, ...]:
    believed, world = case.beliefs, case.world
    apart = 0.0 if runner < 0 else abs(world.options[runner].monthly_usd - case.decided.monthly_usd)
    staff = world.base[f"{PREFIX}staff_loaded"]
    means = Means(rent_usd_h=_rents(world.options), month_apart_usd=apart, staff_usd=staff, believed=believed)
    shuffle = case.dice.of("shuffle").permutation(losses.shape[1])
    known = inquiries(case.inputs, case.draws, losses, means, shuffle)
    return ordered((*known, *_probes(case, losses, means)))


def _probes(case: Case, losses: Array, means: Means) -> tuple[Inquiry, ...]:
    """The latency of excluded APIs, worked out in the same draws."""
    if not case.excluded:
        return ()
    world = case.world
    base = at_base((*case.inputs, *believe.prices(case.excluded)))
    other = world_of(case.excluded, world.question, base, world.path)
    outside = losses_usd(evaluate(other, case.draws), case.beliefs.switch_months)
    wide = np.broadcast_to(outside, (len(case.excluded), losses.shape[1]))
    return tuple(unmeasured(case.excluded, losses, wide, means, world.question.monthly_predictions))


def _rents(options: Sequence[Terms]) -> dict[str, float]:
    """The least hourly rent of a replica by speed; a machine is rented whole."""
    found: dict[str, float] = {}
    for one in options:
        rent = one.offer.usd_per_hour
        if one.capacity is not None and rent and one.offer.kind == "accelerator_hour":
            machines = -(-one.accelerators // one.offer.count)
            found[one.capacity.speed] = min(machines * rent, found.get(one.capacity.speed, np.inf))
    return found
