"""Kinds of offers that the shipped catalog has none of come in by a fact file, and are planned like any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from breakeven.catalog.load import load
from breakeven.planner.candidates import Scope
from breakeven.planner.plan import make_plan
from breakeven.planner.question import Question
from breakeven.schema.plan import Option, Plan
from breakeven.schema.serving import Speculation
from breakeven.workload.sample import sample

OURS = """
sources:
  contract: {source: our contract, as_of: 2026-11-01, retrieved: 2026-11-01, licence: own, confidence: high}
offers:
  - {id: our-lease, provider: lessor, kind: accelerator_hour, accelerator: l4, count: 1, term: reserved_3y,
     valid_from: 2026-11-01, source: contract, usd_per_hour: 0.2}
  - {id: our-commitment, provider: api-house, kind: api, model: llama-3.1-8b, term: reserved_1y,
     valid_from: 2026-11-01, source: contract, input_usd_per_mtok: 0.001, output_usd_per_mtok: 0.002}
"""


@pytest.fixture
def planned(tmp_path: Path, question: Callable[..., Question]) -> Callable[..., Plan]:
    """`planned(scope, objective)`: with what was agreed, on L4 boards only."""
    (tmp_path / "ours.yaml").write_text(OURS)

    def plan(scope: dict[str, object], **asked: object) -> Plan:
        asks = question(**asked)
        trace = sample(asks.workload, rng=np.random.default_rng(5), n=60)
        within = Scope(models=("llama-3.1-8b",), as_of="2026-11-24", accelerators=("l4",), engines=("vllm",), **scope)
        return make_plan(load([tmp_path / "ours.yaml"]), asks, trace, within)

    return plan


def chosen(plan: Plan) -> Option:
    return next(one for one in plan.options if one.name == plan.chosen)


def test_a_lease_is_capacity_by_the_hour(planned: Callable[..., Plan]) -> None:
    """Cheaper than any L4 of the catalog, it is what a plan with a latency target chooses; its bill rests on it."""
    best = chosen(planned({}, tpot_s=0.2))
    assert best.deployment.offer == "our-lease"
    assert best.placement == "cloud"
    assert any(fact.startswith("offer/our-lease@") for line in best.bill.lines for fact in line.facts)


def test_an_agreed_price_of_an_api_is_weighed(planned: Callable[..., Plan]) -> None:
    """Without a latency target an API needs no measurement, and the agreed price wins."""
    assert chosen(planned({}, ttft_s=None)).name == "our-commitment"


def test_a_stated_draft_is_weighed(planned: Callable[..., Plan]) -> None:
    """With one that is always right and costs nothing, the plan is no dearer; without one, none is weighed."""
    draft = Speculation(draft_tokens=4, acceptance=0.95)
    plain, drafted = planned({}, tpot_s=0.2), planned({"speculation": draft}, tpot_s=0.2)
    assert drafted.candidates > plain.candidates
    assert chosen(drafted).cost_per_useful_prediction_usd <= chosen(plain).cost_per_useful_prediction_usd
    assert not any("-draft" in one.name for one in plain.options)
