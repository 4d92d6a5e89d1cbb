"""The plan: cheapest that meets the objective, reproducible, sourced, and never worse for being given more."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakeven.errors import FactError, InfeasibleError
from breakeven.planner.candidate import Candidate
from breakeven.planner.choose import choose, signed
from breakeven.planner.evaluate import evaluate
from breakeven.planner.question import Question
from breakeven.schema.fact import Fact
from breakeven.schema.plan import Option, Plan

relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
SPEEDS = st.dictionaries(st.sampled_from("abcdef"), st.floats(0.5, 40), min_size=1)
PRICES = st.lists(st.floats(0.1, 20), min_size=6, max_size=6)
Asks = Callable[..., Question]
Makes = Callable[..., Candidate]


def options(
    question: Question, speeds: dict[str, float], prices: list[float], candidate: Makes, world: type
) -> list[Option]:
    scales = world(question, speeds, dict(zip("abcdef", prices, strict=True)))
    places = dict(zip("abcdef", ["cloud", "on_prem", "cloud", "on_prem", "cloud", "colocated"], strict=True))
    found = (candidate(name, places[name]) for name in sorted(speeds))
    return [evaluate(one, question, predict=scales.predict, price=scales.price) for one in found]


def plan_of(found: list[Option], question: Question, facts: tuple[Fact, ...], **more: object) -> Plan:
    return choose(found, question, facts, as_of="2026-11-24", seed=7, **more)


def unit_cost(found: list[Option]) -> float:
    costs = [option.cost_per_useful_prediction_usd for option in found if option.feasible]
    return min((cost for cost in costs if cost is not None), default=float("inf"))


@relaxed
@given(speeds=SPEEDS, prices=PRICES)
def test_the_cheapest_feasible_option_is_chosen(
    question: Asks,
    candidate: Makes,
    world: type,
    facts: tuple[Fact, ...],
    speeds: dict[str, float],
    prices: list[float],
) -> None:
    """By cost per useful prediction; the table is in that order, the excluded last."""
    found = options(question(), speeds, prices, candidate, world)
    plan = plan_of(found, question(), facts)
    costs = [option.cost_per_useful_prediction_usd for option in plan.options]
    assert plan.chosen == plan.options[0].name
    assert costs[0] == unit_cost(found)
    priced = [cost for cost in costs if cost is not None]
    assert priced == sorted(priced)
    assert costs[len(priced) :] == [None] * (len(costs) - len(priced))


@relaxed
@given(speeds=SPEEDS, prices=PRICES, order=st.randoms(use_true_random=False))
def test_same_inputs_same_bytes(
    question: Asks,
    candidate: Makes,
    world: type,
    facts: tuple[Fact, ...],
    speeds: dict[str, float],
    prices: list[float],
    order: random.Random,
) -> None:
    """Invariant 7: in whatever order options come, the plan and its id are the same; the id depends on the seed."""
    found = options(question(), speeds, prices, candidate, world)
    shuffled = list(found)
    order.shuffle(shuffled)
    one, other = plan_of(found, question(), facts), plan_of(shuffled, question(), tuple(reversed(facts)))
    assert msgspec.json.encode(one) == msgspec.json.encode(other)
    assert signed(one) == one
    assert one.id != choose(found, question(), facts, as_of="2026-11-24", seed=8).id
    assert one.id.startswith("plan-")
    assert len(one.id) == len("plan-") + 16


@relaxed
@given(speeds=SPEEDS, prices=PRICES, asked=st.tuples(st.floats(0.1, 5), st.floats(1, 5), st.floats(0.5, 0.95)))
def test_a_looser_objective_never_makes_the_best_plan_worse(
    question: Asks,
    candidate: Makes,
    world: type,
    speeds: dict[str, float],
    prices: list[float],
    asked: tuple[float, float, float],
) -> None:
    """Invariant 9: more latency budget, less attainment or more places to run never cost more."""
    target, looser, attained = asked
    tight = question(ttft_s=target, placements=("cloud",))
    for loose in (
        question(ttft_s=target * looser, placements=("cloud",)),
        question(ttft_s=target, placements=("cloud",), attainment=attained),
        question(ttft_s=target),
    ):
        before = unit_cost(options(tight, speeds, prices, candidate, world))
        assert unit_cost(options(loose, speeds, prices, candidate, world)) <= before * (1 + 1e-12)


@relaxed
@given(speeds=SPEEDS, prices=PRICES, faster=st.floats(1, 4))
def test_more_capacity_never_makes_the_best_plan_worse(
    question: Asks, candidate: Makes, world: type, speeds: dict[str, float], prices: list[float], faster: float
) -> None:
    """Invariant 9: faster replicas, or one more candidate, never cost more."""
    before = unit_cost(options(question(), speeds, prices, candidate, world))
    quick = {name: speed * faster for name, speed in speeds.items()}
    assert unit_cost(options(question(), quick, prices, candidate, world)) <= before * (1 + 1e-12)
    more = {"a": 1.0, **speeds}
    assert unit_cost(options(question(), more, prices, candidate, world)) <= before * (1 + 1e-12)


def test_nothing_feasible_names_the_constraint_and_the_way_out(
    question: Asks, candidate: Makes, world: type, facts: tuple[Fact, ...]
) -> None:
    """The constraint that excluded most, and what to do about it."""
    asked = question(placements=("edge",))
    found = options(asked, {"a": 1.0, "b": 2.0}, [1.0] * 6, candidate, world)
    with pytest.raises(InfeasibleError) as caught:
        plan_of(found, asked, facts)
    assert caught.value.binding == "placement not allowed"
    assert "none of 2 options" in str(caught.value)
    assert "widen the objective's placements" in str(caught.value)


def test_no_candidates_at_all_is_infeasible(question: Asks, facts: tuple[Fact, ...]) -> None:
    """And says so, rather than failing on an empty list."""
    with pytest.raises(InfeasibleError, match="there are no candidates"):
        plan_of([], question(), facts)


def test_ties_go_to_the_smaller_name(question: Asks, candidate: Makes, world: type, facts: tuple[Fact, ...]) -> None:
    """So that nobody's order of listing decides."""
    found = options(question(), {"c": 9.0, "a": 9.0}, [1.0] * 6, candidate, world)
    assert plan_of(found, question(), facts).chosen == "a"


