"""Laws of choosing before the scenario is known: pooling, regret, the value of knowing, and the cost of the tail."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import InfeasibleError
from breakeven.planner.portfolio.best import best_portfolio
from breakeven.planner.portfolio.fractile import fractile_rps
from breakeven.planner.portfolio.load import duration
from breakeven.planner.portfolio.regret import level_regret, regret_table, tail_cost
from breakeven.planner.portfolio.scenario import Scenario, pooled, regret_of, scenarios_of
from breakeven.schema.plan import Level
from breakeven.schema.portfolio import Unit

OWNED = Unit(name="owned", kind="owned", goodput_rps=1.0, fixed_usd_per_h=1.1, variable_usd_per_busy_h=0.25)
YEARLY = Unit(name="yearly", kind="reserved_1y", goodput_rps=2.0, fixed_usd_per_h=2.9)
RENTED = Unit(name="rented", kind="on_demand", goodput_rps=1.0, fixed_usd_per_h=3.2)
API = Unit(name="api", kind="api", usd_per_request=3.2 / 3600)
LOAD = duration([2, 3, 5, 8], window_s=3600)
THREE = {"low": (0.5, 0.25), "medium": (1.0, 0.5), "peak": (2.0, 0.25)}

chances = st.lists(st.floats(0.01, 1), min_size=1, max_size=4).map(lambda given: [one / sum(given) for one in given])


@settings(max_examples=40, deadline=None)
@given(
    loads=st.lists(st.lists(st.integers(0, 6), min_size=2, max_size=4), min_size=1, max_size=3),
    weights=st.tuples(st.floats(0.1, 1), st.floats(0.1, 1), st.floats(0.1, 1)),
    fixed=st.floats(0.2, 3.5),
)
def test_the_pooled_load_is_the_least_expected_cost(
    loads: list[list[int]], weights: tuple[float, ...], fixed: float
) -> None:
    """With equal prices, the best for the scenarios thrown together costs the least on average (pooled fractile)."""
    used = weights[: len(loads)]
    given = [
        Scenario(name=str(at), probability=weight / sum(used), load=duration(rates, window_s=3600))
        for at, (rates, weight) in enumerate(zip(loads, used, strict=True))
    ]
    units = [Unit(name="owned", kind="owned", goodput_rps=1.0, fixed_usd_per_h=fixed), API]
    table = regret_of(units, given)
    least = min(row.expected_cost_usd for row in table.rows if row.expected_cost_usd is not None)
    together = best_portfolio(pooled(given), units)
    assert together.monthly_usd == pytest.approx(least, rel=1e-9, abs=1e-9)
    held = sum(part.units for part in together.parts if part.name == "owned")
    few, many = (  # where owning is worth exactly nothing, any number between them costs the same
        fractile_rps(pooled(given), msgspec.structs.replace(units[0], fixed_usd_per_h=fixed * slightly), API)
        for slightly in (1 + 1e-9, 1 - 1e-9)
    )
    assert few - 1 <= held <= many + 1


@settings(max_examples=40, deadline=None)
@given(rates=st.lists(st.integers(0, 6), min_size=2, max_size=4), dear=st.floats(0.5, 2.0), tail=st.floats(0.05, 1.0))
def test_regret_and_the_value_of_knowing(rates: list[int], dear: float, tail: float) -> None:
    """No regret is below nought, some choice has none in each scenario, and knowing never costs."""
    given = scenarios_of(
        duration(rates, window_s=3600),
        THREE,
        prices={"now": (0.5, {}), "later": (0.5, {"api": dear, "on_demand": dear})},
    )
    table = regret_of([OWNED, YEARLY, RENTED, API], given, tail_share=tail)
    assert len(table.scenarios) == 6
    assert sum(table.probabilities) == pytest.approx(1)
    for at in range(6):
        column = [row.regret_usd[at] for row in table.rows]
        assert min(column) == 0
    assert table.perfect_information_usd >= 0
    named = {row.option: row for row in table.rows}
    best = named[table.least_expected]
    assert best.expected_regret_usd == pytest.approx(table.perfect_information_usd, abs=1e-6)
    assert all(best.expected_cost_usd <= row.expected_cost_usd for row in table.rows)
    assert all(named[table.least_regret].max_regret_usd <= row.max_regret_usd for row in table.rows)
    assert all(named[table.least_tail].tail_cost_usd <= row.tail_cost_usd for row in table.rows)
    assert "no commitment" in named


@settings(max_examples=100, deadline=None)
@given(weights=chances, share=st.floats(0.01, 1), data=st.data())
def test_a_tail_lies_between_the_mean_and_the_worst(weights: list[float], share: float, data: st.DataObject) -> None:
    """The whole of the probability is the mean; a smaller tail is never cheaper; none exceeds the worst."""
    costs = data.draw(st.lists(st.floats(0, 1e6), min_size=len(weights), max_size=len(weights)))
    mean = float(np.dot(costs, weights))
    found = tail_cost(costs, weights, share)
    assert tail_cost(costs, weights, 1.0) == pytest.approx(mean)
    assert mean - 1e-6 <= found <= max(costs) + 1e-6
    assert tail_cost(costs, weights, share / 2) >= found - 1e-6


def test_a_tail_counts_its_edge_in_part() -> None:
    """Of 10 % at 100 and 90 % at 10, the dearest fifth costs 55."""
    assert tail_cost([100, 10], [0.1, 0.9], 0.2) == pytest.approx(55)


def test_more_choices_than_can_be_weighed_are_searched_between_the_scenarios(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same answers come out of the steps between the best of each scenario as out of all choices."""
    given = scenarios_of(LOAD, THREE)
    every = regret_of([OWNED, API], given)
    monkeypatch.setattr("breakeven.planner.portfolio.scenario.MOST_WEIGHED", 1)
    some = regret_of([OWNED, API], given)
    assert (every.least_expected, every.least_regret) == (some.least_expected, some.least_regret)


