"""Hedging: a second attempt beside a slow first, for few, where the tier allows it; the first to answer wins."""

from itertools import count

import pytest

from breakeven.schema.policy import Hedge

RATIO = 0.05


def bimodal(sim, *, tier="critical", hedge=None, seed=0, stream=False, slow=0.02, requests=4000):
    """Two servers that are twenty times slower for a few of their calls."""
    use_case = {"tier": tier, "hedge": hedge, "budget_s": 5.0}
    world = sim.World(sim.make_policy(names="ab", use_case=use_case), seed)
    for server in world.servers.values():
        server.spells = [sim.Spell(mode="slow", share=slow)]
        server.words = 1
    for number in range(requests):
        world.ask(number * 0.01, stream=stream)
    world.run()
    world.at_rest()
    return world


def p99(world):
    took = sorted(one.took_s for one in world.clients)
    return took[int(0.99 * len(took))]


def hedged(world):
    return [one for one in world.records if any(try_.kind == "hedge" for try_ in one.attempts)]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("stream", [False, True])
def test_the_tail_falls_for_a_few_percent_more_requests(sim, seed, stream) -> None:
    """Of 2 % slow answers hedging at p95 leaves none at p99, for at most the ratio (and one) more calls."""
    hedge = Hedge(quantile=0.95, ratio=RATIO)
    plain, better = bimodal(sim, seed=seed, stream=stream), bimodal(sim, hedge=hedge, seed=seed, stream=stream)
    assert p99(plain) > 0.9
    assert p99(better) < 0.5 * p99(plain)
    assert 40 < len(hedged(better)) <= RATIO * len(better.clients) + 1
    calls = sum(len(server.calls) for server in better.servers.values())
    assert calls == len(better.clients) + len(hedged(better))
    assert all(one.status == "answered" for one in better.records)


@pytest.mark.parametrize("tier", ["important", "opportunistic"])
def test_tiers_that_may_not_do_not(sim, tier) -> None:
    """With the same rule, everything slow: not one second attempt."""
    world = bimodal(sim, tier=tier, hedge=Hedge(ratio=1.0, after_s=0.01), requests=300)
    assert hedged(world) == []


@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_slow_the_ratio_holds(sim, seed) -> None:
    """Everything is slow and everybody would be hedged: after any number of requests, no more than the ratio."""
    world = bimodal(sim, hedge=Hedge(ratio=RATIO, after_s=0.01), slow=1.0, seed=seed, requests=1000)
    for sent, record in zip(count(1), sorted(world.records, key=lambda one: one.time_s), strict=False):
        record_hedges = sum(one.time_s <= record.time_s for one in hedged(world)) if sent % 100 == 0 else 0
        assert record_hedges <= RATIO * sent + 1


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("stream", [False, True])
def test_the_first_wins_and_the_loser_is_given_up_and_paid(sim, seed, stream) -> None:
    """One answer from one of the two; the other is given up in that instant, and its tokens are in the record."""
    world = bimodal(sim, hedge=Hedge(ratio=1.0, after_s=0.1), seed=seed, stream=stream, slow=0.2, requests=1000)
    both = hedged(world)
    assert len(both) > 100
    for record in both:
        winner = [one for one in record.attempts if one.outcome == "ok"]
        loser = [one for one in record.attempts if one.outcome == "cancelled"]
        assert (len(winner), len(loser), loser[0].reason) == (1, 1, "another_was_faster")
        assert record.deployment == winner[0].deployment != loser[0].deployment
        assert record.consumed.input == 2 * 100
        assert record.served.input == 100
        assert record.cost_pico_usd == 200 * 3 + record.consumed.output * 7
    given_up = sum(len(server.given_up) for server in world.servers.values())
    assert given_up == len(both)
    assert any(one.attempts[0].kind == "hedge" for one in both) or any(one.attempts[-1].kind == "hedge" for one in both)


def test_a_hedge_that_fails_leaves_the_first_alone(sim) -> None:
    """The second is refused: the first, slow as it is, still answers."""
    world = sim.World(
        sim.make_policy(names="ab", use_case={"tier": "critical", "hedge": Hedge(ratio=1.0, after_s=0.1)})
    )
    world.servers["a"].spells = [sim.Spell(mode="slow")]
    world.servers["b"].spells = [sim.Spell(mode="refused")]
    clients = [world.ask(number * 2.0) for number in range(40)]
    world.run()
    world.at_rest()
    pairs = [world.record_of(one) for one in clients]
    pairs = [one for one in pairs if [try_.kind for try_ in one.attempts] == ["hedge", "primary"]]
    assert pairs
    assert all(
        (one.status, one.deployment, one.attempts[0].outcome) == ("answered", "a", "unreachable") for one in pairs
    )
