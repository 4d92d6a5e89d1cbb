"""The policy as lookups, built once per policy so that a request finds everything by key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeVar

from breakeven.errors import PolicyError
from breakeven.gateway.decision.strategy.table import STRATEGIES
from breakeven.schema.noun import Noun
from breakeven.schema.policy import Backend, BackendKind, Policy, PolicyDeployment, RouteTarget, UseCase

Protocol = Literal["chat", "infer"]
"""What the client speaks: OpenAI chat completions, or the Open Inference Protocol v2."""

SPEAKS: dict[BackendKind, Protocol] = {"openai": "chat", "oip": "infer", "onnx": "infer"}

Named = TypeVar("Named", UseCase, PolicyDeployment, Backend)


class Index(Noun, frozen=True, kw_only=True):
    """One policy, ready to decide with. A request keeps the index it began with."""

    policy: Policy
    use_cases: dict[str, UseCase]
    use_case_of_model: dict[str, str]
    deployments: dict[str, PolicyDeployment]
    backends: dict[str, Backend]
    tenant_of_key: dict[str, str]
    targets: dict[tuple[str, Protocol], tuple[RouteTarget, ...]]

    @property
    def keys_required(self) -> bool:
        """Whether any tenant has a key, so that requests without one are refused."""
        return bool(self.tenant_of_key)


def index(policy: Policy) -> Index:
    """Check the policy's references and build the lookups.

    Raises:
        PolicyError: a name is used twice, or refers to nothing.
    """
    use_cases = _by_name("use case", policy.use_cases)
    deployments = _by_name("deployment", policy.deployments)
    backends = _by_name("backend", policy.backends)
    for deployment in policy.deployments:
        _known(f"deployment {deployment.name!r}", "backend", deployment.backend, backends)
    for use_case in policy.use_cases:
        _check_route(use_case, deployments)
    if policy.default_use_case:
        _known("the policy's default_use_case", "use case", policy.default_use_case, use_cases)
    return Index(
        policy=policy,
        use_cases=use_cases,
        use_case_of_model={model: one.name for one in reversed(policy.use_cases) for model in one.models},
        deployments=deployments,
        backends=backends,
        tenant_of_key={digest.lower(): one.name for one in policy.tenants for digest in one.key_sha256},
        targets={
            (one.name, protocol): tuple(
                target for target in one.route.targets if SPEAKS[_kind(target, deployments, backends)] == protocol
            )
            for one in policy.use_cases
            for protocol in ("chat", "infer")
        },
    )


def _kind(target: RouteTarget, deployments: dict[str, PolicyDeployment], backends: dict[str, Backend]) -> BackendKind:
    return backends[deployments[target.deployment].backend].kind


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
