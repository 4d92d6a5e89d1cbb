"""Strategies: whatever is known of the targets, the propensity that is logged is the chance the target had."""

from itertools import pairwise
from operator import itemgetter

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from breakeven.gateway.decision.choosing import choose, explored
from breakeven.gateway.decision.strategy.option import Option
from breakeven.gateway.decision.strategy.prefix_affinity import affinity_of
from breakeven.gateway.decision.strategy.table import STRATEGIES

GRID = 2_000
NAMES = st.sampled_from(sorted(STRATEGIES))
DRAWS = st.floats(0, 1, exclude_max=True)


@st.composite
def options(draw, arms=("", "A", "B")) -> list[Option]:
    """One to five targets about which anything may be known."""
    return [
        Option(
            deployment=str(number),
            arm=draw(st.sampled_from(arms)),
            weight=draw(st.sampled_from([0.0, 0.5, 1.0, 3.0])),
            in_flight=draw(st.integers(0, 20)),
            slots=draw(st.sampled_from([1.0, 2.0, 7.5])),
            latency_s=draw(st.none() | st.floats(0, 60)),
            cost_pico_usd=draw(st.none() | st.integers(0, 5)),
            feasible=draw(st.booleans()),
            affinity=draw(st.just(0.0) | st.floats(0, 1, exclude_max=True)),
            preferred=draw(st.booleans()),
        )
        for number in range(draw(st.integers(1, 5)))
    ]


@given(options(), NAMES, st.sampled_from([0.0, 0.1, 1.0]))
def test_the_chance_over_uniform_draws_is_the_propensity(found, name, explore) -> None:
    """Over a grid of draws each target is chosen in its propensity's share; they sum to 1 and ignore the draw."""
    counts = [0] * len(found)
    _, said = choose(name, found, draw=0.0, explore=explore)
    for number in range(GRID):
        position, propensities = choose(name, found, draw=(number + 0.5) / GRID, explore=explore)
        assert propensities == said
        counts[position] += 1
    assert sum(said) == pytest.approx(1)
    assert min(said) >= 0
    for count, share in zip(counts, said, strict=True):
        assert count / GRID == pytest.approx(share, abs=4 / GRID)
        assert share > 0 or count == 0


@given(options(), NAMES, DRAWS, st.floats(0, 1))
def test_the_same_draw_chooses_the_same(found, name, draw, explore) -> None:
    """A choice can be replayed from what was known and the draw, and options are not changed by it."""
    before = msgspec.json.encode(found)
    assert choose(name, found, draw=draw, explore=explore) == choose(name, found, draw=draw, explore=explore)
    assert msgspec.json.encode(found) == before


@given(options(), NAMES, DRAWS)
def test_an_arm_has_the_share_of_its_weights_whatever_the_strategy(found, name, draw) -> None:
    """P(arm) is its targets' weight over all weight, so an experiment stays one when the strategy changes."""
    arms = {option.arm for option in found}
    total = sum(option.weight for option in found)
    assume(len(arms) > 1 and total > 0)
    _, propensities = choose(name, found, draw=draw)
    for arm in arms:
        share = sum(part for part, option in zip(propensities, found, strict=True) if option.arm == arm)
        assert share == pytest.approx(sum(option.weight for option in found if option.arm == arm) / total)


@given(options(arms=("", "A")), NAMES, st.data())
def test_a_strategy_reads_only_what_it_says_it_needs(found, name, data) -> None:
    """What `needs` does not name may be anything: the choice stays, so callers need not compute it."""
    kept = {"arm", "weight", *STRATEGIES[name].needs}
    other = data.draw(options().filter(lambda some: len(some) == len(found)))
    mixed = [
        msgspec.structs.replace(new, **{field: getattr(old, field) for field in kept})
        for old, new in zip(found, other, strict=True)
    ]
    assert choose(name, found, draw=0.3) == choose(name, mixed, draw=0.3)


