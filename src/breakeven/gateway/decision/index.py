"""The policy as lookups, built once per policy so that a request finds everything by key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeVar, get_args

from breakeven.errors import PolicyError
from breakeven.gateway.decision.allowance import allowances
from breakeven.gateway.decision.learning import Judge, judge_of
from breakeven.gateway.decision.strategy.option import Option
from breakeven.gateway.decision.strategy.table import STRATEGIES
from breakeven.schema.noun import Noun, Tier
from breakeven.schema.policy import (
    FALLBACKS,
    TIER_RULES,
    TO,
    Backend,
    BackendKind,
    Policy,
    PolicyDeployment,
    Quota,
    RouteTarget,
    Tenant,
    TierRule,
    UseCase,
)

Protocol = Literal["chat", "completion", "embedding", "infer", "decide"]
"""What the client speaks: three of OpenAI's APIs, the Open Inference Protocol v2, or decisions among candidates."""

PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
_OPENAI: tuple[Protocol, ...] = ("chat", "completion", "embedding")
_TENSORS: tuple[Protocol, ...] = ("infer", "decide")
SPEAKS: dict[BackendKind, tuple[Protocol, ...]] = {"openai": _OPENAI, "oip": _TENSORS, "onnx": _TENSORS}

_NO_QUOTA = Quota()
Named = TypeVar("Named", UseCase, PolicyDeployment, Backend, Tenant)


class Index(Noun, frozen=True, kw_only=True):
    """One policy, ready to decide with. A request keeps the index it began with.

    `targets` are those of a use case's route that speak a protocol, are good enough and lie where data may go.
    `options` are a use case's targets as strategies see them, as far as a request changes nothing about them.
    `judges` are the learned routers by use case. `keys_required`: some tenant has a key, so that requests without one
    are refused.
    """

    policy: Policy
    use_cases: dict[str, UseCase]
    use_case_of_model: dict[str, str]
    deployments: dict[str, PolicyDeployment]
    backends: dict[str, Backend]
    tenant_of_key: dict[str, str]
    tenant_of_event_key: dict[str, str]
    targets: dict[tuple[str, Protocol], tuple[RouteTarget, ...]]
    speaks: dict[str, tuple[Protocol, ...]]
    tenants: dict[str, Tenant]
    tiers: dict[Tier, TierRule]
    stall_s: dict[str, float]
    options: dict[str, dict[tuple[str, str], Option]]
    judges: dict[str, Judge]
    keys_required: bool

    def quota(self, tenant: str) -> Quota:
        """What a tenant may ask for."""
        found = self.tenants.get(tenant)
        return found.quota if found is not None else _NO_QUOTA

    def may(self, tenant: str, use_case: str) -> bool:
        """Whether the tenant may ask for the use case."""
        found = self.tenants.get(tenant)
        return found is None or not found.use_cases or use_case in found.use_cases


def index(policy: Policy) -> Index:
    """Check the policy's references and build the lookups.

    Raises:
        PolicyError: a name is used twice, or refers to nothing; a limit is more than can be counted.
    """
    use_cases = _by_name("use case", policy.use_cases)
    deployments = _by_name("deployment", policy.deployments)
    backends = _by_name("backend", policy.backends)
    for deployment in policy.deployments:
        _known(f"deployment {deployment.name!r}", "backend", deployment.backend, backends)
    allowances(policy)
    for use_case in policy.use_cases:
        _check_route(use_case, deployments)
        _check_chain(use_case, deployments)
    if policy.default_use_case:
        _known("the policy's default_use_case", "use case", policy.default_use_case, use_cases)
    speaks = {one.name: SPEAKS[backends[one.backend].kind] for one in policy.deployments}
    return Index(
        policy=policy,
        use_cases=use_cases,
        use_case_of_model={model: one.name for one in reversed(policy.use_cases) for model in one.models},
        deployments=deployments,
        backends=backends,
        tenant_of_key={digest.lower(): one.name for one in policy.tenants for digest in one.key_sha256},
        tenant_of_event_key={digest.lower(): one.name for one in policy.tenants for digest in one.event_key_sha256},
        targets={
            (one.name, protocol): tuple(
                target
                for target in one.route.targets
                if protocol in speaks[target.deployment] and suits(one, deployments[target.deployment])
            )
            for one in policy.use_cases
            for protocol in PROTOCOLS
        },
        speaks=speaks,
        tenants=_by_name("tenant", policy.tenants),
        tiers={rule.tier: rule for rule in (*TIER_RULES, *policy.tiers)},
        stall_s={one.name: backends[one.backend].stall_s for one in policy.deployments},
        options={
            one.name: {
                (target.deployment, target.arm): Option(
                    deployment=target.deployment, arm=target.arm, weight=target.weight
                )
                for target in one.route.targets
            }
            for one in policy.use_cases
        },
        judges={one.name: judge for one in policy.use_cases if (judge := judge_of(one)) is not None},
        keys_required=any(one.key_sha256 or one.event_key_sha256 for one in policy.tenants),
    )


def suits(use_case: UseCase, deployment: PolicyDeployment) -> bool:
    """Whether the deployment is good enough for the use case, and lies where its data may go."""
    if use_case.quality_floor is not None and (deployment.quality or 0.0) < use_case.quality_floor:
        return False
    return not use_case.data_locality or deployment.region in use_case.data_locality


def _by_name(what: str, values: Iterable[Named]) -> dict[str, Named]:
    found: dict[str, Named] = {}
    for value in values:
        if value.name in found:
            message = f"the policy has two {what}s named {value.name!r}"
            raise PolicyError(message, "rename one of them")
        found[value.name] = value
    return found


def _known(user: str, what: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        message = f"{user} refers to the {what} {name!r}, which is not among {sorted(known)}"
        raise PolicyError(message, f"add the {what} or correct its name")


def _check_route(use_case: UseCase, deployments: dict[str, PolicyDeployment]) -> None:
    user = f"the route of use case {use_case.name!r}"
    _known(user, "strategy", use_case.route.strategy, STRATEGIES)
    for target in use_case.route.targets:
        _known(user, "deployment", target.deployment, deployments)
        if not 0 <= target.weight < float("inf"):
            message = f"{user} gives {target.deployment!r} the weight {target.weight}"
            raise PolicyError(message, "give it a finite weight of 0 or more")


def _check_chain(use_case: UseCase, deployments: dict[str, PolicyDeployment]) -> None:
    user = f"the failure chain of use case {use_case.name!r}"
    for step in use_case.failure:
        if step.startswith(TO):
            _known(user, "deployment", step.removeprefix(TO), deployments)
        else:
            _known(user, "step", step, FALLBACKS)
