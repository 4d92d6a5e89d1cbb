"""`breakeven.yaml`: where backends, keys, owned capacity and data are."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from breakeven.config import reading
from breakeven.config.field import (
    BatchSize,
    Chance,
    Count,
    Date,
    DelayMs,
    Env,
    Header,
    Name,
    NotNegative,
    Origin,
    Port,
    Positive,
    Section,
    Text,
    Url,
)
from breakeven.config.problem import Problem
from breakeven.config.settings_rules import RULES, known_use_cases
from breakeven.schema.noun import Placement
from breakeven.schema.policy import BackendKind


class GatewaySettings(Section):
    """Where the gateway listens. `console_port` left out is port + 1, 0 is no console."""

    host: Annotated[Text, Field(description="address to listen on; beyond this machine only with tenants")] = (
        "127.0.0.1"
    )
    port: Annotated[Port, Field(description="port of the gateway")] = 8080
    workers: Annotated[int, Field(ge=1, le=256, description="processes that share the port")] = 1
    console_port: Annotated[
        Annotated[int, Field(ge=0, le=65535)] | None,
        Field(description="port of the pages; left out is port + 1, 0 is none"),
    ] = None
    cors_origins: Annotated[
        tuple[Origin, ...],
        Field(description="pages that may send events, such as https://shop.example; all others are refused"),
    ] = ()
    max_body_mb: Annotated[float, Field(gt=0, le=1024, allow_inf_nan=False, description="the largest request")] = 8
    access_log: Annotated[
        Text, Field(description="a line of JSON for each request, without prompts and keys: off, stderr or a path")
    ] = "off"
    otlp: Annotated[bool, Field(description="record GenAI spans that are sent to `/v1/traces`")] = False

    @property
    def console(self) -> int:
        """The console's port; 0 is none."""
        return self.port + 1 if self.console_port is None else self.console_port


class ScrapeSettings(Section):
    """Metrics of one replica's engine or accelerators: a `url` of vLLM, llama.cpp, DCGM or Kepler, or `nvml`."""

    deployment: Annotated[Name, Field(description="the deployment whose load it is")]
    url: Annotated[Url | None, Field(description="of the text of metrics, such as http://127.0.0.1:8000/metrics")] = (
        None
    )
    nvml: Annotated[bool, Field(description="read this machine's GPUs instead; needs the extra `nvml`")] = False
    name: Annotated[str, Field(description="how the target is called in the ledger; left out, host and port")] = ""
    where: Annotated[dict[str, str], Field(description="only samples with these labels")] = {}
    accelerators: Annotated[tuple[str, ...], Field(description="only these GPUs, by `gpu` label or index")] = ()


class TelemetrySettings(Section):
    """Where spans and metrics are sent by OTLP over HTTP, and which engines and accelerators are read."""

    otlp_endpoint: Annotated[
        Url | None, Field(description="base URL of an OTLP/HTTP collector, such as http://127.0.0.1:4318")
    ] = None
    headers_env: Annotated[Env, Field(description="the variable that holds headers as k=v,k=v")] = ""
    spans: Annotated[bool, Field(description="send a span for each request and each try")] = True
    metrics: Annotated[bool, Field(description="send the histograms of GenAI: tokens, durations, TTFT, TPOT")] = True
    scrape: Annotated[tuple[ScrapeSettings, ...], Field(description="engines and accelerators to read")] = ()
    sample_s: Annotated[float, Field(gt=0, le=300, allow_inf_nan=False, description="seconds between two readings")] = (
        5.0
    )
    interval_s: Annotated[
        float, Field(gt=0, le=900, allow_inf_nan=False, description="seconds that one row of the ledger spans")
    ] = 60.0


class AlertLimitSettings(Section):
    """A bound on the last whole day's figure of a use case."""

    metric: Annotated[
        Literal[
            "cost_per_useful_prediction", "cost_per_prediction", "useful", "converted", "in_budget", "not_served",
            "fallback", "cached", "cache_error", "identified", "used", "latency_p95", "ttft_p95",
        ],
        Field(description="as `breakeven drift` names it"),
    ]  # fmt: skip
    use_case: Annotated[str, Field(description="left out, every use case")] = ""
    over: Annotated[float | None, Field(allow_inf_nan=False, description="tell when it is above")] = None
    under: Annotated[float | None, Field(allow_inf_nan=False, description="tell when it is below")] = None
    critical: Annotated[bool, Field(description="critical rather than a warning")] = False


