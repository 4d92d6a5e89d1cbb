"""R8 and R13: upstreams that refuse, and that flap: not made worse, probed once an interval, used as soon as healed."""

from itertools import pairwise

import pytest

from breakeven.schema.policy import Breaker, Retry

SICK_S, HEALED_S, END_S, PER_S = 10.0, 70.0, 80.0, 50
CHAIN = {"failure": ("default", "error"), "default_body": "sorry", "budget_s": 2.0, "retry": Retry()}
GOOD = {"answered"}


def storm(sim, spell, *, names="a", seed=0, per_s=PER_S, **use_case):
    """A Poisson stream of requests through a minute of something wrong with every server; the share that does well."""
    world = sim.World(sim.make_policy(names=names, use_case={**CHAIN, **use_case}), seed)
    for server in world.servers.values():
        server.spells = [sim.Spell(from_s=SICK_S, until_s=HEALED_S, **spell)]
    at = 0.0
    while (at := at + world.random.expovariate(per_s)) < END_S:
        world.ask(at, stream=world.random.random() < 0.5)
    world.run()
    world.at_rest()
    return world


def goodput(world, from_s, until_s):
    asked = [one for one in world.clients if from_s <= one.received_s < until_s]
    found = {one.request_id: one.status for one in world.records}
    return sum(found[f"r{one.number}"] in GOOD for one in asked) / len(asked)


def calls(world, from_s=SICK_S, until_s=HEALED_S):
    return sum(from_s <= at < until_s for server in world.servers.values() for at in server.calls)


SPELLS = [
    {"mode": "status", "status": 503},
    {"mode": "status", "status": 429},
    {"mode": "status", "status": 500},
    {"mode": "refused"},
    {"mode": "hang"},
    {"mode": "garbled"},
]


@pytest.mark.parametrize("names", ["a", "abc"])
@pytest.mark.parametrize("spell", SPELLS, ids=lambda spell: str(spell.get("status", spell["mode"])))
def test_a_storm_is_not_made_worse_and_healing_is_used(sim, names, spell) -> None:
    """At most 1.1 tries a request (and one); from 5 s after it heals at least 95 % are answered; all have an answer."""
    world = storm(sim, spell, names=names)
    asked = [one for one in world.clients if SICK_S <= one.received_s < HEALED_S]
    assert calls(world) <= 1.1 * len(asked) + 1
    assert goodput(world, HEALED_S + 5, END_S) >= 0.95
    assert goodput(world, 0.0, SICK_S - 2) >= 0.99
    assert {one.http_status for one in world.records} <= {200}


@pytest.mark.parametrize("spell", [SPELLS[0], SPELLS[4]], ids=["503", "hang"])
def test_a_busy_worker_is_back_as_soon(sim, spell) -> None:
    """At 400 requests a second too: the limit, which a minute of refusals took to its least, is back where it was."""
    world = storm(sim, spell, per_s=400)
    assert calls(world) <= 1.1 * 400 * 60
    assert goodput(world, HEALED_S + 5, END_S) >= 0.95
    assert goodput(world, HEALED_S + 3, HEALED_S + 5) >= 0.95


@pytest.mark.parametrize("seed", range(2))
def test_a_storm_that_lets_some_through_is_not_made_worse_either(sim, seed) -> None:
    """40 % of tries fail: retries are taken, yet never more than a tenth of the requests that were sent."""
    world = storm(sim, {"mode": "status", "status": 500, "share": 0.4}, seed=seed)
    asked = [one for one in world.clients if SICK_S <= one.received_s < HEALED_S]
    assert calls(world) <= 1.1 * len(asked) + 11
    assert calls(world) > len(asked)
    assert goodput(world, SICK_S, HEALED_S) > 0.6


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_kept_to_the_instant(sim, status) -> None:
    """No call goes out before the instant that the last refusal named, and the first that comes after it goes out."""
    world = storm(sim, {"mode": "status", "status": status, "retry_after_s": 7})
    seen = [at for at in world.servers["a"].calls if SICK_S <= at < HEALED_S]
    arrivals = [one.received_s for one in world.clients]
    waves = [at for before, at in pairwise([0.0, *seen]) if at - before > 1.0]
    assert len(waves) >= 8
    for wave, late in pairwise(waves):
        last = max(at for at in seen if at < late)
        assert last - wave <= 0.002
        assert late == min(at for at in arrivals if at >= last + 0.002 + 7.0)


