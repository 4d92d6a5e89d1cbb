"""The contract for scripts: stable names, sums that add up, null for what is not known."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.quantity import usd_from_pico
from breakeven.report.plain import findings_json, plan_json, statement_json
from breakeven.schema.finding import Finding
from breakeven.schema.plan import Plan
from breakeven.schema.statement import Statement

Compare = Callable[[str, str], None]


def test_the_statement_has_what_scripts_read(statement: Statement) -> None:
    """Names and types of the contract; a use case without outcomes has no useful predictions, not zero."""
    found = statement_json(statement)
    assert found["predictions"] == 1250
    assert found["useful_predictions"] == 290
    assert found["conserved"] is True
    by_name = {cut["name"]: cut for cut in found["use_cases"]}
    assert by_name["assistant"]["useful_predictions"] is None
    assert by_name["homepage"]["conversion"] == {
        "n": 2,
        "rate": None,
        "low": None,
        "high": None,
        "measurable": True,
        "enough_evidence": False,
        "note": "2 conversions are too few",
    }
    assert found["bases"]["cost_per_useful_prediction_usd"] == "derived"
    assert sum(step["cost_usd"] for step in found["waterfall"]) == pytest.approx(found["cost_total_usd"], rel=1e-9)


def test_use_cases_sum_to_the_totals(statement: Statement) -> None:
    """Predictions exactly, money within 1e-9."""
    found = statement_json(statement)
    assert sum(cut["predictions"] for cut in found["use_cases"]) == found["predictions"]
    cost = sum(cut["cost_usd"] for cut in found["use_cases"])
    assert cost == pytest.approx(found["cost_total_usd"], rel=1e-9)


@given(st.lists(st.integers(0, 10**18), min_size=1, max_size=40))
def test_dollars_of_parts_sum_to_dollars_of_the_whole(parts: list[int]) -> None:
    """Floats lose less than one part in a thousand million."""
    assert sum(map(usd_from_pico, parts)) == pytest.approx(usd_from_pico(sum(parts)), rel=1e-9)


def test_the_chosen_option_is_one_of_the_options(plan: Plan) -> None:
    """The same object, with name, month and unit cost; excluded options have no unit cost."""
    found = plan_json(plan)
    assert found["chosen"] in found["options"]
    assert found["chosen"]["name"] == plan.chosen
    for option in found["options"]:
        assert {"name", "monthly_cost_usd", "cost_per_useful_prediction_usd"} <= set(option)
        assert (option["cost_per_useful_prediction_usd"] is None) == (not option["feasible"])


def test_findings_have_what_scripts_read(findings: tuple[Finding, ...]) -> None:
    """The six keys of `verify[]`."""
    for found in findings_json(findings):
        assert {"metric", "predicted", "actual", "low", "high", "verdict"} <= set(found)


def test_everything_is_json(plan: Plan, statement: Statement, findings: tuple[Finding, ...]) -> None:
    """Finite numbers, text, lists and objects only."""
    for found in (plan_json(plan), statement_json(statement), findings_json(findings)):
        assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_json_reads_as_committed(
    plan: Plan, statement: Statement, findings: tuple[Finding, ...], same_as_committed: Compare
) -> None:
    """A changed key is a changed contract."""
    for name, found in (
        ("plan.json", plan_json(plan)),
        ("statement.json", statement_json(statement)),
        ("findings.json", findings_json(findings)),
    ):
        same_as_committed(name, msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n")
