"""All of it mixed: nothing is lost, nothing is told twice, no money appears or goes, and a seed is its own replay."""

from collections import Counter

import msgspec
import pytest

from breakeven.schema.policy import Budget

STATUSES = {"answered", "cached", "fallback", "refused", "failed", "cancelled"}


@pytest.mark.parametrize(("seed", "requests"), [(1, 20_000), (2, 3_000), (3, 3_000), (4, 3_000)])
def test_arrived_is_answered_cached_fallback_refused_failed_and_cancelled(sim, chaos, seed, requests) -> None:
    """Invariants 1, 4 and 6 over every fault at once.

    Every request of a worker that lived on has one record and, unless its client left, one answer by its deadline; one
    that died with its worker has at most a record and no second answer; no hard budget is overspent.
    """
    world = chaos.chaos(sim, requests, seed)
    spent = []
    for at in range(int(requests / chaos.PER_S)):
        world.at(at, lambda: spent.append([(world.store.spent(key), world.store.held(key)) for key in HARD]))
    world.run()
    world.at_rest()
    records = Counter(one.request_id for one in world.records)
    assert set(records.values()) == {1}
    arrived = [one for one in world.clients if one.request is not None]
    lost = {one for one in arrived if f"r{one.number}" not in records}
    assert all(world.workers[one.asked.worker].dead for one in lost)
    assert len(arrived) == len(world.records) + len(lost)
    assert len(lost) < 200
    statuses = Counter(one.status for one in world.records)
    assert sum(statuses[one] for one in STATUSES) == len(world.records)
    assert set(statuses) == STATUSES
    assert not [one for one in world.records if one.reason == "internal"]
    for client in arrived:
        if client not in lost:
            _one_answer(world, client)
    for at in spent:
        assert all(amount <= limit for amount, limit in zip(map(max, at), HARD.values(), strict=True))
    for worker in world.workers:
        assert sorted(one.sequence for one in worker.records) == list(range(len(worker.records))) or worker.dead


HARD = {"money/day/all": 40 * 3 * 10**6, "money/day/small": 3 * 10**6}


def _one_answer(world, client) -> None:
    record = world.record_of(client)
    dead = world.workers[client.asked.worker].dead
    assert client.answers == (0 if client.gone else 1) or (client.answers == 0 and dead)
    assert (record.status == "cancelled") <= client.gone
    budget_s = min(1.0, 1.0 if client.asked.deadline_s is None else client.asked.deadline_s)
    assert record.total_s <= budget_s + 1e-9
    assert len(set(client.tokens)) <= 1
    assert client.answers == 0 or record.http_status == client.status
    assert sum(record.stages.values()) == pytest.approx(record.total_s, abs=3e-6)
    assert (record.cost_pico_usd == 0) or record.attempts


@pytest.mark.parametrize("seed", range(2))
def test_the_same_seed_gives_the_same_bytes(sim, chaos, seed) -> None:
    """Invariant 7: a failure is replayed from its seed, record by record."""

    def once() -> bytes:
        return msgspec.msgpack.encode(chaos.chaos(sim, 3_000, seed).run().records)

    first = once()
    assert first == once()
    assert first != msgspec.msgpack.encode(chaos.chaos(sim, 3_000, seed + 100).run().records)


@pytest.mark.parametrize("place", ["purses", "sender", "take_sequence", "ask"])
@pytest.mark.parametrize("stream", [False, True])
def test_whatever_breaks_inside_the_client_is_answered(sim, place, stream, monkeypatch, caplog) -> None:
    """A fault of the gateway's own ends in the API's error, nothing stays in flight or held, and the next is well."""
    world = sim.World(sim.make_policy(names="ab", budgets=(Budget(name="money", limit_pico_usd=10**9),)))

    def breaks(*_):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(world.workers[0], place, breaks)
        client = world.ask(0.0, stream=stream)
        world.run()
    world.at_rest()
    assert (client.answers, client.status) == (1, 200 if client.tokens else 500)
    assert b"internal" in b"".join(client.body)
    after = world.ask(100.0, stream=stream)
    world.run()
    world.at_rest()
    assert world.record_of(after).status == "answered"
    assert "failed inside the gateway" in caplog.text
