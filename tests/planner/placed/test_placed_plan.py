"""Units and devices of a fact file in a whole plan: what is chosen, what is excluded and by what, what nobody loses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from breakeven.assembly.proposing import proposed
from breakeven.catalog.load import load
from breakeven.errors import PolicyError
from breakeven.planner.as_study import as_study, identifier
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope, of_api
from breakeven.planner.plan import make_plan
from breakeven.planner.question import Question
from breakeven.report.memo import memo
from breakeven.schema.deployment import Deployment
from breakeven.schema.plan import Option, Plan
from breakeven.study.evaluate import Evaluated
from breakeven.workload.fit import fit
from breakeven.workload.sample import sample

HEAD = """
sources:
  quote: {source: our quote, as_of: 2026-11-01, retrieved: 2026-11-01, licence: own, confidence: high}
offers:
"""
LATENCY = "latency: {ttft_p50_s: 0.2, ttft_p95_s: 0.5, tpot_p50_s: 0.01, tpot_p95_s: 0.02}"
API = f"""
  - {{id: our-api, provider: house, kind: api, model: llama-3.1-8b, valid_from: 2026-11-01, source: quote,
     input_usd_per_mtok: 0.03, output_usd_per_mtok: 0.03, {LATENCY}}}
"""
UNITS = """
  - {{id: our-units, provider: house, kind: provisioned, model: llama-3.1-8b, valid_from: 2026-11-01, source: quote,
     usd_per_hour: {price}, capacity: {{tokens_per_s: 800, output_weight: 4{more}}}, {latency}}}
"""
PHONES = """
  - {{id: phones, provider: users, kind: edge, model: llama-3.1-8b, valid_from: 2026-11-01, source: quote,
     usd_per_device_month: {price}, device: {{prompt_tokens_per_s: 2000, answer_tokens_per_s: 40, devices: 1000,
     share: {share}, owned_by: users, electricity: users{more}}}}}
"""


def units(*, price: float = 0.02, more: str = "", latency: str = LATENCY) -> str:
    return UNITS.format(price=price, more=more, latency=latency)


def phones(*, price: float = 0.02, share: float = 0.75, more: str = ", fallback: our-api") -> str:
    return PHONES.format(price=price, share=share, more=more)


DAY = {"rates_rps": (1.0, 2.0, 4.0, 6.0, 8.0, 3.0), "rates_s": 3600.0}
"""A demand that rises and falls, so that no number of units fits all of it."""
Planned = Callable[..., Plan]


@pytest.fixture
def planned(tmp_path: Path, question: Callable[..., Question]) -> Planned:
    """`planned(offers, **objective)`: with the offers of a fact file, on L4 boards only."""

    def plan(*offers: str, seed: int | None = None, pilot: Candidate | None = None, **asked: object) -> Plan:
        (tmp_path / "ours.yaml").write_text(HEAD + "".join(offers))
        base = question(**{"ttft_s": 2.0, "tpot_s": 0.2} | asked)
        trace = sample(base.workload, rng=np.random.default_rng(5), n=60)
        asks = msgspec.structs.replace(base, workload=fit(trace, "assistant", source="drawn"), **DAY)
        within = Scope(models=("llama-3.1-8b",), as_of="2026-11-24", accelerators=("l4",), engines=("vllm",))
        rng = None if seed is None else np.random.default_rng(seed)
        catalog = load([tmp_path / "ours.yaml"])
        there = (
            () if pilot is None else (msgspec.structs.replace(pilot, offer=catalog.offer("our-units", "2026-11-24")),)
        )
        return make_plan(catalog, asks, trace, within, standing=there, rng=rng)

    return plan


def option(plan: Plan, name: str) -> Option:
    return next(one for one in plan.options if one.name == name)


def why(plan: Plan, name: str) -> str:
    found = {one.name: one.binding for one in plan.options}
    return found.get(name) or next(f"{one.binding}: {one.by}" for one in plan.rejected if one.option == name)


def test_units_with_measured_latency_are_chosen_and_what_overflows_is_named(planned: Planned) -> None:
    """The plan says how many, what share they answer and what goes to the API, and its bill is the sum of both."""
    plan = planned(API, units(price=0.03, more=", overflow: our-api"))
    best = option(plan, "our-units")
    assert plan.chosen == "our-units"
    assert best.placement == "provisioned"
    assert best.rest is not None
    assert best.placed.share + best.rest.monthly_cost_usd / _whole(plan) == pytest.approx(1.0, rel=1e-6)
    parts = [line.amount_usd for line in best.bill.lines if line.name.startswith("overflow_")]
    assert sum(parts) == pytest.approx(best.rest.monthly_cost_usd)
    assert best.deployment.replicas == best.placed.count == best.capacity.serving


def _whole(plan: Plan) -> float:
    """The API's month for all of the requests."""
    return option(plan, "our-api").monthly_cost_usd or 0.0


