"""Turning answers into files and a plan into a policy: what `init`, `doctor` and `apply` change or look at."""

from __future__ import annotations

import re
from collections.abc import Mapping as Table
from pathlib import Path

import msgspec

from breakeven.assembly import files
from breakeven.assembly.project import Project
from breakeven.assembly.today import today
from breakeven.config import extend, initial, policy_file, render, settings
from breakeven.config.mapping import LogMapping
from breakeven.config.settings import BackendSettings, DeploymentSettings
from breakeven.errors import PolicyError, UsageError
from breakeven.ledger.source.mapping import Mapping
from breakeven.measure.doctor import Setup
from breakeven.planner.compile import route_targets
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
    loaded: Project, plan: Plan, *, backend_url: str | None, model_name: str | None, holdout: float
) -> dict[Path, str]:
    """The files a plan changes, with their new text.

    Raises:
        PolicyError: the chosen deployment does not exist and no URL for it is given; the use case is not in the policy.
    """
    option = next(option for option in plan.options if option.name == plan.chosen)
    changed: dict[Path, str] = {}
    name = files.deployment_name(option.deployment.id)
    if loaded.settings.deployment(name) is None:
        changed[loaded.path] = _with_deployment(loaded, option, name, backend_url, model_name)
    section = loaded.policy_file.use_case(plan.use_case)
    current = () if section is None else section.route.targets
    standing = [RouteTarget(deployment=target.deployment, weight=float(target.weight)) for target in current]
    targets = [_named(target) for target in route_targets(plan, standing, holdout)]
    text = loaded.policy_path.read_text(encoding="utf-8")
    changed[loaded.policy_path] = render.set_route(text, plan.use_case, targets, plan.id)
    return changed


def _named(target: RouteTarget) -> RouteTarget:
    return msgspec.structs.replace(target, deployment=files.deployment_name(target.deployment))


def _with_deployment(
    loaded: Project, option: Option, name: str, backend_url: str | None, model_name: str | None
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
        engine=wanted.engine,
        precision=wanted.precision,
    )
    return extend.add_deployment(loaded.path.read_text(encoding="utf-8"), backend, deployment)


def preview(loaded: Project, changed: Table[Path, str]) -> Policy:
    """The policy the changed files compile to; nothing is written.

    Raises:
        ConfigError, PolicyError, FactError: it would not compile.
    """
    texts = {path: changed.get(path) or path.read_text(encoding="utf-8") for path in (loaded.path, loaded.policy_path)}
    found = settings.load(texts[loaded.path], str(loaded.path))
    policies = policy_file.load(texts[loaded.policy_path], str(loaded.policy_path), beside=found)
    return Project(loaded.path, found, policies).policy()


def write(changed: Table[Path, str]) -> None:
    """Write the files, each atomically, settings before the policy that refers to them."""
    for path in sorted(changed, key=lambda path: path.name):
        files.write_atomically(path, changed[path].encode())
