"""Inputs: what is drawn of each, and what it is drawn from."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.planner.doubt.belief import Belief, Dice, drawn
from breakeven.planner.doubt.case import Case
from breakeven.planner.doubt.response import PROPORTIONAL
from breakeven.planner.doubt.terms import term_months
from breakeven.planner.doubt.world import evaluate
from breakeven.schema.doubt import Beliefs, DemandPath, Shape
from breakeven.schema.noun import Figure

Cases = Callable[..., Case]
DRAWS = 20_000


def belief(shape: Shape, low: float, base: float, high: float, **more: Any) -> Belief:
    about = {"key": "k", "name": "k", "unit": "", "least": low, "most": high} | more
    return Belief(base=base, low=low, high=high, shape=shape, **about)


def draw(one: Belief, seed: int = 0) -> np.ndarray:
    return drawn([one], Dice(np.random.default_rng(seed), DRAWS))[one.key]


@settings(max_examples=20, deadline=None)
@given(base=st.floats(0.2, 5.0), down=st.floats(0.05, 0.9), up=st.floats(0.05, 3.0))
def test_ends_are_what_they_say(base: float, down: float, up: float) -> None:
    """Nothing lies beyond a triangle; a tenth lies beyond either end of a lognormal, half beyond its base."""
    low, high = base * (1 - down), base * (1 + up)
    triangle, bell = draw(belief("triangular", low, base, high)), draw(belief("lognormal", low, base, high))
    assert low <= triangle.min()
    assert triangle.max() <= high
    beyond = [(bell < low).mean(), (bell < base).mean(), (bell > high).mean()]
    assert beyond == pytest.approx([0.1, 0.5, 0.1], abs=0.015)


def test_a_share_is_as_sure_as_its_count() -> None:
    """Ten times the cases: a band about a third as wide, around the same share."""
    few, many = (draw(belief("beta", 0.2, 0.3, 0.4, n=n)) for n in (100, 1_000))
    assert few.mean() == pytest.approx(0.3, abs=0.01)
    assert many.std() / few.std() == pytest.approx(np.sqrt(0.1), rel=0.05)


def test_what_is_common_moves_together() -> None:
    """Two speeds that have a share of their variance in common are correlated by it; others are not."""
    dice = Dice(np.random.default_rng(0), DRAWS)
    parts = (("speed of m", 0.6),)
    one, other = (belief("lognormal", 0.8, 1.0, 1.25, key=key, parts=parts) for key in ("a", "b"))
    apart = belief("lognormal", 0.8, 1.0, 1.25, key="c")
    logs = {key: np.log(values) for key, values in drawn([one, other, apart], dice).items()}
    assert np.corrcoef(logs["a"], logs["b"])[0, 1] == pytest.approx(0.6, abs=0.03)
    assert np.corrcoef(logs["a"], logs["c"])[0, 1] == pytest.approx(0.0, abs=0.03)


def test_draws_belong_to_their_key() -> None:
    """Another input more changes no draw; what is exact is not drawn."""
    one, other = belief("normal", -1.0, 0.0, 1.0, key="a"), belief("exact", 1.0, 1.0, 1.0, key="b")
    third = belief("triangular", 0.0, 1.0, 2.0, key="c")
    alone = drawn([one], Dice(np.random.default_rng(4), 50))
    among = drawn([third, other, one], Dice(np.random.default_rng(4), 50))
    assert set(among) == {"a", "c"}
    assert np.array_equal(alone["a"], among["a"])


def test_a_forecast_replaces_growth(scene: Any, cases: Cases) -> None:
    """The demand of each month lies at the forecast's middle at base, and at its ends where the draw is there."""
    path = DemandPath(low=(1.0, 0.8), middle=(1.0, 1.2), high=(1.0, 2.4))
    case = cases(scene, 500, beliefs=Beliefs(path=path))
    base = evaluate(case.world, {}, end=2)
    assert base.demand_rps[0] == pytest.approx(4.0 * 1.1)
    low, high = (
        evaluate(case.world, {"path": np.array([z])}, end=2).demand_rps[0] for z in (-1.2815515655, 1.2815515655)
    )
    assert (low, high) == pytest.approx((4.0 * 0.9, 4.0 * 1.7))
    assert "growth" not in case.draws
    assert "path" in case.draws


def test_quality_divides_the_cost(way: Callable[..., Any], cases: Cases, kit: SimpleNamespace) -> None:
    """A model that is half as useful as the reference costs twice as much per useful prediction, in the draws too."""
    question = kit.asked(0.4)
    here = way(question, kit.rent("here", 1.0))
    there = way(question, kit.rent("there", 1.0))
    other = there.option.deployment
    moved = _model(there, other)
    known = {"quality/other/fp16": Figure(value=0.5, unit="", low=0.4, high=0.6, basis="measured")}
    case = cases(kit.scene(question, [here, moved]), 2_000, quality=known, useful_n=500)
    table = evaluate(case.world, {})
    assert table.unit[1, 0] == pytest.approx(2 * table.unit[0, 0])
    assert {"useful", "quality/other/fp16"} <= set(case.draws)


def _model(way: Any, deployment: Any) -> Any:
    there = msgspec.structs.replace(deployment, model="other")
    replace = msgspec.structs.replace
    return way._replace(
        option=replace(
            way.option, deployment=there, cost_per_useful_prediction_usd=2 * way.option.cost_per_useful_prediction_usd
        ),
        candidate=replace(way.candidate, deployment=there),
    )


def test_short_traces_leave_the_level_open(scene: Any, cases: Cases) -> None:
    """Demand seen for three hours may be off by the assumed share; without it only by chance."""
    wide, narrow = (
        next(one for one in cases(scene, beliefs=Beliefs(unseen_day=share)).inputs if one.key == "demand")
        for share in (0.3, 0.0)
    )
    assert wide.high / wide.base > 1.3 > narrow.high / narrow.base > 1
    assert "assumed" in wide.source


def test_terms_and_responses_are_read() -> None:
    """Reserved for years or months; without targets twice as fast carries twice as much."""
    assert [term_months(text) for text in ("reserved_3y", "reserved_6m", "on_demand", "purchase")] == [36, 6, 0, 0]
    assert PROPORTIONAL.ratio(np.array([np.log(2.0), 0.0])) == pytest.approx([0.5, 1.0], rel=1e-3)
