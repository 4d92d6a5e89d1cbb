"""A plan looks ahead: its options at other loads, and drawn by the same engine that computes studies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load
from breakeven.cost.assumptions import assumptions
from breakeven.cost.case import Case, Fleet
from breakeven.cost.tco import monthly_bill
from breakeven.planner.as_study import as_study, identifier
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope
from breakeven.planner.plan import make_plan
from breakeven.planner.question import FACTORS, Question
from breakeven.planner.weigh import demand
from breakeven.report.memo import memo
from breakeven.schema.deployment import Deployment
from breakeven.schema.noun import Placement, Tier
from breakeven.schema.offer import Offer, OfferKind
from breakeven.schema.plan import Option, Plan
from breakeven.study.evaluate import Evaluated
from breakeven.workload.sample import sample

AS_OF = "2026-11-24"
PLACES: dict[OfferKind, Placement] = {
    "api": "api",
    "accelerator_hour": "cloud",
    "server_purchase": "on_prem",
    "cpu_hour": "cpu",
}
Asks = Callable[..., Question]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture
def plan(catalog: Catalog, question: Asks) -> Plan:
    asked = question()
    trace = sample(asked.workload, rng=np.random.default_rng(5), n=200)
    scope = Scope(models=("llama-3.1-8b",), as_of=AS_OF, accelerators=("l4", "l40s"))
    return make_plan(catalog, asked, trace, scope, seed=3, rng=np.random.default_rng(3))


def weighed(catalog: Catalog, offer: Offer, asked: Question, replicas: int) -> tuple[Option, Candidate]:
    """An offer as an option, with the bill of the cost engine."""
    place = PLACES[offer.kind]
    accelerators = 0 if place in {"api", "cpu"} else 1
    deployment = Deployment(
        id=offer.id,
        model="m",
        placement=place,
        offer=offer.id,
        accelerator=offer.accelerator,
        accelerators=accelerators,
        replicas=replicas,
    )
    case = Case(
        option=offer.id,
        placement=place,
        offer=offer,
        assumptions=assumptions(catalog.assumptions(), "base"),
        demand=demand(asked),
        fleet=Fleet(
            replicas=replicas,
            accelerators=max(1, accelerators),
            tdp_w=catalog.accelerator(offer.accelerator).tdp_w if offer.accelerator else None,
        ),
    )
    bill = monthly_bill(case)
    option = Option(
        name=offer.id,
        use_case="assistant",
        placement=place,
        deployment=deployment,
        bill=bill,
        monthly_cost_usd=bill.total_usd,
        cost_per_useful_prediction_usd=1.0,
        feasible=True,
    )
    return option, Candidate(name=offer.id, deployment=deployment, offer=offer)


@pytest.mark.parametrize("kind", PLACES)
def test_both_engines_agree(catalog: Catalog, question: Asks, kind: OfferKind) -> None:
    """The bill of priced offers (of APIs every fourth) equals their level month, over the life of what is bought."""
    asked = question()
    offers = catalog.offers(on=AS_OF, kind=kind)[:: 4 if kind == "api" else 1]
    pairs = [weighed(catalog, offer, asked, 3) for offer in offers]
    priced = [(option, candidate) for option, candidate in pairs if option.monthly_cost_usd is not None]
    # a tier by the length of one request is the bill's; the study knows tiers by the month's volume
    priced = [(one, other) for one, other in priced if other.offer is not None and not other.offer.tiers]
    assert priced
    life = assumptions(catalog.assumptions(), "base").life_months
    study = as_study(*zip(*priced, strict=True), asked, as_of=AS_OF, seed=0, horizon_months=life)
    found = Evaluated(study, catalog)
    for option, _ in priced:
        costed = found.option(identifier(option.name))
        assert not costed.context.unpriced
        assert costed.annuity[0] == pytest.approx(option.monthly_cost_usd, rel=1e-6)


def test_names_stay_apart(catalog: Catalog) -> None:
    """No two offers of the catalog become the same name in a formula."""
    names = [identifier(offer.id) for offer in catalog.offers(on=AS_OF)]
    assert len(names) == len(set(names))


def test_levels_span_the_demand(plan: Plan) -> None:
    """Every compared option stands at low, medium and peak; at medium it costs what the plan says."""
    by_level = {name: {row.option: row for row in plan.levels if row.name == name} for name in FACTORS}
    assert len({frozenset(rows) for rows in by_level.values()}) == 1
    assert plan.chosen in by_level["medium"]
    costs = {option.name: option.monthly_cost_usd for option in plan.options}
    assert all(row.monthly_cost_usd == costs[name] for name, row in by_level["medium"].items())


def test_more_load_never_needs_fewer_replicas(plan: Plan) -> None:
    """What can be sized grows with the load, and pay-per-use is charged for it."""
    rows = {(row.option, row.name): row for row in plan.levels}
    for (option, _), row in rows.items():
        low, peak = rows[option, "low"], rows[option, "peak"]
        assert low.replicas <= row.replicas <= peak.replicas
        if low.monthly_cost_usd is not None and peak.monthly_cost_usd is not None:
            assert low.monthly_cost_usd <= peak.monthly_cost_usd


def test_the_cheapest_needs_no_lift(plan: Plan) -> None:
    """At each level the cheapest option needs no lift, the others the difference, and what is unpriced says nothing."""
    for name in FACTORS:
        rows = [row for row in plan.levels if row.name == name]
        lifts = [row.lift_needed_usd for row in rows if row.lift_needed_usd is not None]
        assert min(lifts) == 0
        assert all((row.lift_needed_usd is None) == (row.cost_per_useful_prediction_usd is None) for row in rows)


def test_the_outlook_is_of_the_plan(plan: Plan) -> None:
    """It names the plan's options, its probabilities add up, and its base agrees with the plan's money."""
    assert plan.outlook is not None
    names = {option.name for option in plan.options}
    assert {one.option for one in plan.outlook.chances} <= names
    assert sum(one.probability_best for one in plan.outlook.chances) == pytest.approx(1.0)
    assert plan.outlook.best in names
    assert plan.outlook.evpi >= 0


def test_everything_drawn_has_a_source(plan: Plan) -> None:
    """Each bar of the tornado rests on facts that the plan carries, and the memo can be written."""
    assert plan.outlook is not None
    known = {fact.key for fact in plan.facts}
    assert all(key in known for swing in plan.outlook.tornado for key in swing.facts)
    assert all(fact.source and fact.as_of for fact in plan.facts)
    titles = [section.title for section in memo(plan).sections]
    assert len(titles) == len(set(titles))


def test_looking_ahead_is_reproducible(plan: Plan, catalog: Catalog, question: Asks) -> None:
    """The same seed gives the same bytes, id included; another seed another outlook of the same choice."""
    asked = question()
    trace = sample(asked.workload, rng=np.random.default_rng(5), n=200)
    scope = Scope(models=("llama-3.1-8b",), as_of=AS_OF, accelerators=("l4", "l40s"))
    again = make_plan(catalog, asked, trace, scope, seed=3, rng=np.random.default_rng(3))
    other = make_plan(catalog, asked, trace, scope, seed=4, rng=np.random.default_rng(4))
    assert msgspec.json.encode(again) == msgspec.json.encode(plan)
    assert other.chosen == plan.chosen
    assert other.outlook != plan.outlook


SPOT = """
source: own
as_of: 2026-11-20
offers:
  - {id: cheap-spot, provider: p, kind: accelerator_hour, accelerator: l40s, count: 1, term: spot,
     valid_from: 2026-11-20, usd_per_hour: 0.05}
"""


@pytest.mark.parametrize("tier", ["important", "opportunistic"])
def test_what_may_wait_may_be_on_spot_in_a_mix(question: Asks, tmp_path: Path, tier: Tier) -> None:
    """A mix takes the spot that its tier allows, and never any that it does not."""
    own = tmp_path / "own.yaml"
    own.write_text(SPOT, encoding="utf-8")
    asked = question(tier=tier)
    trace = sample(asked.workload, rng=np.random.default_rng(5), n=200)
    scope = Scope(models=("llama-3.1-8b",), as_of=AS_OF, accelerators=("l4", "l40s"))
    found = make_plan(load((own,)), asked, trace, scope, seed=3, rng=np.random.default_rng(3))
    assert found.portfolio is not None
    kinds = {part.kind for part in found.portfolio.parts}
    assert ("spot" in kinds) is (tier == "opportunistic")
