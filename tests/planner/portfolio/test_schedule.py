"""Laws of the schedule: it equals brute force, never loses to a choice that never changes, and keeps its books."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import InfeasibleError
from breakeven.planner.portfolio.load import Duration, duration
from breakeven.planner.portfolio.schedule import Course, schedule
from breakeven.schema.portfolio import Commitment, Unit

OWNED = Unit(name="owned", kind="owned", goodput_rps=2.0, fixed_usd_per_h=1.6, variable_usd_per_busy_h=0.2)
YEARLY = Unit(name="yearly", kind="reserved_1y", goodput_rps=1.0, fixed_usd_per_h=1.3, term_months=12)
THREE = Unit(name="three years", kind="reserved_3y", goodput_rps=1.0, fixed_usd_per_h=1.0, term_months=36)
API = Unit(name="api", kind="api", usd_per_request=3.0 / 3600)
LOAD = duration([1, 2, 4, 7], window_s=3600)

courses = st.builds(
    Course,
    growth_per_year=st.sampled_from([-0.4, 0.0, 0.6, 1.5]),
    decay_per_year=st.fixed_dictionaries(
        {
            "owned": st.sampled_from([0.0, 0.3]),
            "reserved_1y": st.sampled_from([0.0, 0.4]),
            "api": st.sampled_from([0, 0.5]),
        }
    ),
)


def brute(load: Duration, units: Sequence[Unit], months: int, step: int, course: Course, stretches: int) -> float:
    """The least cost over every number started in every period, in plain loops."""
    starts = list(range(0, months, step))
    growth = course.factors([float(at) for at in starts])
    levels = load.equal(stretches)
    hours = step * 730 / stretches
    ways = []
    for unit in units:
        if unit.kind != "api":
            term = len(starts) if unit.kind == "owned" else unit.term_months // step
            open_ended = unit.kind == "owned"
            ways += [
                (unit, at, min(len(starts), at + term))
                for at in range(len(starts))
                if open_ended or at + term <= len(starts)
            ]
    api = next(unit for unit in units if unit.kind == "api")
    best = math.inf
    for counts in itertools.product(range(5), repeat=len(ways)):
        cost = 0.0
        for (unit, at, end), count in zip(ways, counts, strict=True):
            price = unit.fixed_usd_per_h * (1 - course.decay_per_year.get(unit.kind, 0)) ** (starts[at] / 12)
            cost += count * price * (end - at) * step * 730
        for period in range(len(starts)):
            dear = api.usd_per_request * 3600 * (1 - course.decay_per_year.get("api", 0)) ** (starts[period] / 12)
            have = {
                unit.name: sum(
                    n for (one, at, end), n in zip(ways, counts, strict=True) if one is unit and at <= period < end
                )
                for unit in units
            }
            for level in levels * growth[period]:
                rest = level
                for unit in sorted(
                    (one for one in units if one is not api),
                    key=lambda one: one.variable_usd_per_busy_h / one.goodput_rps,
                ):
                    part = min(rest, have[unit.name] * unit.goodput_rps)
                    rest -= part
                    cost += part * unit.variable_usd_per_busy_h / unit.goodput_rps * hours
                cost += rest * dear * hours
        best = min(best, cost)
    return best


@settings(max_examples=12, deadline=None)
@given(course=courses, rates=st.lists(st.integers(0, 1), min_size=2, max_size=3), fixed=st.floats(0.3, 3.0))
def test_it_equals_brute_force(course: Course, rates: list[int], fixed: float) -> None:
    """Two years, two offers: no other purchases in any year cost less."""
    owned = msgspec.structs.replace(OWNED, goodput_rps=1.0, fixed_usd_per_h=fixed)
    load = duration(rates, window_s=3600)
    found = schedule(load, [owned, YEARLY, API], months=24, months_per_period=12, course=course, stretches=2)
    assert found.cost_usd == pytest.approx(brute(load, [owned, YEARLY, API], 24, 12, course, 2), rel=2e-4, abs=1e-6)


@settings(max_examples=12, deadline=None)
@given(course=courses)
def test_it_never_loses_to_a_choice_that_never_changes(course: Course) -> None:
    """Nor to no commitment at all; and what is started and let go adds up to what is held."""
    found = schedule(LOAD, [OWNED, YEARLY, THREE, API], course=course, stretches=8)
    assert found.cost_usd <= found.best_static_usd * (1 + 1e-12)
    assert found.best_static_usd <= found.all_burst_usd * (1 + 1e-12)
    assert found.gap <= 1e-3
    check_steps(found)


def check_steps(found: Commitment) -> None:
    signs = {"buy": 1, "commit": 1, "renew": 0, "let go": -1}
    for name, held in found.held:
        running = 0
        for period, count in enumerate(held):
            month = period * found.months_per_period
            acts = [step for step in found.steps if step.name == name and step.month == month]
            running += sum(signs[step.act] * step.units for step in acts)
            assert running == count


def test_a_shrinking_load_is_committed_to_and_let_go() -> None:
    """Where demand falls by 60 % a year, one-year terms are let go rather than renewed, and nothing is bought late."""
    falls = Course(growth_per_year=-0.6)
    found = schedule(LOAD, [YEARLY, API], course=falls)
    assert any(step.act == "let go" for step in found.steps)
    assert sum(dict(found.held)["yearly"][-4:]) < sum(dict(found.held)["yearly"][:4])
    assert found.cost_usd < found.best_static_usd


def test_a_growing_load_is_bought_for_when_it_comes() -> None:
    """Where demand doubles every year, machines are added as they fill, at the prices of then."""
    grows = Course(growth_per_year=1.0, decay_per_year={"owned": 0.2})
    found = schedule(LOAD, [OWNED, API], course=grows)
    bought = [step for step in found.steps if step.act == "buy"]
    assert len({step.month for step in bought}) > 3
    assert bought[-1].usd_per_unit_h < bought[0].usd_per_unit_h


def test_what_takes_months_to_come_is_not_there_before() -> None:
    """A machine with a lead time of five months runs from the third quarter on."""
    late = msgspec.structs.replace(OWNED, lead_s=5 * 730 * 3600.0)
    held = dict(schedule(LOAD, [late, API]).held)["owned"]
    assert held[:2] == (0, 0)
    assert held[2] > 0


def test_on_demand_that_cannot_follow_is_held_by_the_period() -> None:
    """Where starting takes longer than a window, on-demand is kept or let go by the quarter, below the API's price."""
    slow = Unit(name="rented", kind="on_demand", goodput_rps=1.0, fixed_usd_per_h=1.5, lead_s=7200)
    found = schedule(LOAD, [slow, API], course=Course(growth_per_year=-0.7))
    held = dict(found.held)["rented"]
    assert held[0] > held[-1]
    assert any(step.act == "let go" for step in found.steps)
    check_steps(found)


def test_bad_input_says_what_is_wrong() -> None:
    """A horizon that does not divide, nothing that follows the load, and a term that does not fit."""
    with pytest.raises(ValueError, match="35 months is no whole number"):
        schedule(LOAD, [API], months=35)
    with pytest.raises(InfeasibleError, match="none of 1 units follows the load"):
        schedule(LOAD, [OWNED])
    found = schedule(LOAD, [THREE, API], months=24)
    assert found.notes == ("three years: its term of 36 months does not fit 24 months in periods of 3",)
