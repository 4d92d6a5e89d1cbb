"""Many workers race for one hard budget: `python bench/budget_race.py [--json]`.

Each of `--workers` processes runs `--coroutines` loops that reserve the worst case, call (a sleep), and settle at a
random part of it, until they are refused. What a call costs is appended to a file of the worker when it begins, also
where the worker then dies, so that the sums do not depend on what is measured. Three runs:

- race: a budget of 10 USD, calls of 0.01 to 0.06 USD that each reserve 0.06
- kill: a budget of 100 USD, while lease holders are killed with SIGKILL at random instants and replaced
- wide: a budget of 1,000 mean calls, `--coroutines` 4, for the visits of the store per request

used_share is what calls consumed of the budget; in the kill run what dead workers had in flight counts as spent too,
so it may be lower by that, and requests of the dead are not counted. unspent_usd is what was neither consumed nor
reserved when the first call was refused. Timed besides: one reserve and settle, and finding the purses of a request.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import struct
import tempfile
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import msgspec

from breakeven.gateway.allowance.keeper import Keeper
from breakeven.gateway.decision.allowance import Allowance
from breakeven.gateway.decision.purse import Purse, heap_cells
from breakeven.schema.policy import Budget, Policy, Quota, Tenant

USD = 10**12
WORST = 6 * USD // 100
LEAST = USD // 100
MEAN = (WORST + LEAST) // 2
CALL_S = (0.002, 0.02)
PATIENCE_S = 1.0
TICK_S = 0.25
ROW = struct.Struct("d?q")
"""Seconds of the system's monotonic clock, whether the call ended (or began), its cost in pico-USD."""


def policy(limit: int) -> Policy:
    budget = Budget(name="race", limit_pico_usd=limit, period="total")
    return Policy(id="race", use_cases=(), deployments=(), backends=(), budgets=(budget,))


class Worker:
    """One process: loops until refused, then writes how often it asked, visited the store, and when."""

    def __init__(self, folder: Path, name: str, limit: int) -> None:
        self.folder, self.name = folder, name
        self.keeper = Keeper(folder, name)
        self.keeper.adopt(policy(limit))
        self.consumed = os.open(folder / f"{name}.consumed", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.random = random.Random(name)
        self.requests = 0
        self.refused_at = 0.0

    async def run(self, coroutines: int) -> None:
        ticking = asyncio.create_task(self.tick())
        await asyncio.gather(*(self.loop() for _ in range(coroutines)))
        ticking.cancel()
        operations = self.keeper.operations
        await self.keeper.close()
        (self.folder / f"{self.name}.json").write_text(
            json.dumps([self.requests, operations, self.refused_at]), encoding="ascii"
        )

    async def tick(self) -> None:
        while True:
            self.keeper.tick(time.time())
            await asyncio.sleep(TICK_S)

    async def loop(self) -> None:
        while True:
            (purse,) = self.keeper.purses("", "", time.time())
            if not await self.keeper.reserve(purse, WORST, PATIENCE_S):
                self.refused_at = self.refused_at or time.monotonic()
                return
            self.requests += 1
            cost = self.random.randint(LEAST, WORST)
            self.write(ended=False, cost=cost)
            await asyncio.sleep(self.random.uniform(*CALL_S))
            self.write(ended=True, cost=cost)
            purse.settle(WORST, cost)

    def write(self, *, ended: bool, cost: int) -> None:
        os.write(self.consumed, ROW.pack(time.monotonic(), ended, cost))


def work(folder: str, name: str, limit: int, coroutines: int, go: Event | None) -> None:
    async def main() -> None:
        if go is not None:
            (Path(folder) / f"{name}.ready").touch()
            go.wait()
        await Worker(Path(folder), name, limit).run(coroutines)

    asyncio.run(main())


def calls(folder: Path) -> list[tuple[float, bool, int]]:
    return [row for path in folder.glob("*.consumed") for row in ROW.iter_unpack(path.read_bytes())]


def unspent(limit: int, made: list[tuple[float, bool, int]], at: float) -> int:
    """What was left at an instant, with what was in flight counted at its reservation."""
    return limit - sum(cost - WORST if ended else WORST for time_s, ended, cost in made if time_s <= at)


def race(limit: int, workers: int, coroutines: int, kills: int = 0, seed: int = 0) -> dict[str, float]:
    """One run; see the module's text."""
    context, drawn = multiprocessing.get_context("spawn"), random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def start(number: int, go: Event | None = None) -> BaseProcess:
            process = context.Process(target=work, args=(name, f"w{number:03d}", limit, coroutines, go))
            process.start()
            return process

        go = context.Event()
        running = [start(number, go) for number in range(workers)]
        while len(list(folder.glob("*.ready"))) < workers:
            time.sleep(0.01)
        go.set()
        killed = 0
        while any(process.is_alive() for process in running):
            time.sleep(drawn.uniform(0.01, 0.1))
            if killed < kills and calls(folder):
                place = drawn.randrange(workers)
                if running[place].is_alive():
                    running[place].kill()
                    running[place].join()
                    killed += 1
                    running[place] = start(workers + killed)
        counts = [json.loads(path.read_text(encoding="ascii")) for path in folder.glob("*.json")]
        made = calls(folder)
    requests, operations, refused_at = zip(*counts, strict=True)
    total = sum(cost for _, ended, cost in made if not ended)
    return {
        "overspend_usd": max(0, total - limit) / USD,
        "used_share": total / limit,
        "unspent_usd": unspent(limit, made, min(refused_at)) / USD,
        "requests": sum(requests),
        "store_ops_per_request": sum(operations) / max(1, sum(requests)),
        "kills": killed,
    }


def each_us(job: Callable[[], object], times: int = 100_000) -> float:
    began = time.perf_counter()
    for _ in range(times):
        job()
    return (time.perf_counter() - began) / times * 1e6


def costs() -> dict[str, float]:
    """Microseconds of the two steps that every request takes."""
    purse = Purse(Allowance(name="b", kind="money", key="b", limit=USD), heap_cells())
    purse.grant(USD)

    def once() -> None:
        purse.reserve(2)
        purse.settle(2, 0)

    async def finding() -> float:
        with tempfile.TemporaryDirectory() as name:
            keeper = Keeper(Path(name), "n")
            quota = Quota(requests_per_s=100, tokens_per_min=10**6, requests_per_day=10**6)
            keeper.adopt(msgspec.structs.replace(policy(USD), tenants=(Tenant(name="t", quota=quota),)))
            now = time.time()
            for one in keeper.purses("t", "", now):
                await keeper.reserve(one, 1)
            spent = each_us(lambda: keeper.purses("t", "", now))
            await keeper.close()
            return spent

    return {"reserve_settle_us": each_us(once), "purses_us": asyncio.run(finding())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--coroutines", type=int, default=64)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    runs = {
        "race": race(10 * USD, options.workers, options.coroutines),
        "kill": race(100 * USD, options.workers, options.coroutines, options.kills),
        "wide": race(1000 * MEAN, options.workers, 4),
    }
    found = {
        "overspend_usd": max(one["overspend_usd"] for one in runs.values()),
        "used_share": runs["race"]["used_share"],
        "store_ops_per_request": runs["wide"]["store_ops_per_request"],
        **costs(),
        "runs": runs,
    }
    print(json.dumps(found) if options.json else json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
