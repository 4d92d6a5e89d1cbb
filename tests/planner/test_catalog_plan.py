"""Plans on the shipped catalog and the performance model: bounded, reproducible, sourced, and honest about gaps."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load
from breakeven.errors import FactError, InfeasibleError
from breakeven.planner.binding import UNMEASURED, UNMEASURED_API
from breakeven.planner.candidates import Scope, candidates
from breakeven.planner.plan import make_plan
from breakeven.planner.question import Question
from breakeven.planner.standing import standing
from breakeven.report.memo import memo
from breakeven.schema.deployment import Deployment
from breakeven.schema.plan import Plan
from breakeven.schema.workload import Trace
from breakeven.workload.sample import sample

AS_OF = "2026-11-24"
SMALL, LARGE = "llama-3.1-8b", "llama-3.1-405b"
BOARDS = ("l4", "l40s", "h100-sxm")
Asks = Callable[..., Question]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture
def trace(question: Asks) -> Trace:
    """200 requests like the workload."""
    return sample(question().workload, rng=np.random.default_rng(5), n=200)


def scope(*models: str, **changes: object) -> Scope:
    return Scope(models=models, as_of=AS_OF, **{"rented": 4, "bought": 2, "apis": 2, **changes})


def planned(catalog: Catalog, question: Question, trace: Trace, **more: object) -> Plan:
    """Over boards small and large, rented and bought; all of them take longer."""
    return make_plan(catalog, question, trace, scope(SMALL, accelerators=BOARDS), seed=3, **more)


def test_candidates_cover_every_place_and_are_bounded(catalog: Catalog, question: Asks) -> None:
    """Bought, rented, API and CPU; no more than asked for, and one that is too small to say so; each its own name."""
    found = candidates(catalog, question(), scope(SMALL))
    places = [one.deployment.placement for one in found if not one.binding]
    assert [one.offer.accelerator for one in found if one.binding] == ["rtx-a4000"]
    assert {place: places.count(place) for place in set(places)} == {"cloud": 4, "on_prem": 2, "api": 2, "cpu": 1}
    assert len({one.name for one in found}) == len(found)
    assert [one.name for one in found] == sorted(one.name for one in found)


def test_with_several_models_names_say_which(catalog: Catalog, question: Asks) -> None:
    """No two candidates share a name, and each model has its own."""
    found = candidates(catalog, question(), scope(SMALL, "qwen3-8b"))
    assert len({one.name for one in found}) == len(found)
    own = [one for one in found if one.deployment.placement != "api"]
    assert all(one.name.startswith(f"{one.deployment.model}/") for one in own)


def test_candidates_neither_vanish_nor_lack_a_server(catalog: Catalog, question: Asks) -> None:
    """No spot capacity, no private hosts, no bare cards."""
    found = candidates(catalog, question(), scope(SMALL, rented=99, bought=99))
    offers = [one.offer for one in found]
    assert all(offer.term != "spot" and offer.basis != "market" for offer in offers)
    assert not any(offer.id.startswith("card-") for offer in offers)
    assert len(found) < 120


def test_what_does_not_fit_says_memory(catalog: Catalog, question: Asks) -> None:
    """405 billion parameters in 16 bits fit no machine with one small board, and the binding gives both numbers."""
    found = candidates(catalog, question(), scope(LARGE, rented=99, accelerators=("l4", "rtx-3090")))
    capacity = [one for one in found if one.deployment.placement == "cloud"]
    assert capacity
    assert all(one.binding.startswith("memory: ") and "GB" in one.binding for one in capacity)


def test_replicas_fit_the_machines_they_are_rented_on(catalog: Catalog, question: Asks) -> None:
    """Never more accelerators per replica than the machine holds."""
    for model in (SMALL, "llama-3.1-70b"):
        for one in candidates(catalog, question(), scope(model, rented=99, bought=99)):
            assert one.offer is not None
            assert one.deployment.accelerators <= one.offer.count or one.curve is None


def test_a_tight_target_keeps_faster_candidates(catalog: Catalog, question: Asks) -> None:
    """Cheap and too slow does not crowd out what could meet the target."""
    asked = question(tpot_s=0.012)
    found = candidates(catalog, asked, scope(SMALL))
    best = [one.curve for one in found if one.curve is not None and one.deployment.placement == "cloud"]
    assert all(curve.step_base_s < 0.012 for curve in best)


def test_an_api_only_model_is_had_from_apis(catalog: Catalog, question: Asks) -> None:
    """Without a sheet there is nothing to run oneself; an unknown model is an error with a hint."""
    found = candidates(catalog, question(), scope("claude-sonnet-5"))
    assert {one.deployment.placement for one in found} == {"api"}
    with pytest.raises(FactError, match=r"llama-3\.1-8c"):
        candidates(catalog, question(), scope("llama-3.1-8c"))


def test_a_real_plan_is_reproducible_to_the_byte(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """Invariant 7, through the simulator and the cost engine."""
    one, other = (planned(catalog, question(tpot_s=0.05), trace) for _ in range(2))
    assert msgspec.json.encode(one) == msgspec.json.encode(other)


def test_every_number_of_the_memo_names_source_and_date(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """All marks resolve, all footnotes have source and date, and every fact of the plan is among them (G2)."""
    plan = planned(catalog, question(tpot_s=0.05), trace)
    document = memo(plan)
    assert document.problems() == ()
    assert {fact.key for fact in plan.facts} <= {source.key for source in document.sources()}


def test_unknown_speed_has_no_unit_cost(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """Invariant 12: APIs and CPUs are priced where they can be, excluded, and say why."""
    by_place = {option.placement: option for option in planned(catalog, question(), trace).options}
    assert by_place["api"].binding == UNMEASURED_API
    assert by_place["api"].monthly_cost_usd is not None
    assert by_place["cpu"].binding == UNMEASURED
    assert all(by_place[place].cost_per_useful_prediction_usd is None for place in ("api", "cpu"))


@pytest.mark.parametrize(
    ("tight", "loose"),
    [
        ({"ttft_s": 0.3, "tpot_s": 0.02}, {"ttft_s": 2.0, "tpot_s": 0.05}),
        ({"tpot_s": 0.03, "attainment": 0.99}, {"tpot_s": 0.03, "attainment": 0.9}),
        ({"tpot_s": 0.05, "placements": ("on_prem",)}, {"tpot_s": 0.05}),
    ],
)
def test_looser_is_never_dearer_with_the_real_model(
    catalog: Catalog, question: Asks, trace: Trace, tight: dict[str, object], loose: dict[str, object]
) -> None:
    """Invariant 9 on the shipped catalog."""
    costs = [
        planned(catalog, question(**asked), trace).options[0].cost_per_useful_prediction_usd for asked in (tight, loose)
    ]
    assert costs[1] <= costs[0]


def test_impossible_targets_are_infeasible_with_their_constraint(
    catalog: Catalog, question: Asks, trace: Trace
) -> None:
    """A microsecond per token: the constraint is named, not the cheapest option sold."""
    with pytest.raises(InfeasibleError) as caught:
        planned(catalog, question(tpot_s=1e-6), trace)
    assert caught.value.binding == "tpot p95"


def test_standing_deployments_keep_name_and_replicas(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """They compete with the catalog's candidates, and can be made the only ones to choose from."""
    asked = question(tpot_s=0.05)
    offer = catalog.offer("runpod-h100-sxm-1x-on-demand", AS_OF)
    own = msgspec.structs.replace(offer, id="own:large", usd_per_hour=9.0, source="contract 17")
    stands = [
        standing(catalog, deployment(name, "h100-sxm", 3), price, asked)
        for name, price in (("assistant-current", own), ("assistant-candidate", offer))
    ]
    plan = planned(catalog, asked, trace, standing=stands, only_standing=True)
    options = {option.name: option for option in plan.options}
    assert plan.chosen == "assistant-candidate"
    assert options["assistant-current"].deployment.replicas == 3
    assert len(options) > 2
    assert any(fact.source == "contract 17" for fact in plan.facts)
    assert {promise.deployment for promise in plan.promises} == {"assistant-candidate"}


