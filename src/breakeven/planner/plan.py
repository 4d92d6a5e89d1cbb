"""The planner's front door: a workload, its trace and an objective in, a plan out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from breakeven.catalog.find import Catalog
from breakeven.catalog.stale import age_warning
from breakeven.cost.assumptions import assumptions
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope, candidates
from breakeven.planner.choose import choose, keys_of, signed
from breakeven.planner.evaluate import evaluate
from breakeven.planner.levels import compared, levels
from breakeven.planner.outlook import outlook_of
from breakeven.planner.question import Question
from breakeven.planner.speed import Speeds
from breakeven.planner.weigh import Scales
from breakeven.schema.plan import Option, Plan
from breakeven.schema.workload import Trace

TAKEN_AS_GIVEN = (
    "Demand stays as observed: the observed mean and 95th percentile of the rate hold all month, around the clock.",
    "Spot capacity, listings of private hosts, cards without a server, and edge devices are not weighed.",
    "A target counts as met where the predicted point meets it; the interval is shown and not required to.",
    "Models are taken as equally good; quality is not weighed.",
)


def make_plan(  # noqa: PLR0913 - the planner's front door
    catalog: Catalog,
    question: Question,
    trace: Trace,
    scope: Scope,
    *,
    standing: Sequence[Candidate] = (),
    only_standing: bool = False,
    seed: int = 0,
    rng: np.random.Generator | None = None,
) -> Plan:
    """Weigh the catalog's candidates and the deployments that stand already; choose; promise.

    With `rng` the plan also says how sure it is: chances, break-even bands, tornado and flips over the horizon. With
    `only_standing` the catalog's candidates are weighed and shown; the choice is among what can be applied now.

    Raises:
        InfeasibleError: nothing meets the objective.
        FactError: a model, price or assumption is not in the catalog.
        EvidenceError: the trace has fewer than two requests.
    """
    scales = Scales(
        catalog=catalog,
        assumptions=assumptions(catalog.assumptions(), "base"),
        question=question,
        speeds=Speeds(trace),
    )
    weighed = (*standing, *candidates(catalog, question, scope))
    options = [evaluate(one, question, predict=scales.speed, price=scales.bill) for one in weighed]
    keys = sorted({key for option in options for key in keys_of(option)})
    facts = scales.facts(keys, weighed)
    among = frozenset(one.name for one in standing) if only_standing else None
    given = (*TAKEN_AS_GIVEN, *_aged(weighed, options, scope.as_of))
    plan = choose(options, question, facts, as_of=scope.as_of, seed=seed, assumptions=given, among=among)
    return signed(_looked_ahead(plan, weighed, scales, rng))


def _aged(weighed: Sequence[Candidate], options: Sequence[Option], on: str) -> tuple[str, ...]:
    """A sentence for each price in use that is older than prices of its kind keep."""
    used = {option.name for option in options if option.monthly_cost_usd is not None}
    offers = {one.offer.id: one.offer for one in weighed if one.offer is not None and one.name in used}
    warned = ((name, age_warning(offers[name], on)) for name in sorted(offers))
    return tuple(f"{name}: {warning}." for name, warning in warned if warning)


def _looked_ahead(plan: Plan, weighed: Sequence[Candidate], scales: Scales, rng: np.random.Generator | None) -> Plan:
    """The plan with its options at other loads and, where randomness is given, how sure it is."""
    chosen = next(option for option in plan.options if option.name == plan.chosen)
    replace = msgspec.structs.replace
    loaded = replace(plan, levels=levels(chosen, plan.options, weighed, scales))
    if rng is None:
        return loaded
    names = compared(chosen, plan.options)
    priced = [option for option in plan.options if option.name in names and option.monthly_cost_usd is not None]
    fit = [option for option in priced if option.feasible]
    among = fit if len(fit) > 1 else priced
    found, facts = outlook_of(among, weighed, scales.question, scales.catalog, rng, as_of=plan.as_of, seed=plan.seed)
    known = {fact.key: fact for fact in (*facts, *loaded.facts)}
    return replace(loaded, outlook=found, facts=tuple(known[key] for key in sorted(known)))
