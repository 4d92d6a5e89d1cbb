"""A fleet that comes and goes, in virtual time: cold starts, draining, refusals, and what it is billed."""

from __future__ import annotations

import asyncio
import json

import pytest

from breakeven.emulator.elastic import Elastic
from breakeven.emulator.server import Settings
from breakeven.emulator.virtual import run
from breakeven.schema.performance import StepCurve

SETTINGS = Settings(
    curve=StepCurve(
        prefill_s_per_token=0.0, step_base_s=1.0, step_per_sequence_s=0.0, step_per_context_s=0.0, max_sequences=8,
        kv_tokens=10_000,
    ),
    model="m",
    label="slow",
)  # fmt: skip


async def post(fleet: Elastic, path: str, body: object) -> tuple[int, dict]:
    """A status and the JSON of a whole answer."""
    unsent, got = [json.dumps(body).encode()], []

    async def receive() -> dict:
        if unsent:
            return {"type": "http.request", "body": unsent.pop()}
        return await asyncio.get_running_loop().create_future()

    async def send(message: dict) -> None:
        got.append(message)

    await fleet({"type": "http", "method": "POST", "path": path}, receive, send)
    return got[0]["status"], json.loads(b"".join(one.get("body", b"") for one in got))


def chat(tokens: int) -> dict:
    return {"model": "m", "messages": [], "metadata": {"emulate_output_tokens": str(tokens)}}


def test_a_replica_answers_after_its_cold_start_and_is_paid_for_from_the_order() -> None:
    """Nobody is up for 30 s; then an answer of 5 tokens takes 5 steps of a second."""

    async def scene() -> None:
        fleet = Elastic(SETTINGS, cold_start_s=30.0, replicas=0)
        status, told = await post(fleet, "/scale", {"replicas": 1, "reason": "webhooks say more"})
        assert (status, told["up"], told["starting"]) == (200, 0, 1)
        await asyncio.sleep(29)
        assert (await post(fleet, "/v1/chat/completions", chat(5)))[0] == 503
        await asyncio.sleep(2)
        began = asyncio.get_running_loop().time()
        status, answer = await post(fleet, "/v1/chat/completions", chat(5))
        assert (status, answer["usage"]["completion_tokens"]) == (200, 5)
        assert asyncio.get_running_loop().time() - began == pytest.approx(5.0, abs=1.01)
        told = fleet.told()
        assert (told.up, told.answered, told.refused) == (1, 1, 1)
        assert told.replica_s == pytest.approx(asyncio.get_running_loop().time())

    run(scene())


def test_a_replica_that_leaves_finishes_and_is_paid_for_until_then() -> None:
    """Scaled to none under way: the answer comes, the bill ends with it, and nobody new is let in."""

    async def scene() -> None:
        fleet = Elastic(SETTINGS, cold_start_s=0.0, replicas=1)
        asked = asyncio.ensure_future(post(fleet, "/v1/chat/completions", chat(10)))
        await asyncio.sleep(3)
        fleet.scale(0)
        assert (await post(fleet, "/v1/chat/completions", chat(1)))[0] == 503
        assert (await asked)[0] == 200
        ended = asyncio.get_running_loop().time()
        await asyncio.sleep(100)
        assert fleet.told().replica_s == pytest.approx(ended)

    run(scene())


def test_those_still_starting_go_first_and_a_full_fleet_refuses() -> None:
    """Two of three stay: the two that are up. Each takes two at once, the fifth is refused."""

    async def scene() -> None:
        fleet = Elastic(SETTINGS, cold_start_s=50.0, replicas=2, most_in_flight=2)
        fleet.scale(3)
        fleet.scale(2)
        assert (fleet.told().up, fleet.told().starting) == (2, 0)
        asked = [asyncio.ensure_future(post(fleet, "/v1/chat/completions", chat(4))) for _ in range(5)]
        found = [status for status, _ in await asyncio.gather(*asked)]
        assert sorted(found) == [200, 200, 200, 200, 503]

    run(scene())


@pytest.mark.parametrize("body", [{"replicas": -1}, {"replicas": 1_000_000_000}, {"replicas": "two"}, {}, []])
def test_an_order_that_names_no_number_is_refused(body: object) -> None:
    """Nor one that no process could hold; and nothing changes."""

    async def scene() -> None:
        fleet = Elastic(SETTINGS, cold_start_s=0.0, replicas=2)
        status, answer = await post(fleet, "/scale", body)
        assert status == 400
        assert "replicas" in answer["error"]["message"]
        assert fleet.told().up == 2

    run(scene())


def test_virtual_time_notices_that_nothing_will_come() -> None:
    """A wait for ever is an error, and no hang."""

    async def scene() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="never comes"):
        run(scene())