def test_units_nobody_measured_are_excluded_as_an_api_is(planned: Planned) -> None:
    """With a latency target a missing measurement is named; nothing is made up for it."""
    assert why(planned(API, units(latency="note: none")), "our-units").startswith("latency unmeasured")
    without = planned(API, units(latency="note: none"), ttft_s=None, tpot_s=None)
    assert option(without, "our-units").feasible


def test_without_anybody_to_take_the_overflow_units_carry_the_sized_rate(planned: Planned) -> None:
    """The API is not measured: more units are held, and the plan says why."""
    unmeasured = API.replace(LATENCY, "note: none")
    alone = option(planned(unmeasured, units(more=", overflow: our-api")), "our-units")
    assert alone.rest is None
    assert alone.capacity.headroom >= 1
    assert "latency unmeasured" in alone.placed.said


def test_a_cheaper_unit_never_makes_the_plan_worse(planned: Planned) -> None:
    """Nor does one that nobody would take change anything of the choice."""
    costs = [_best(planned(API, units(price=price))) for price in (0.05, 0.03, 0.01)]
    assert costs == sorted(costs, reverse=True)
    dear, none = planned(API, units(price=50)), planned(API)
    assert dear.chosen == none.chosen
    assert _best(dear) == _best(none)


def _best(plan: Plan) -> float:
    return option(plan, plan.chosen).cost_per_useful_prediction_usd or 0.0


def test_devices_and_what_answers_the_rest_are_all_requests(planned: Planned) -> None:
    """The rest is billed for its part of the demand, and the devices for themselves."""
    plan = planned(API, phones())
    found = option(plan, "phones")
    assert plan.chosen == "phones"
    assert found.placed.count == 1000
    assert found.placed.share == pytest.approx(0.75)
    assert found.rest.monthly_cost_usd == pytest.approx(0.25 * _whole(plan), rel=1e-6)
    assert found.monthly_cost_usd == pytest.approx(1000 * 0.02 + found.rest.monthly_cost_usd)


def test_a_board_may_answer_the_rest(planned: Planned) -> None:
    """The best candidate of the named offer, sized for its part alone."""
    found = option(planned(phones(more=", fallback: runpod-l4-1x-on-demand")), "phones")
    assert found.feasible
    assert found.rest.deployment.offer == "runpod-l4-1x-on-demand"
    alone = option(planned(), "runpod-l4-1x-on-demand-int8-vllm-c8192")
    assert found.rest.capacity.needed_rps == pytest.approx(0.25 * alone.capacity.needed_rps)


