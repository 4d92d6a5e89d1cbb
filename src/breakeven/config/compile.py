"""Both files and their prices to the one policy the gateway obeys. Nothing is read here: same inputs, same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import msgspec

from breakeven.config.agreement import check_names, check_priced
from breakeven.config.compile_use_case import seconds, use_case
from breakeven.config.policy_file import PolicyFile, UseCaseSection
from breakeven.config.policy_parts import BreakerSection, BudgetSection
from breakeven.config.settings import BackendSettings, DeploymentSettings, PlanningSettings, QuotaSettings, Settings
from breakeven.config.tracking_section import plan_of
from breakeven.errors import PolicyError
from breakeven.quantity import pico_from_usd
from breakeven.schema.objective import Objective
from breakeven.schema.policy import (
    Backend,
    Breaker,
    Budget,
    CapacityPrice,
    Policy,
    PolicyDeployment,
    Quota,
    Tenant,
    TokenPrice,
    WorkCurve,
)
from breakeven.schema.routing import Router

Batching = tuple[int, float]
"""Rows that a batch holds at most, and seconds that one waits at most for others behind a running batch."""

INFERENCE = frozenset({"inference_ms", "queue_ms"})
"""Stages that a plan simulates: waiting for a place, and the answer."""

STAGES = {
    "capture_ms": "network_s",
    "network_ms": "network_s",
    "retrieval_ms": "features_s",
    "features_ms": "features_s",
    "render_ms": "render_s",
}
"""Which part of the budget a stage of that name is."""

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
    batches: Mapping[str, Batching] | None = None,
    event_key_digests: Mapping[str, Sequence[str]] | None = None,
    routers: Mapping[str, Router] | None = None,
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
        batches: what `auto` stands for by backend name; absent, the defaults.
        event_key_digests: digests of keys of `scope: events`, by tenant name.
        routers: what learned routes obey, by use case.

    Raises:
        PolicyError: a route names a deployment, or a deployment a backend, that does not exist; a tenant has no key; a
            hard budget is over a deployment without a price.
    """
    check_names(settings, policy_file)
    check_priced(settings, policy_file, prices, capacities)
    return identified(
        Policy(
            id="",
            use_cases=tuple(use_case(entry, (routers or {}).get(entry.name)) for entry in policy_file.use_cases),
            deployments=_deployments(settings, prices, capacities, works, grids or {}),
            backends=tuple(_backend(entry, base_dir, (batches or {}).get(entry.name)) for entry in settings.backends),
            tenants=_tenants(settings, key_digests, event_key_digests or {}),
            budgets=tuple(_budget(entry) for entry in policy_file.budgets),
            tiers=policy_file.tiers.rules(),
            breaker=_breaker(policy_file.breaker),
            default_use_case=policy_file.default_use_case,
            plan_id=policy_file.plan_id,
            max_body_bytes=int(settings.gateway.max_body_mb * _BYTES_PER_MB),
            cors_origins=settings.gateway.cors_origins,
            access_log=_log_path(settings.gateway.access_log, base_dir),
            otlp=settings.gateway.otlp,
            tracking=plan_of(policy_file.tracking),
            source=settings.policy,
        )
    )


def _deployments(
    settings: Settings,
    prices: Mapping[str, TokenPrice],
    capacities: Mapping[str, CapacityPrice],
    works: Mapping[str, WorkCurve],
    grids: Mapping[str, float],
) -> tuple[PolicyDeployment, ...]:
    return tuple(
        PolicyDeployment(
            name=entry.name,
            backend=entry.backend,
            model=entry.model,
            placement=entry.placement,
            tokens=prices.get(entry.name),
            capacity=capacities.get(entry.name),
            work=_work(entry, works.get(entry.name)),
            emulated=entry.emulated,
            grid_gco2_per_kwh=grids.get(entry.name),
            region=entry.region,
            quality=entry.quality,
            max_in_flight=entry.max_in_flight,
        )
        for entry in settings.deployments
    )


def identified(policy: Policy) -> Policy:
    """The policy with `id` = "pol-" + 16 hex digits of the SHA-256 of its canonical JSON without id and drills."""
    blank = msgspec.structs.replace(policy, id="", drills=())
    digest = hashlib.sha256(msgspec.json.encode(blank, order="deterministic")).hexdigest()
    return msgspec.structs.replace(policy, id=f"pol-{digest[:16]}")


def _log_path(target: str, base_dir: str) -> str:
    return target if target in {"off", "stderr"} else (PurePath(base_dir) / target).as_posix()


def batching(entry: BackendSettings, chosen: Batching | None = None) -> Batching:
    """What the file says holds; where it says `auto`, what was `chosen` of the measured curve, else the defaults."""
    fields = type(entry).model_fields
    size, delay_s = chosen or (fields["max_batch"].default, fields["max_delay_ms"].default / 1000)
    return (
        size if entry.max_batch == "auto" else entry.max_batch,
        delay_s if entry.max_delay_ms == "auto" else float(entry.max_delay_ms) / 1000,
    )


