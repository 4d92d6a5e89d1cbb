"""A minute in which a backend refuses everything: it is not made worse, and when it heals it is used at once."""

from heapq import heappop, heappush
from itertools import pairwise
from random import Random
from types import SimpleNamespace

import pytest

from breakeven.gateway.decision.breaker import Circuit, usable
from breakeven.gateway.decision.spare import Spare
from breakeven.schema.policy import Breaker, Retry

SICK_S, HEALED_S, END_S = 20.0, 80.0, 110.0
RULE, RETRY = Breaker(), Retry()


def outage(*, workers=64, targets=1, answer_s=0.05, failing=1.0, timeout_s=0.0, seed=3) -> SimpleNamespace:
    """`workers` closed loops of requests against targets that fail (a share of tries) for a minute, in virtual time.

    A request that finds nothing usable fails at once and its worker goes on after 20 ms; a failed try is retried
    within the allowance.
    """
    random, circuits = Random(seed), [Circuit(RULE) for _ in range(targets)]
    spare, order = Spare(RETRY.ratio), iter(range(10**9))
    events = [(worker / workers * 0.02, next(order), "start", 0, None) for worker in range(workers)]
    found = SimpleNamespace(firsts=0, tries=0, probes=[[] for _ in circuits], offered=0, good=0, sent=[])

    def send(now: float, attempt: int) -> None:
        open_ = usable(circuits, now)
        if not open_:
            heappush(events, (now + 0.02, next(order), "start", 0, None))
            return
        target = open_[random.randrange(len(open_))]
        dead = circuits[target].dead(now)
        if circuits[target].entered(now) and dead:
            found.probes[target].append(now)
        if attempt == 1:
            spare.earn()
            found.firsts += 1
        found.tries += 1
        found.sent.append((now, dead))
        bad = SICK_S <= now < HEALED_S and random.random() < failing
        took_s = timeout_s if bad and timeout_s else answer_s * random.uniform(0.5, 1.5)
        heappush(events, (now + took_s, next(order), "bad" if bad else "good", attempt, (target, now)))

    while events[0][0] < END_S:
        now, _, what, attempt, tried = heappop(events)
        if what == "start":
            found.offered += now > HEALED_S + 5
            send(now, 1)
        elif what == "good":
            circuits[tried[0]].succeeded(now, tried[1])
            found.good += now > HEALED_S + 5
            heappush(events, (now, next(order), "start", 0, None))
        else:
            circuits[tried[0]].failed(now, tried[1])
            if attempt < RETRY.attempts and spare.take():
                send(now, attempt + 1)
            else:
                heappush(events, (now + 0.02, next(order), "start", 0, None))
    return found


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("timeout_s", [0.0, 5.0])
def test_an_outage_is_not_made_worse_and_healing_is_used(targets, timeout_s) -> None:
    """At most 1.1 tries a request sent (and one); 64 workers, one probe an interval; good 5 s after it heals."""
    found = outage(targets=targets, timeout_s=timeout_s)
    assert found.tries <= 1.1 * found.firsts + 1
    for probes in found.probes:
        assert all(late - early >= RULE.probe_s for early, late in pairwise(probes))
    assert found.good >= 0.95 * found.offered


def test_while_it_is_dead_only_probes_reach_it() -> None:
    """A lone target: two seconds into the outage one try a second is left of a thousand."""
    found = outage()
    during = [dead for at, dead in found.sent if SICK_S + 2 < at < HEALED_S]
    assert all(during)
    assert 50 <= len(during) <= 58
    assert len(found.probes[0]) >= 50


def test_a_target_that_fails_by_halves_stays_in_use_when_it_is_the_last() -> None:
    """A lone target that answers six of ten keeps answering: failing fast would lose what it still gives."""
    found = outage(failing=0.6)
    during = [at for at, _ in found.sent if SICK_S + 2 < at < HEALED_S]
    assert len(during) > 30_000
    assert found.tries <= 1.1 * found.firsts + 1
