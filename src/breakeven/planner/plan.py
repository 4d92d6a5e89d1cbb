"""The planner's front door: a workload, its trace and an objective in, a plan out."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.catalog.find import Catalog
from breakeven.cost.assumptions import assumptions
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope, candidates
from breakeven.planner.choose import choose, keys_of
from breakeven.planner.evaluate import evaluate
from breakeven.planner.question import Question
from breakeven.planner.weigh import Scales
from breakeven.schema.plan import Plan
from breakeven.schema.workload import Trace

TAKEN_AS_GIVEN = (
    "Demand stays as observed: the observed mean and 95th percentile of the rate hold all month, around the clock.",
    "Spot capacity, listings of private hosts, cards without a server, and edge devices are not weighed.",
    "A target counts as met where the predicted point meets it; the interval is shown and not required to.",
    "Models are taken as equally good; quality is not weighed.",
)


def make_plan(
    catalog: Catalog,
    question: Question,
    trace: Trace,
    scope: Scope,
    *,
    standing: Sequence[Candidate] = (),
    only_standing: bool = False,
    seed: int = 0,
) -> Plan:
    """Weigh the catalog's candidates and the deployments that stand already; choose; promise.

    With `only_standing` the catalog's candidates are weighed and shown; the choice is among what can be applied now.

    Raises:
        InfeasibleError: nothing meets the objective.
        FactError: a model, price or assumption is not in the catalog.
        EvidenceError: the trace has fewer than two requests.
    """
    scales = Scales(
        catalog=catalog, assumptions=assumptions(catalog.assumptions(), "base"), question=question, trace=trace
    )
    weighed = (*standing, *candidates(catalog, question, scope))
    options = [evaluate(one, question, predict=scales.speed, price=scales.bill) for one in weighed]
    keys = sorted({key for option in options for key in keys_of(option)})
    facts = scales.facts(keys, weighed)
    among = frozenset(one.name for one in standing) if only_standing else None
    given = TAKEN_AS_GIVEN
    return choose(options, question, facts, as_of=scope.as_of, seed=seed, assumptions=given, among=among)