def objective(entry: UseCaseSection, planning: PlanningSettings) -> Objective:
    """What a plan for this use case must meet; its own localities hold where planning states no regions."""
    latency = entry.latency
    return Objective(
        use_case=entry.name,
        tier=entry.tier,
        budget_s=seconds(latency.budget_ms),
        ttft_s=seconds(latency.ttft_ms),
        tpot_s=seconds(latency.tpot_ms),
        attainment=latency.attainment,
        placements=planning.placements,
        regions=planning.regions or entry.data_locality,
        spare_replicas=planning.spare_replicas,
        horizon_months=planning.horizon_months,
        quality_floor=entry.quality_floor,
        power_limit_w=planning.power_limit_w,
        lead_time_days=planning.lead_time_days,
        availability=planning.availability,
        zones=planning.zones,
        margin=planning.margin,
        **_around(latency.stages),
    )


def _around(stages: Mapping[str, float]) -> dict[str, float]:
    """Seconds of the budget that go to each stage around inference; one with another name counts as post-processing."""
    found = dict.fromkeys(("network_s", "features_s", "postprocess_s", "render_s"), 0.0)
    for name, milliseconds in stages.items():
        if name not in INFERENCE:
            found[STAGES.get(name, "postprocess_s")] += milliseconds / 1000
    return found


def _backend(entry: BackendSettings, base_dir: str, chosen: Batching | None) -> Backend:
    max_batch, max_delay_s = batching(entry, chosen)
    return Backend(
        name=entry.name,
        kind=entry.kind,
        base_url=(entry.base_url or "").rstrip("/"),
        api_key_env=entry.api_key_env,
        model_path=(PurePath(base_dir) / entry.model_path).as_posix() if entry.model_path else "",
        timeout_s=float(entry.timeout_s),
        max_batch=max_batch,
        max_delay_s=max_delay_s,
        threads=entry.threads,
        deadline_header=entry.deadline_header,
        stall_s=float(entry.stall_s),
    )


def _work(entry: DeploymentSettings, curve: WorkCurve | None) -> WorkCurve | None:
    if entry.work is None:
        return curve
    stated: dict[str, Any] = {"request_s": entry.work.request_ms / 1000, "row_s": entry.work.row_ms / 1000}
    if entry.work.prefill_tokens_per_s:
        stated["prefill_s_per_token"] = 1.0 / entry.work.prefill_tokens_per_s
    if entry.work.tpot:
        stated["tpot_s"] = tuple(sorted((float(point.batch), point.ms / 1000) for point in entry.work.tpot))
    return msgspec.structs.replace(curve or WorkCurve(), **stated)


def _tenants(
    settings: Settings, key_digests: Mapping[str, Sequence[str]], event_key_digests: Mapping[str, Sequence[str]]
) -> tuple[Tenant, ...]:
    for entry in settings.tenants:
        if not key_digests.get(entry.name):
            message = f"tenant `{entry.name}` has no key: the environment variable {entry.key_env} is not set"
            raise PolicyError(message, f"export {entry.key_env}=..., or remove the tenant")
        if entry.keys and not event_key_digests.get(entry.name):
            names = ", ".join(one.key_env for one in entry.keys)
            message = f"tenant `{entry.name}` has no key for events: {names} is not set"
            raise PolicyError(message, f"export {entry.keys[0].key_env}=..., or remove it under `keys`")
    return tuple(
        Tenant(
            name=entry.name,
            key_sha256=tuple(key_digests[entry.name]),
            quota=_quota(entry.quota),
            use_cases=entry.use_cases,
            event_key_sha256=tuple(event_key_digests.get(entry.name, ())),
        )
        for entry in settings.tenants
    )


def _quota(entry: QuotaSettings) -> Quota:
    return Quota(
        requests_per_s=float(entry.requests_per_s),
        tokens_per_min=float(entry.tokens_per_min),
        requests_per_day=entry.requests_per_day,
        burst_s=float(entry.burst_s),
        max_in_flight=entry.max_in_flight,
    )


def _budget(entry: BudgetSection) -> Budget:
    return Budget(
        name=entry.name,
        limit_pico_usd=pico_from_usd(entry.limit_usd),
        period=entry.period,
        tenant=entry.tenant,
        use_case=entry.use_case,
        hard=entry.hard,
        on_exhausted=entry.on_exhausted,
        alert_at=tuple(sorted({float(share) for share in entry.alert_at})),
    )


def _breaker(entry: BreakerSection) -> Breaker:
    return Breaker(
        failures=float(entry.failures),
        least=entry.least,
        window_s=float(entry.window_s),
        probe_s=float(entry.probe_s),
    )
