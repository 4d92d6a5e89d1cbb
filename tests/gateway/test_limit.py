"""The concurrency limit: it finds where a server begins to queue, and tiers share it in order."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.gateway.decision.limit import Limit, admits
from breakeven.schema.policy import TIER_RULES

SHARES = [rule.share for rule in TIER_RULES]


def feed(limit: Limit, seconds: float, latency, in_flight=None, at: float = 0.0) -> float:
    """Samples for so long, a hundred a second; `latency` of what is in flight, by default all that is admitted."""
    now = at
    while now < at + seconds:
        now += 0.01
        n = int(limit.limit) if in_flight is None else in_flight
        limit.sample(latency(n), n, False, now)
    return now


def sharing(floor_s: float, knee: int):
    """The latency of a server that shares itself out among more than `knee`."""
    return lambda n: floor_s * max(1.0, n / knee)


def test_it_rises_while_latency_stays_at_its_floor_and_it_is_used() -> None:
    """A server without a knee in reach: the limit grows until its bound."""
    limit = Limit(start=20, most=200)
    feed(limit, 120, sharing(0.1, 1000))
    assert limit.limit == 200


@given(st.integers(24, 200), st.floats(0.01, 2))
def test_it_settles_where_latency_is_twice_its_floor(knee, floor_s) -> None:
    """In front of a server that shares itself out it ends near twice the knee, whatever the scale of time."""
    limit = Limit()
    feed(limit, 300 * max(1, floor_s), sharing(floor_s, knee))
    assert 1.8 * knee <= limit.limit <= 2.4 * knee
    assert limit.floor_s == pytest.approx(floor_s, rel=0.05)


def test_it_falls_when_the_server_holds_less_and_comes_back() -> None:
    """Half of the replicas go: about half the limit; they return: about the old limit."""
    limit = Limit()
    now = feed(limit, 120, sharing(0.1, 60))
    whole = limit.limit
    now = feed(limit, 60, sharing(0.1, 30), at=now)
    assert limit.limit == pytest.approx(whole / 2, rel=0.2)
    feed(limit, 60, sharing(0.1, 60), at=now)
    assert limit.limit == pytest.approx(whole, rel=0.2)


@pytest.mark.parametrize("slower", [1.5, 2.2, 3.0, 6.0])
def test_a_server_that_is_slower_by_nature_is_learned(slower) -> None:
    """Everything takes several times as long, at any load: the limit dips, then lets the server be full again."""
    limit = Limit()
    now = feed(limit, 120, sharing(0.1, 60))
    feed(limit, 120, sharing(0.1 * slower, 60), at=now)
    assert 60 <= limit.limit <= 130


def test_queueing_is_never_learned_as_the_floor() -> None:
    """An hour of overload moves the floor by less than a tenth."""
    limit = Limit()
    now = feed(limit, 60, sharing(0.1, 40))
    floor_s = limit.floor_s
    feed(limit, 3600, sharing(0.1, 40), at=now)
    assert limit.floor_s == pytest.approx(floor_s, rel=0.1)


def test_it_does_not_rise_unused() -> None:
    """With far fewer in flight than the limit, fast answers prove nothing."""
    limit = Limit(start=100)
    feed(limit, 60, sharing(0.1, 1000), in_flight=30)
    assert limit.limit == 100


def test_requests_that_vary_by_nature_do_not_make_it_collapse() -> None:
    """Durations over two orders of magnitude (lognormal, sigma 1) on a server that never queues: it still rises."""
    random, limit = Random(7), Limit(start=20, most=400)
    feed(limit, 600, lambda _: random.lognormvariate(0, 1) * 5)
    assert limit.limit > 100


def test_what_the_backend_drops_makes_it_fall() -> None:
    """A window with a refusal takes a tenth; only refusals take it to its lower bound."""
    limit, now = Limit(start=100, least=4), 0.0
    for number in range(1_000):
        now += 0.1
        limit.sample(0.1, 100, number % 8 == 0, now)
    assert limit.limit < 50
    for _ in range(1_000):
        now += 0.1
        limit.sample(0.0, 100, True, now)
    assert limit.limit == 4


def test_after_an_outage_it_is_soon_where_it_was() -> None:
    """A minute of nothing but refusals says that the server was gone, not full: a second of answers bring it back."""
    limit = Limit(start=600)
    now = feed(limit, 60, sharing(0.1, 1000))
    whole = limit.limit
    for _ in range(6_000):
        now += 0.01
        limit.sample(0.0, 1, True, now)
    assert whole / 40 <= limit.limit <= whole / 32
    feed(limit, 1.0, sharing(0.1, 1000), at=now)
    assert limit.limit >= 0.7 * whole


def test_it_comes_back_no_further_than_latency_allows() -> None:
    """The server holds half of what it held before the outage: where it queues the doubling ends."""
    limit = Limit()
    now = feed(limit, 120, sharing(0.1, 60))
    for _ in range(6_000):
        now += 0.01
        limit.sample(0.0, 1, True, now)
    for _ in range(100):
        now = feed(limit, 0.1, sharing(0.1, 30), at=now)
        assert limit.limit <= 4 * 30


def test_a_limit_that_was_never_in_use_comes_down_at_the_first_queue() -> None:
    """600 are allowed, 5 were there; 150 come and queue: in ten windows the limit is at what the server holds."""
    limit = Limit(start=600)
    now = feed(limit, 10, sharing(0.1, 30), in_flight=5)
    assert limit.limit == 600
    feed(limit, 10 * 0.5, sharing(0.1, 30), in_flight=150, at=now)
    assert limit.limit < 150


@given(st.floats(0.5, 20))
def test_a_window_lasts_as_long_as_a_request(lasted_s) -> None:
    """Where latency is a part of the request (per token, to the first token) the whole of it bounds the next change."""
    limit, now, changes = Limit(start=20), 0.0, []
    for _ in range(20_000):
        now += 0.01
        before = limit.limit
        limit.sample(0.01, int(before), False, now, lasted_s)
        changes += [now] if limit.limit != before else []
    assert all(late - early >= lasted_s - 1e-9 for early, late in pairwise(changes))


def test_a_ceiling_bounds_latency_when_the_floor_was_never_seen() -> None:
    """Started into an overload of a server of four places: with a ceiling of half a second it ends there."""
    limit = Limit(ceiling_s=0.5)
    feed(limit, 120, sharing(0.2, 4))
    assert sharing(0.2, 4)(limit.limit) == pytest.approx(0.5, rel=0.25)


@given(
    st.lists(st.tuples(st.floats(0, 100), st.integers(0, 2000), st.booleans(), st.floats(0, 5)), max_size=500),
    st.floats(0.1, 50),
    st.floats(50, 500),
)
def test_it_stays_in_its_bounds(samples, least, most) -> None:
    """Whatever it is told."""
    limit, now = Limit(start=1000, least=least, most=most), 0.0
    for rtt_s, in_flight, dropped, after in samples:
        now += after
        limit.sample(rtt_s, in_flight, dropped, now)
        assert least <= limit.limit <= most


@given(st.integers(0, 1000), st.floats(0.1, 1000), st.lists(st.floats(0, 1), min_size=2, max_size=4))
def test_whenever_a_tier_is_refused_every_lower_one_is(in_flight, limit, shares) -> None:
    """Admission ascends with the share and descends with what is in flight."""
    shares = sorted(shares)
    found = [admits(in_flight, limit, share) for share in shares]
    assert found == sorted(found)
    assert not admits(in_flight + 1, limit, shares[0]) or found[0]


@given(st.floats(0.1, 1000))
def test_one_always_gets_in(limit) -> None:
    """An idle deployment is never refused to a tier that has a share; the highest tier may pass the limit a little."""
    assert [admits(0, limit, share) for share in (*SHARES, 0.0)] == [True, True, True, False]
    assert admits(int(limit), limit, 1.0)
    assert not admits(int(limit + limit**0.5) + 1, limit, 1.0)
    assert not admits(int(0.85 * limit) + 1, limit, 0.85)
