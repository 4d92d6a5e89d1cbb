"""Both files and their prices to the one policy the gateway obeys. Nothing is read here: same inputs, same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath

import msgspec

from breakeven.config.policy_file import PolicyFile, UseCaseSection
from breakeven.config.problem import suggest
from breakeven.config.settings import BackendSettings, DeploymentSettings, PlanningSettings, Settings
from breakeven.errors import PolicyError
from breakeven.schema.objective import Objective
from breakeven.schema.policy import (
    Backend,
    CapacityPrice,
    Policy,
    PolicyDeployment,
    Route,
    RouteTarget,
    Tenant,
    TokenPrice,
    UseCase,
    WorkCurve,
)

_BYTES_PER_MB = 1024 * 1024


def compile_policy(  # noqa: PLR0913 - one mapping per stage that contributes, each keyed by deployment or tenant
    settings: Settings,
    policy_file: PolicyFile,
    *,
    prices: Mapping[str, TokenPrice],
    capacities: Mapping[str, CapacityPrice],
    works: Mapping[str, WorkCurve],
    key_digests: Mapping[str, Sequence[str]],
    base_dir: str = ".",
    grids: Mapping[str, float] | None = None,
) -> Policy:
    """The policy with its id, the hash of the rest.

    Args:
        settings: `breakeven.yaml`.
        policy_file: `policy.yaml`.
        prices: token prices by deployment name; absent is unpriced.
        capacities: capacity prices by deployment name.
        works: work curves by deployment name; coefficients that `breakeven.yaml` states win over them.
        key_digests: hex SHA-256 digests of each tenant's keys, by tenant name.
        base_dir: the folder that relative model paths start from.
        grids: carbon intensity in gCO2e/kWh by deployment name.

    Raises:
        PolicyError: a route names a deployment, or a deployment a backend, that does not exist; a tenant has no key.
    """
    _check_names(settings, policy_file)
    parts = [
        PolicyDeployment(
            name=entry.name,
            backend=entry.backend,
            model=entry.model,
            placement=entry.placement,
            tokens=prices.get(entry.name),
            capacity=capacities.get(entry.name),
            work=_work(entry, works.get(entry.name)),
            emulated=entry.emulated,
            grid_gco2_per_kwh=(grids or {}).get(entry.name),
        )
        for entry in settings.deployments
    ]
    return identified(
        Policy(
            id="",
            use_cases=tuple(_use_case(entry) for entry in policy_file.use_cases),
            deployments=tuple(parts),
            backends=tuple(_backend(entry, base_dir) for entry in settings.backends),
            tenants=_tenants(settings, key_digests),
            default_use_case=policy_file.default_use_case,
            plan_id=policy_file.plan_id,
            max_body_bytes=int(settings.gateway.max_body_mb * _BYTES_PER_MB),
            cors_origins=settings.gateway.cors_origins,
            source=settings.policy,
        )
    )


def identified(policy: Policy) -> Policy:
    """The policy with `id` = "pol-" + 16 hex digits of the SHA-256 of its canonical JSON without id and drills."""
    blank = msgspec.structs.replace(policy, id="", drills=())
    digest = hashlib.sha256(msgspec.json.encode(blank, order="deterministic")).hexdigest()
    return msgspec.structs.replace(policy, id=f"pol-{digest[:16]}")


def objective(use_case: UseCaseSection, planning: PlanningSettings) -> Objective:
    """What a plan for this use case must meet."""
    latency = use_case.latency
    return Objective(
        use_case=use_case.name,
        tier=use_case.tier,
        budget_s=_seconds(latency.budget_ms),
        ttft_s=_seconds(latency.ttft_ms),
        tpot_s=_seconds(latency.tpot_ms),
        attainment=latency.attainment,
        placements=planning.placements,
        regions=planning.regions,
        horizon_months=planning.horizon_months,
    )


def _check_names(settings: Settings, policy_file: PolicyFile) -> None:
    deployments = [entry.name for entry in settings.deployments]
    backends = [entry.name for entry in settings.backends]
    for entry in settings.deployments:
        _known(entry.backend, backends, f"deployment `{entry.name}` names the unknown backend")
    for use_case in policy_file.use_cases:
        for target in use_case.route.targets:
            _known(target.deployment, deployments, f"use case `{use_case.name}` routes to the unknown deployment")
    default = policy_file.default_use_case
    if default:
        _known(
            default, [entry.name for entry in policy_file.use_cases], "`default_use_case` names the unknown use case"
        )


def _known(name: str, choices: Collection[str], what: str) -> None:
    if name not in choices:
        message = f"{what} `{name}`"
        raise PolicyError(message, suggest(name, sorted(choices), kind="there are"))


def _use_case(entry: UseCaseSection) -> UseCase:
    latency = entry.latency
    return UseCase(
        name=entry.name,
        route=_route(entry),
        tier=entry.tier,
        budget_s=_seconds(latency.budget_ms),
        ttft_s=_seconds(latency.ttft_ms),
        tpot_s=_seconds(latency.tpot_ms),
        stages={name.removesuffix("_ms"): slot_ms / 1000 for name, slot_ms in sorted(latency.stages.items())},
        used_when=entry.used_when,
        window_s=float(entry.attribution_window_s),
        failure=entry.failure,
        default_body=entry.default_answer,
        ack_durable=entry.ack == "durable",
        cache_ttl_s=float(entry.cache_ttl_s),
        store_prompts=entry.store_prompts,
        models=entry.models,
    )


def _route(entry: UseCaseSection) -> Route:
    targets = tuple(
        RouteTarget(deployment=target.deployment, weight=float(target.weight), arm=target.arm)
        for target in entry.route.targets
    )
    return Route(strategy=entry.route.strategy, targets=targets, sticky=entry.route.sticky)


def _backend(entry: BackendSettings, base_dir: str) -> Backend:
    return Backend(
        name=entry.name,
        kind=entry.kind,
        base_url=(entry.base_url or "").rstrip("/"),
        api_key_env=entry.api_key_env,
        model_path=(PurePath(base_dir) / entry.model_path).as_posix() if entry.model_path else "",
        timeout_s=float(entry.timeout_s),
        max_batch=entry.max_batch,
        max_delay_s=entry.max_delay_ms / 1000,
    )


def _work(entry: DeploymentSettings, curve: WorkCurve | None) -> WorkCurve | None:
    if entry.work is None:
        return curve
    stated = {"request_s": entry.work.request_ms / 1000, "row_s": entry.work.row_ms / 1000}
    return msgspec.structs.replace(curve or WorkCurve(), **stated)


def _tenants(settings: Settings, key_digests: Mapping[str, Sequence[str]]) -> tuple[Tenant, ...]:
    for entry in settings.tenants:
        if not key_digests.get(entry.name):
            message = f"tenant `{entry.name}` has no key: the environment variable {entry.key_env} is not set"
            raise PolicyError(message, f"export {entry.key_env}=..., or remove the tenant")
    return tuple(Tenant(name=entry.name, key_sha256=tuple(key_digests[entry.name])) for entry in settings.tenants)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