class AlertSettings(Section):
    """Who is told of drift, budgets, limits and lost records; without a webhook nobody is."""

    webhook_env: Annotated[Env, Field(description="the variable that holds the URL that alerts are posted to")] = ""
    secret_env: Annotated[Env, Field(description="the variable that holds a secret to sign them with")] = ""
    every_s: Annotated[float, Field(ge=10, le=86_400, allow_inf_nan=False, description="seconds between looks")] = 900.0
    limits: Annotated[tuple[AlertLimitSettings, ...], Field(description="bounds of your own")] = ()


class QuotaSettings(Section):
    """What a tenant may ask for; 0 is no bound. Requests beyond it are refused with 429 and Retry-After."""

    requests_per_s: Annotated[NotNegative, Field(description="requests per second, averaged over `burst_s`")] = 0.0
    tokens_per_min: Annotated[NotNegative, Field(description="input and output tokens per minute")] = 0.0
    requests_per_day: Annotated[int, Field(ge=0, le=10**12, description="requests per day of UTC")] = 0
    burst_s: Annotated[Positive, Field(description="seconds of the rate that may come at once")] = 2.0
    max_in_flight: Annotated[int, Field(ge=0, le=1_000_000, description="requests at the same time")] = 0


class KeySettings(Section):
    """A further key of a tenant, which may do only what its scope says. One for pages may be seen by anyone."""

    key_env: Annotated[Env, Field(min_length=1, description="the variable that holds it")]
    scope: Annotated[Literal["events"], Field(description="events: it may send events, and neither read nor predict")]


class TenantSettings(Section):
    """A tenant and the environment variable that holds its key (several keys: separated by commas)."""

    name: Annotated[Name, Field(description="the name that budgets and reports use")]
    key_env: Annotated[Env, Field(min_length=1, description="the variable that holds the tenant's key")]
    quota: Annotated[QuotaSettings, Field(description="what it may ask for")] = QuotaSettings()
    use_cases: Annotated[
        tuple[Name, ...], Field(description="the use cases it may ask for; left out is all of them")
    ] = ()
    keys: Annotated[tuple[KeySettings, ...], Field(description="further keys that may do less")] = ()


class BackendSettings(Section):
    """A server or file that speaks a wire protocol. Without `api_key_env` the client's Authorization goes upstream."""

    name: Annotated[Name, Field(description="as deployments call it")]
    kind: Annotated[BackendKind, Field(description="what it speaks; onnx is a model in this process")]
    base_url: Annotated[Url | None, Field(description="where it is, for openai with /v1; needed unless onnx")] = None
    api_key_env: Annotated[
        Env,
        Field(description="the variable that holds its key; left out, the client's own Authorization goes upstream"),
    ] = ""
    model_path: Annotated[Text | None, Field(description="the file of an ONNX model, from the folder of this file")] = (
        None
    )
    timeout_s: Annotated[
        float, Field(gt=0, le=3600, allow_inf_nan=False, description="the longest wait where no budget is shorter")
    ] = 60.0
    max_batch: Annotated[
        BatchSize, Field(description="rows of one batch of an ONNX model; auto: from its measured batch curve")
    ] = 32
    max_delay_ms: Annotated[
        DelayMs, Field(description="how long a row waits for others behind a running batch; auto: as above")
    ] = 2.0
    batch_curve: Annotated[
        Text | None, Field(description="the rows that `breakeven measure` wrote of the model, for auto")
    ] = None
    threads: Annotated[int, Field(ge=1, le=64, description="batches of an ONNX model that run at once")] = 2
    deadline_header: Annotated[
        Header, Field(description="the header that tells the backend the milliseconds left; empty tells nothing")
    ] = "x-breakeven-deadline-ms"
    stall_s: Annotated[
        float,
        Field(gt=0, le=3600, allow_inf_nan=False, description="no byte for so long, with requests waiting, is frozen"),
    ] = 10.0


class PriceSettings(Section):
    """An own price fact, in USD. `usd_per_hour` is for one replica; the others are for an API."""

    source: Annotated[Text, Field(description="where the price comes from: an invoice, a contract, a web page")]
    date: Annotated[Date, Field(description="the day it was read, YYYY-MM-DD")]
    usd_per_hour: Annotated[NotNegative | None, Field(description="of one replica")] = None
    input_usd_per_mtok: Annotated[NotNegative | None, Field(description="per million input tokens")] = None
    cached_input_usd_per_mtok: Annotated[
        NotNegative | None, Field(description="per million input tokens that the API had cached; left out, as others")
    ] = None
    output_usd_per_mtok: Annotated[NotNegative | None, Field(description="per million output tokens")] = None
    request_usd: Annotated[NotNegative | None, Field(description="per request, besides tokens")] = None


