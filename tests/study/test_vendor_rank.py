"""The ranking: order of files, dominance, unknowns and red flags."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from breakeven.study.vendor.rank import CRITERIA, Entry, standings

WEIGHTS = {"cost": 0.5, "latency": 0.25, "tracking": 0.25}
BOUNDS = {"cost": (0.1, 9), "latency": (1, 9), "tracking": (0, 100)}
VALUES = st.fixed_dictionaries({name: st.none() | st.floats(*bounds) for name, bounds in BOUNDS.items()})
FAULTS = st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda pair: (pair[0], sum(pair)))
EXCLUDED = st.sampled_from([(), (), ("elsewhere",)])
ENTRIES = st.lists(st.tuples(VALUES, FAULTS, EXCLUDED), min_size=1, max_size=5).map(
    lambda found: [
        Entry(id=f"p{at}", values=values, faults=faults, excluded=out) for at, (values, faults, out) in enumerate(found)
    ]
)
POSITIVE = st.fixed_dictionaries({name: st.floats(0.1, 5) for name in CRITERIA})


def places(entries: list[Entry], weights: dict[str, float] = WEIGHTS) -> dict[str, float]:
    """The place of each; the excluded come after all."""
    return {key: one.place or len(entries) + 1 for key, one in standings(entries, weights).items()}


@given(ENTRIES, st.randoms(use_true_random=False), POSITIVE)
def test_the_order_of_proposals_never_changes_the_ranking(entries: list[Entry], random, weights) -> None:
    """Equivalence: shuffled proposals have the same standings, in the same order."""
    shuffled = [*entries]
    random.shuffle(shuffled)
    one, other = standings(entries, weights), standings(shuffled, weights)
    assert list(one.items()) == list(other.items())


@given(ENTRIES, POSITIVE)
def test_whoever_is_better_in_something_and_worse_in_nothing_comes_first(entries: list[Entry], weights) -> None:
    """Dominance: a dominated proposal is behind its dominator, whatever the weights."""
    found = standings(entries, weights)
    for key, one in found.items():
        for better in one.dominated_by:
            assert list(found).index(better) < list(found).index(key)
            assert found[better].score >= one.score - 1e-9


@given(VALUES, st.floats(0.1, 0.99), POSITIVE)
def test_strictly_cheaper_and_otherwise_equal_ranks_first(values, factor: float, weights) -> None:
    """A lower cost alone decides; a known one beats an unknown one."""
    cost = values["cost"]
    cheaper = {**values, "cost": 1.0 if cost is None else cost * factor}
    ranked = standings([Entry(id="a", values=values), Entry(id="b", values=cheaper)], weights)
    assert next(iter(ranked)) == "b"
    assert ranked["b"].place == 1
    assert ranked["a"].place == 2


@given(ENTRIES, st.data())
def test_a_red_flag_never_improves(entries: list[Entry], data: st.DataObject) -> None:
    """Monotonicity: one more flag leaves a proposal where it was or further behind."""
    at = data.draw(st.integers(0, len(entries) - 1))
    bad, total = entries[at].faults
    worse = Entry(
        id=entries[at].id,
        values=entries[at].values,
        faults=data.draw(st.sampled_from([(bad + 1, total + 1), (bad, total + 1)])),
        excluded=entries[at].excluded,
    )
    flagged = [*entries[:at], worse, *entries[at + 1 :]]
    assert places(flagged)[worse.id] >= places(entries)[worse.id]


@given(ENTRIES, st.data(), st.sampled_from(CRITERIA), POSITIVE)
def test_hiding_a_figure_never_improves(entries: list[Entry], data: st.DataObject, name: str, weights) -> None:
    """Unknown never counts as good: what is left out earns nothing, so that nobody gains by silence."""
    at = data.draw(st.integers(0, len(entries) - 1))
    one = entries[at]
    silent = Entry(id=one.id, values={**one.values, name: None}, faults=one.faults, excluded=one.excluded)
    hidden = [*entries[:at], silent, *entries[at + 1 :]]
    before, after = standings(entries, weights)[one.id], standings(hidden, weights)[one.id]
    assert after.shares[name] == 0
    assert after.score <= before.score + 1e-12
    assert places(hidden, weights)[one.id] >= places(entries, weights)[one.id]


@given(ENTRIES)
def test_the_excluded_have_no_place_and_are_last(entries: list[Entry]) -> None:
    """A hard constraint is no criterion: whoever misses it is behind everybody, with the reason."""
    found = standings(entries, WEIGHTS)
    out = [bool(one.excluded) for one in found.values()]
    assert out == sorted(out)
    assert all((one.place is None) == bool(one.excluded) for one in found.values())
