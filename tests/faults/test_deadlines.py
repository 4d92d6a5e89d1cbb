"""R9: servers hang, begin slowly or stall, and every request ends by its deadline all the same."""

import pytest

from breakeven.schema.policy import Hedge, Retry

CHAIN = {"failure": ("cached", "default", "error"), "default_body": "sorry"}


@pytest.mark.parametrize("in_flight", [1, 8, 64, 512])
@pytest.mark.parametrize("budget_s", [0.05, 0.15, 0.5])
@pytest.mark.parametrize("mode", ["hang", "frozen", "slow"])
def test_every_request_that_hangs_ends_in_time_with_its_chains_answer(sim, in_flight, budget_s, mode) -> None:
    """100 % hang: all are answered by the chain, exactly at the instant kept for it, whatever the number in flight."""
    world = sim.World(sim.make_policy(names="ab", use_case={**CHAIN, "budget_s": budget_s}), seed=in_flight)
    for server in world.servers.values():
        server.spells = [sim.Spell(mode=mode)]
        server.first_s, server.spread = 1.0, 0.0
    clients = [world.ask(number * 1e-5, stream=bool(number % 2)) for number in range(in_flight)]
    world.run()
    world.at_rest()
    kept_s = min(0.01, 0.1 * budget_s)
    for client in clients:
        assert client.took_s == pytest.approx(budget_s - kept_s)
        assert (client.status, client.answers) == (200, 1)
        assert b"sorry" in b"".join(client.body)
        record = world.record_of(client)
        assert (record.status, record.reason, record.in_budget) == ("fallback", "deadline", True)


def test_a_stream_that_stalls_is_cut_at_the_same_instant(sim) -> None:
    """The budget holds inside a stream too; what came is told, and an error event ends it."""
    world = sim.World(sim.make_policy(use_case={**CHAIN, "budget_s": 0.5}))
    world.servers["a"].spells = [sim.Spell(mode="stall")]
    clients = [world.ask(number * 0.01, stream=True) for number in range(64)]
    world.run()
    world.at_rest()
    for client in (one for one in clients if one.tokens):
        record = world.record_of(client)
        assert (record.status, record.reason, record.served.output) == ("failed", "deadline", len(client.tokens))
        assert client.took_s == pytest.approx(0.49)
        assert b'"code":"deadline"' in client.body[-1]
    assert sum(bool(one.tokens) for one in clients) > 40


@pytest.mark.parametrize("mode", ["hang", "frozen", "stall", "refused", "status", "cut", "garbled", "error_event"])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_tried_the_deadline_holds(sim, mode, seed) -> None:
    """Retries, hedges, fallbacks and pauses all together, failing in any way: nobody waits beyond the budget."""
    use_case = {
        "failure": ("deployment:c", "error"), "tier": "critical", "budget_s": 0.3,
        "retry": Retry(ratio=1.0, attempts=5), "hedge": Hedge(ratio=1.0, after_s=0.05),
    }  # fmt: skip
    world = sim.World(sim.make_policy(names="ab", beside="c", use_case=use_case), seed)
    for server in world.servers.values():
        server.spells = [sim.Spell(mode=mode, share=0.9)]
    clients = [
        world.ask(number * 0.01, stream=world.random.random() < 0.5, deadline_s=world.random.choice([None, 0.05, 1.0]))
        for number in range(300)
    ]
    world.run()
    world.at_rest()
    for client in clients:
        assert client.answers == 1
        assert client.took_s <= min(0.3, client.asked.deadline_s or 0.3) + 1e-9


@pytest.mark.parametrize("tier", ["critical", "important", "opportunistic"])
def test_beyond_its_limit_a_request_is_shed_at_the_door(sim, tier) -> None:
    """Of 512 at once as many hang as the tier may have in flight; the others end in the instant they arrive."""
    chain = {**CHAIN, "failure": ("error",), "tier": tier, "budget_s": 0.5}
    world = sim.World(sim.make_policy(use_case=chain, deployment={"max_in_flight": 64}))
    world.servers["a"].spells = [sim.Spell(mode="hang")]
    clients = [world.ask(0.0) for _ in range(512)]
    world.run()
    world.at_rest()
    waited = [one for one in clients if one.took_s > 0]
    assert len(waited) == len(world.servers["a"].calls) == {"critical": 72, "important": 55, "opportunistic": 39}[tier]
    assert all(one.took_s == pytest.approx(0.5) and one.status == 504 for one in waited)
    for client in clients[len(waited) :]:
        assert (client.took_s, client.status, client.retry_after_s) == (0.0, 503, 1.0)
        assert world.record_of(client).reason == "overload"


@pytest.mark.parametrize("budget_s", [None, 0.5])
def test_a_frozen_engine_is_found_without_asking_its_health(sim, budget_s) -> None:
    """Liveness needs a token: after 10 s without a byte only a probe a second goes there, and a word heals it at once.

    Its /health is never asked, so that it may say what it likes. Without deadlines too: what came before waits.
    """
    world = sim.World(sim.make_policy(use_case={**CHAIN, "budget_s": budget_s}))
    server = world.servers["a"]
    server.words = 1
    server.spells = [sim.Spell(mode="frozen", from_s=5.0, until_s=60.0)]
    clients = [world.ask(number * 0.1) for number in range(800)]
    world.run()
    world.at_rest()
    assert all(one.took_s <= (budget_s or sim.IDLE_S + 1) for one in clients)
    during = [at for at in server.calls if 17.0 < at < 60.0]
    assert 38 <= len(during) <= 44
    assert all(world.record_of(one).reason in {"circuit_open", "deadline", "timeout"} for one in clients[171:600])
    after = [world.record_of(one).status for one in clients if one.received_s > 61.5]
    assert set(after) == {"answered"}
    assert len(after) > 150


@pytest.mark.parametrize("seed", range(3))
def test_a_slot_kept_for_another_deployment_lets_it_answer(sim, seed) -> None:
    """`stages.fallback`: the first is given up that much earlier, and the second has the time."""
    use_case = {"failure": ("deployment:b", "error"), "budget_s": 0.5, "stages": {"fallback": 0.3}}
    world = sim.World(sim.make_policy(beside="b", use_case=use_case), seed)
    world.servers["a"].spells = [sim.Spell(mode="hang")]
    clients = [world.ask(number * 0.5) for number in range(4)]
    world.run()
    world.at_rest()
    for client in clients:
        record = world.record_of(client)
        assert (record.status, record.deployment, record.in_budget) == ("answered", "b", True)
        assert record.attempts[0].duration_s == pytest.approx(0.19)