def test_what_is_not_carried_has_no_cost() -> None:
    """A choice that cannot carry a scenario has no expected cost and is not named by a rule."""
    table = regret_table({"small": [1.0, None], "large": [2.0, 9.0]}, ["low", "peak"], [0.5, 0.5])
    small, large = table.rows
    assert (small.expected_cost_usd, small.max_regret_usd) == (None, None)
    assert small.regret_usd == (0.0, None)
    assert (table.least_expected, table.least_regret, table.least_tail) == ("large", "large", "large")
    assert table.perfect_information_usd == pytest.approx(0.5)
    assert large.regret_usd == (1.0, 0.0)


def test_a_plan_s_levels_become_a_table() -> None:
    """An option that misses its objective at a level has no cost there; a level without a probability is refused."""

    def level(name: str, option: str, cost: float, *, feasible: bool = True) -> Level:
        return Level(
            name=name,
            factor=1.0,
            rate_rps=1.0,
            option=option,
            replicas=1,
            feasible=feasible,
            monthly_cost_usd=cost,
            cost_per_useful_prediction_usd=None,
            lift_needed_usd=None,
        )

    levels = [
        level("low", "owned", 9.0),
        level("low", "api", 2.0),
        level("peak", "owned", 9.0),
        level("peak", "api", 20.0, feasible=False),
    ]
    table = level_regret(levels, {"low": 0.5, "peak": 0.5})
    assert {row.option: row.regret_usd for row in table.rows} == {"owned": (7.0, 0.0), "api": (0.0, None)}
    assert table.least_expected == "owned"
    with pytest.raises(ValueError, match="level 'peak' has no probability"):
        level_regret(levels, {"low": 1.0})


def test_bad_input_says_what_is_wrong() -> None:
    """Probabilities that do not sum to one, rows that do not fit, a load nothing carries."""
    with pytest.raises(ValueError, match="probabilities that sum to 1"):
        regret_table({"a": [1.0]}, ["low"], [0.5])
    with pytest.raises(ValueError, match="'a' has 2 costs for 1 scenarios"):
        regret_table({"a": [1.0, 2.0]}, ["low"], [1.0])
    with pytest.raises(ValueError, match="share of the probability above 0"):
        regret_table({"a": [1.0]}, ["low"], [1.0], tail_share=0.0)
    with pytest.raises(ValueError, match="at least one scenario"):
        regret_of([API], [])
    limited = Unit(name="owned", kind="owned", goodput_rps=1.0, fixed_usd_per_h=1.0, most=9)
    with pytest.raises(InfeasibleError, match="scenario 'peak': no mix carries its peak of 16 requests/s"):
        regret_of([limited], scenarios_of(LOAD, THREE))
