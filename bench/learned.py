"""CPU of a choice by a learned router, beside one of the strategy `fixed` in the same run.

    python bench/learned.py [--json] [--served] [--requests 3000]

The choice alone, in this process: reading the text out of the body, the score, and `pick` among two targets, by
length of the prompt, the least of five rounds. With `--served` also the gateway worker's CPU a request, both policies
one after the other under bench/client.py (its prompt has 330 characters): Linux only.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from served import KEY, Serve, Upstream, client, cpu_s, full_policy

from breakeven.app.lever import weights
from breakeven.gateway.decision.conditions import Conditions
from breakeven.gateway.decision.contract import Contract
from breakeven.gateway.decision.index import Index, index
from breakeven.gateway.decision.request import Request
from breakeven.gateway.decision.routing import pick
from breakeven.gateway.decision.said import said_in
from breakeven.metric.routing_pack import packed
from breakeven.schema.policy import Policy, Route, RouteTarget
from breakeven.schema.routing import Router

QUESTION = Path(__file__).parents[1] / "examples/levers/levers.yaml"
WORDS = ("the", "customer", "asks", "about", "an", "order", "of", "lamps", "that", "came", "late", "and", "compares")
LENGTHS = (100, 300, 1000, 2048, 100_000)
CHOICES, ROUNDS, WINDOWS = 300, 5, 3


def policies() -> dict[str, Policy]:
    """The full policy of the benches, over two targets: by `fixed` and by a router of 65,536 buckets."""
    learned = weights(QUESTION)
    router = Router(strong=("one",), weak=("two",), threshold=learned.threshold or 0.0, packed=packed(learned))
    base = full_policy("http://127.0.0.1:9/v1")
    targets = (RouteTarget(deployment="one"), RouteTarget(deployment="two"))
    routes = {
        "fixed": Route(strategy="fixed", targets=targets),
        "learned": Route(strategy="learned", targets=targets, router=router),
    }
    return {
        name: msgspec.structs.replace(
            base, id=f"bench-{name}", use_cases=(msgspec.structs.replace(base.use_cases[0], route=route),)
        )
        for name, route in routes.items()
    }


def text_of(length: int) -> str:
    """Words that differ, so many characters of them."""
    words = (f"{WORDS[at % len(WORDS)]}{at if at % 5 == 0 else ''}" for at in range(length))
    return " ".join(words)[:length]


def choice_us(ready: Index, body: bytes, *, learned: bool) -> float:
    """Microseconds of CPU: the text out of the body where a router wants it, then the choice."""
    use_case, conditions = next(iter(ready.use_cases.values())), Conditions()
    conditions.adopt(ready.policy)
    fields: dict[str, Any] = {"request_id": "r", "prediction_ids": ("r",), "protocol": "chat", "use_case": use_case}
    fields |= {"tenant": "acme", "contract": Contract(), "time_s": 0.0, "received_s": 0.0, "seed": 1}
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(CHOICES):
            said = said_in("chat", body) if learned else None
            pick(conditions, ready, Request(**fields, said=said), 1.0)
        best = min(best, (time.process_time() - begun) / CHOICES * 1e6)
    return best


def choices() -> Iterator[dict[str, float]]:
    """Both strategies by length of the prompt."""
    ready = {name: index(policy) for name, policy in policies().items()}
    for length in LENGTHS:
        message = {"role": "user", "content": text_of(length)}
        body = json.dumps({"model": "m", "messages": [{"role": "system", "content": "Be terse."}, message]}).encode()
        fixed, learned = (choice_us(ready[name], body, learned=name == "learned") for name in ("fixed", "learned"))
        yield {"characters": length, "fixed_us": fixed, "learned_us": learned, "ratio": learned / fixed}


def worker_us(up: Upstream, policy: Policy, requests: int) -> float:
    """The gateway worker's CPU a request, median of three windows."""
    backends = tuple(msgspec.structs.replace(one, base_url=up.url()) for one in policy.backends)
    found = []
    with Serve(msgspec.structs.replace(policy, backends=backends)) as serve:
        (worker,) = serve.worker_pids
        for window in range(WINDOWS + 1):
            before = cpu_s([worker])
            told = client(url=serve.url, key=KEY, requests=requests, first=window * 10**7)
            if told["errors"]:
                raise SystemExit(told["first_error"])
            found.append((cpu_s([worker]) - before) / requests * 1e6)
    return statistics.median(found[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--served", action="store_true")
    parser.add_argument("--requests", type=int, default=3000)
    asked = parser.parse_args()
    found: dict[str, Any] = {"choices": list(choices())}
    if asked.served:
        with Upstream() as up:
            found["worker_us"] = {name: worker_us(up, policy, asked.requests) for name, policy in policies().items()}
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    for one in found["choices"]:
        print(f"{one['characters']:>7} characters: fixed {one['fixed_us']:.1f} us, learned {one['learned_us']:.1f} us")
    for name, value in found.get("worker_us", {}).items():
        print(f"worker, {name}: {value:.0f} us a request")


if __name__ == "__main__":
    main()
