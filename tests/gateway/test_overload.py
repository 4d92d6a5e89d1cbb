"""Three times more than a server can do: what it does stays whole, and the lowest tier goes first."""

from heapq import heappop, heappush
from math import exp
from random import Random
from types import SimpleNamespace

import pytest

from breakeven.gateway.decision.limit import Limit, admits
from breakeven.schema.policy import TIER_RULES

SHARES = [rule.share for rule in TIER_RULES]
SERVICE_S, WARM_S, END_S = 0.2, 30.0, 120.0


class Server:
    """Processor sharing over `places`: more at once only share; beyond that each more may cost (`thrash`).

    It keeps a clock of work: a request is done when the clock has advanced by its size.
    """

    def __init__(self, places: int, thrash: float) -> None:
        self.places, self.thrash = places, thrash
        self.now = self.work = 0.0
        self.running: list[tuple] = []

    def rate(self) -> float:
        over = len(self.running) / self.places
        return 1.0 if over <= 1 else 1 / over / (1 + self.thrash * (over - 1))

    def next_end(self) -> float:
        return self.now + (self.running[0][0] - self.work) / self.rate() if self.running else float("inf")

    def until(self, now: float) -> None:
        self.work += (now - self.now) * self.rate()
        self.now = now


def overload(*, loads, places=32, limit=None, thrash=0.0, seed=1, slo_s=1.5) -> SimpleNamespace:
    """An open loop of Poisson arrivals, `loads` by tier in units of capacity; counts after the first 30 s."""
    random, server = Random(seed), Server(places, thrash)
    per_s = [load * places / SERVICE_S for load in loads]
    found = SimpleNamespace(offered=[0] * 3, shed=[0] * 3, good=[0] * 3, out_of_order=0)
    number, arrival = 0, random.expovariate(sum(per_s))
    while min(arrival, server.next_end()) < END_S:
        counted = server.now > WARM_S
        if server.next_end() < arrival:
            server.until(server.next_end())
            _, _, since, tier = heappop(server.running)
            if limit is not None:
                limit.sample(server.now - since, len(server.running) + 1, False, server.now)
            found.good[tier] += counted and server.now - since <= slo_s
            continue
        server.until(arrival)
        number, arrival = number + 1, arrival + random.expovariate(sum(per_s))
        tier = random.choices(range(3), per_s)[0]
        size = SERVICE_S * exp(random.gauss(-0.125, 0.5))
        let_in = [limit is None or admits(len(server.running), limit.limit, share) for share in SHARES]
        found.offered[tier] += counted
        found.out_of_order += let_in != sorted(let_in, reverse=True)
        if let_in[tier]:
            heappush(server.running, (server.work + size, number, server.now, tier))
        else:
            found.shed[tier] += counted
    found.goodput = sum(found.good) / (END_S - WARM_S) / (places / SERVICE_S)
    found.critical = found.good[0] / found.offered[0]
    found.shares = [shed / offered for shed, offered in zip(found.shed, found.offered, strict=True)]
    return found


@pytest.mark.parametrize("places", [16, 32, 128])
def test_at_three_times_the_load_goodput_stays_and_the_critical_tier_is_served(places) -> None:
    """Goodput >= 90 % of capacity, critical >= 99 % in its SLO, and tiers are shed strictly in order."""
    found = overload(loads=(0.5, 1.0, 1.5), places=places, limit=Limit())
    assert found.goodput >= 0.9
    assert found.critical >= 0.99
    assert found.out_of_order == 0
    assert found.shares[0] < 0.01 < found.shares[1] < found.shares[2]
    assert found.shares[2] > 0.95


def test_without_a_limit_goodput_collapses() -> None:
    """The same load, let in as it comes: nobody is served in time, so the promise above is the limit's doing."""
    assert overload(loads=(0.5, 1.0, 1.5)).goodput < 0.05


def test_below_capacity_nothing_is_lost() -> None:
    """At 70 % load the limit costs less than a hundredth."""
    found = overload(loads=(0.2, 0.2, 0.3), limit=Limit())
    assert sum(found.good) >= 0.99 * sum(found.offered)


def test_a_server_that_thrashes_is_held_near_its_best() -> None:
    """Where throughput falls beyond the places, a tolerance nearer 1 keeps 90 % of the peak."""
    found = overload(loads=(0.5, 1.0, 1.5), thrash=0.3, limit=Limit(tolerance=1.5))
    assert found.goodput >= 0.9
    assert found.critical >= 0.99


def test_a_small_server_found_overloaded_keeps_its_ceiling() -> None:
    """Four places, overloaded from the first second: the ceiling stands in for a floor that was never seen."""
    found = overload(loads=(0.5, 1.0, 1.5), places=4, limit=Limit(start=4, ceiling_s=0.5))
    assert found.goodput >= 0.9
    assert found.out_of_order == 0
