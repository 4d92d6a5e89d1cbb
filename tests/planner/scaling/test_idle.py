"""Work in idle hours: never too much, never late, never dearer or dirtier than need be."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.errors import UsageError
from breakeven.planner.scaling.idle import place_idle
from breakeven.schema.scaling import IdleHour, IdlePlan, Work


def hours(*rows: tuple[float, float, float | None]) -> list[IdleHour]:
    return [
        IdleHour(hour=at, replicas=free, usd_per_replica_hour=usd, gco2_per_kwh=carbon)
        for at, (free, usd, carbon) in enumerate(rows)
    ]


HOURS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([50.0, 200.0, 400.0])),
    min_size=1,
    max_size=4,
)
WORK = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(1, 4)), max_size=3)


def made(rows: list[tuple[int, int, int]]) -> list[Work]:
    return [
        Work(name=f"w{at}", replica_hours=amount, earliest=earliest, deadline=earliest + length)
        for at, (amount, earliest, length) in enumerate(rows)
    ]


def placed(plan: IdlePlan) -> float:
    return sum(one.replica_hours for one in plan.placed)


@given(HOURS, WORK)
def test_capacity_deadlines_and_amounts_hold(rows: list, work: list) -> None:
    """No hour takes more than is idle; no work is early, late or more than it was; what is left over is named."""
    free, asked = hours(*rows), made(work)
    plan = place_idle(free, asked)
    for hour in free:
        assert sum(one.replica_hours for one in plan.placed if one.hour == hour.hour) <= hour.replicas + 1e-9
    for one in asked:
        mine = [part for part in plan.placed if part.work == one.name]
        assert all(one.earliest <= part.hour < one.deadline for part in mine)
        done = sum(part.replica_hours for part in mine)
        assert done + plan.unplaced.get(one.name, 0.0) == pytest.approx(one.replica_hours)


def brute(free: list[IdleHour], asked: list[Work]) -> tuple[float, float, float]:
    """Every way to put whole replica-hours: most placed, then the least cost, then the least carbon."""
    units = [one for one in asked for _ in range(int(one.replica_hours))]
    best = (0.0, 0.0, 0.0)
    for choice in itertools.product([None, *free], repeat=len(units)):
        taken = [hour for hour in choice if hour is not None]
        fits = all(taken.count(hour) <= hour.replicas for hour in free)
        timely = all(hour is None or one.earliest <= hour.hour < one.deadline
                     for one, hour in zip(units, choice, strict=True))  # fmt: skip
        if fits and timely:
            cost = sum(hour.usd_per_replica_hour for hour in taken)
            best = min(best, (-len(taken), cost, sum(hour.gco2_per_kwh or 0 for hour in taken)))
    return best


@given(HOURS, WORK)
def test_no_schedule_is_better(rows: list, work: list) -> None:
    """Against every schedule of small cases: as much placed, at the same cost, with the same carbon."""
    free, asked = hours(*rows), made(work)
    plan = place_idle(free, asked)
    most, cost, carbon = brute(free, asked)
    assert placed(plan) == pytest.approx(-most)
    assert plan.cost_usd == pytest.approx(cost)
    assert plan.gco2_per_kw == pytest.approx(carbon)


@given(HOURS, WORK)
def test_never_dirtier_than_the_earliest_hours_at_one_price(rows: list, work: list) -> None:
    """Where all hours cost the same, choosing by carbon never emits more than taking them as they come."""
    free = hours(*[(idle, 0.0, carbon) for idle, _, carbon in rows])
    plan = place_idle(free, made(work))
    assert plan.gco2_per_kw <= plan.earliest_gco2_per_kw + 1e-9


def test_work_moves_over_so_that_other_work_fits() -> None:
    """The clean hour is both's favourite, and only one of them can go elsewhere."""
    free = hours((1, 0.0, 50.0), (1, 0.0, 400.0))
    plan = place_idle(
        free, [Work(name="free", replica_hours=1, deadline=2), Work(name="tied", replica_hours=1, deadline=1)]
    )
    assert {(one.work, one.hour) for one in plan.placed} == {("tied", 0), ("free", 1)}
    assert plan.unplaced == {}


def test_unknown_carbon_is_said_to_be_flat() -> None:
    """One hour without it: carbon neither chooses nor is summed."""
    plan = place_idle(hours((1, 0.0, None), (1, 0.0, 10.0)), [Work(name="w", replica_hours=1, deadline=2)])
    assert plan.gco2_per_kw is None
    assert "not known" in plan.carbon
    assert plan.placed[0].hour == 0
    assert "same in every hour" in place_idle(hours((1, 0.0, 5.0), (1, 0.0, 5.0)), []).carbon


@pytest.mark.parametrize(
    ("free", "work", "said"),
    [
        ([IdleHour(hour=1, replicas=1), IdleHour(hour=1, replicas=2)], [], "hour 1 comes twice"),
        ([IdleHour(hour=1, replicas=-1)], [], "hour 1 has -1 idle"),
        ([], [Work(name="w", replica_hours=1, deadline=3, earliest=3)], "from 3 to 3"),
        ([], [Work(name="w", replica_hours=-2, deadline=3)], "w: -2 replica-hours"),
    ],
)
def test_bad_input_is_refused_by_name(free: list, work: list, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        place_idle(free, work)
