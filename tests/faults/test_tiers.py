"""What a tier, a control that is down or a gap in tracking decides is explicit: the tables below are all."""

from itertools import product

import msgspec
import pytest

from breakeven.schema.policy import TIER_RULES, Budget, Quota, Tenant, TierRule

TIERS = ("critical", "important", "opportunistic")
DOWN = ("nothing", "money", "journal", "both")
CHAIN = {"failure": ("deployment:b", "default", "error"), "default_body": "sorry", "cache_ttl_s": 60.0}
WITHOUT = ("fallback", "tracking_incomplete", 200)

EXPECTED = {
    (True, "nothing"): ("answered", "", 200),
    (True, "money"): ("answered", "", 200),
    (True, "journal"): ("answered", "", 200),
    (True, "both"): ("answered", "", 200),
    (False, "nothing"): ("answered", "", 200),
    (False, "money"): ("refused", "controls_down", 503),
    (False, "journal"): ("refused", "controls_down", 503),
    (False, "both"): ("refused", "controls_down", 503),
}
"""(fail open, what is down) -> status, reason, HTTP status; the same for every tier."""


def world_of(sim, tier, fail_open, down, **use_case):
    rules = tuple(msgspec.structs.replace(one, fail_open=fail_open) if one.tier == tier else one for one in TIER_RULES)
    policy = sim.make_policy(
        beside="b",
        use_case={**CHAIN, "tier": tier, **use_case},
        tiers=rules,
        budgets=(Budget(name="money", limit_pico_usd=10**9),),
        tenants=(Tenant(name="default", quota=Quota(requests_per_day=1000)),),
    )
    world = sim.World(policy)
    conditions = world.workers[0].conditions
    world.store.down = conditions.money_down = down in {"money", "both"}
    conditions.controls_down = down != "nothing"
    return world


@pytest.mark.parametrize(("tier", "fail_open", "down"), list(product(TIERS, (True, False), DOWN)))
def test_open_or_closed_while_a_control_is_down(sim, tier, fail_open, down) -> None:
    """Open serves without the control, closed refuses with 503 and a time to come back; nothing is left to chance."""
    world = world_of(sim, tier, fail_open, down)
    clients = [world.ask(number * 0.1, stream=bool(number % 2)) for number in range(10)]
    world.run()
    world.at_rest()
    found = {(one.status, one.reason, one.http_status) for one in world.records}
    assert found == {EXPECTED[fail_open, down]}
    if found == {("refused", "controls_down", 503)}:
        assert all(one.retry_after_s == 1.0 and one.took_s == 0.0 for one in clients)
        assert world.servers["a"].calls == []


def test_the_built_in_tiers_are_these() -> None:
    """Critical and important fail open, opportunistic fails closed; shares descend; only critical hedges."""
    assert (
        TierRule(tier="critical", share=1.0, explore=False, hedge=True, fail_open=True),
        TierRule(tier="important", share=0.85, explore=True, hedge=False, fail_open=True),
        TierRule(tier="opportunistic", share=0.6, explore=True, hedge=False, fail_open=False),
    ) == TIER_RULES


@pytest.mark.parametrize("fail_open", [True, False])
@pytest.mark.parametrize("tier", TIERS)
def test_a_store_that_fails_under_way_is_decided_alike(sim, tier, fail_open) -> None:
    """It goes down while a request waits for its lease: open goes on unpaid, closed is told just that."""
    world = world_of(sim, tier, fail_open, "nothing")
    client = world.ask(0.0)

    def fails():
        world.store.down = world.workers[0].conditions.money_down = True

    world.at(0.001, fails)
    world.run()
    world.at_rest()
    record = world.record_of(client)
    assert (record.status, record.reason, record.http_status) == EXPECTED[fail_open, "both"]
    assert (record.cost_pico_usd > 0) is fail_open


@pytest.mark.parametrize("gap", ["", "no_identity", "consent", "event_path_down"])
@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("serve", ("answered", "", 200)),
        ("approximate", ("fallback", "tracking_incomplete", 200)),
        ("suppress", ("refused", "tracking_incomplete", 422)),
    ],
)
def test_a_gap_in_tracking_is_answered_as_the_use_case_says(sim, tier, gap, answer, expected) -> None:
    """Serve asks the model; approximate answers without one; suppress refuses; no gap, no change."""
    world = world_of(sim, tier, fail_open=True, down="nothing", on_tracking_incomplete=answer)
    client = world.ask(0.0, gap=gap)
    world.run()
    world.at_rest()
    record = world.record_of(client)
    assert (record.status, record.reason, record.http_status) == (expected if gap else ("answered", "", 200))
    asked = sum(len(server.calls) for server in world.servers.values())
    assert asked == (0 if gap and answer != "serve" else 1)
    assert (client.took_s == 0.0) is (asked == 0)


def test_a_gap_is_approximated_by_a_cached_answer_where_there_is_one(sim) -> None:
    """The same question was answered before: that answer is given, as a fallback, and no server is asked."""
    world = world_of(sim, "important", fail_open=True, down="nothing", on_tracking_incomplete="approximate",
                     failure=("cached", "default", "error"))  # fmt: skip
    first, second = world.ask(0.0, key="k"), world.ask(5.0, key="k", gap="consent")
    world.run()
    assert [world.record_of(one).status for one in (first, second)] == ["answered", "fallback"]
    assert world.record_of(second).cache == "stale"
    assert b"".join(second.body) == b"".join(first.body)
    assert len(world.servers["a"].calls) == 1


@pytest.mark.parametrize(("ttl_s", "asked"), [(60.0, 1), (1.0, 2), (0.0, 2)])
def test_the_cache_answers_within_its_age_and_its_tenant(sim, ttl_s, asked) -> None:
    """R25: the key is the same, the tenant another: it is asked for anew, whatever the age."""
    world = world_of(sim, "important", fail_open=True, down="nothing", cache_ttl_s=ttl_s)
    mine = [world.ask(at, key="k") for at in (0.0, 5.0)]
    theirs = world.ask(5.0, key="k", tenant="other")
    world.run()
    world.at_rest()
    assert world.record_of(theirs).status == "answered"
    assert [world.record_of(one).status for one in mine] == ["answered", "cached" if asked == 1 else "answered"]
    assert len(world.servers["a"].calls) == asked + 1