@given(options(arms=("",)), DRAWS)
def test_the_cheapest_feasible_is_feasible_and_cheapest(found, draw) -> None:
    """An infeasible target only when none is feasible; among those that may, nothing priced is cheaper."""
    position, propensities = choose("cheapest-feasible", found, draw=draw)
    able = [option for option in found if option.feasible] or found
    assert found[position] in able
    prices = [option.cost_pico_usd for option in able if option.cost_pico_usd is not None]
    assert found[position].cost_pico_usd == min(prices, default=None)
    assert all(share in (0, pytest.approx(max(propensities))) for share in propensities)


@given(options(arms=("",)), DRAWS)
def test_the_least_loaded_would_be_the_least_full(found, draw) -> None:
    """No other target would hold less per slot with the request on it."""
    position, _ = choose("least-loaded", found, draw=draw)
    assert all(
        (found[position].in_flight + 1) / found[position].slots <= (other.in_flight + 1) / other.slots
        for other in found
    )  # fmt: skip


@given(options(arms=("",)))
def test_faster_is_never_less_likely(found) -> None:
    """Propensity descends with latency; what was never seen is taken for the fastest, so that it is seen."""
    _, shares = choose("latency-aware", found, draw=0.0)
    seen = [
        (-1.0 if option.latency_s is None else option.latency_s, share)
        for option, share in zip(found, shares, strict=True)
    ]
    assert all(late <= early + 1e-12 for (_, early), (_, late) in pairwise(sorted(seen, key=itemgetter(0))))


def test_twice_as_slow_gets_a_quarter() -> None:
    """0.1 s and 0.2 s: four in five, one in five."""
    _, shares = choose(
        "latency-aware", [Option(deployment="a", latency_s=0.1), Option(deployment="b", latency_s=0.2)], draw=0
    )
    assert shares == pytest.approx((0.8, 0.2))


def fleet(prefix: bytes, counts: dict[str, int]) -> list[Option]:
    return [Option(deployment=name, in_flight=n, affinity=affinity_of(prefix, name)) for name, n in counts.items()]


def test_a_prefix_keeps_its_target_and_only_its_own_move() -> None:
    """On idle targets a prefix always goes to one; when a target goes, prefixes of the others stay; shares are even."""
    names = ["a", "b", "c", "d"]
    kept = dict.fromkeys(names, 0)
    for number in range(2_000):
        prefix = b"system prompt %d" % number
        before = names[choose("prefix-affinity", fleet(prefix, dict.fromkeys(names, 0)), draw=0.9)[0]]
        after = names[choose("prefix-affinity", fleet(prefix, dict.fromkeys(names[:3], 0)), draw=0.1)[0]]
        assert before in (after, "d")
        kept[before] += 1
    assert all(abs(count / 2_000 - 0.25) < 5 * (0.25 * 0.75 / 2_000) ** 0.5 for count in kept.values())


@given(st.integers(1, 6), st.integers(1, 200))
def test_a_hot_prefix_spills_within_the_bound(targets, requests) -> None:
    """However many requests share one prefix, no target holds more than 1.25 times the mean (rounded up)."""
    counts = {str(number): 0 for number in range(targets)}
    for _ in range(requests):
        position, _ = choose("prefix-affinity", fleet(b"hot", counts), draw=0.5)
        counts[str(position)] += 1
    assert max(counts.values()) <= -(-1.25 * requests // targets)


@given(st.binary(max_size=40), st.text(max_size=10))
def test_affinity_is_a_share(prefix, deployment) -> None:
    """In [0, 1), the same every time."""
    assert 0 <= affinity_of(prefix, deployment) == affinity_of(prefix, deployment) < 1


def test_exploring_gives_every_target_its_even_part() -> None:
    """A tenth explored over two targets: 0.95 and 0.05, and the draw decides by them."""
    assert explored((1.0, 0.0), 0.1, 0.9499) == (0, pytest.approx((0.95, 0.05)))
    assert explored((1.0, 0.0), 0.1, 0.9501)[0] == 1


def test_nothing_to_choose_from_is_said() -> None:
    """An empty set has no choice; the caller decides what that means."""
    with pytest.raises(ValueError, match="'fixed' has no option"):
        choose("fixed", [], draw=0.5)
