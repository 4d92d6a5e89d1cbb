"""R24 and R26: budgets among many workers, whatever order things happen in, and clients that want to ruin somebody."""

import pytest

from breakeven.schema.policy import Budget, Hedge, Quota, Retry, Tenant

KEY = "money/day/money"
TOKEN_PICO_USD = 7


def budget(limit, **changes):
    return (Budget(**{"name": "money", "limit_pico_usd": limit, **changes}),)


def world_of(sim, limit, seed=0, workers=1, use_case=None, **changes):
    use_case = {"failure": ("error",), **(use_case or {})}
    return sim.World(sim.make_policy(names="ab", use_case=use_case, budgets=budget(limit, **changes)), seed, workers)


def watched(world, key=KEY, every_s=0.01, until_s=10.0):
    """The largest amount spent, reserved or held at any instant looked at."""
    found = []
    for number in range(int(until_s / every_s)):
        world.at(number * every_s, lambda: found.append((world.store.spent(key), world.store.held(key))))
    return found


def billed(world):
    return sum(server.billed_pico_usd for server in world.servers.values())


CHAOS = {"retry": Retry(ratio=1.0, attempts=3), "hedge": Hedge(ratio=1.0, after_s=0.04), "tier": "critical"}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("workers", [1, 8, 64])
def test_a_hard_budget_is_never_overspent(sim, seed, workers) -> None:
    """64 in flight a worker, retries, hedges, broken streams, clients that leave, workers that die: 0 beyond the limit.

    Neither in the records, nor in what the servers themselves charge; and most of it is spent.
    """
    limit = 10**6
    world = world_of(sim, limit, seed, workers, CHAOS)
    for server in world.servers.values():
        server.words = 40
        server.spells = [sim.Spell(mode=mode, share=0.1) for mode in ("cut", "status", "stall", "error_event", "slow")]
    draw = world.random
    for _ in range(2500):
        stream = draw.random() < 0.7
        world.ask(
            draw.uniform(0, 8), worker=draw.randrange(workers), stream=stream, deadline_s=5.0,
            max_tokens=draw.choice([None, 50, 400, 3000]), choices=draw.choice([1, 1, 4]),
            body_bytes=draw.choice([40, 4000]), leave_at_token=draw.choice([None, 1, 20]) if stream else None,
        )  # fmt: skip
    for number in range(workers // 4):
        world.at(2.0 + number * 0.3, world.workers[number].die)
    seen = watched(world)
    world.run()
    world.at_rest()
    assert max(spent for spent, _ in seen) <= limit
    assert max(held for _, held in seen) <= limit
    assert billed(world) <= world.store.spent(KEY) <= limit
    alive = [one for one in world.workers if not one.dead]
    told = sum(record.cost_pico_usd for worker in alive for record in worker.records)
    assert told <= sum(purse.spent for worker in alive for purse in worker.all_purses())
    assert any(one.reason == "budget_exhausted" for one in world.records)


@pytest.mark.parametrize("seed", range(3))
def test_what_a_dead_worker_had_reserved_counts_as_spent(sim, seed) -> None:
    """Killed with everything in flight: its reservations are gone, the rest of its lease is there for the others."""
    world = world_of(sim, 10**6, seed, workers=2)
    for server in world.servers.values():
        server.words, server.first_s = 30, 5.0
    doomed = [world.ask(0.0, worker=0, stream=True, max_tokens=100) for _ in range(20)]
    world.run(until=1.0)
    reserved = sum(purse.worst for purse in world.workers[0].all_purses())
    assert reserved == 20 * (464 * 3 + 100 * TOKEN_PICO_USD)
    world.workers[0].die()
    assert world.store.spent(KEY) == world.store.held(KEY) == reserved
    others = [world.ask(2.0 + number * 0.001, worker=1, max_tokens=100) for number in range(600)]
    world.run()
    world.at_rest()
    assert all(one.answers == 0 for one in doomed)
    assert {world.record_of(one).status for one in others} == {"answered", "refused"}
    assert reserved + billed(world) - 20 * 300 <= world.store.spent(KEY) <= 10**6


@pytest.mark.parametrize(
    "wants",
    [
        {"max_tokens": None},
        {"max_tokens": 10**9},
        {"max_tokens": 3000, "choices": 128},
        {"max_tokens": None, "choices": 128},
        {"max_tokens": 10, "body_bytes": 10**7},
    ],
    ids=str,
)
def test_a_hostile_client_costs_no_more_than_the_budget(sim, wants) -> None:
    """No limit, a huge one, 128 choices, ten megabytes: refused before a server is asked, or paid within it."""
    limit = 200_000
    world = world_of(sim, limit)
    for server in world.servers.values():
        server.words = 100_000
    clients = [world.ask(number * 0.01, stream=bool(number % 2), **wants) for number in range(100)]
    world.run()
    world.at_rest()
    assert billed(world) <= limit
    asked = 464 * 3 + 4096 * TOKEN_PICO_USD
    calls = sum(len(server.calls) for server in world.servers.values())
    assert calls == (limit // asked if wants == {"max_tokens": None} else 0)
    refused = [one for one in clients if one.status == 429]
    assert len(refused) == 100 - calls
    assert all(world.record_of(one).reason == "budget_exhausted" for one in refused)


def test_a_server_that_sends_more_than_it_was_told_is_cut(sim) -> None:
    """A hard budget held the worst case: the stream that goes beyond it ends there, and only what was held is paid."""
    world = world_of(sim, 10**6)
    for server in world.servers.values():
        server.words, server.obeys = 10**4, False
    clients = [world.ask(number * 1.0, stream=True, max_tokens=20) for number in range(10)]
    world.run()
    world.at_rest()
    for client in clients:
        record = world.record_of(client)
        if len(client.tokens) > 20:
            assert (record.status, record.reason) == ("failed", "budget_exhausted")
            assert len(client.tokens) == 21
            assert record.cost_pico_usd <= 464 * 3 + 20 * TOKEN_PICO_USD
    assert sum(len(one.tokens) > 20 for one in clients) > 8


def test_cap_makes_the_last_answers_shorter(sim) -> None:
    """`on_exhausted: cap`: what is left bounds the output; when that is too little for anybody, it is refused."""
    limit = 60_000
    world = world_of(sim, limit, on_exhausted="cap")
    for server in world.servers.values():
        server.words, server.gap_s = 10**5, 0.001
    clients = [world.ask(number * 10.0, stream=True, max_tokens=2000) for number in range(12)]
    world.run()
    world.at_rest()
    lengths = [len(one.tokens) for one in clients]
    assert lengths[:3] == [2000] * 3
    assert any(16 <= one < 2000 for one in lengths)
    assert lengths[-1] == 0
    assert clients[-1].status == 429
    assert billed(world) <= limit
    assert world.store.spent(KEY) >= 0.9 * limit


def test_fallback_walks_the_chain(sim) -> None:
    """`on_exhausted: fallback`: another deployment that costs nothing more, or the policy's own answer."""
    use_case = {"failure": ("default", "error"), "default_body": "sorry"}
    world = world_of(sim, 10_000, on_exhausted="fallback", use_case=use_case)
    clients = [world.ask(number * 1.0, max_tokens=100) for number in range(40)]
    world.run()
    world.at_rest()
    statuses = [world.record_of(one).status for one in clients]
    assert statuses == sorted(statuses)
    assert set(statuses) == {"answered", "fallback"}
    assert {world.record_of(one).reason for one in clients if one.status == 200} == {"", "budget_exhausted"}


@pytest.mark.parametrize("seed", range(4))
def test_a_soft_budget_is_overspent_by_no_more_than_what_was_in_flight(sim, seed) -> None:
    """Answers are longer and prompts larger than estimated: over the limit at most what flew underestimated."""
    limit = 10**6
    world = world_of(sim, limit, seed, hard=False)
    for server in world.servers.values():
        server.words, server.input_factor = 300, 3.0
    for number in range(1500):
        world.ask(number * 0.01, stream=world.random.random() < 0.5)
    world.run()
    world.at_rest()
    assert sum(one.cost_pico_usd for one in world.records) == world.store.spent(KEY)
    over = world.store.spent(KEY) - limit
    estimate = 100 * 3 + 256 * TOKEN_PICO_USD
    paid = sorted((one for one in world.records if one.cost_pico_usd), key=lambda one: one.time_s)
    last = max(one.time_s for one in paid)
    flying = [one for one in paid if one.time_s + one.total_s >= last]
    assert over <= sum(max(0, one.cost_pico_usd - estimate) for one in flying)
    assert any(one.reason == "budget_exhausted" for one in world.records)


@pytest.mark.parametrize("seed", range(3))
def test_a_streams_growth_is_paid_before_it_is_sent(sim, seed) -> None:
    """A soft budget, streams far longer than guessed: each is cut when nothing is left, at 64 tokens a time."""
    world = world_of(sim, 40_000, seed, hard=False)
    for server in world.servers.values():
        server.words, server.gap_s, server.spread = 10**5, 0.001, 0.0
    clients = [world.ask(number * 0.01, stream=True) for number in range(3)]
    world.run()
    world.at_rest()
    assert {world.record_of(one).reason for one in clients} == {"budget_exhausted"}
    assert world.store.spent(KEY) <= 40_000 + 3 * 2 * TOKEN_PICO_USD
    assert all(len(one.tokens) > 256 for one in clients)


@pytest.mark.parametrize("workers", [1, 8])
def test_a_quota_of_a_day_is_counted_among_all_workers(sim, workers) -> None:
    """100 requests a day, 150 come to any worker: 100 are served, the others are told so; who leaves had one too."""
    tenant = Tenant(name="default", quota=Quota(requests_per_day=100))
    world = sim.World(sim.make_policy(tenants=(tenant,)), workers=workers)
    clients = [world.ask(number * 0.1, worker=number % workers) for number in range(150)]
    world.run()
    world.at_rest()
    served = [one for one in clients if one.status == 200]
    assert len(served) <= 100
    assert len(served) >= 100 - 2 * workers
    assert {world.record_of(one).reason for one in clients if one.status == 429} == {"quota_exhausted"}


def test_a_tenants_bound_of_requests_in_flight_holds(sim) -> None:
    """At most 5 at once, whatever ends them; the next is told to come back, and nothing stays counted."""
    tenant = Tenant(name="default", quota=Quota(max_in_flight=5))
    world = sim.World(sim.make_policy(tenants=(tenant,)))
    world.servers["a"].spells = [sim.Spell(mode=mode, share=0.2) for mode in ("stall", "refused", "cut")]
    most = []
    for number in range(400):
        world.ask(number * 0.01, stream=bool(number % 2), deadline_s=0.3, leave_s=0.1 if number % 7 == 0 else None)
        world.at(number * 0.01, lambda: most.append(len(world.servers["a"].live)))
    world.run()
    world.at_rest()
    assert max(most) == 5
    assert {one.reason for one in world.records if one.http_status == 429} == {"rate_limited"}
