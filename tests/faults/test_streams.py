"""R11: once a byte of a model's answer is out, no other model speaks."""

import pytest

from breakeven.schema.policy import Hedge, Retry

MODES = ["cut", "garbled", "error_event", "stall", "frozen"]


def world_of(sim, seed, **use_case):
    use_case = {
        "failure": ("deployment:c", "default", "error"), "default_body": "sorry", "tier": "critical", "budget_s": 0.4,
        "retry": Retry(ratio=1.0, attempts=3), "hedge": Hedge(ratio=1.0, after_s=0.06), **use_case,
    }  # fmt: skip
    return sim.World(sim.make_policy(names="ab", beside="c", use_case=use_case), seed)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mode", MODES)
def test_no_second_models_bytes_follow_the_firsts(sim, mode, seed) -> None:
    """Every client hears one model at most, and that one is in its record; broken streams end in one error event."""
    world = world_of(sim, seed)
    for name in "abc":
        spells = [sim.Spell(mode=mode, share=0.5, from_s=at, until_s=at + 0.1) for at in range(10)]
        world.servers[name].spells = spells if mode == "frozen" else [sim.Spell(mode=mode, share=0.5)]
        world.servers[name].words = 20
    clients = [world.ask(number * 0.02, stream=True) for number in range(400)]
    world.run()
    world.at_rest()
    broken = 0
    for client in clients:
        record, text = world.record_of(client), b"".join(client.body)
        assert len(set(client.tokens)) <= 1
        assert client.answers == 1
        if client.tokens:
            assert record.deployment == client.tokens[0]
            assert record.served.output == len(client.tokens)
            assert b"sorry" not in text
            assert (b"[DONE]" in text) is (record.status == "answered")
            broken += record.status == "failed"
        if client.tokens and record.status == "failed":
            assert text.count(b'data: {"error"') == 1
    assert broken > 20, broken


@pytest.mark.parametrize("seed", range(3))
def test_before_the_first_byte_another_may_still_answer(sim, seed) -> None:
    """An error event under 200 before any word is no success: the next target or the chain answers, and it is told."""
    world = world_of(sim, seed)
    world.servers["a"].spells = [sim.Spell(mode="error_event")]
    world.servers["a"].words = 0.1
    world.servers["b"].words = world.servers["c"].words = 0.1
    clients = [world.ask(number * 0.05, stream=True) for number in range(100)]
    world.run()
    world.at_rest()
    for client in clients:
        record = world.record_of(client)
        if record.attempts[0].deployment == "a" and record.attempts[0].reason == "upstream_error":
            assert (record.status, set(client.tokens)) in (
                ("answered", {"b"}),
                ("answered", {"c"}),
                ("fallback", set()),
            )
    assert sum(one.attempts[0].reason == "upstream_error" for one in world.records) >= 3
    assert world.workers[0].conditions.of("a").circuit.opened_s is not None
