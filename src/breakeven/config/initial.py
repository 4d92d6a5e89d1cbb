"""The first files: commented ones from five answers, and the built-in ones for a gateway without any file."""

from __future__ import annotations

import re

from breakeven.config import policy_file, settings
from breakeven.config.field import NAME, URL
from breakeven.config.policy_file import PolicyFile, RouteSection, TargetSection, UseCaseSection
from breakeven.config.problem import masked
from breakeven.config.scalar import number, scalar
from breakeven.config.settings import BackendSettings, DeploymentSettings, Settings
from breakeven.errors import UsageError
from breakeven.schema.noun import Noun


class Answers(Noun, frozen=True, kw_only=True):
    """The five answers of `breakeven init`: where the model is, its name, the use case, how fast, at what cost.

    `backend` is an OpenAI-compatible base URL or the path of an `.onnx` file; `latency_ms` the whole budget of an
    answer. The cost is one of: a catalog `offer`, `usd_per_hour` of one replica, API prices per million tokens, or
    nothing (unpriced). An own price needs `price_source` and `price_date` (YYYY-MM-DD).
    """

    backend: str
    model: str = ""
    use_case: str = "assistant"
    latency_ms: float = 30_000.0
    api_key_env: str = ""
    offer: str = ""
    usd_per_hour: float | None = None
    input_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    price_source: str = ""
    price_date: str = ""


_SETTINGS = """\
# breakeven.yaml: where backends, keys and data are. Checked by `breakeven check`.
version: 1
data_dir: .breakeven        # journal, ledger and plans
policy: policy.yaml         # use cases, latency targets, routes

gateway:
  host: 127.0.0.1           # 0.0.0.0 lets other machines in: then add tenants
  port: 8080                # the console answers on port + 1; console_port: 0 turns it off
  workers: 1                # processes that share the port

# Tenants tell callers apart by their key. The key stays in the environment, never in this file.
# tenants:
#   - {name: acme, key_env: ACME_KEY}
tenants: []

backends:
  - name: {backend}
{backend_lines}

deployments:
  - name: {deployment}
    backend: {backend}
    model: {model}
    placement: {placement}    # on_prem, colocated, cloud, api, cpu or edge
{cost_lines}

planning:
  horizon_months: 36        # what owned hardware is written off over
  placements: []            # only these; [] is any
"""

_POLICY = """\
# policy.yaml: what each use case asks for and where it is routed. `breakeven apply` edits the routes below.
version: 1
plan_id: ""                 # the plan that chose the routes; set by `breakeven apply`
default_use_case: {use_case}    # for requests that name none

use_cases:
  - name: {use_case}
    tier: important         # critical, important or opportunistic
    models: {models}
    latency:
      budget_ms: {latency_ms}    # an answer later than this is not useful
      # ttft_ms: 1000       # time to the first token
      # tpot_ms: 50         # time per output token after the first
      attainment: 0.95      # the share of requests that must meet the targets
    # When is a prediction used? exposure: when /events reports it was shown; outcome: when a click or conversion
    # follows; delivered: as soon as it is answered. unmeasured: the report says so instead of guessing.
    used_when: unmeasured
    attribution_window_s: 1800
    route:
      strategy: weighted
      sticky: true          # a subject keeps its arm
      targets:
        - {deployment: {deployment}, weight: 1, arm: control}
    failure: [error]        # what happens when the budget is gone, e.g. [cached, default, error]
    ack: fast               # durable waits for the disk before it answers
    store_prompts: false

# Money that may be spent, never more. Whatever it is over must have a price in breakeven.yaml.
# budgets:
#   - {name: everything, limit_usd: 500, period: month}
"""


def write(answers: Answers) -> tuple[str, str]:
    """The text of `breakeven.yaml` and `policy.yaml`.

    Raises:
        ConfigError: an answer is no valid value; the message shows where it would stand.
    """
    local = answers.backend.endswith(".onnx")
    backend = "local" if local else "upstream"
    deployment = scalar(_name(answers.model or answers.use_case))
    first = _filled(
        _SETTINGS,
        backend=backend,
        backend_lines=_backend_lines(answers, local=local),
        deployment=deployment,
        model=scalar(answers.model),
        placement=_placement(answers, local=local),
        cost_lines=_cost_lines(answers),
    )
    second = _filled(
        _POLICY,
        use_case=scalar(answers.use_case),
        models=f"[{scalar(answers.model)}]" if answers.model else "[]",
        latency_ms=number(answers.latency_ms),
        deployment=deployment,
    )
    policy_file.load(second, beside=settings.load(first))
    return first, second


def builtin(base_url: str, api_key_env: str = "") -> tuple[Settings, PolicyFile]:
    """The configuration of `serve --openai-base-url`: one backend, one deployment, one use case, unpriced.

    Raises:
        UsageError: `base_url` is no http(s) URL.
    """
    if not re.fullmatch(URL.strip("^$"), base_url):
        message = f"--openai-base-url must be an http(s) URL, got '{masked(base_url)}'"
        raise UsageError(message, "write it as http://host:port/v1, without user, query or fragment")
    backend = BackendSettings(name="upstream", kind="openai", base_url=base_url, api_key_env=api_key_env)
    deployment = DeploymentSettings(name="upstream", backend="upstream")
    route = RouteSection(targets=(TargetSection(deployment="upstream"),))
    use_case = UseCaseSection(name="default", route=route)
    found = Settings(backends=(backend,), deployments=(deployment,))
    return found, PolicyFile(default_use_case="default", use_cases=(use_case,))


def _filled(template: str, **values: str) -> str:
    for key, value in values.items():
        template = template.replace("{" + key + "}", value)
    return template


def _name(wanted: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", wanted).strip("-._")[:64]
    return plain if re.fullmatch(NAME.strip("^$"), plain) else "model"


def _backend_lines(answers: Answers, *, local: bool) -> str:
    if local:
        return f"    kind: onnx\n    model_path: {scalar(answers.backend)}\n    max_batch: 32\n    max_delay_ms: 2"
    key = f"    api_key_env: {scalar(answers.api_key_env)}"
    if not answers.api_key_env:
        key = "    # api_key_env: OPENAI_API_KEY   # left out: the caller's own Authorization goes upstream"
    return f"    kind: openai            # or oip\n    base_url: {scalar(answers.backend)}\n{key}\n    timeout_s: 60"


def _placement(answers: Answers, *, local: bool) -> str:
    if local:
        return "cpu"
    return (
        "cloud" if answers.usd_per_hour is not None else "api" if answers.input_usd_per_mtok is not None else "unknown"
    )


def _cost_lines(answers: Answers) -> str:
    if answers.offer:
        return f"    offer: {scalar(answers.offer)}    # an entry of the catalog"
    amounts = {
        "usd_per_hour": answers.usd_per_hour,
        "input_usd_per_mtok": answers.input_usd_per_mtok,
        "output_usd_per_mtok": answers.output_usd_per_mtok,
    }
    stated = [f"      {key}: {number(amount)}" for key, amount in amounts.items() if amount is not None]
    if not stated:
        return (
            "    # Unpriced until it names an offer of the catalog or an own price with its source:\n"
            "    # offer: lambda-h100-sxm-on-demand\n"
            '    # price: {usd_per_hour: 2.5, source: "invoice 2026-10", date: 2026-11-01}'
        )
    origin = f"      source: {scalar(answers.price_source)}\n      date: {scalar(answers.price_date)}"
    return "\n".join(["    price:", *stated, origin])