class TpotSettings(Section):
    """A point of the capacity table."""

    batch: Annotated[Count, Field(description="sequences in flight at one replica")]
    ms: Annotated[Positive, Field(description="milliseconds per output token of each of them")]


class WorkSettings(Section):
    """Time that work takes, measured, assumed or written by `breakeven apply`; what is left out is predicted."""

    request_ms: Annotated[NotNegative, Field(description="per request, in milliseconds")] = 0.0
    row_ms: Annotated[NotNegative, Field(description="a classic model's per scored row, in milliseconds")] = 0.0
    prefill_tokens_per_s: Annotated[NotNegative, Field(description="prompt tokens a replica reads in a second")] = 0.0
    tpot: Annotated[tuple[TpotSettings, ...], Field(description="how fast it writes, by batch, ascending")] = ()


class DeploymentSettings(Section):
    """A model that runs somewhere at a price: a catalog `offer`, an own `price`, or neither (unpriced).

    `accelerators` is per replica; it means nothing where no `accelerator` is named. With prefill and decode apart a
    replica is a group of instances that share its accelerators evenly, behind one `base_url`.
    """

    name: Annotated[Name, Field(description="as routes and reports call it")]
    backend: Annotated[Name, Field(description="the backend that serves it")]
    model: Annotated[str, Field(description="what is asked of the backend; left out, what the client asks for")] = ""
    catalog_model: Annotated[str, Field(description="the model's name in the catalog, where it is another")] = ""
    placement: Annotated[Placement, Field(description="where it runs")] = "unknown"
    offer: Annotated[str, Field(description="an offer of the catalog as its price")] = ""
    price: Annotated[PriceSettings | None, Field(description="an own price instead")] = None
    accelerator: Annotated[str, Field(description="an accelerator of the catalog")] = ""
    accelerators: Annotated[int, Field(ge=0, le=100_000, description="per replica")] = 1
    replicas: Annotated[Count, Field(description="servers behind the backend")] = 1
    prefill_instances: Annotated[
        int, Field(ge=0, le=1000, description="of a replica, for prompts only; 0: not apart")
    ] = 0
    decode_instances: Annotated[int, Field(ge=0, le=1000, description="and for answers only")] = 0
    engine: Annotated[str, Field(description="such as vllm, for what is predicted of it")] = ""
    precision: Annotated[str, Field(description="of the weights")] = "fp16"
    power_w: Annotated[NotNegative | None, Field(description="of one busy replica, in watts")] = None
    work: Annotated[WorkSettings | None, Field(description="how long a classic model takes")] = None
    emulated: Annotated[bool, Field(description="its answers are made up, by `breakeven emulate`; reports say so")] = (
        False
    )
    region: Annotated[str, Field(description="where its data are processed, such as eu; see `data_locality`")] = ""
    quality: Annotated[Chance | None, Field(description="your own score from 0 to 1; see `quality_floor`")] = None
    max_in_flight: Annotated[
        int, Field(ge=0, le=1_000_000, description="requests in flight for each worker; 0: the measured limit")
    ] = 0


class SpeculationSettings(Section):
    """Speculative decoding that a plan may weigh: what was measured of a draft on the same traffic."""

    draft_tokens: Annotated[int, Field(ge=1, le=32, description="drafted in every step")]
    acceptance: Annotated[Chance, Field(description="share of drafted tokens that are accepted, each by itself")]
    draft_ms: Annotated[NotNegative, Field(description="what a pass of the draft takes")]
    draft_ms_per_sequence: Annotated[NotNegative, Field(description="and for each sequence in it")] = 0.0


