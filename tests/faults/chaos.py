"""Everything that can go wrong, at random, in one world: to test that nothing is lost, and to measure how fast."""

from __future__ import annotations

from random import Random
from types import ModuleType
from typing import Any

import msgspec

from breakeven.schema.policy import Budget, Hedge, Policy, Quota, Retry, Tenant, WorkCurve

WORKERS, PER_S = 4, 200
CHAINS = {
    "critical": ("deployment:c", "cached", "default", "error"),
    "important": ("cached", "deployment:c", "error"),
    "opportunistic": ("error",),
}
MODES = ("refused", "hang", "status", "slow", "stall", "cut", "garbled", "error_event", "frozen")
LIMIT = 3 * 10**6


def policy_of(sim: ModuleType) -> Policy:
    """Three tiers, each with retries, hedges, a cache, a failure chain and budgets of both kinds."""
    work = WorkCurve(prefill_s_per_token=1e-5, tpot_s=((1.0, 0.005), (64.0, 0.01)))
    policy = sim.make_policy(names="ab", beside="c", deployment={"work": work, "max_in_flight": 80})
    plain = msgspec.structs.replace(
        policy.use_cases[0], retry=Retry(), hedge=Hedge(ratio=0.05), budget_s=1.0, cache_ttl_s=2.0, default_body="sorry"
    )
    use_cases = tuple(
        msgspec.structs.replace(plain, name=tier, tier=tier, failure=chain) for tier, chain in CHAINS.items()
    )
    budgets = (
        Budget(name="all", limit_pico_usd=40 * LIMIT),
        Budget(name="small", limit_pico_usd=LIMIT, use_case="opportunistic", on_exhausted="cap"),
        Budget(name="soft", limit_pico_usd=LIMIT, use_case="important", hard=False, on_exhausted="fallback"),
    )
    tenants = (
        Tenant(name="default", quota=Quota(max_in_flight=60)),
        Tenant(name="other", quota=Quota(requests_per_day=2000)),
    )
    return msgspec.structs.replace(
        policy, use_cases=use_cases, budgets=budgets, tenants=tenants, default_use_case="critical"
    )


def chaos(sim: ModuleType, requests: int, seed: int, per_s: float = PER_S) -> Any:
    """A world in which so many requests will arrive."""
    world = sim.World(policy_of(sim), seed, WORKERS)
    draw, span_s = Random(seed), requests / per_s
    for server in world.servers.values():
        server.spells = [_spell(sim, draw, span_s) for _ in range(int(span_s / 2))]
    for _ in range(requests):
        world.ask(draw.uniform(0, span_s), **_asked(draw))
    for _ in range(int(span_s / 10)):
        _outage(world, draw.choice(world.workers), draw.uniform(0, span_s), draw)
    for worker in world.workers[: WORKERS // 2]:
        world.at(draw.uniform(0.5, 1.0) * span_s, worker.die)
    return world


def _asked(draw: Random) -> dict[str, Any]:
    stream = draw.random() < 0.4
    leaves = draw.random()
    return {
        "use_case": draw.choice(tuple(CHAINS)),
        "tenant": draw.choice(("default", "default", "other")),
        "worker": draw.randrange(WORKERS),
        "stream": stream,
        "key": f"k{draw.randrange(500)}{stream}" if draw.random() < 0.5 else "",
        "max_tokens": draw.choice((None, 20, 100, 10**6)),
        "choices": draw.choice((1, 1, 1, 2)),
        "body_bytes": draw.choice((40, 400, 4000)),
        "deadline_s": draw.choice((None, 0.0, 0.05, 0.2, 2.0)),
        "leave_s": draw.expovariate(10) if leaves < 0.05 else None,
        "leave_at_token": draw.randrange(1, 10) if 0.05 <= leaves < 0.1 else None,
    }


def _spell(sim: ModuleType, draw: Random, span_s: float) -> Any:
    from_s = draw.uniform(0, span_s)
    return sim.Spell(
        mode=draw.choice(MODES),
        from_s=from_s,
        until_s=from_s + draw.expovariate(0.5),
        share=draw.choice((0.1, 0.5, 1.0)),
        status=draw.choice((400, 401, 404, 429, 500, 503)),
        retry_after_s=draw.choice((None, 0, 1, 5)),
    )


def _outage(world: Any, worker: Any, at: float, draw: Random) -> None:
    """The store or the journal of a worker is down for a second or so."""

    def put(money: bool, controls: bool) -> None:
        worker.conditions.money_down, worker.conditions.controls_down = money, controls

    money = draw.random() < 0.5
    world.at(at, put, money, True)
    world.at(at + draw.expovariate(1.0), put, False, False)
