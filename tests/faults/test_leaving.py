"""R7: the client goes away before its answer, at its first token, or in the middle."""

import pytest

from breakeven.schema.policy import Budget, Hedge, Quota, Retry, Tenant

BUDGET = Budget(name="money", limit_pico_usd=10**9)
SEEDS = range(5)


def watched(sim, seed, **use_case):
    """A world in which money, requests and tokens are counted."""
    quota = Quota(requests_per_s=1000.0, tokens_per_min=6e7, requests_per_day=10_000)
    use_case = {"failure": ("default", "error"), "default_body": "sorry", **use_case}
    policy = sim.make_policy(
        names="ab", use_case=use_case, budgets=(BUDGET,), tenants=(Tenant(name="default", quota=quota),)
    )
    return sim.World(policy, seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("token", [1, 2, 5])
def test_at_a_token_the_server_is_given_up_in_the_same_instant(sim, seed, token) -> None:
    """One record, cancelled, with the tokens that came and their price; nothing is held or in flight afterwards."""
    world = watched(sim, seed)
    for server in world.servers.values():
        server.words = 500
    clients = [world.ask(number * 0.01, stream=True, leave_at_token=token) for number in range(200)]
    world.run()
    world.at_rest()
    given_up = sorted(world.servers["a"].given_up + world.servers["b"].given_up)
    left = [one for one in clients if one.gone]
    assert len(left) > 190
    assert given_up == sorted(one.ended_s for one in left)
    for client in left:
        record = world.record_of(client)
        assert (record.status, record.reason, record.http_status) == ("cancelled", "client_gone", 499)
        assert (record.served.output, record.consumed.output, record.tokens_basis) == (token, token, "assumed")
        assert record.cost_pico_usd == 100 * 3 + token * 7
    assert len(world.records) == len(clients)
    assert sum(one.cost_pico_usd for one in world.records) == world.store.spent("money/day/money")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("leave_s", [0.0, 0.001, 0.02])
def test_before_its_first_token_too(sim, seed, stream, leave_s) -> None:
    """Whatever it waits for (money, a server, a pause before a second try): one record, and nothing left behind."""
    world = watched(sim, seed, retry=Retry(ratio=1.0, backoff_s=0.05), hedge=Hedge(ratio=1.0, after_s=0.005))
    world.servers["a"].spells = [sim.Spell(mode="status")]
    clients = [world.ask(number * 0.003, stream=stream, leave_s=leave_s) for number in range(300)]
    world.run()
    world.at_rest()
    assert [len([one for one in world.records if one.request_id == f"r{number}"]) for number in range(300)] == [1] * 300
    for client in clients:
        record = world.record_of(client)
        assert record.status in {"cancelled", "fallback", "answered"}
        if record.status == "cancelled":
            assert record.total_s == pytest.approx(leave_s)
            assert record.served.output == len(client.tokens) == len(client.body)
    assert sum(record.status == "cancelled" for record in world.records) > 150
    told, spent = sum(one.cost_pico_usd for one in world.records), world.store.spent("money/day/money")
    assert (
        told == spent if stream else told <= spent
    )  # what a whole answer given up used is not known: all that was held


@pytest.mark.parametrize("seed", SEEDS)
def test_both_of_a_hedged_pair_are_given_up(sim, seed) -> None:
    """With two attempts out both servers see their connection end in the instant the client left."""
    world = watched(sim, seed, tier="critical", hedge=Hedge(ratio=1.0, after_s=0.01))
    for server in world.servers.values():
        server.first_s = 1.0
    client = world.ask(0.0, leave_s=0.1)
    world.run()
    world.at_rest()
    assert [len(one.calls) for one in world.servers.values()] == [1, 1]
    assert [one.given_up for one in world.servers.values()] == [[0.1], [0.1]]
    record = world.record_of(client)
    assert [(one.kind, one.outcome) for one in record.attempts] == [("primary", "cancelled"), ("hedge", "cancelled")]
    assert record.cost_pico_usd == 2 * 100 * 3
