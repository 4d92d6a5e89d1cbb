"""Laws of the front: nothing on it is dominated, all else has a dominator on it, and the unknown decides nothing."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.planner.portfolio.pareto import DIMENSIONS, dominates, pareto
from breakeven.schema.portfolio import ParetoEntry

values = st.one_of(st.none(), st.sampled_from([0.0, 0.1, 0.2, 0.5]))
entries = st.lists(
    st.fixed_dictionaries({dimension.field: values for dimension in DIMENSIONS}), min_size=1, max_size=8
).map(lambda found: [ParetoEntry(name=f"option {at}", **figures) for at, figures in enumerate(found)])
A = ParetoEntry(name="A", cost_per_useful_prediction_usd=0.88, latency_p95_s=0.32, quality=0.7)
B = ParetoEntry(name="B", cost_per_useful_prediction_usd=1.00, latency_p95_s=0.40, quality=0.7)


@settings(max_examples=200, deadline=None)
@given(given=entries)
def test_the_front_dominates_all_else(given: list[ParetoEntry]) -> None:
    """No member of the front is dominated; every other entry names a member that dominates it, and in what."""
    found = pareto(given)
    front = {entry.name for entry in found if entry.on_front}
    by_name = {entry.name: entry for entry in given}
    assert front
    assert [entry.name for entry in found] == [entry.name for entry in given]
    for entry in found:
        if entry.on_front:
            assert not any(dominates(other, by_name[entry.name]) for other in given)
        else:
            assert entry.dominated_by in front
            assert dominates(by_name[entry.dominated_by], by_name[entry.name])
            assert entry.reason.startswith(f"dominated by {entry.dominated_by}: ")


@settings(max_examples=100, deadline=None)
@given(given=entries, at=st.integers(0, 7))
def test_a_dominated_option_more_changes_nothing(given: list[ParetoEntry], at: int) -> None:
    """The front without an option that is not on it is the same front."""
    found = pareto(given)
    beaten = [entry for entry in found if not entry.on_front]
    if beaten:
        gone = beaten[at % len(beaten)].name
        again = pareto([entry for entry in given if entry.name != gone])
        assert [entry.name for entry in again if entry.on_front] == [entry.name for entry in found if entry.on_front]


def test_the_reason_names_each_dimension() -> None:
    """Cheaper by a share, faster by milliseconds; a dimension where both are equal is not named."""
    _, beaten = pareto([A, B])
    assert beaten.dominated_by == "A"
    assert beaten.reason == "dominated by A: cheaper by 12.0%, p95 lower by 80 ms"


def test_the_unknown_decides_nothing() -> None:
    """What is known only of the loser saves it; what is known only of the winner gives it no lead."""
    known = msgspec.structs.replace(B, carbon_g_per_1000=3.0)
    assert all(entry.on_front for entry in pareto([A, known]))
    _, beaten = pareto([msgspec.structs.replace(A, carbon_g_per_1000=3.0), B])
    assert beaten.reason == "dominated by A: cheaper by 12.0%, p95 lower by 80 ms"


def test_two_entries_of_one_name_are_refused() -> None:
    """A name stands for one entry."""
    with pytest.raises(ValueError, match="different names"):
        pareto([A, A])
