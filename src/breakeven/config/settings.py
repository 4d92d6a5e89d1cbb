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

    host: Text = "127.0.0.1"
    port: Port = 8080
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    console_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    cors_origins: tuple[Origin, ...] = ()
    max_body_mb: Annotated[float, Field(gt=0, le=1024, allow_inf_nan=False)] = 8
    access_log: Annotated[
        Text, Field(description="a line of JSON for each request, without prompts and keys: off, stderr or a path")
    ] = "off"
    transport: Annotated[
        Literal["own", "asgi"], Field(description="what speaks HTTP: the gateway's own server, or an ASGI server")
    ] = "own"

    @property
    def console(self) -> int:
        """The console's port; 0 is none."""
        return self.port + 1 if self.console_port is None else self.console_port


class TelemetrySettings(Section):
    """Where spans and metrics are sent by OTLP over HTTP; without an endpoint nothing is sent."""

    otlp_endpoint: Annotated[
        Url | None, Field(description="base URL of an OTLP/HTTP collector, such as http://127.0.0.1:4318")
    ] = None
    headers_env: Annotated[Env, Field(description="the variable that holds headers as k=v,k=v")] = ""
    spans: Annotated[bool, Field(description="send a span for each request and each try")] = True
    metrics: Annotated[bool, Field(description="send the metrics that `/metrics` shows")] = True


class QuotaSettings(Section):
    """What a tenant may ask for; 0 is no bound. Requests beyond it are refused with 429 and Retry-After."""

    requests_per_s: Annotated[NotNegative, Field(description="requests per second, averaged over `burst_s`")] = 0.0
    tokens_per_min: Annotated[NotNegative, Field(description="input and output tokens per minute")] = 0.0
    requests_per_day: Annotated[int, Field(ge=0, le=10**12, description="requests per day of UTC")] = 0
    burst_s: Annotated[Positive, Field(description="seconds of the rate that may come at once")] = 2.0
    max_in_flight: Annotated[int, Field(ge=0, le=1_000_000, description="requests at the same time")] = 0


class TenantSettings(Section):
    """A tenant and the environment variable that holds its key (several keys: separated by commas)."""

    name: Annotated[Name, Field(description="the name that budgets and reports use")]
    key_env: Annotated[Env, Field(min_length=1, description="the variable that holds the tenant's key")]
    quota: Annotated[QuotaSettings, Field(description="what it may ask for")] = QuotaSettings()
    use_cases: Annotated[
        tuple[Name, ...], Field(description="the use cases it may ask for; left out is all of them")
    ] = ()


class BackendSettings(Section):
    """A server or file that speaks a wire protocol. Without `api_key_env` the client's Authorization goes upstream."""

    name: Name
    kind: BackendKind
    base_url: Url | None = None
    api_key_env: Env = ""
    model_path: Text | None = None
    timeout_s: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 60.0
    max_batch: Annotated[
        BatchSize, Field(description="rows of one batch of an ONNX model; auto: from its measured batch curve")
    ] = 32
    max_delay_ms: Annotated[
        DelayMs, Field(description="how long a row waits for others behind a running batch; auto: as above")
    ] = 2.0
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
    usd_per_hour: NotNegative | None = None
    input_usd_per_mtok: NotNegative | None = None
    cached_input_usd_per_mtok: NotNegative | None = None
    output_usd_per_mtok: NotNegative | None = None
    request_usd: NotNegative | None = None


class WorkSettings(Section):
    """Time a classic model takes, measured or assumed, in milliseconds."""

    request_ms: NotNegative = 0.0
    row_ms: NotNegative = 0.0


class DeploymentSettings(Section):
    """A model that runs somewhere at a price: a catalog `offer`, an own `price`, or neither (unpriced).

    `accelerators` is per replica; it means nothing where no `accelerator` is named.
    """

    name: Name
    backend: Name
    model: str = ""
    catalog_model: str = ""
    placement: Placement = "unknown"
    offer: str = ""
    price: PriceSettings | None = None
    accelerator: str = ""
    accelerators: Annotated[int, Field(ge=0, le=100_000)] = 1
    replicas: Count = 1
    engine: str = ""
    precision: str = "fp16"
    power_w: NotNegative | None = None
    work: WorkSettings | None = None
    emulated: bool = False
    region: Annotated[str, Field(description="where its data are processed, such as eu; see `data_locality`")] = ""
    quality: Annotated[Chance | None, Field(description="your own score from 0 to 1; see `quality_floor`")] = None
    max_in_flight: Annotated[
        int, Field(ge=0, le=1_000_000, description="requests in flight for each worker; 0: the measured limit")
    ] = 0


class PlanningSettings(Section):
    """What a plan may consider and assumes. An empty list is no restriction."""

    horizon_months: Annotated[int, Field(ge=1, le=240)] = 36
    placements: tuple[Placement, ...] = ()
    regions: tuple[Text, ...] = ()
    accelerators: tuple[Text, ...] = ()
    models: tuple[Text, ...] = ()
    electricity_country: str = ""
    grid_zone: str = ""
    hours_per_month: Annotated[float, Field(gt=0, le=744, allow_inf_nan=False)] = 730.0


class Settings(Section):
    """`breakeven.yaml`. Every key has a default, so that an empty file is a valid one."""

    version: Literal[1] = 1
    data_dir: Text = ".breakeven"
    policy: Text = "policy.yaml"
    gateway: GatewaySettings = GatewaySettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    tenants: tuple[TenantSettings, ...] = ()
    backends: tuple[BackendSettings, ...] = ()
    deployments: tuple[DeploymentSettings, ...] = ()
    facts: tuple[Text, ...] = ()
    planning: PlanningSettings = PlanningSettings()

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
