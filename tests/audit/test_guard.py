"""The guard between two stages: harm is seen, no harm is shown, and little data is neither."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.audit.guard import COST_MARGIN, SHARE_MARGIN, guard, newcombe, shares
from breakeven.schema.guard import Followed
from breakeven.schema.statement import Observation

COUNTS = st.integers(20, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS, COUNTS)
def test_the_interval_is_antisymmetric_and_holds_the_difference(one: tuple[int, int], other: tuple[int, int]) -> None:
    """Newcombe's: the difference lies in it, and swapping the shares mirrors it."""
    low, high = newcombe(one, other)
    assert -1 <= low <= one[0] / one[1] - other[0] / other[1] <= high <= 1
    assert newcombe(other, one) == pytest.approx((-high, -low))


def test_newcombe_s_own_example() -> None:
    """56/70 against 48/80 (Newcombe 1998, table II a): 0.0524 to 0.3339 at 95 %, narrower at 80 %."""
    low, high = newcombe((56, 70), (48, 80))
    assert 0.0524 < low < 0.2 < high < 0.3339


@given(COUNTS, COUNTS)
def test_a_better_plan_is_never_harm(one: tuple[int, int], other: tuple[int, int]) -> None:
    """Direction: a share that is at least the holdout's cannot have done harm, one worse by far always may have."""
    found = shares("attainment", one, other)
    if one[0] / one[1] >= other[0] / other[1]:
        assert found.verdict != "harm"
    if one[0] / one[1] < other[0] / other[1] - SHARE_MARGIN:
        assert found.verdict != "no_harm"


def rows(plan: tuple[int, int], holdout: tuple[int, int]) -> list[Followed]:
    common = {"use_case": "assistant", "late": False, "exposed": 0, "touched": 0}
    return [
        Followed(**common, deployment=name, tracked=tracked, delivered=delivered)
        for name, (tracked, delivered) in (("h100", plan), ("api", holdout))
    ]


def test_every_measure_has_to_be_shown(seen: Callable[..., Observation]) -> None:
    """Equal arms with enough traffic may go on; one measure that is worse, or unknown, stops them."""
    many = {"n": 4000, "in_budget": 3900, "useful": 2000, "span_s": 2000.0, "up_s": 2000.0}
    plan, holdout = seen(**many), seen(**many, deployment="api")
    equal = guard(plan, holdout, rows((3000, 3900), (3000, 3900)))
    assert [one.verdict for one in equal.measures] == ["no_harm"] * 3
    assert equal.may_go
    lost = guard(plan, holdout, rows((1500, 3900), (3000, 3900)))
    assert {one.measure: one.verdict for one in lost.measures}["tracking"] == "harm"
    assert not lost.may_go
    late = guard(seen(**(many | {"in_budget": 3000})), holdout, rows((3000, 3900), (3000, 3900)))
    assert {one.measure: one.verdict for one in late.measures}["attainment"] == "harm"
    dear = guard(seen(**many, capacity_pico_usd=10**12), holdout, [])
    found = {one.measure: one for one in dear.measures}
    assert (found["cost"].verdict, found["cost"].margin) == ("harm", COST_MARGIN)
    assert found["tracking"].verdict == "not_measurable"


def test_few_predictions_are_no_evidence(seen: Callable[..., Observation]) -> None:
    """Neither harm nor its absence; the counts are named."""
    found = guard(seen(n=10, in_budget=10), seen(deployment="api"), [])
    assert found.measures[0].verdict == "not_enough_evidence"
    assert "10 predictions of the plan and 200 of the holdout" in found.measures[0].said
    assert not found.may_go
