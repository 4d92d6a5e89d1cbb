"""The compiled policy: everything a gateway worker needs, as data, and nothing else."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Basis, Noun, Placement, Tier

BackendKind = Literal["openai", "oip", "onnx"]
FallbackStep = Literal["cached", "default", "error"]
UsedWhen = Literal["exposure", "delivered", "outcome", "unmeasured"]


class Backend(Noun, frozen=True, kw_only=True):
    """Where a wire protocol is spoken. `api_key_env` names a variable; empty passes the client's Authorization on."""

    name: str
    kind: BackendKind
    base_url: str = ""
    api_key_env: str = ""
    model_path: str = ""
    timeout_s: float = 60.0
    max_batch: int = 32
    max_delay_s: float = 0.002


class TokenTier(Noun, frozen=True, kw_only=True, omit_defaults=True):
    """Compiled prices of a request whose input is longer than `above_input_tokens`, each complete."""

    above_input_tokens: int
    input_pico_usd: int | None = None
    cached_input_pico_usd: int | None = None
    cache_write_pico_usd: int | None = None
    output_pico_usd: int | None = None


class TokenPrice(Noun, frozen=True, kw_only=True, omit_defaults=True):
    """Compiled price in pico-USD per token; None is unpriced. `price_id` is the catalog entry.

    `tiers` ascend by input length; the last that the input exceeds prices the whole request.
    """

    price_id: str
    input_pico_usd: int | None = None
    cached_input_pico_usd: int | None = None
    cache_write_pico_usd: int | None = None
    output_pico_usd: int | None = None
    request_pico_usd: int | None = None
    tiers: tuple[TokenTier, ...] = ()


class CapacityPrice(Noun, frozen=True, kw_only=True):
    """Owned or reserved capacity, charged for the seconds it is up, shared by work."""

    price_id: str
    replicas: int
    pico_usd_per_replica_s: int
    basis: Basis = "derived"
    power_idle_w: float | None = None
    power_busy_w: float | None = None


class WorkCurve(Noun, frozen=True, kw_only=True):
    """Coefficients that turn a request into replica-seconds of work: prefill seconds per token, and TPOT by batch.

    `tpot_s` holds (sequences in flight, seconds per output token) points, ascending; between them it is linear.
    `row_s` is the time per scored row of a classic model, `request_s` per request.
    """

    prefill_s_per_token: float = 0.0
    tpot_s: tuple[tuple[float, float], ...] = ()
    row_s: float = 0.0
    request_s: float = 0.0


class PolicyDeployment(Noun, frozen=True, kw_only=True):
    """One target a route may choose. `model` is what is asked of the backend ("" keeps the client's)."""

    name: str
    backend: str
    model: str = ""
    placement: Placement = "unknown"
    tokens: TokenPrice | None = None
    capacity: CapacityPrice | None = None
    work: WorkCurve | None = None
    emulated: bool = False
    grid_gco2_per_kwh: float | None = None


class RouteTarget(Noun, frozen=True, kw_only=True):
    """A deployment and its weight in a weighted route; `arm` is the experiment arm it stands for."""

    deployment: str
    weight: float = 1.0
    arm: str = ""


class Route(Noun, frozen=True, kw_only=True):
    """How a use case chooses among targets. With `sticky` a subject keeps its arm."""

    strategy: str
    targets: tuple[RouteTarget, ...]
    sticky: bool = True


class UseCase(Noun, frozen=True, kw_only=True):
    """What the gateway must keep for one use case. `stages` are the slots of the latency budget in seconds."""

    name: str
    route: Route
    tier: Tier = "important"
    budget_s: float | None = None
    ttft_s: float | None = None
    tpot_s: float | None = None
    stages: dict[str, float] = {}
    used_when: UsedWhen = "unmeasured"
    window_s: float = 1800.0
    failure: tuple[FallbackStep, ...] = ("error",)
    default_body: str = ""
    ack_durable: bool = False
    cache_ttl_s: float = 0.0
    store_prompts: bool = False
    models: tuple[str, ...] = ()


class Tenant(Noun, frozen=True, kw_only=True):
    """A tenant; `key_sha256` are hex digests of its keys."""

    name: str
    key_sha256: tuple[str, ...] = ()


class Policy(Noun, frozen=True, kw_only=True):
    """What the gateway obeys. `id` is the hash of the rest."""

    id: str
    use_cases: tuple[UseCase, ...]
    deployments: tuple[PolicyDeployment, ...]
    backends: tuple[Backend, ...]
    tenants: tuple[Tenant, ...] = ()
    default_use_case: str = ""
    plan_id: str = ""
    max_body_bytes: int = 8 * 1024 * 1024
    cors_origins: tuple[str, ...] = ()
    source: str = ""
    version: int = 1
