"""What a plan says beyond its choice: other loads, the mix to hold, the levers, and how sure all of it is."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec
import numpy as np

from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope
from breakeven.planner.doubt.doubt import doubt_of
from breakeven.planner.flip import standing_flips
from breakeven.planner.levels import compared, levels
from breakeven.planner.levers.plan import levers_of
from breakeven.planner.outlook import outlook_of
from breakeven.planner.portfolio.decide import Decided, Facets, decide, load_of, load_of_rates
from breakeven.planner.portfolio.held import held
from breakeven.planner.portfolio.schedule import Course
from breakeven.planner.portfolio.units import Terms
from breakeven.planner.settle import Told, settled
from breakeven.planner.weigh import Scales
from breakeven.schema.fact import Fact
from breakeven.schema.plan import Option, Plan
from breakeven.schema.workload import Trace

QUARTER_MONTHS = 3
COLD_START_S = 300.0
"""Until a rented machine serves: an image and weights that are not on it yet. Assumed where nobody states it."""
KEPT = 4
"""The plan's best options are weighed in the mix beside the cheapest of each kind by the answer of a busy unit."""
GROWTH_PER_YEAR = 0.5
"""Of the course that grows. Assumed; the other course stays as observed."""


def looked_ahead(
    plan: Plan,
    weighed: Sequence[Candidate],
    scales: Scales,
    scope: Scope,
    trace: Trace,
    rng: np.random.Generator | None,
    *,
    among: Collection[str] | None = None,
) -> Plan:
    """The plan with its options at other loads and as a mix, its levers and, with randomness, how sure it is.

    With randomness the choice, of `among` where stated, is the one that is expected to cost least over the draws.
    """
    told: Told | None = None
    if rng is not None:
        first, second, cash = rng.spawn(3)
        streams = iter((first, second))
        plan, told = settled(
            plan, scales.question, lambda name: _draws(plan, weighed, scales, name, next(streams)), among
        )
    chosen = next(option for option in plan.options if option.name == plan.chosen)
    found = msgspec.structs.replace(
        plan,
        levels=levels(chosen, plan.options, weighed, scales),
        levers=levers_of(scales.question, chosen, _of(chosen, weighed), scales.catalog),
    )
    mixed = _mixed(found, weighed, scales, scope, trace)
    return mixed if told is None else _doubted(mixed, chosen, weighed, scales, told, cash)


def _draws(plan: Plan, weighed: Sequence[Candidate], scales: Scales, name: str, rng: np.random.Generator) -> Told:
    """The joint draws about a choice."""
    return doubt_of(
        plan.options,
        weighed,
        scales.question,
        scales.catalog,
        rng,
        chosen=name,
        seed=plan.seed,
        trace=scales.speeds.trace,
        kept=scales.speeds.kept,
    )


def _of(option: Option, weighed: Sequence[Candidate]) -> Candidate:
    return next(one for one in weighed if one.name == option.name)


def _mixed(plan: Plan, weighed: Sequence[Candidate], scales: Scales, scope: Scope, trace: Trace) -> Plan:
    """The plan with the cheapest mix of its options on the trace's load-duration curve, its schedule and its front."""
    assumed, horizon = scales.assumptions, plan.objective.horizon_months
    known = scales.question.rates_rps
    load = load_of_rates(known, scales.question.rates_s, plan.workload) if known else load_of(trace, plan.workload)
    decided = decide(
        plan.options,
        offers={one.offer.id: one.offer for one in weighed if one.offer is not None},
        load=load,
        requests=scales.question.monthly_predictions,
        terms=Terms(
            idle_power_ratio=assumed.idle_power_ratio,
            lead_s={"on_demand": COLD_START_S},
            spot_share=1.0 if plan.objective.tier == "opportunistic" else None,
        ),
        courses=(Course(), Course(name="growing", growth_per_year=GROWTH_PER_YEAR)),
        months=max(QUARTER_MONTHS, horizon - horizon % QUARTER_MONTHS),
        keep=frozenset(option.name for option in plan.options[:KEPT]),
        facets=Facets(quality=scope.qualities, power_overhead=assumed.server_power_ratio * assumed.pue),
    )
    plan = msgspec.structs.replace(
        plan,
        portfolio=decided.portfolio,
        pareto=decided.pareto,
        regret=decided.regret,
        commitments=decided.commitments,
        assumptions=(*plan.assumptions, *_said(decided)),
    )
    return msgspec.structs.replace(plan, mix=held(plan, load, scales.question.used_share) or msgspec.UNSET)


def _said(decided: Decided) -> tuple[str, ...]:
    return (*decided.assumed, *(f"Not worked out: {reason}." for reason in decided.missing))


def _doubted(
    plan: Plan,
    chosen: Option,
    weighed: Sequence[Candidate],
    scales: Scales,
    told: Told,
    rng: np.random.Generator,
) -> Plan:
    """The plan with its joint draws, which give the verdict, and the cash flows of its nearest options."""
    question, catalog = scales.question, scales.catalog
    doubt, more = told
    names = compared(chosen, plan.options)
    priced = [option for option in plan.options if option.name in names and option.monthly_cost_usd is not None]
    fit = [option for option in priced if option.feasible]
    among = fit if len(fit) > 1 else priced
    outlook, facts = outlook_of(among, weighed, question, catalog, rng, as_of=plan.as_of, seed=plan.seed)
    return msgspec.structs.replace(
        plan,
        doubt=doubt,
        outlook=outlook,
        facts=_joined((*more, *facts, *plan.facts)),
        flips_if=(*doubt.flips_if, *standing_flips(chosen, plan.options, plan.workload)),
    )


def _joined(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    known = {fact.key: fact for fact in facts}
    return tuple(known[key] for key in sorted(known))
