"""Plans of classic models: what was measured is weighed, fleets share their load, and better never costs more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load
from breakeven.errors import EvidenceError, InfeasibleError
from breakeven.perf.batch_curve import BatchCurve, batch_s, of_requests
from breakeven.perf.classic import capacity_rps, share_at
from breakeven.planner.candidates import Scope
from breakeven.planner.plan import make_plan
from breakeven.planner.question import Question
from breakeven.schema.objective import Objective
from breakeven.schema.plan import Option, Plan
from breakeven.schema.workload import Trace, pack
from breakeven.workload.fit import fit

DAY = "2026-11-24"
CPU = BatchCurve(points=((1.0, 0.002), (8.0, 0.010), (32.0, 0.038)), max_batch=32)
BOARD = BatchCurve(points=((1.0, 0.001), (8.0, 0.0012), (64.0, 0.003)), max_batch=64)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return known()


@cache
def known() -> Catalog:
    """The shipped facts."""
    return load()


def arrivals(rate: float, n: int = 4_000, seed: int = 1) -> Trace:
    """Poisson requests without tokens."""
    none = pack(np.zeros(n))
    at = np.cumsum(np.random.default_rng(seed).exponential(1 / rate, n))
    return Trace(name="p", arrival_s=pack(at - at[0]), input_tokens=none, output_tokens=none)


def planned(catalog: Catalog, curves: Mapping[str, BatchCurve], rate: float = 900.0, **asked: object) -> Plan:
    trace = arrivals(rate)
    objective = Objective(use_case="rank", **{"budget_s": 0.05, **asked})
    question = Question(workload=fit(trace, "rank", window_s=1.0), objective=objective)
    return make_plan(catalog, question, trace, Scope(models=("ranker",), as_of=DAY, batches=dict(curves)))


def chosen(plan: Plan) -> Option:
    return next(one for one in plan.options if one.name == plan.chosen)


def as_formed(option: Option) -> BatchCurve:
    """The vCPU's curve in the batches that the plan forms."""
    at = option.deployment
    return msgspec.structs.replace(CPU, max_batch=at.max_batch, max_delay_s=at.max_delay_s)


def test_only_what_was_measured_is_an_option(catalog: Catalog) -> None:
    """Bought and rented boards, and vCPUs, are weighed where a curve is stated; every other offer is unmeasured."""
    plan = planned(catalog, {"cpu": CPU, "h100-sxm": BOARD})
    feasible = [one for one in plan.options if one.feasible]
    assert {one.placement for one in feasible} >= {"cpu", "cloud", "on_prem"}
    assert {one.deployment.accelerator for one in feasible} == {"", "h100-sxm"}
    assert plan.rejected_by["unmeasured"] > 50
    assert plan.candidates > 100
    less = planned(catalog, {"cpu": CPU})
    assert {one.placement for one in less.options if one.feasible} == {"cpu"}
    assert less.rejected_by["unmeasured"] > plan.rejected_by["unmeasured"]


def test_a_curve_of_one_offer_holds_for_it_alone(catalog: Catalog) -> None:
    """Named by an offer, a curve says nothing of others on the same accelerator."""
    plan = planned(catalog, {"aws-p5-48xlarge-h100-on-demand": BOARD})
    assert [one.name for one in plan.options if one.feasible] == ["aws-p5-48xlarge-h100-on-demand"]


def test_the_budget_is_what_is_left_for_inference(catalog: Catalog) -> None:
    """Stages around inference count as a shorter budget; one that leaves less than a batch of one is infeasible."""
    around = planned(catalog, {"cpu": CPU}, budget_s=0.08, network_s=0.02, features_s=0.01)
    alone = planned(catalog, {"cpu": CPU}, budget_s=0.05)
    assert chosen(around).deployment == chosen(alone).deployment
    with pytest.raises(InfeasibleError, match="a batch of one takes 2 ms"):
        planned(catalog, {"cpu": CPU}, budget_s=0.0315, network_s=0.02, features_s=0.01)


def test_spares_are_paid_for_and_carry_nothing(catalog: Catalog) -> None:
    """N+1: one vCPU more on the bill, and the same promise."""
    plain, spare = chosen(planned(catalog, {"cpu": CPU})), chosen(planned(catalog, {"cpu": CPU}, spare_replicas=1))
    assert spare.deployment.replicas == plain.deployment.replicas + 1
    assert spare.bill.total_usd > plain.bill.total_usd
    assert spare.performance == plain.performance


