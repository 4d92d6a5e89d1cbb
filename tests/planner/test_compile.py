"""A plan as a route: the shares sum to one, the arms are named, and only what exists gets traffic."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakeven.errors import PolicyError
from breakeven.planner.candidate import Candidate
from breakeven.planner.choose import choose
from breakeven.planner.compile import HOLDOUT_ARM, PLAN_ARM, route_targets
from breakeven.planner.evaluate import evaluate
from breakeven.planner.question import Question
from breakeven.schema.fact import Fact
from breakeven.schema.plan import Plan
from breakeven.schema.policy import RouteTarget


@pytest.fixture
def plan(
    question: Callable[..., Question], candidate: Callable[..., Candidate], world: type, facts: tuple[Fact, ...]
) -> Plan:
    """A plan that chose "new"."""
    asked = question()
    scales = world(asked, {"new": 9.0}, {"new": 1.0})
    found = evaluate(candidate("new"), asked, predict=scales.predict, price=scales.price)
    return choose([found], asked, facts, as_of="2026-11-24", seed=0)


WEIGHTS = st.dictionaries(st.sampled_from(["new", "old", "older"]), st.floats(0, 5), max_size=3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(weights=WEIGHTS, holdout=st.floats(0, 0.5))
def test_shares_sum_to_one_and_the_plan_keeps_the_rest(plan: Plan, weights: dict[str, float], holdout: float) -> None:
    """The chosen deployment is one target in its arm; the others share the holdout as they shared the traffic."""
    current = [RouteTarget(deployment=name, weight=weight) for name, weight in sorted(weights.items())]
    targets = route_targets(plan, current, holdout)
    assert sum(target.weight for target in targets) == pytest.approx(1)
    assert targets[0].deployment == "new"
    assert targets[0].arm == PLAN_ARM
    assert {target.arm for target in targets[1:]} <= {HOLDOUT_ARM}
    if len(targets) > 1:
        assert targets[0].weight == pytest.approx(1 - holdout)
        held = {target.deployment: target.weight for target in targets[1:]}
        total = sum(weights[name] for name in held)
        assert all(weight == pytest.approx(holdout * (weights[name] / total)) for name, weight in held.items())


def test_nothing_is_held_out_where_the_plan_changes_nothing(plan: Plan) -> None:
    """The chosen one alone served before."""
    targets = route_targets(plan, [RouteTarget(deployment="new")], 0.2)
    assert targets == (RouteTarget(deployment="new", weight=1.0, arm=PLAN_ARM),)


@pytest.mark.parametrize("share", [-0.1, 0.6, float("nan")])
def test_an_impossible_holdout_is_refused(plan: Plan, share: float) -> None:
    """The message names the share and the bounds."""
    with pytest.raises(PolicyError, match=r"0 to 0\.5"):
        route_targets(plan, [], share)


def test_a_deployment_that_does_not_exist_gets_no_traffic(plan: Plan) -> None:
    """The message names the chosen one, those that exist, and the way out."""
    with pytest.raises(PolicyError, match="chose 'new', which is not among the deployments: old") as caught:
        route_targets(plan, [], 0.1, deployments={"old"})
    assert "breakeven.yaml" in str(caught.value)
