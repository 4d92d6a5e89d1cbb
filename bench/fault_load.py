"""Overload, and the end of a process under load."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator

import msgspec
from raw import Answer, Lines, chat, lines, once, p99_ms, request, steady
from served import Serve, Upstream, policy_of
from verdict import Row

from breakeven.schema.policy import Route, RouteTarget

TIERS = {"critical": 0.2, "important": 0.4, "opportunistic": 0.4}
SLOTS, SERVICE_MS = 8, 20
CAPACITY = SLOTS * 1000 / SERVICE_MS
SLO_S = 0.5


async def overload(up: Upstream) -> AsyncIterator[Row]:
    """R14: three times what the model server can do, in three tiers."""
    base = policy_of(up, {"model": f"slots-{SERVICE_MS}-{SLOTS}"}, use_case={"budget_s": SLO_S})
    (case,) = base.use_cases
    route = Route(strategy="fixed", targets=(RouteTarget(deployment="model"),))
    cases = tuple(msgspec.structs.replace(case, name=tier, tier=tier, models=(tier,), route=route) for tier in TIERS)
    policy = msgspec.structs.replace(base, use_cases=cases, default_use_case="critical", id="bench-tiers")
    with Serve(policy) as serve:
        async with lines(serve) as some:
            peak = await _peak(some)
            warm: dict[str, list[Answer]] = {tier: [] for tier in TIERS}
            await _offer(some, warm, 3, CAPACITY * 3)
            answers: dict[str, list[Answer]] = {tier: [] for tier in TIERS}
            took_s = 8.0
            await _offer(some, answers, took_s, CAPACITY * 3)
    good = {tier: sum(_good(one) for one in found) for tier, found in answers.items()}
    goodput = sum(good.values()) / took_s
    offered = sum(map(len, answers.values())) / took_s
    said = f"{goodput:.0f}/s of {offered:.0f} offered, peak {peak:.0f} ({goodput / peak:.0%})"
    yield Row("R14", "3 x overload: goodput", ">= 90 % of peak", said, goodput >= 0.9 * peak)
    shares = {tier: good[tier] / len(answers[tier]) for tier in TIERS}
    said = f"{shares['critical']:.1%}"
    yield Row("R14", f"critical tier within {SLO_S:g} s", ">= 99 %", said, shares["critical"] >= 0.99)
    ordered = shares["critical"] >= shares["important"] >= shares["opportunistic"]
    said = ", ".join(f"{tier} {share:.0%}" for tier, share in shares.items())
    yield Row("R14", "served by tier", "in order", said, ordered and shares["critical"] > shares["opportunistic"])
    shed = [one for found in answers.values() for one in found if one.status in {429, 503}]
    median = sorted(one.seconds for one in shed)[len(shed) // 2] * 1000 if shed else 0.0
    said = f"p50 {median:.1f} ms, p99 {p99_ms(shed):.1f}, {len(shed)} shed"
    yield Row("R14", "an answer that sheds", "<= 5 ms", said, bool(shed) and median <= 5)
    kinds = Counter(one.status for found in answers.values() for one in found)
    held = set(kinds) <= {200, 429, 503, 504}
    yield Row("R14", "answers by status", "no other", f"{dict(kinds)}", held)


def _good(answer: Answer) -> bool:
    return answer.status == 200 and answer.seconds <= SLO_S


async def _peak(some: Lines) -> float:
    """What a closed loop that fills the model server gets through, per second."""
    stop_s, answers = time.monotonic() + 4, []

    async def one() -> None:
        while time.monotonic() < stop_s:
            answers.append(await some.ask(request(chat("critical"))))

    start_s = time.monotonic()
    await asyncio.gather(*(one() for _ in range(SLOTS + 4)))
    return sum(map(_good, answers)) / (time.monotonic() - start_s)


async def _offer(some: Lines, answers: dict[str, list[Answer]], seconds: float, per_s: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    await asyncio.gather(
        *(steady(some, request(chat(tier)), share * per_s, stop, answers[tier], 5) for tier, share in TIERS.items())
    )


async def drain(up: Upstream) -> AsyncIterator[Row]:
    """R17: SIGTERM to the whole of `serve` with 50 streams under way, requests still coming."""
    with Serve(policy_of(up, {"pace": "pace-40", "ok": "ok"})) as serve:
        sent = request(chat("pace", stream=True))
        streams = [asyncio.create_task(once(serve.port, sent)) for _ in range(50)]
        async with lines(serve) as some:
            stop, plain = asyncio.Event(), []
            load = asyncio.create_task(steady(some, request(chat("ok")), 100, stop, plain, 3))
            await asyncio.sleep(0.7)
            serve.process.send_signal(signal.SIGTERM)
            start_s = time.monotonic()
            answers = await asyncio.gather(*streams)
            stop.set()
            await load
            code = await asyncio.to_thread(serve.process.wait, 20)
            took_s = time.monotonic() - start_s
        cut = sum(one.end != "whole" or one.data.count(b"data: ") != 35 for one in answers)
        half = sum(one.end == "cut" and one.status != 0 for one in plain)
        answered = sum(one.status == 200 for one in plain) + 50 - cut
        records = await asyncio.to_thread(serve.records)
    yield Row("R17", "SIGTERM with 50 streams under way: cut", "0", f"{cut}", not cut)
    yield Row("R17", "other answers cut in the middle", "0", f"{half} of {len(plain)}", not half)
    done = sum(record.status == "answered" for record in records)
    yield Row("R17", "records of what was answered", f"{answered}", f"{done}", done == answered)
    yield Row("R17", "exit code, after", "0", f"{code}, {took_s:.1f} s", code == 0)