class PlanningSettings(Section):
    """What a plan may consider and assumes. An empty list is no restriction."""

    horizon_months: Annotated[int, Field(ge=1, le=240, description="what owned hardware is written off over")] = 36
    placements: Annotated[tuple[Placement, ...], Field(description="only these")] = ()
    regions: Annotated[tuple[Text, ...], Field(description="only offers of these")] = ()
    accelerators: Annotated[tuple[Text, ...], Field(description="only these")] = ()
    models: Annotated[tuple[Text, ...], Field(description="only these")] = ()
    precisions: Annotated[
        tuple[Text, ...], Field(description="only these, such as fp8; stated, 4 bits need no measured quality")
    ] = ()
    engines: Annotated[tuple[Text, ...], Field(description="only these, such as vllm")] = ()
    apart: Annotated[bool, Field(description="weigh prefill and decode on instances of their own")] = True
    batch_tokens: Annotated[
        tuple[Annotated[int, Field(ge=16, le=1_000_000)], ...],
        Field(min_length=1, max_length=16, description="token budgets of an engine's step that are tried"),
    ] = (512, 2048, 8192)
    speculation: Annotated[
        SpeculationSettings | None, Field(description="a draft to weigh; left out: none is weighed")
    ] = None
    qualities: Annotated[
        dict[str, Chance], Field(description="measured scores by model, or by model/precision; see `quality_floor`")
    ] = {}
    lead_time_days: Annotated[NotNegative | None, Field(description="until it must serve; left out is no limit")] = None
    lead_days: Annotated[
        dict[str, NotNegative], Field(description="until it serves, by accelerator or placement, such as on_prem")
    ] = {}
    power_limit_w: Annotated[
        NotNegative | None, Field(description="of servers on premises and colocated, cooling excluded")
    ] = None
    availability: Annotated[
        Chance | None, Field(description="share of time with enough replicas; spot needs it, spares keep it")
    ] = None
    spare_replicas: Annotated[int, Field(ge=0, le=1_000, description="replicas that stand by for a failure")] = 0
    margin: Annotated[
        float, Field(ge=0, le=10, allow_inf_nan=False, description="replicas carry so much more than the p95 of demand")
    ] = 0.0
    zones: Annotated[
        int, Field(ge=1, le=16, description="places the replicas are spread over, of which one may be lost; 1: none")
    ] = 1
    spot_interruptions_per_hour: Annotated[NotNegative, Field(description="how often spot is withdrawn; assumed")] = 0.1
    spot_replaced_after_s: Annotated[
        NotNegative, Field(description="until it is replaced, start-up included; assumed")
    ] = 600.0
    electricity_country: Annotated[str, Field(description="whose tariff owned machines pay, such as DEU")] = ""
    grid_zone: Annotated[str, Field(description="whose carbon intensity counts, such as DEU")] = ""
    hours_per_month: Annotated[float, Field(gt=0, le=744, allow_inf_nan=False, description="what a month has")] = 730.0


class Settings(Section):
    """`breakeven.yaml`. Every key has a default, so that an empty file is a valid one."""

    version: Annotated[Literal[1], Field(description="version of this grammar")] = 1
    data_dir: Annotated[Text, Field(description="where journal, ledger and plans lie")] = ".breakeven"
    policy: Annotated[Text, Field(description="the policy file")] = "policy.yaml"
    gateway: Annotated[GatewaySettings, Field(description="where it listens")] = GatewaySettings()
    telemetry: Annotated[TelemetrySettings, Field(description="where spans and metrics go")] = TelemetrySettings()
    alerts: Annotated[AlertSettings, Field(description="who is told when something is wrong")] = AlertSettings()
    tenants: Annotated[tuple[TenantSettings, ...], Field(description="who may ask; none: anyone on this machine")] = ()
    backends: Annotated[tuple[BackendSettings, ...], Field(description="servers and files")] = ()
    deployments: Annotated[
        tuple[DeploymentSettings, ...], Field(description="models that run on them, and what they cost")
    ] = ()
    facts: Annotated[tuple[Text, ...], Field(description="files of own facts over the catalog")] = ()
    planning: Annotated[PlanningSettings, Field(description="what a plan may consider")] = PlanningSettings()

    def deployment(self, name: str) -> DeploymentSettings | None:
        """The deployment of that name; None when there is none."""
        return next((entry for entry in self.deployments if entry.name == name), None)


def load(text: str, filename: str = "breakeven.yaml") -> Settings:
    """Settings from YAML text.

    Raises:
        ConfigError: with every problem of the text, each with `file:line:column`.
    """
    return reading.load(Settings, text, filename, RULES)


def problems(text: str) -> list[Problem]:
    """Everything that is wrong with the text, in its order."""
    return reading.check(Settings, text, RULES)[1]


def read(path: Path) -> Settings:
    """Settings from a file.

    Raises:
        ConfigError: it cannot be read, or `load` refuses it.
    """
    return load(reading.read_text(path), str(path))


def check_use_cases(found: Settings, path: Path, known: Collection[str]) -> None:
    """Hold the use cases that tenants may ask for against those there are.

    Raises:
        ConfigError: one is unknown; with its place in the file.
    """
    if all(name in known for tenant in found.tenants for name in tenant.use_cases):
        return
    reading.load(Settings, reading.read_text(path), str(path), (*RULES, known_use_cases(known)))
