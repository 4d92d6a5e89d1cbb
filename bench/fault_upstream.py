"""Faults on the model servers' side: clients that leave, storms of errors, hangs, hostile streams, frozen engines."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator

import msgspec
from raw import Answer, Line, chat, leave, lines, once, p99_ms, request, steady
from served import Serve, Upstream, policy_of
from upstream import HOSTILE
from verdict import Row

from breakeven.schema.policy import Breaker, Retry

TIMES = 100
ABORT_MS = 250
GRACE_MS = 20
NEVER = Breaker(least=10**9)


async def gone(up: Upstream) -> AsyncIterator[Row]:
    """R7: the client leaves before the first token, after it, and after five; 100 times each."""
    with Serve(policy_of(up, {"hang": "hang", "pace": "pace-20"}, breaker=NEVER)) as serve:
        up.told("_forget")
        left: dict[str, dict[str, float]] = {}
        for events, model, stream in ((0, "hang", True), (0, "hang", False), (1, "pace", True), (5, "pace", True)):
            form = f"{'token' if stream else 'plain, token'} {events}"
            names = [f"nonce-{events}-{int(stream)}-{number}" for number in range(TIMES)]
            gate = asyncio.Semaphore(10)

            sent = [request(chat(model, stream=stream, text=name), {"x-breakeven-session": name}) for name in names]
            left_s = await asyncio.gather(*(_leave(gate, serve.port, one, events) for one in sent))
            left[form] = dict(zip(names, left_s, strict=True))
        await asyncio.sleep(1)
        aborted = up.told()["aborted"]
        records = await asyncio.to_thread(serve.records)
    counts = Counter(record.session for record in records)
    status = {record.session: record for record in records}
    for form, gone_s in left.items():
        delays = sorted((aborted[name] - at) * 1000 for name, at in gone_s.items() if name in aborted)
        p99 = delays[int(len(delays) * 0.99)] if delays else float("inf")
        held = len(delays) == TIMES and p99 <= ABORT_MS
        said = f"{len(delays)} of {TIMES} aborted, p99 {p99:.0f} ms"
        yield Row("R7", f"client gone at {form}: upstream aborted", f"all, p99 <= {ABORT_MS} ms", said, held)
        exact = sum(counts[name] == 1 and status[name].status == "cancelled" for name in gone_s)
        said = f"{exact} of {TIMES}"
        yield Row("R7", f"client gone at {form}: one record, cancelled", f"{TIMES}", said, exact == TIMES)
    partial = sum(name in status and status[name].consumed_output_tokens >= 4 for name in left["token 5"])
    yield Row("R7", "gone at token 5: tokens so far recorded", f"{TIMES}", f"{partial} of {TIMES}", partial == TIMES)


async def _leave(gate: asyncio.Semaphore, port: int, sent: bytes, events: int) -> float:
    async with gate:
        return await leave(port, sent, events)


async def storms(up: Upstream) -> AsyncIterator[Row]:
    """R8: everything fails with 503, with 429, and three in ten; then the model server is well again."""
    behaviours = {"storm": "switch", "flaky": "flaky-30"}
    with Serve(policy_of(up, behaviours, use_case={"retry": Retry(), "budget_s": 2.0})) as serve:
        for behaviour in ("status-503", "status-429-1"):
            up.told("_switch/ok")
            async with lines(serve) as some:
                answers, _ = await _load(some, "storm", 3, 100)
                assert all(one.status == 200 for one in answers), "not well before the storm"
                up.told(f"_switch/{behaviour}")
                up.told("_forget")
                answers, _ = await _load(some, "storm", 6, 100)
                amplification = up.told()["seen"].get("switch", 0) / len(answers)
                up.told("_switch/ok")
                healed_s = await _healed(some)
            said = f"{amplification:.2f} x of {len(answers)}"
            yield Row("R8", f"storm of {behaviour[7:10]}: requests upstream", "<= 1.1 x", said, amplification <= 1.1)
            said = f"{healed_s:.1f} s"
            yield Row("R8", f"storm of {behaviour[7:10]}: 95 % good again", "<= 5 s", said, healed_s <= 5)
        up.told("_forget")
        async with lines(serve) as some:
            answers, _ = await _load(some, "flaky", 6, 100)
        sent = up.told()["seen"].get("flaky-30", 0)
    amplification, good = sent / len(answers), sum(one.status == 200 for one in answers) / len(answers)
    said = f"{amplification:.2f} x, {good:.0%} good"
    yield Row("R8", "three in ten fail: requests upstream", "<= 1.1 x", said, amplification <= 1.11)


async def _load(some: object, model: str, seconds: float, per_s: float) -> tuple[list[Answer], float]:
    stop, answers = asyncio.Event(), []
    asyncio.get_running_loop().call_later(seconds, stop.set)
    start_s = time.monotonic()
    await steady(some, request(chat(model)), per_s, stop, answers)  # type: ignore[arg-type]
    return answers, time.monotonic() - start_s


async def _healed(some: object) -> float:
    """Seconds until a quarter of a second is 95 % good."""
    start_s = time.monotonic()
    while time.monotonic() < start_s + 15:
        answers, _ = await _load(some, "storm", 0.25, 100)
        if sum(one.status == 200 for one in answers) >= 0.95 * len(answers):
            return time.monotonic() - 0.25 - start_s
    return float("inf")


async def hangs(up: Upstream) -> AsyncIterator[Row]:
    """R9: every model server hangs; budgets of 50, 150 and 500 ms with 1, 16 and 64 in flight."""
    budgets = {f"b{ms}": ms for ms in (50, 150, 500)}
    chain = {"failure": ("default",), "default_body": "Not now."}
    each = {name: {"budget_s": ms / 1000} for name, ms in budgets.items()}
    policy = policy_of(up, dict.fromkeys(budgets, "hang"), use_case=chain | each, breaker=NEVER)
    with Serve(policy) as serve:
        for name, ms in budgets.items():
            for at_once in (1, 16, 64):
                answers = await _closed(serve, request(chat(name)), at_once, max(2, int(2500 / ms)))
                yield _in_budget(f"hang, budget {ms} ms, {at_once} in flight", answers, ms)
        sent = request(chat("b500", stream=True))
        stalled = await _closed(serve, sent, 16, 5)
        yield _in_budget("stream before its first token, 500 ms, 16 in flight", stalled, 500)
    stall = policy_of(up, {"stall": "hang-3"}, use_case={"budget_s": 0.5}, breaker=NEVER)
    with Serve(stall) as serve:
        answers = await _closed(serve, request(chat("stall", stream=True)), 16, 5)
        row = _in_budget("stream that stalls after 3 tokens, 500 ms", answers, 500)
        ended = sum(b"error" in one.body and one.end == "whole" for one in answers)
        yield row._replace(
            goal=f"{row.goal}, told by an error event",
            measured=f"{row.measured}, {ended} told",
            held=row.held and ended == len(answers),
        )


async def _closed(serve: Serve, sent: bytes, at_once: int, turns: int) -> list[Answer]:
    answers: list[Answer] = []

    async def one() -> None:
        line = Line(serve.port)
        answers.extend([await line.ask(sent, 5) for _ in range(turns)])
        line.close()

    warm = Line(serve.port)
    await warm.ask(request(b"", path="/healthz", method="GET"))
    warm.close()
    await asyncio.gather(*(one() for _ in range(at_once)))
    return answers


def _in_budget(what: str, answers: list[Answer], budget_ms: int) -> Row:
    p99, worst = p99_ms(answers), max(one.seconds for one in answers) * 1000
    answered = sum(one.status != 0 and one.end == "whole" for one in answers)
    hung = sum(one.seconds * 1000 >= 0.9 * budget_ms for one in answers)
    held = p99 <= budget_ms + GRACE_MS and answered == len(answers)
    said = f"p99 {p99:.0f} ms, worst {worst:.0f}, {answered} of {len(answers)} answered ({hung} met the hang)"
    return Row("R9", what, f"<= {budget_ms + GRACE_MS} ms, 100 %", said, held)


GOOD = frozenset({"one-byte-each", "after-done", "no-done", "bad-utf8"})
"""Streams that hold an answer, if a sloppy one."""
EITHER = frozenset({"no-done", "after-done", "bad-utf8"})
"""Those of them that may count as a success or not."""
EARLY = frozenset(
    {"error-first", "cut-at-head", "empty", "garbage", "bad-json", "wrong-type", "huge-event", "bad-utf8"}
)
"""Streams of which no token reaches the client before they fail."""


async def hostile(up: Upstream) -> AsyncIterator[Row]:
    """R10: streams that end in an error under 200, are cut, lie or never end; then a frozen engine."""
    behaviours = {name: f"raw-{name}" for name in HOSTILE} | {"good": "ok"}
    policy = policy_of(up, behaviours, use_case={"budget_s": 3.0}, breaker=NEVER)
    hung, crashed, unsaid = [], [], []
    with Serve(policy) as serve:
        (worker,) = serve.worker_pids
        for name in HOSTILE:
            sent = request(chat(name, stream=True), {"x-breakeven-session": name})
            answer = await once(serve.port, sent, 6)
            if answer.end == "timeout":
                hung.append(name)
            elif answer.status == 0:
                crashed.append(name)
            elif name not in GOOD and _looks_good(answer):
                unsaid.append(name)
        crashed += [] if serve.worker_pids == [worker] else ["the worker was replaced"]
        after = (await once(serve.port, request(chat("good")))).status
        records = await asyncio.to_thread(serve.records)
    status = {record.session: record.status for record in records}
    counts = Counter(record.session for record in records)
    total = len(HOSTILE)
    yield Row("R10", f"{total} hostile streams: hung", "0", f"{len(hung)} {hung or ''}", not hung)
    yield Row("R10", "hostile streams: crashes, no answer", "0", f"{len(crashed)} {crashed or ''}", not crashed)
    yield Row("R10", "broken ones without an error told", "0", f"{len(unsaid)} {unsaid or ''}", not unsaid)
    many = {name: counts[name] for name in HOSTILE if counts[name] != 1}
    yield Row("R10", "exactly one record each", f"{total}", f"{total - len(many)} {many or ''}", not many)
    wrong = {
        name: status.get(name)
        for name in HOSTILE
        if name not in EITHER and (status.get(name) == "answered") != (name in GOOD)
    }
    yield Row("R10", "counted as success exactly when it was", "all", f"{wrong or 'all'}", not wrong)
    yield Row("R10", "a good request afterwards", "200", f"{after}", after == 200)
    async for row in _failover(up):
        yield row
    async for row in _frozen(up):
        yield row


def _looks_good(answer: Answer) -> bool:
    return answer.status == 200 and answer.end == "whole" and b'"error"' not in answer.data


async def _failover(up: Upstream) -> AsyncIterator[Row]:
    """With another model at hand: taken before the first token, never after it."""
    names = [name for name in HOSTILE if name not in GOOD]
    behaviours = {name: f"raw-{name}" for name in names} | {"good": "ok"}
    chain = {"budget_s": 3.0, "failure": ("deployment:good", "error")}
    switched, rescued = [], 0
    with Serve(policy_of(up, behaviours, use_case=chain | {"good": {"failure": ("error",)}}, breaker=NEVER)) as serve:
        for name in names:
            answer = await once(serve.port, request(chat(name, stream=True)), 6)
            tokens = answer.data.count(b"token ")
            if name not in EARLY and tokens > 2:
                switched.append(name)
            rescued += name in EARLY and tokens >= 30
    yield Row("R10", "model switched after the first token", "0", f"{len(switched)} {switched or ''}", not switched)
    early = sum(name in EARLY for name in names)
    yield Row("R10", "failed before it: answered by the next model", f"{early}", f"{rescued}", rescued == early)


async def _frozen(up: Upstream) -> AsyncIterator[Row]:
    """An engine that accepts and is silent, while its /health answers 200."""
    policy = policy_of(
        up, {"frozen": "hang", "good": "ok"}, use_case={"budget_s": 1.0, "failure": ("deployment:good", "error")}
    )
    backends = tuple(msgspec.structs.replace(one, stall_s=0.5, timeout_s=0.4) for one in policy.backends)
    with Serve(msgspec.structs.replace(policy, backends=backends)) as serve:
        health = (await once(up.port, b"GET /hang/v1/health HTTP/1.1\r\nhost: x\r\n\r\n")).status
        async with lines(serve) as some:
            first, _ = await _load(some, "frozen", 3, 20)
            up.told("_forget")
            late, _ = await _load(some, "frozen", 3, 20)
        probes = up.told()["seen"].get("hang", 0)
    good = sum(one.status == 200 for one in first + late)
    said = f"{probes} of {len(late)} went there, {good} of {len(first + late)} answered"
    held = probes <= 6 and good == len(first + late) and health == 200
    yield Row("R10", "frozen engine, /health 200: after 3 s", "probes only, all answered", said, held)
