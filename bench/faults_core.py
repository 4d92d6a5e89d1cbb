"""How many requests a CPU-minute the gateway's own exchanges and core serve in virtual time, all faults mixed.

    python bench/faults_core.py [--json] [--requests 50000] [--seed 1]

`chaos_per_cpu_minute` is the world of tests/faults/chaos.py; `plain_per_cpu_minute` the same clients and servers with
nothing wrong, one use case and one budget. Each is the best of three windows.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from breakeven.schema.policy import Budget, Retry

FAULTS = Path(__file__).parent.parent / "tests" / "faults"
WINDOWS = 3


def load(name: str) -> ModuleType:
    """A module of the tests, which are no package."""
    spec = importlib.util.spec_from_file_location(f"faults_{name}", FAULTS / f"{name}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(FAULTS / f"{name}.py")
    found = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def plain(sim: ModuleType, requests: int, seed: int) -> Any:  # noqa: ANN401 - of a module that is loaded
    """Two servers, a budget, retries and a chain that are not needed."""
    use_case = {"budget_s": 5.0, "failure": ("default", "error"), "default_body": "sorry", "retry": Retry()}
    budgets = (Budget(name="money", limit_pico_usd=10**15),)
    world = sim.World(sim.make_policy(names="ab", use_case=use_case, budgets=budgets), seed)
    at = 0.0
    for _ in range(requests):
        at += world.random.expovariate(200)
        world.ask(at)
    return world


def per_cpu_minute(make: Callable[[], Any], requests: int) -> float:
    """The best of some windows, the making of the world included."""
    took_s = []
    for _ in range(WINDOWS):
        gc.collect()
        began_s = time.process_time()
        world = make().run()
        took_s.append(time.process_time() - began_s)
        world.at_rest()
    return 60 * requests / min(took_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    gc.disable()  # everything is kept until the end of a window anyway
    sim, chaos = load("world"), load("chaos")
    sim.install(setattr)
    found = {
        "requests": asked.requests,
        "chaos_per_cpu_minute": per_cpu_minute(lambda: chaos.chaos(sim, asked.requests, asked.seed), asked.requests),
        "plain_per_cpu_minute": per_cpu_minute(lambda: plain(sim, asked.requests, asked.seed), asked.requests),
    }
    if asked.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:24} {value:12,.0f}")


if __name__ == "__main__":
    main()