@pytest.mark.parametrize(("margin", "budget_s"), [(0.0, 0.05), (1.0, 0.006)])
def test_a_fleet_is_as_small_as_carries_the_demand(catalog: Catalog, margin: float, budget_s: float) -> None:
    """By trying every number: the first that keeps the budget at the 95th percentile of the rate, and the margin.

    One more is allowed: the search for the rate that a fleet sustains ends at 2 %.
    """
    plan = planned(catalog, {"cpu": CPU}, rate=3_000.0, margin=margin, budget_s=budget_s)
    option, trace, load = chosen(plan), arrivals(3_000.0), plan.workload
    needed = load.rate_p95_rps * (1 + margin)
    formed = as_formed(option)
    fewest = next(
        replicas
        for replicas in range(math.ceil(needed / capacity_rps(formed)), 100)
        if share_at(load, plan.objective, formed, trace, needed, replicas) >= plan.objective.attainment
    )
    assert option.capacity is not None
    assert option.capacity.headroom is not None
    assert option.capacity.headroom >= 1 - 1e-9
    assert option.capacity.serving in {fewest, fewest + 1}


@settings(max_examples=6, deadline=None)
@given(st.floats(0.3, 1.0), st.floats(1.0, 3.0), st.sampled_from(["cpu", "h100-sxm"]))
def test_faster_machines_and_looser_budgets_never_cost_more(faster: float, looser: float, where: str) -> None:
    """Invariant 9, to the 2 % at which rates count as alike."""
    base = planned(known(), {"cpu": CPU, "h100-sxm": BOARD})
    curve = {"cpu": CPU, "h100-sxm": BOARD}[where]
    points = tuple((size, seconds * faster) for size, seconds in curve.points)
    quick = {"cpu": CPU, "h100-sxm": BOARD} | {where: msgspec.structs.replace(curve, points=points)}
    better = planned(known(), quick, budget_s=0.05 * looser)
    cost, least = (chosen(one).cost_per_useful_prediction_usd for one in (base, better))
    assert least <= cost * 1.02


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_other_arrivals_keep_what_was_promised(catalog: Catalog, seed: int) -> None:
    """The chosen fleet under requests drawn anew: the share in budget is within 2 points of the promise."""
    plan = planned(catalog, {"cpu": CPU})
    option = chosen(plan)
    formed = as_formed(option)
    again = arrivals(plan.workload.rate_mean_rps, 20_000, seed)
    share = share_at(plan.workload, plan.objective, formed, again, plan.workload.rate_mean_rps, option.capacity.serving)
    assert share >= option.performance.goodput_share.value - 0.02


def test_the_same_question_has_the_same_answer(catalog: Catalog) -> None:
    """Same inputs, same bytes."""
    first, second = (msgspec.json.encode(planned(catalog, {"cpu": CPU})) for _ in range(2))
    assert first == second


@given(st.integers(1, 8), st.integers(1, 4))
def test_requests_of_several_rows_take_what_their_rows_take(rows: int, requests: int) -> None:
    """t(b requests) = t(b x rows); whole requests only."""
    found = of_requests(CPU, rows)
    assert batch_s(found, [requests])[0] == pytest.approx(batch_s(CPU, [requests * rows])[0])
    assert found.max_batch == CPU.max_batch // rows


def test_requests_larger_than_any_batch_are_refused() -> None:
    """Nothing is extrapolated to a request that was never measured; the message says what to measure."""
    with pytest.raises(EvidenceError, match="a request scores 33 rows, and the largest batch that was measured has 32"):
        of_requests(CPU, 33)
    assert math.isclose(of_requests(CPU, 32).max_batch, 1)


def test_devices_of_a_classic_model_are_not_weighed_in_silence(tmp_path: Path) -> None:
    """They are stated in tokens per second, which it has none of; the plan says so."""
    (tmp_path / "ours.yaml").write_text("""
offers:
  - {id: phones, provider: users, kind: edge, model: ranker, valid_from: 2026-11-01, source: our trial of today,
     usd_per_device_month: 1, device: {prompt_tokens_per_s: 9, answer_tokens_per_s: 9, devices: 9, share: 1,
     owned_by: users, electricity: users}}
""")
    plan = planned(load([tmp_path / "ours.yaml"]), {"cpu": CPU})
    [left] = [one for one in plan.rejected if one.option == "phones"]
    assert left.binding == "unmeasured"
    assert "ranker is a classic model" in left.by