@pytest.mark.parametrize(
    ("offer", "asked", "said"),
    [
        (phones(more=""), {}, "fallback: devices answer 75.0% of the requests, and nothing is named"),
        (phones(more=", fallback: nowhere"), {}, "fallback: nowhere is no candidate"),
        (phones(more=", fallback: api-groq-llama-3.1-8b"), {}, "fallback: api-groq-llama-3.1-8b is excluded, latency"),
        (phones(more=", fallback: runpod-l4-1x-on-demand"), {"ttft_s": 0.35}, "ttft p95: "),
        (phones(), {"placements": ("cloud", "api")}, "placement not allowed: edge is not one of"),
        (phones(), {"placements": ("cloud", "edge")}, "fallback: our-api is excluded, placement not allowed"),
        (phones(), {"lead_time_days": 3.0}, "lead time: unknown for edge"),
        (phones(share=1, more="").replace("llama-3.1-8b", "llama-3.2-1b"), {}, "model not asked for: llama-3.2-1b"),
        (units(more=", overflow: nowhere"), {}, "overflow: nowhere is no API"),
        (units(), {"placements": ("cloud",)}, "placement not allowed: provisioned is not one of"),
        (units().replace("usd_per_hour", "term: reserved_3y, usd_per_hour"), {"horizon_months": 12}, "commitment: 36"),
    ],
)  # fmt: skip
def test_what_excludes_them_is_named(planned: Planned, offer: str, asked: dict[str, object], said: str) -> None:
    """Each by the constraint, with both values."""
    plan = planned(API, offer, **asked)
    assert why(plan, "phones" if "phones" in offer else "our-units").startswith(said)


def test_the_network_is_no_part_of_a_device_s_budget(planned: Planned) -> None:
    """A network that takes all of the budget leaves devices as the only choice; nobody else has time left."""
    everywhere = phones(share=1, more="")
    plan = planned(API, everywhere, ttft_s=None, tpot_s=None, budget_s=20.0, network_s=21.0)
    assert plan.chosen == "phones"
    assert plan.rejected_by["latency budget"] > 0
    assert why(plan, "our-api").startswith("latency budget")


def stands(replicas: int) -> Candidate:
    """Units that were applied before."""
    at = Deployment(id="pilot", model="llama-3.1-8b", placement="provisioned", offer="our-units", replicas=replicas)
    return Candidate(name="pilot", deployment=at, fixed=True)


@pytest.mark.parametrize(("replicas", "over"), [(8, True), (200, False)])
def test_units_that_stand_keep_their_number(planned: Planned, replicas: int, over: bool) -> None:
    """What they do not carry overflows to the API, or excludes them where nobody takes it."""
    found = option(planned(API, units(), pilot=stands(replicas)), "pilot")
    assert found.deployment.replicas == replicas
    assert (found.rest is not None) == over
    alone = option(planned(API, units(more=", overflow: none"), pilot=stands(replicas)), "pilot")
    assert alone.binding.startswith("capacity: 8 units carry") == over
    assert alone.feasible != over


def test_levels_say_what_each_takes(planned: Planned) -> None:
    """Units follow the load, devices stay as many as there are."""
    plan = planned(API, units(), phones())
    held = {(level.option, level.name): level.replicas for level in plan.levels}
    assert held["our-units", "low"] <= held["our-units", "medium"] <= held["our-units", "peak"]
    assert {held["phones", name] for name in ("low", "medium", "peak")} == {1000}


def test_the_same_inputs_give_the_same_bytes(planned: Planned) -> None:
    """With the draws, too."""
    first, second = (planned(API, units(), phones(), seed=1) for _ in range(2))
    assert msgspec.json.encode(first) == msgspec.json.encode(second)


def test_speeds_and_prices_are_doubted(planned: Planned) -> None:
    """The draws have a speed for units and devices; at base they say what the plan does."""
    plan = planned(API, units(), phones(), seed=1)
    inputs = {one.key for one in plan.doubt.inputs}
    assert {"speed/our-units", "speed/phones"} <= inputs
    for fate in plan.doubt.fates:
        own = option(plan, fate.option)
        assert fate.base_usd == pytest.approx(own.cost_per_useful_prediction_usd, rel=1e-6)
    assert any("our-api" in said or "our-units" in said for said in plan.doubt.flips_if)


def test_ids_of_plans_without_them_hold_nothing_of_them(planned: Planned) -> None:
    """An option that is neither units nor devices is written as before."""
    assert b'"placed"' not in msgspec.json.encode(planned(API))
    assert b'"placed"' in msgspec.json.encode(planned(API, units()))


