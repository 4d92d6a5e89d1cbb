"""The scaling loop over real sockets: `python bench/scale_fleet.py [--windows 18]`.

Load goes to a gateway (`breakeven serve`), the gateway to a fleet of emulated replicas that start and stop; the loop
reads the gateway's /metrics and posts to the fleet's /scale, as `breakeven scale run` does. The trace is ServeGen's
m-small, a window of ten minutes in ten seconds. Prints one JSON object: what was attained and paid, beside what the
fluid model promised.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np
import uvicorn

from breakeven.assembly.scaling import read_rates
from breakeven.assembly.scaling_drive import drive, seeing, telling
from breakeven.demo.process import Processes, free_port
from breakeven.emulator.elastic import Elastic
from breakeven.emulator.server import Settings
from breakeven.errors import BackendError
from breakeven.planner.scaling.promise import known, promise
from breakeven.planner.scaling.rule import Ask, Demand, make_rule
from breakeven.schema.noun import Figure
from breakeven.schema.performance import StepCurve
from breakeven.schema.scaling import ScalingRule
from breakeven.schema.workload import pack
from breakeven.wire.client import Client

RATES = Path(__file__).parent / "data/servegen_m_small_rates.csv.xz"
FASTER = 60
"""Ten minutes in ten seconds."""
CURVE = StepCurve(
    prefill_s_per_token=0.0002, step_base_s=0.1, step_per_sequence_s=0.005, step_per_context_s=0.0, max_sequences=64,
    kv_tokens=200_000,
)  # fmt: skip
GOODPUT_RPS, IN_FLIGHT, TARGET_S, MEAN_RPS = 9.0, 20, 2.5, 30.0
FIRST = 9 * 144 + 60
BODY = {"messages": [{"role": "user", "content": "x"}],
        "metadata": {"emulate_input_tokens": "20", "emulate_output_tokens": "10"}}  # fmt: skip


def rule_for(rates: np.ndarray) -> ScalingRule:
    def figure(value: float) -> Figure:
        return Figure(value=value, unit="", basis="assumed")

    asked = Ask(
        use_case="default", deployment="upstream", goodput_rps=figure(GOODPUT_RPS), idle_usd_per_hour=figure(1.0),
        miss_usd_per_hour=figure(19.0), target_in_flight=figure(IN_FLIGHT), cold_start_s=figure(300 / FASTER), most=40,
        interval_s=60 / FASTER, stabilisation_s=300 / FASTER,
    )  # fmt: skip
    return make_rule(asked, Demand(rates_rps=pack(rates.tolist()), step_s=600 / FASTER), mean_rps=1.0, p95_rps=1.0)


class Load:
    """Poisson arrivals at the gateway, and what came of each."""

    def __init__(self, client: Client, url: str) -> None:
        self.client, self.url = client, f"{url}/v1/chat/completions"
        self.asked = self.inside = self.late = self.refused = 0
        self.slowest_s = 0.0

    async def run(self, rates: np.ndarray, step_s: float) -> None:
        rng, loop, tasks = np.random.default_rng(5), asyncio.get_running_loop(), []
        began = loop.time()
        for place, rate in enumerate(rates.tolist()):
            for at in np.sort(rng.uniform(0, step_s, rng.poisson(rate * step_s))).tolist():
                await asyncio.sleep(max(0.0, began + place * step_s + at - loop.time()))
                tasks.append(asyncio.ensure_future(self.one()))
        await asyncio.gather(*tasks)

    async def one(self) -> None:
        began, body = time.monotonic(), msgspec.json.encode({"model": "m", **BODY})
        self.asked += 1
        try:
            answer = await self.client.request("POST", self.url, [("content-type", "application/json")], body)
            await answer.read()
        except BackendError:
            self.refused += 1
            return
        took_s = time.monotonic() - began
        self.slowest_s = max(self.slowest_s, took_s)
        if answer.status != 200:
            self.refused += 1
        elif took_s <= TARGET_S:
            self.inside += 1
        else:
            self.late += 1


async def scene(windows: int, folder: Path) -> dict[str, object]:
    rates = read_rates(RATES)[0].rates
    rates = rates[: FIRST + windows] * (MEAN_RPS / rates.mean())
    rule = rule_for(rates[:FIRST])
    before = known(rule, rates[:FIRST])
    settings = Settings(curve=CURVE, model="m", label="bench")
    fleet = Elastic(
        settings, cold_start_s=rule.cold_start_s, replicas=before.replicas or 1, most_in_flight=IN_FLIGHT
    )  # fmt: skip
    port, gateway_port = free_port(), free_port()
    server = uvicorn.Server(
        uvicorn.Config(fleet, port=port, lifespan="off", ws="none", log_level="warning", access_log=False)
    )
    serving = asyncio.ensure_future(server.serve())
    gateway = f"http://127.0.0.1:{gateway_port}"
    with Processes(folder) as processes:
        serve = ("serve", "--openai-base-url", f"http://127.0.0.1:{port}/v1", "--port", str(gateway_port))
        ready = f"{gateway}/readyz"
        data = ("--console-port", "0", "--data-dir", str(folder / "data"))
        await asyncio.to_thread(processes.start, "serve", (*serve, *data), ready)
        async with Client() as client:
            see = seeing(client, f"{gateway}/metrics", rule)
            tell = telling(client, f"http://127.0.0.1:{port}/scale")
            paid_s, load = fleet.told().replica_s, Load(client, gateway)
            driving = asyncio.ensure_future(drive(rule, see, tell, state=before))
            await load.run(rates[FIRST:], rule.ahead.step_s)
            driving.cancel()
            paid_s = fleet.told().replica_s - paid_s
    server.should_exit = True
    await serving
    promised = promise(rule, rates, FIRST)
    return {
        "asked": load.asked,
        "attainment": round(load.inside / load.asked, 4),
        "attainment_promised": round(promised.attainment, 4),
        "late": load.late,
        "refused": load.refused,
        "slowest_s": round(load.slowest_s, 2),
        "replica_hours": round(paid_s * FASTER / 3600, 2),
        "replica_hours_promised": round(promised.replica_hours * FASTER, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=18, help="of ten seconds")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(scene(asked.windows, Path(folder)))))


if __name__ == "__main__":
    main()
