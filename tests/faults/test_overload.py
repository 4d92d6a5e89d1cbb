"""R14: three times more than a server can do; what it does stays whole, and the lowest tier goes first."""

from types import SimpleNamespace

import msgspec
import pytest

from breakeven.gateway.decision.limit import admits
from breakeven.schema.policy import WorkCurve

TIERS = ("critical", "important", "opportunistic")
SERVICE_S, BUDGET_S = 0.2, 1.5


def overload(sim, *, loads, places=32, warm_s=12.0, calm_s=5.0, end_s=40.0, work=None):
    """Poisson arrivals in three tiers, `loads` of capacity each, after a calm beginning; shares after the warm-up."""
    use_case = {"budget_s": BUDGET_S, "tpot_s": 0.02 if work else None, "failure": ("error",)}
    policy = sim.make_policy(use_case=use_case, deployment={"work": work})
    use_cases = tuple(msgspec.structs.replace(policy.use_cases[0], name=tier, tier=tier) for tier in TIERS)
    world = sim.World(msgspec.structs.replace(policy, use_cases=use_cases, default_use_case="critical"))
    world.servers["a"] = sim.SharingServer(world, "a", 0, places, SERVICE_S)
    world.workers = [sim.Worker(world, 0)]
    capacity, at = places / SERVICE_S, 0.0
    while at < end_s:
        load = min(1.0, 0.6 / sum(loads)) if at < calm_s else 1.0
        at += world.random.expovariate(sum(loads) * load * capacity)
        world.ask(at, use_case=world.random.choices(TIERS, loads)[0], max_tokens=20)
    order = watch_order(world)
    world.run()
    world.at_rest()
    late = [one for one in world.records if one.time_s - 1e9 > warm_s]
    shares = {}
    for tier in TIERS:
        mine = [one for one in late if one.tier == tier]
        good = sum(one.status == "answered" and one.in_budget for one in mine)
        shares[tier] = SimpleNamespace(
            good=good / max(1, len(mine)), shed=sum(one.reason == "overload" for one in mine) / max(1, len(mine))
        )
    good = sum(one.status == "answered" and one.in_budget for one in late)
    return SimpleNamespace(world=world, goodput=good / (end_s - warm_s) / capacity, out_of_order=order, **shares)


def watch_order(world):
    """Instants at which a tier was shed although a lower one would have got in."""
    out_of_order = []
    standing, rules = world.workers[0].conditions.of("a"), [world.index.tiers[tier] for tier in TIERS]
    for client in world.clients[::7]:

        def look(client=client):
            let_in = [admits(standing.load.count, standing.limit.limit, rule.share) for rule in rules]
            if let_in != sorted(let_in, reverse=True):
                out_of_order.append(client.number)

        world.at(client.number * 0.001, look)
    return out_of_order


@pytest.mark.parametrize("places", [8, 32, 128])
def test_at_three_times_the_load_goodput_stays_and_the_critical_tier_is_served(sim, places) -> None:
    """From 7 s after the load came: goodput at least 90 % of the peak, critical at least 99 % in its budget.

    Shedding is strictly by tier.
    """
    found = overload(sim, loads=(0.5, 1.0, 1.5), places=places, end_s=60.0 if places < 100 else 25.0)
    assert found.goodput >= 0.9
    assert found.critical.good >= 0.99
    assert found.critical.shed < 0.01 < found.important.shed < found.opportunistic.shed
    assert found.opportunistic.shed > 0.95
    assert found.out_of_order == []


def test_what_is_shed_is_shed_at_once_and_says_when_to_come_back(sim) -> None:
    """503 in the instant of arrival, with Retry-After; it never reached the server and costs nothing."""
    found = overload(sim, loads=(0.5, 1.0, 1.5), end_s=15.0)
    shed = [one for one in found.world.clients if one.status == 503]
    assert len(shed) > 1000
    for client in shed:
        record = found.world.record_of(client)
        assert (client.took_s, client.retry_after_s, record.cost_pico_usd) == (0.0, 1.0, 0)
        assert (record.status, record.reason, record.attempts) == ("refused", "overload", ())


def test_started_into_the_overload_a_capacity_table_keeps_the_promise_from_the_first_second(sim) -> None:
    """Nothing was learned yet: what the policy knows of the server sheds the lower tiers at the door."""
    work = WorkCurve(tpot_s=((1.0, 0.01), (32.0, 0.01), (64.0, 0.02), (128.0, 0.04)))
    found = overload(sim, loads=(0.5, 1.0, 1.5), calm_s=0.0, warm_s=0.0, end_s=30.0, work=work)
    assert found.goodput >= 0.9
    assert found.critical.good >= 0.99
    assert found.critical.shed < 0.01 < found.important.shed <= found.opportunistic.shed


def test_without_a_table_it_finds_its_way(sim) -> None:
    """Neither calm beginning nor table: half a minute later goodput and the critical tier are where they belong."""
    found = overload(sim, loads=(0.5, 1.0, 1.5), calm_s=0.0, warm_s=30.0, end_s=60.0)
    assert found.goodput >= 0.9
    assert found.critical.good >= 0.99


def test_below_capacity_nothing_is_lost(sim) -> None:
    """At 70 % of capacity hardly a request is shed, of whatever tier."""
    found = overload(sim, loads=(0.2, 0.2, 0.3))
    assert min(found.critical.good, found.important.good, found.opportunistic.good) >= 0.99
