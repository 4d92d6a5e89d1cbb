"""The planner's front door: a workload, its trace and an objective in, a plan out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial

import msgspec
import numpy as np

from breakeven.catalog.find import Catalog
from breakeven.cost.assumptions import assumptions
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope
from breakeven.planner.choose import choose, keys_of, signed
from breakeven.planner.evaluate import evaluate
from breakeven.planner.looking import looked_ahead
from breakeven.planner.placed.units import Shape, shape_of
from breakeven.planner.portfolio.decide import load_of, load_of_rates
from breakeven.planner.question import Question
from breakeven.planner.sample import Samples
from breakeven.planner.search import classic
from breakeven.planner.search.ask import left_for_inference
from breakeven.planner.search.find import Found, Progress, find
from breakeven.planner.search.given import given_of
from breakeven.planner.search.infeasible import infeasible
from breakeven.planner.search.placing import Placing
from breakeven.planner.search.reuse import reuse_share
from breakeven.planner.search.shown import as_rejected, counted, nearest, shown
from breakeven.planner.search.space import Space, modes
from breakeven.planner.search.weighing import weighed_with
from breakeven.planner.speed import Kept, Speeds
from breakeven.planner.standing import beside
from breakeven.planner.sure import carried, sampled, surely
from breakeven.planner.weigh import Scales
from breakeven.schema.plan import Option, Plan
from breakeven.schema.workload import Trace

TAKEN_AS_GIVEN = (
    "Demand stays as observed: the observed mean and 95th percentile of the rate hold all month, around the clock.",
    "Listings of private hosts and cards without a server are not weighed.",
    "A lease is weighed as accelerators by the hour, provisioned units and devices as stated, from your own fact file.",
    "A draft for speculative decoding is weighed where its acceptance is stated, on one replica.",
    "The number of replicas is held all month; how long another one takes to start counts in the scaling rule.",
    "A target counts as met where the predicted point meets it; the interval is shown and not required to.",
    "Where no quality is stated, models are taken as equally good, and 8 bits as good as 16; fewer bits are excluded.",
)


def _quiet(what: str, done: int, total: int) -> None:
    """Says nothing."""


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
    kept: Kept | None = None,
    progress: Progress = _quiet,
    other_samples: bool = True,
) -> Plan:
    """Search all candidates of the catalog beside the deployments that stand already; choose; promise.

    With `rng` the plan also says how sure it is: chances, break-even bands, tornado and flips over the horizon. With
    `only_standing` the catalog's candidates are weighed and shown; the choice is among what can be applied now. `kept`
    are speeds simulated before, to which new ones are added; they change how long it takes and nothing else. `progress`
    is told what is done, how much of it, and of how much. Sizes are held to `other_samples` of the demand too, cut anew
    from the trace.

    Raises:
        InfeasibleError: nothing meets the objective, or its latency budget leaves nothing for inference.
        FactError: a model, price or assumption is not in the catalog.
        EvidenceError: the trace has fewer than two requests.
    """
    asked = left_for_inference(
        question, devices=not scope.batches and bool(catalog.offers(on=scope.as_of, kind="edge"))
    )
    speeds = Speeds(trace, kept)
    scales = Scales(
        catalog=catalog,
        assumptions=assumptions(catalog.assumptions(), "base"),
        question=asked,
        speeds=speeds,
        samples=Samples(speeds) if other_samples else None,
    )
    shape = cache(partial(_shape, asked, trace))
    longer = shape if asked.rates_rps or speeds.trace.n < trace.n else None
    placing = Placing(scope, scales, shape, question.objective.network_s, progress)
    standing = tuple(placing.standing(one) for one in standing)
    weighed = (*standing, *beside(standing, placing.all(_space(asked, scope, scales), standing)))
    among = frozenset(one.name for one in standing) if only_standing else None
    scales, found, options = _found(standing, weighed[len(standing) :], scales, progress, longer, among)
    options, left = shown(options, frozenset(one.name for one in standing))
    rejected = (*found.rejected, *left)
    if not any(option.feasible for option in options):
        raise infeasible((*rejected, *map(as_rejected, options)), question.objective.use_case)
    facts = scales.facts(sorted({key for option in options for key in keys_of(option)}), weighed)
    given = (*TAKEN_AS_GIVEN, *given_of(options, weighed, scope, catalog))
    plan = choose(options, question, facts, as_of=scope.as_of, seed=seed, assumptions=given, among=among)
    plan = msgspec.structs.replace(
        plan,
        candidates=len(weighed),
        simulated=found.simulated + len(standing),
        rejected=nearest(rejected),
        rejected_by=counted(rejected),
    )
    plan = looked_ahead(plan, weighed, scales, scope, trace, rng, among=among)
    chosen = next(one for one in weighed if one.name == plan.chosen)
    return signed(sampled(plan, chosen, scales) if other_samples else plan)


def _found(
    standing: Sequence[Candidate],
    others: Sequence[Candidate],
    scales: Scales,
    progress: Progress,
    longer: Callable[[], Shape] | None,
    among: frozenset[str] | None,
) -> tuple[Scales, Found, tuple[Option, ...]]:
    """The options, held to other samples of the demand; where none that may be chosen keeps to them, to the trace."""
    found = find(others, scales, progress)
    options = (*(_as_it_stands(one, scales, longer) for one in standing), *found.options)
    if scales.samples is None or any(one.feasible and (among is None or one.name in among) for one in options):
        return scales, found, options
    return _found(standing, others, msgspec.structs.replace(scales, samples=None), progress, longer, among)


def _as_it_stands(one: Candidate, scales: Scales, longer: Callable[[], Shape] | None) -> Option:
    """A standing deployment, on what is simulated of the demand and, where that is `longer`, on all that is known."""
    if one.placed:
        return weighed_with(one, scales)
    found = surely(evaluate(one, scales.question, predict=scales.speed, price=scales.bill), one, scales)
    return found if one.predictor is None or longer is None else carried(found, longer(), scales)


def _space(question: Question, scope: Scope, scales: Scales) -> tuple[Candidate, ...]:
    """The candidates of the catalog, with a prefix cache where the workload or the trace shares anything."""
    trace, catalog = scales.speeds.trace, scales.catalog
    if scope.batches:
        return classic.candidates(catalog, question, scope, trace)
    hashed = bool(trace.block_offsets)
    share = reuse_share(trace) if hashed else question.workload.cached_share
    return Space(
        catalog, question, scope, modes(scope, share, hashed=hashed), trace if scope.apart else None
    ).candidates()


def _shape(question: Question, trace: Trace) -> Shape:
    """The load-duration curve on which units are counted: of the known rates, else of the whole trace."""
    known, load = question.rates_rps, question.workload
    return shape_of(load_of_rates(known, question.rates_s, load) if known else load_of(trace, load))
