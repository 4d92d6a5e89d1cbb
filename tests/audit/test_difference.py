"""Differences: none with oneself, the mirror image the other way round, and a gate that says by how much."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.audit.difference.differ import difference, gate, turned
from breakeven.audit.difference.plain import leaves
from breakeven.audit.difference.side import side_of
from breakeven.errors import GateError, UsageError
from breakeven.schema.difference import COST

NAMES = st.sampled_from(["api", "h100", "l40s", "cpu"])
COSTS = st.none() | st.floats(1e-6, 10)


@st.composite
def plans(draw: st.DrawFn) -> dict[str, Any]:
    """Plans as `plan --json` prints them, with everything that a difference looks at."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    options = [
        {
            "name": name,
            COST: draw(COSTS),
            "monthly_cost_usd": draw(COSTS),
            "binding": draw(st.sampled_from(["", "m: 1"])),
        }
        for name in names
    ]
    facts = [
        {"key": key, "value": draw(COSTS), "unit": "USD", "as_of": draw(st.sampled_from(["2026-01-01", "2026-02-01"]))}
        for key in draw(st.lists(st.sampled_from(["a", "b", "c"]), unique=True))
    ]
    return {
        "id": draw(st.sampled_from(["plan-1", "plan-2"])),
        "chosen": draw(st.sampled_from(names)),
        "options": options,
        "facts": facts,
        "workload": {"rate_mean_rps": draw(st.floats(0.1, 9)), "tokens": {"p50": draw(st.integers(1, 3))}},
        "objective": {"ttft_s": draw(st.none() | st.floats(0.1, 9))},
        "assumptions": draw(st.lists(st.sampled_from(["x", "y"]), unique=True)),
        "as_of": "2026-11-24",
        "seed": draw(st.integers(0, 2)),
    }


@given(plans())
def test_nothing_differs_from_itself(plan: dict[str, Any]) -> None:
    """Identity, and a gate that lets it pass wherever the cost is known."""
    found = difference(side_of(plan, "a"), side_of(plan, "a"))
    assert found.empty
    if found.cost.before is not None:
        gate(found, 0.0)


@given(plans(), plans())
def test_the_other_way_round_is_the_mirror_image(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Antisymmetry: before and after change places, changes their sign, and nothing else."""
    first, second = side_of(one, "a"), side_of(other, "b")
    there, back = difference(first, second), difference(second, first)
    assert back == turned(there)
    assert turned(turned(there)) == there
    for here, mirrored in zip(there.figures, back.figures, strict=True):
        assert here.change == (None if mirrored.change is None else pytest.approx(-mirrored.change))


@given(plans(), plans())
def test_what_differs_is_said(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Completeness: changed facts, demand and targets appear under their own name, and only they do."""
    found = difference(side_of(one, "a"), side_of(other, "b"))
    said = {(why.kind, why.key) for why in found.whys}
    assert (("workload", "rate_mean_rps") in said) == (
        one["workload"]["rate_mean_rps"] != other["workload"]["rate_mean_rps"]
    )
    assert (("objective", "ttft_s") in said) == (one["objective"] != other["objective"])
    assert {key for kind, key in said if kind == "assumption"} == set(one["assumptions"]) ^ set(other["assumptions"])
    here, there = ({fact["key"]: fact for fact in plan["facts"]} for plan in (one, other))
    moved = {key for kind, key in said if kind == "fact"}
    assert (
        here.keys() ^ there.keys()
        <= moved
        <= {key for key in here.keys() | there.keys() if here.get(key) != there.get(key)}
    )


@given(st.floats(1e-6, 10), st.floats(1e-6, 10), st.floats(0, 2))
def test_the_gate_says_no_above_its_limit_only(before: float, after: float, allowed: float) -> None:
    """Exactly where the cost rises by more than the share."""
    sides = [side_of({**PLAN, "options": [PLAN["options"][0] | {COST: cost}]}, "p") for cost in (before, after)]
    found = difference(sides[0], sides[1])
    if after > before * (1 + allowed):
        with pytest.raises(GateError, match="more than the"):
            gate(found, allowed)
    else:
        gate(found, allowed)


PLAN: dict[str, Any] = {
    "id": "plan-1", "chosen": "api", "options": [{"name": "api", COST: 1.0, "monthly_cost_usd": 9.0}],
    "facts": [], "workload": {}, "objective": {},
}  # fmt: skip
POLICY: dict[str, Any] = {
    "id": "pol-1", "backends": [], "deployments": [{"name": "a", "quality": 0.5}, {"name": "b", "quality": 0.5}],
    "use_cases": [{"name": "chat", "failure": ["cached", "error"]}],
}  # fmt: skip


def test_an_unpriced_choice_is_no_pass() -> None:
    """Unknown is not zero: the gate says what is not known."""
    unpriced = {**PLAN, "options": [{"name": "api", COST: None, "monthly_cost_usd": None}]}
    with pytest.raises(GateError, match=r"\$1.00 before and unpriced after"):
        gate(difference(side_of(PLAN, "a"), side_of(unpriced, "b")), 0.1)


def test_settings_of_a_policy_go_by_name() -> None:
    """A deployment that moves in its list has not changed; one setting that did is one line."""
    turned_around = {**POLICY, "id": "pol-2", "deployments": POLICY["deployments"][::-1]}
    assert difference(side_of(POLICY, "a"), side_of(turned_around, "b")).empty
    changed = {**POLICY, "use_cases": [{"name": "chat", "failure": ["default", "error"]}]}
    [why] = difference(side_of(POLICY, "a"), side_of(changed, "b")).whys
    assert (why.key, why.before, why.after) == (
        "use_cases[chat].failure",
        '["cached", "error"]',
        '["default", "error"]',
    )


def test_two_kinds_are_not_compared() -> None:
    """A plan and a policy have nothing in common; what is neither is refused with what it has."""
    with pytest.raises(UsageError, match="pol-1 is a policy"):
        difference(side_of(PLAN, "a"), side_of(POLICY, "b"))
    with pytest.raises(UsageError, match="is no plan, compiled policy or statement: it has weather"):
        side_of({"weather": 1}, "x.json")


@given(
    st.recursive(
        st.integers() | st.text(max_size=3),
        lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=2), inner),
    )
)
def test_every_leaf_has_a_path(value: object) -> None:
    """Nothing of a value is left out."""

    def count(one: object) -> int:
        return sum(count(inner) for inner in one.values()) if isinstance(one, dict) and one else 1

    assert len(leaves(value)) == count(value)


@pytest.mark.parametrize(
    "broken",
    [
        {"options": [1], "chosen": "a", "workload": {}, "objective": {}},
        {"options": [{}], "chosen": "a", "workload": {}, "objective": {}},
        {"options": [], "chosen": {}, "workload": {}, "objective": {}},
        {"options": [], "chosen": "a", "workload": 1, "objective": {}},
        {"use_cases": 1, "cost_total_usd": "much", "total": {}, COST: None, "predictions": "many"},
    ],
)
def test_what_only_looks_like_a_plan_is_refused_by_name(broken: dict[str, object]) -> None:
    """A file with the right fields and other things within them is named, and nothing is computed from it."""
    with pytest.raises(UsageError, match=r"mine\.json .* within them"):
        side_of(broken, "mine.json")