def test_of_two_targets_the_other_serves_while_one_is_held(sim) -> None:
    """Retry-After holds only who said it: with a well second target nobody is refused."""
    world = sim.World(sim.make_policy(names="ab", use_case=CHAIN))
    world.servers["a"].spells = [sim.Spell(mode="status", status=429, retry_after_s=30)]
    for number in range(1000):
        world.ask(number * 0.02)
    world.run()
    world.at_rest()
    assert {one.status for one in world.records} == {"answered"}
    assert len(world.servers["a"].calls) <= 2


@pytest.mark.parametrize("seed", range(2))
def test_a_dead_target_sees_one_probe_an_interval_from_each_worker(sim, seed) -> None:
    """8 workers, one of two targets dead for a minute: each tries it at most once a second, and nobody notices."""
    world = sim.World(sim.make_policy(names="ab", use_case=CHAIN), seed, workers=8)
    world.servers["a"].spells = [sim.Spell(mode="refused", from_s=5.0, until_s=65.0)]
    at = 0.0
    while (at := at + world.random.expovariate(120)) < 70.0:
        world.ask(at, worker=world.random.randrange(8))
    world.run()
    world.at_rest()
    for worker in world.workers:
        tries = sorted(
            one.time_s - 1e9 + try_.start_s
            for one in worker.records
            for try_ in one.attempts
            if try_.deployment == "a" and try_.outcome == "unreachable"
        )
        probes = [one for one in tries if one > 10.0]
        assert len(probes) > 45
        assert all(late - early >= Breaker().probe_s - 1e-6 for early, late in pairwise(probes))
    found = [world.record_of(one) for one in world.clients if 10.0 < one.received_s < 64.0]
    assert sum(one.status == "answered" for one in found) >= 0.99 * len(found)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("period_s", [0.5, 2.0, 10.0])
def test_flapping_targets_are_not_stampeded_and_never_all_given_up(sim, seed, period_s) -> None:
    """Two targets that take turns at failing: one of them always answers, so nothing is refused for a closed circuit.

    Amplification stays within its bound whatever the rhythm.
    """
    world = sim.World(sim.make_policy(names="ab", use_case=CHAIN), seed)
    turns = range(int(60 / period_s))
    for name, turn in (("a", 0), ("b", 1)):
        world.servers[name].spells = [
            sim.Spell(mode="status", from_s=at * period_s, until_s=(at + 1) * period_s)
            for at in turns
            if at % 2 == turn
        ]
    at = 0.0
    while (at := at + world.random.expovariate(50)) < 60.0:
        world.ask(at)
    world.run()
    world.at_rest()
    assert not [one for one in world.records if one.reason == "circuit_open"]
    assert calls(world, 0.0, 60.0) <= 1.1 * len(world.clients) + 11


@pytest.mark.parametrize("seed", range(2))
def test_a_lone_target_that_is_sick_rather_than_dead_stays_in_use(sim, seed) -> None:
    """Half of its answers are errors: failing fast would lose the other half, so it is never given up (panic)."""
    world = storm(sim, {"mode": "status", "status": 500, "share": 0.5}, seed=seed)
    during = [one for one in world.records if SICK_S <= one.time_s - 1e9 < HEALED_S]
    assert sum(one.reason == "circuit_open" for one in during) == 0
    assert goodput(world, SICK_S, HEALED_S) > 0.45