def test_a_policy_routes_what_comes_to_a_gateway(planned: Planned, tmp_path: Path) -> None:
    """Units with the overflow behind them; of devices the rest; where nothing is left, words and no file."""
    facts = (tmp_path / "ours.yaml",)
    found = proposed(planned(API, units(price=0.03, more=", overflow: our-api")), facts, tmp_path)
    assert "deployment: our-units" in found["policy.yaml"]
    assert "deployment:our-api" in found["policy.yaml"]
    found = proposed(planned(API, phones()), facts, tmp_path)
    assert "deployment: our-api" in found["policy.yaml"]
    assert "phones" not in found["breakeven.yaml"].partition("version")[2]
    with pytest.raises(PolicyError, match="devices answer every request"):
        proposed(planned(API, phones(share=1, more="")), facts, tmp_path)


def test_every_figure_of_who_answers_the_rest_has_its_source(planned: Planned) -> None:
    """Also of an API that sells another model than was asked for, and is no option itself: the memo cites it."""
    other = API.replace("our-api", "their-api").replace("llama-3.1-8b", "another-model")
    plan = planned(other, phones(more=", fallback: their-api"))
    assert plan.chosen == "phones"
    assert "their-api" not in {one.name for one in plan.options}
    cited = {fact for promise in plan.promises for fact in promise.predicted.facts}
    assert {key for key in cited if "/latency/" in key} <= {fact.key for fact in plan.facts}
    assert memo(plan).sections


def test_promises_are_of_what_a_ledger_sees(planned: Planned) -> None:
    """Of devices only the rest is promised, under the name of what answers it."""
    plan = planned(API, phones())
    assert {one.deployment for one in plan.promises} == {"our-api"}
    assert planned(API, phones(share=1, more="")).promises == ()


BOX = """
  - {id: boxes, provider: us, kind: edge, model: llama-3.1-8b, valid_from: 2026-11-01, source: quote,
     usd_per_device_month: 3, purchase_usd: 900, device: {prompt_tokens_per_s: 6000, answer_tokens_per_s: 80,
     devices: 40, share: 0.8, owned_by: ours, electricity: ours, busy_w: 300, idle_w: 40, at_once: 4, life_months: 36,
     fallback: our-api}}
"""


def test_a_study_of_them_costs_what_the_bill_says(planned: Planned, tmp_path: Path) -> None:
    """Month by month over the life of what is bought: units and overflow, devices and what answers the rest."""
    plan = planned(API, units(price=0.03), phones(), BOX)
    catalog = load([tmp_path / "ours.yaml"])
    shown = [option(plan, name) for name in ("our-units", "phones", "boxes")]
    rest = of_api(catalog.offer("our-api", "2026-11-24"))
    made = [
        Candidate(
            name=one.name,
            deployment=one.deployment,
            offer=catalog.offer(one.name, "2026-11-24"),
            rest=rest,
        )
        for one in shown
    ]
    asks = Question(workload=plan.workload, objective=plan.objective)
    study = as_study(shown, made, asks, as_of="2026-11-24", seed=0, horizon_months=36)
    found = Evaluated(study, catalog)
    for one in shown:
        costed = found.option(identifier(one.name))
        assert not costed.context.unpriced
        assert costed.annuity[0] == pytest.approx(one.monthly_cost_usd, rel=1e-5)


def test_boards_that_answer_the_rest_are_drawn_as_sized(planned: Planned) -> None:
    """At base devices with boards behind them cost in the draws what the plan says, whatever else is uncertain."""
    plan = planned(API, phones(more=", fallback: runpod-l4-1x-on-demand"), BOX, seed=2)
    fates = {fate.option: fate for fate in plan.doubt.fates}
    for name in ("phones", "boxes"):
        assert fates[name].base_usd == pytest.approx(option(plan, name).cost_per_useful_prediction_usd, rel=1e-6)
