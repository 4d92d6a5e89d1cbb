"""`breakeven.yaml`: where backends, keys, owned capacity and data are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from breakeven.config import reading
from breakeven.config.field import (
    Count,
    Date,
    Env,
    Name,
    NotNegative,
    Origin,
    Port,
    Section,
    Text,
    Url,
)
from breakeven.config.problem import Problem
from breakeven.config.settings_rules import RULES
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

    @property
    def console(self) -> int:
        """The console's port; 0 is none."""
        return self.port + 1 if self.console_port is None else self.console_port


class TenantSettings(Section):
    """A tenant and the environment variable that holds its key (several keys: separated by commas)."""

    name: Name
    key_env: Annotated[Env, Field(min_length=1, description="the variable that holds the tenant's key")]


class BackendSettings(Section):
    """A server or file that speaks a wire protocol. Without `api_key_env` the client's Authorization goes upstream."""

    name: Name
    kind: BackendKind
    base_url: Url | None = None
    api_key_env: Env = ""
    model_path: Text | None = None
    timeout_s: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 60.0
    max_batch: Annotated[int, Field(ge=1, le=65536)] = 32
    max_delay_ms: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = 2.0


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