def test_only_what_stands_may_be_chosen_and_the_better_is_named(
    question: Asks, candidate: Makes, world: type, facts: tuple[Fact, ...]
) -> None:
    """A plan that must be applied now shows the catalog's better option as what would change it."""
    found = options(question(), {"a": 9.0, "c": 9.0}, [1.0, 1.0, 5.0, 1.0, 1.0, 1.0], candidate, world)
    plan = plan_of(found, question(), facts, among=frozenset({"c"}))
    assert plan.chosen == "c"
    assert any(text.startswith("a meets the objective for") for text in plan.flips_if)
    assert "not set up yet" in plan.reason


def test_the_plan_carries_the_cited_facts_and_no_others(
    question: Asks, candidate: Makes, world: type, facts: tuple[Fact, ...]
) -> None:
    """Every number resolves; a fact that nothing rests on stays out; a missing one is an error."""
    found = options(question(), {"a": 9.0}, [1.0] * 6, candidate, world)
    plan = plan_of(found, question(), facts)
    assert [fact.key for fact in plan.facts] == ["fact/price", "fact/speed"]
    with pytest.raises(FactError, match="fact/speed"):
        plan_of(found, question(), facts[:1])


def test_owned_options_have_a_break_even_month_against_the_best_rented(
    question: Asks, candidate: Makes, world: type, facts: tuple[Fact, ...]
) -> None:
    """Purchase / (rent - cash cost); never where owning costs more a month, nothing for what is rented."""
    found = options(question(), {"a": 9.0, "b": 9.0, "d": 9.0}, [4.0, 1.0, 1.0, 5.0, 1.0, 1.0], candidate, world)
    by_name = {option.name: option for option in plan_of(found, question(), facts).options}
    rent, own = by_name["a"].monthly_cost_usd, by_name["b"]
    assert own.break_even_months == pytest.approx(own.bill.capex_usd / (rent - own.bill.cash_opex_usd))
    assert by_name["d"].break_even_months is None
    assert by_name["a"].break_even_months is None


def test_the_break_even_volume_is_where_the_api_costs_as_much(
    question: Asks, candidate: Makes, world: type, facts: tuple[Fact, ...]
) -> None:
    """Capacity's month / the API's price of a request; None where the replicas could not carry it."""
    asked = question()
    found = options(asked, {"a": 9.0}, [1.0] * 6, candidate, world)
    volume = asked.monthly_predictions

    def with_api(monthly: float) -> Option:
        scales = world(asked, {}, {"api": monthly / 730.0})
        api = evaluate(candidate("api", "api"), asked, predict=scales.predict, price=scales.price)
        plan = plan_of([*found, api], asked, facts)
        return next(option for option in plan.options if option.name == "a")

    own = found[0].monthly_cost_usd
    assert with_api(own * 2).break_even_volume_per_month == pytest.approx(volume / 2)
    assert with_api(own / 100).break_even_volume_per_month is None


def test_reasons_name_the_runner_up_and_flips_its_price(
    question: Asks, candidate: Makes, world: type, facts: tuple[Fact, ...]
) -> None:
    """A reader learns why, and what would change it."""
    found = options(question(), {"a": 9.0, "c": 9.0}, [1.0, 1.0, 2.0, 1.0, 1.0, 1.0], candidate, world)
    plan = plan_of(found, question(), facts)
    assert "c, the next best of 2" in plan.reason
    assert any(text.startswith("c wins if it costs below") and "-50%" in text for text in plan.flips_if)
    assert any(text.startswith("Demand above") for text in plan.flips_if)
    alone = plan_of(found[:1], question(), facts)
    assert "the only one" in alone.reason
