"""The loop that enacts a rule: read the gateway's metrics, decide, tell a webhook. What is wanted is pure."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import msgspec

from breakeven.errors import BackendError, BreakevenError
from breakeven.planner.scaling.decide import Observation, State, decide
from breakeven.schema.scaling import Decision, ScalingRule
from breakeven.wire.client import Client
from breakeven.wire.prometheus_text import scrape

TIMEOUT_S = 5.0
ENDED, IN_FLIGHT, CACHED = "breakeven_predictions_total", "breakeven_in_flight", "cached"
_OK = range(200, 300)
_log = logging.getLogger(__name__)

See = Callable[[], Awaitable[Observation]]
Tell = Callable[[Decision], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]


def observation(text: str, rule: ScalingRule, now_s: float) -> Observation:
    """What a gateway's metrics say of a rule's demand: all predictions of its use case but cached ones, and in flight.

    Raises:
        ConfigError: the text is none of metrics.
    """
    found = scrape(text, now_s, "the gateway's /metrics")
    ended = found.find(ENDED, {"use_case": rule.use_case})
    return Observation(
        ended=sum(one.value for one in ended if one.labels.get("status") != CACHED),
        in_flight=found.total(IN_FLIGHT, {"deployment": rule.deployment}) or 0.0,
    )


async def drive(
    rule: ScalingRule,
    see: See,
    tell: Tell,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Sleep = asyncio.sleep,
    looks: int | None = None,
    state: State | None = None,
) -> State:
    """Look every `interval_s`, `looks` times or until cancelled, and tell what is wanted at each look.

    A look that fails is logged and tried again at the next: the replicas stay as they are, and the rate is then taken
    over both. What a webhook did not take is told again, as every look tells the number wanted and no difference.
    """
    state, done = state or State(), 0
    while looks is None or done < looks:
        if done:
            await sleep(rule.interval_s)
        done += 1
        try:
            seen = await see()
            state, decision = decide(rule, state, seen, clock())
            if decision is not None:
                await tell(decision)
        except BreakevenError as error:
            _log.warning("scaling: %s", error.message)
    return state


def seeing(client: Client, url: str, rule: ScalingRule, clock: Callable[[], float] = time.time) -> See:
    """Reads a gateway's /metrics."""

    async def see() -> Observation:
        response = await client.request("GET", url, (), b"", timeout_s=TIMEOUT_S)
        body = await response.read()
        if response.status not in _OK:
            message = f"{url} answered {response.status}"
            raise BackendError(message, "give the address of a gateway's /metrics")
        return observation(body.decode("utf-8", "replace"), rule, clock())

    return see


def telling(client: Client, url: str) -> Tell:
    """Posts decisions as JSON."""

    async def tell(decision: Decision) -> None:
        body = msgspec.json.encode(decision)
        response = await client.request(
            "POST", url, [("content-type", "application/json")], body, timeout_s=TIMEOUT_S
        )  # fmt: skip
        await response.read()
        if response.status not in _OK:
            # Webhooks often carry their secret in the URL: it is not shown.
            message = f"the webhook answered {response.status}"
            raise BackendError(message, "check that it takes JSON, and what it says of this body")

    return tell