def test_an_applied_plan_can_be_planned_again(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """The choice of a plan stands under its name; found again it has another, and both are weighed in every part."""
    asked = question(tpot_s=0.05)
    first = planned(catalog, asked, trace)
    choice = next(option.deployment for option in first.options if option.name == first.chosen)
    stands = standing(catalog, choice, catalog.offer(choice.offer, AS_OF), asked)
    again = planned(catalog, asked, trace, standing=[stands], rng=np.random.default_rng(0))
    names = [option.name for option in again.options]
    assert len(set(names)) == len(names)
    assert {first.chosen, f"{first.chosen}-new"} <= set(names)
    assert again.portfolio is not None
    assert again.candidates == first.candidates + 1


@pytest.mark.parametrize(("replicas", "enough"), [(1, False), (40, True)])
def test_what_stands_is_held_to_all_of_the_demand_that_is_known(
    catalog: Catalog, question: Asks, trace: Trace, replicas: int, enough: bool
) -> None:
    """Quiet weeks do not excuse it where a tenth of the time brings most of the requests and saturates it."""
    asked = question(tpot_s=0.05)
    mean = asked.workload.rate_mean_rps
    weeks = msgspec.structs.replace(asked, rates_rps=(*(0.1 * mean for _ in range(9)), 9.1 * mean), rates_s=604_800.0)
    offer = catalog.offer("runpod-h100-sxm-1x-on-demand", AS_OF)
    stands = [standing(catalog, deployment("mine", "h100-sxm", replicas), offer, asked)]
    found = {one.name: one for one in planned(catalog, weeks, trace, standing=stands).options}["mine"]
    plain = {one.name: one for one in planned(catalog, asked, trace, standing=stands).options}["mine"]
    assert plain.feasible, plain.binding
    assert found.feasible is enough
    assert found.binding.startswith("capacity: ") is not enough


def test_a_standing_deployment_without_price_or_room_is_excluded(
    catalog: Catalog, question: Asks, trace: Trace
) -> None:
    """Unpriced and memory are bindings, not crashes."""
    asked = question(tpot_s=0.05)
    unpriced = standing(catalog, deployment("gift", "h100-sxm", 1), None, asked)
    offer = catalog.offer("runpod-l4-1x-on-demand", AS_OF)
    tight = standing(catalog, deployment("tight", "l4", 1, model=LARGE), offer, asked)
    plan = planned(catalog, asked, trace, standing=[unpriced, tight])
    bindings = {option.name: option.binding for option in plan.options}
    assert bindings["gift"].startswith("unpriced: ")
    assert bindings["tight"].startswith("memory: ")


def deployment(name: str, accelerator: str, replicas: int, model: str = SMALL) -> Deployment:
    return Deployment(
        id=name, model=model, placement="cloud", offer="o", accelerator=accelerator, accelerators=1, replicas=replicas
    )


def test_a_board_for_consumers_is_named_so(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """Who may choose one reads what its licence says; who may not is spared it."""
    for board, told in (("rtx-4090", True), ("l40s", False)):
        found = make_plan(catalog, question(tpot_s=0.05), trace, scope(SMALL, accelerators=(board,)))
        assert any(one.startswith(f"{board} is a board for consumers") for one in found.assumptions) is told
