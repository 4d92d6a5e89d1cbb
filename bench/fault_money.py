"""Money that must not be overspent, and words that must not come out."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from raw import Answer, Line, chat, once, request
from served import CORES, PRICE, Serve, Upstream, policy_of
from verdict import Row

from breakeven.schema.policy import Backend, Budget, Policy, PolicyDeployment, Route, RouteTarget, UseCase

WORKERS, CLIENTS = 8, 64
COST_PICO_USD = 90 * (PRICE.input_pico_usd or 0) + 33 * (PRICE.output_pico_usd or 0)
"""What the model server says every answer used, at the deployment's price."""
AFFORDABLE = 2500


async def race(up: Upstream) -> AsyncIterator[Row]:
    """R24: 64 clients through 8 workers until a hard budget is spent; then again, with one worker killed half way."""
    budgets = tuple(
        Budget(name=name, use_case=name, limit_pico_usd=AFFORDABLE * COST_PICO_USD, hard=True, period="total")
        for name in ("calm", "kill")
    )
    policy = policy_of(up, {"calm": "delay-2", "kill": "delay-2"}, budgets=budgets)
    with Serve(policy, workers=WORKERS, cores=set(CORES)) as serve:
        for name in ("calm", "kill"):
            up.told("_forget")
            killer = asyncio.create_task(_kill_one(serve, up)) if name == "kill" else None
            answers = await _spend(serve, name)
            if killer is not None:
                await killer
            served = up.told()["seen"].get("delay-2", 0)
            over = max(0, served - AFFORDABLE) * COST_PICO_USD / 1e12
            refused = sum(one.status not in {0, 200} for one in answers)
            limit = AFFORDABLE * COST_PICO_USD / 1e12
            said = f"{over:.4f} USD over {limit:.2f} ({served} of {AFFORDABLE} sent, {refused} refused)"
            what = f"budget, {CLIENTS} clients x {WORKERS} workers{', one killed' if killer else ''}: overspend"
            yield Row("R24", what, "0", said, served <= AFFORDABLE and refused > 0)
            if killer is None:
                share = served / AFFORDABLE
                yield Row("R24", "of the budget used", ">= 97 %", f"{share:.1%}", 0.97 <= share <= 1)


async def _spend(serve: Serve, model: str) -> list[Answer]:
    """Every client asks until it was refused ten times."""
    answers: list[Answer] = []
    asked = 0

    async def one() -> None:
        nonlocal asked
        line, refused = Line(serve.port), 0
        while refused < 10 and asked < 2 * AFFORDABLE:
            asked += 1
            answer = await line.ask(request(chat(model)), 10)
            answers.append(answer)
            if answer.status != 200:
                refused += 1
                line.close()
                line = Line(serve.port)
                await asyncio.sleep(0.1)
        line.close()

    await asyncio.gather(*(one() for _ in range(CLIENTS)))
    return answers


async def _kill_one(serve: Serve, up: Upstream) -> None:
    for _ in range(600):
        await asyncio.sleep(0.05)
        if (await asyncio.to_thread(up.told))["seen"].get("delay-2", 0) > AFFORDABLE // 2:
            os.kill(serve.worker_pids[0], signal.SIGKILL)
            return


MARK = "CANARY7f3a"
CANARIES = (
    f"sk-{MARK}0000000000000000000000000000", f"sk-ant-api03-{MARK}", f"AIza{MARK}SyD0000000000000000000000",
    f"ghp_{MARK}000000000000000000000000", f"AKIA{MARK}000000", f"xoxb-{MARK}-000000", f"eyJhbGciOiJIUzI1NiJ9.{MARK}.x",
    f"-----BEGIN PRIVATE KEY-----{MARK}", f"glpat-{MARK}00000000", f"hf_{MARK}0000000000000000",
)  # fmt: skip


async def canaries(up: Upstream) -> AsyncIterator[Row]:
    """R28: keys and prompts with a mark in them through good answers, refusals and every kind of failure."""
    behaviours = {"ok": "ok", "fail": "status-503", "hang": "hang", "die": "raw-error-done", "cut": "raw-cut",
                  "bad": "raw-garbage"}  # fmt: skip
    policy = policy_of(up, behaviours, use_case={"budget_s": 0.3})
    dead = Backend(name="dead", kind="openai", base_url="http://127.0.0.1:9/v1", api_key_env="BENCH_UPSTREAM_KEY")
    policy = _with_dead(policy, dead)
    echoed, asked = [], 0
    with Serve(policy, env={"BENCH_UPSTREAM_KEY": CANARIES[0]}) as serve:
        for canary in CANARIES:
            text = f"my key is {canary}, keep it"
            bodies = [
                chat(model, stream=stream, text=text, user=canary)
                for model in (*behaviours, "dead")
                for stream in (True, False)
            ]
            bodies += [f'{{"model":"ok","messages":[{{"role":"user","content":"{canary}"'.encode()]
            bodies += [chat("ok", text=text, temperature=canary)]
            sent = [request(body) for body in bodies]
            clean = canary.replace("\n", "")
            sent += [request(chat("ok"), key=clean), request(chat("ok"), {"x-api-key": clean, "cookie": f"s={clean}"})]
            sent += [
                request(chat("ok", text=text), {"x-breakeven-labels": "broken"}),
                request(b"", path=f"/v1/{MARK}", method="GET"),
            ]
            for one in sent:
                asked += 1
                answer = await once(serve.port, one, 5)
                own_path = MARK.encode() in one.split(b"\r\n", 1)[0]
                if MARK.encode() in answer.data and not own_path:
                    echoed.append(answer.data[:200])
        metrics = (await once(serve.port, request(b"", path="/metrics", method="GET"))).data
        records = await asyncio.to_thread(serve.records)
        found = {str(path.relative_to(serve.folder)) for path in serve.folder.rglob("*") if _holds(path)}
        in_rows = [name for record in records for name, value in record.items() if MARK in str(value)]
        log = serve.log.read_text(errors="replace").count(MARK)
    yield Row(
        "R28", f"{asked} requests with canaries: in answers", "0", f"{len(echoed)} {echoed[:1] or ''}", not echoed
    )
    yield Row("R28", "in the log", "0", f"{log}", not log)
    yield Row("R28", "in /metrics", "0", f"{metrics.count(MARK.encode())}", MARK.encode() not in metrics)
    said = f"{len(found)} files {sorted(found)[:3] or ''}, {len(in_rows)} cells {sorted(set(in_rows)) or ''}"
    yield Row("R28", f"in the data directory, {len(records)} records read", "0", said, not found and not in_rows)


def _with_dead(policy: Policy, dead: Backend) -> Policy:
    """One more use case, whose model server is not there."""
    route = Route(strategy="fixed", targets=(RouteTarget(deployment="dead"),))
    return msgspec.structs.replace(
        policy,
        backends=(*policy.backends, dead),
        deployments=(*policy.deployments, PolicyDeployment(name="dead", backend="dead", tokens=PRICE)),
        use_cases=(*policy.use_cases, UseCase(name="dead", models=("dead",), route=route, budget_s=0.3)),
    )


def _holds(path: Path) -> bool:
    return path.is_file() and MARK.encode() in path.read_bytes()
