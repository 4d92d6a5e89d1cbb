"""Turning answers into files and a plan into a policy: what `init`, `doctor` and `apply` change or look at."""

from __future__ import annotations

import re
from collections.abc import Mapping as Table
from pathlib import Path

import msgspec

from breakeven.assembly import files, pools
from breakeven.assembly.planning import scope_of
from breakeven.assembly.project import Project
from breakeven.assembly.routers import spelt
from breakeven.assembly.today import today
from breakeven.config import extend, initial, policy_file, render, settings
from breakeven.config.mapping import LogMapping
from breakeven.config.settings import BackendSettings, DeploymentSettings, TpotSettings, WorkSettings
from breakeven.errors import PolicyError, UsageError
from breakeven.ledger.source.mapping import Mapping
from breakeven.measure.doctor import Setup
from breakeven.planner.compile import capacity_table, route_targets, routed
from breakeven.planner.search.limits import known_quality
from breakeven.schema.plan import Option, Plan
from breakeven.schema.policy import Policy, RouteTarget

_PER_HOUR = re.compile(r"^\s*\$?([0-9.eE+-]+)\s*/\s*h(our)?\s*$")
_PER_MTOK = re.compile(r"^\s*\$?([0-9.eE+-]+)\s*/\s*\$?([0-9.eE+-]+)\s*$")


def answers(given: Table[str, object]) -> initial.Answers:
    """The five answers of `init`; a price typed there is a fact stated today by whoever typed it."""
    cost = str(given["cost"]).strip()
    stated = {"price_source": "stated at breakeven init", "price_date": today()}
    price = {} if cost in {"", "unknown"} else _price(cost, stated)
    return msgspec.convert({**given, **price}, initial.Answers)


def _price(cost: str, stated: dict[str, str]) -> dict[str, object]:
    hourly, tokens = _PER_HOUR.match(cost), _PER_MTOK.match(cost)
    try:
        if hourly:
            return {"usd_per_hour": float(hourly[1]), **stated}
        if tokens:
            return {"input_usd_per_mtok": float(tokens[1]), "output_usd_per_mtok": float(tokens[2]), **stated}
    except ValueError as error:
        message = f"{cost!r} is no price"
        raise UsageError(message, "write it as 2.5/h or 0.15/0.60, or name an offer of the catalog") from error
    return {"offer": cost}


def subjects(loaded: Project) -> Setup:
    """What `doctor` looks at."""
    gateway = loaded.settings.gateway
    ports = (gateway.port, *((gateway.console,) if gateway.console else ()))
    backends = loaded.policy().backends
    return Setup(data_dir=loaded.data_dir, ports=ports, host=gateway.host, backends=backends)


def log_mapping(found: LogMapping) -> Mapping:
    """The mapping file in the ledger's words."""
    return msgspec.convert(found.plain(), Mapping)


def changes(
    loaded: Project,
    plan: Plan,
    *,
    backend_url: str | None,
    model_name: str | None,
    holdout: float,
    share: float | None = None,
) -> dict[Path, str]:
    """The files a plan changes, with their new text. `share` is the plan's part of the traffic at a rollout's stage.

    Raises:
        PolicyError: the chosen deployment does not exist and no URL for it is given; the use case is not in the policy.
    """
    option = routed(plan)
    changed: dict[Path, str] = {}
    name = files.deployment_name(option.deployment.id)
    if loaded.settings.deployment(name) is None:
        changed[loaded.path] = _with_deployment(loaded, plan, option, name, backend_url, model_name)
    targets = [_named(target) for target in _targets(loaded, plan, holdout, share)]
    changed[loaded.policy_path] = render.set_route(text_of(loaded.policy_path), plan.use_case, targets, plan.id)
    return changed


def _targets(loaded: Project, plan: Plan, holdout: float, share: float | None) -> tuple[RouteTarget, ...]:
    section = loaded.policy_file.use_case(plan.use_case)
    current = () if section is None else section.route.targets
    standing = [RouteTarget(deployment=target.deployment, weight=float(target.weight)) for target in current]
    if share is None:
        return route_targets(plan, standing, holdout)
    return route_targets(plan, standing, 1.0 - share, most_held=1.0)


def text_of(path: Path) -> str:
    """A file's text with the line ends it has, so that what is written back differs where it was changed only."""
    return path.read_bytes().decode("utf-8")


def _named(target: RouteTarget) -> RouteTarget:
    return msgspec.structs.replace(target, deployment=files.deployment_name(target.deployment))


def _with_deployment(
    loaded: Project, plan: Plan, option: Option, name: str, backend_url: str | None, model_name: str | None
) -> str:
    if backend_url is None:
        message = f"the plan chose {option.name}, and {loaded.path} has no deployment {name}"
        raise PolicyError(message, "set it up, then apply with --backend-url URL, or add it to the file")
    wanted = option.deployment
    backend = BackendSettings(name=name, kind="openai", base_url=backend_url)
    deployment = DeploymentSettings(
        name=name,
        backend=name,
        model=model_name or wanted.model,
        catalog_model=wanted.model,
        placement=wanted.placement,
        offer=wanted.offer,
        accelerator=wanted.accelerator,
        accelerators=wanted.accelerators,
        replicas=wanted.replicas,
        **pools.settings_of(wanted),
        engine=wanted.engine,
        precision=wanted.precision,
        work=_work(option, plan),
        region=_region(loaded, plan, option),
        quality=_quality(loaded, plan, option),
    )
    return extend.add_deployment(text_of(loaded.path), backend, deployment)


def _region(loaded: Project, plan: Plan, option: Option) -> str:
    """Where the offer says it is. Where owned machines stand is for their owner to say, who is asked."""
    offer = option.deployment.offer
    return loaded.catalog.offer(offer, plan.as_of).region if offer else ""


def _quality(loaded: Project, plan: Plan, option: Option) -> float | None:
    """The score by which the plan admitted the model in that precision."""
    wanted, scope = option.deployment, scope_of(loaded, (), plan.as_of)
    if wanted.model not in loaded.catalog.model_heads or wanted.placement in {"api", "provisioned"}:
        return scope.qualities.get(wanted.model)
    return known_quality(loaded.catalog.model(wanted.model), wanted.precision, scope)


def _work(option: Option, plan: Plan) -> WorkSettings | None:
    """The capacity table that the plan weighed the deployment by, as the gateway's admission reads it."""
    found = capacity_table(option, plan.workload)
    if found is None:
        return None
    points = tuple(TpotSettings(batch=int(batch), ms=_written(seconds * 1000)) for batch, seconds in found.tpot_s)
    return WorkSettings(prefill_tokens_per_s=_written(1.0 / found.prefill_s_per_token), tpot=points)


def _written(value: float) -> float:
    """Six digits, which people can read and no measurement exceeds."""
    return float(f"{value:.6g}")


def preview(config: Path, changed: Table[Path, str]) -> Policy:
    """The policy that a configuration compiles to with the changed files; nothing is written.

    Raises:
        ConfigError, PolicyError, FactError: it would not compile.
    """
    texts = {spelt(path): text for path, text in changed.items()}
    found = settings.load(texts.get(spelt(config)) or text_of(config), str(config))
    path = config.parent / found.policy
    policies = policy_file.load(texts.get(spelt(path)) or text_of(path), str(path), beside=found)
    return Project(config, found, policies, texts=texts).policy()


def write(changed: Table[Path, str]) -> None:
    """Write the files, each atomically, settings before the policy that refers to them."""
    for path in sorted(changed, key=lambda path: path.name):
        files.write_atomically(path, changed[path].encode())
