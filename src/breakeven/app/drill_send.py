"""The requests that a drill sends itself: few and small, spread over its time."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from breakeven.assembly import drilling, project
from breakeven.config.settings import Settings
from breakeven.errors import UsageError
from breakeven.measure.exchange import Request
from breakeven.measure.open_loop import Shot
from breakeven.schema.noun import Noun
from breakeven.schema.policy import Drill, Policy, UseCase

TAKEN_UP_S = 0.75
"""By then every worker has noticed that the lock changed."""
PATIENCE_S = 5.0
"""How much longer than its budget an answer is waited for."""
UNBOUNDED_S = 30.0
"""How long is waited for a use case without a budget."""
MOST_SENT = 10_000
DEFAULT_URL = "http://127.0.0.1:8080"
OPENAI = "openai"


class Load(Noun, frozen=True, kw_only=True):
    """Requests that the drill sends itself: how many, of which use case and model ("" is the first), where, with what.

    `key` is a bearer token.
    """

    requests: int = 0
    use_case: str = ""
    model: str = ""
    url: str = DEFAULT_URL
    key: str = ""


def url_of(config: Path, stated: str | None) -> str:
    """Where the gateway listens: stated, or the configuration's, or the default."""
    if stated is not None:
        return stated.rstrip("/").removesuffix("/v1")
    if not config.exists():
        return DEFAULT_URL
    found: Settings = project.load(config).settings
    host = "127.0.0.1" if found.gateway.host in {"0.0.0.0", "::"} else found.gateway.host  # noqa: S104 - what it means
    return f"http://[{host}]:{found.gateway.port}" if ":" in host else f"http://{host}:{found.gateway.port}"


def shots(policy: Policy, drill: Drill, load: Load) -> list[Shot]:
    """Small requests, spread over the time in which every worker plays the drill."""
    case = _case(policy, drill, load)
    target = next(one for one in policy.deployments if one.name == drill.deployment)
    kind = next(one.kind for one in policy.backends if one.name == target.backend)
    if kind != OPENAI or case.decision is not None:
        message = f"--send asks chat completions, and {drill.deployment} is of kind {kind}"
        raise UsageError(message, "leave --send out, and send requests of your own while the drill is on")
    model = load.model or next(iter(case.models), "") or target.model
    if not model:
        message = f"use case {case.name} names no model"
        raise UsageError(message, "name one with --model")
    if load.requests > MOST_SENT:
        message = f"--send {load.requests:,}, more than {MOST_SENT:,}"
        raise UsageError(message, "a drill needs few requests; `breakeven measure` puts load on a server")
    length_s = drill.until_s - drill.from_s
    first_s = min(TAKEN_UP_S, length_s / 2)
    step_s = (length_s - first_s) / (load.requests + 1)
    return [
        Shot(first_s + number * step_s, partial(_chat, load, case, model, f"{drill.id}/{number}"))
        for number in range(1, load.requests + 1)
    ]


def _case(policy: Policy, drill: Drill, load: Load) -> UseCase:
    cases = drilling.reached(policy, drill.deployment)
    if not cases:
        message = f"no use case routes to {drill.deployment}, nor falls back to it"
        raise UsageError(message, "drill a deployment that a route names")
    if not load.use_case:
        return cases[0]
    found = next((case for case in policy.use_cases if case.name == load.use_case), None)
    if found is None:
        names = ", ".join(case.name for case in cases)
        message = f"the policy in force has no use case {load.use_case}"
        raise UsageError(message, f"those that may ask {drill.deployment}: {names}")
    return found


def _chat(load: Load, case: UseCase, model: str, text: str) -> Request:
    body = {"model": model, "max_tokens": 8, "messages": [{"role": "user", "content": f"A drill: {text}"}]}
    headers = [("content-type", "application/json"), ("x-breakeven-use-case", case.name)]
    if load.key:
        headers.append(("authorization", f"Bearer {load.key}"))
    return Request(
        method="POST",
        url=f"{load.url}/v1/chat/completions",
        headers=tuple(headers),
        body=json.dumps(body).encode(),
        timeout_s=(case.budget_s or UNBOUNDED_S) + PATIENCE_S,
    )
