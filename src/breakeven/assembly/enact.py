"""Turning answers into files and a plan into a policy: what `init`, `doctor` and `apply` change or look at."""

from __future__ import annotations

import re
from collections.abc import Mapping as Table
from collections.abc import Sequence
from pathlib import Path

import msgspec

from breakeven.assembly import files, holding, pools
from breakeven.assembly.holding import Held
from breakeven.assembly.planning import scope_of
from breakeven.assembly.project import Project
from breakeven.assembly.routers import spelt
from breakeven.assembly.today import today
from breakeven.config import extend, initial, policy_file, render, settings
from breakeven.config.mapping import LogMapping
from breakeven.config.settings import BackendSettings, DeploymentSettings, TpotSettings, WorkSettings
from breakeven.errors import UsageError
from breakeven.ledger.source.mapping import Mapping
from breakeven.measure.doctor import Setup
from breakeven.planner.compile import PLAN_ARM, SPILLING, capacity_table, route_targets
from breakeven.planner.search.limits import known_quality
from breakeven.schema.plan import Option, Plan
from breakeven.schema.policy import TIER_RULES, Policy, RouteTarget

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


def changes(  # noqa: PLR0913 - what is enacted, where it answers, and how much of the traffic it gets
    loaded: Project,
    plan: Plan,
    *,
    backend_urls: Sequence[str],
    model_name: str | None,
    holdout: float,
    share: float | None = None,
    mix: bool = False,
    data_dir: Path | None = None,
) -> dict[Path, str]:
    """The files a plan changes, with their new text. `share` is the plan's part of the traffic at a rollout's stage.

    With `mix` all parts of the plan's mix are enacted, in place of its choice alone. `data_dir` holds the plans made
    before, where it is not the configuration's.

    Raises:
        PolicyError: a deployment does not exist and no URL for it is given; the use case is not in the policy.
        UsageError: the URLs do not fit what is missing; a stage of a mix has nothing to share the traffic with.
    """
    parts, changed = holding.held(plan, mix=mix), dict[Path, str]()
    before = files.kept_plan(data_dir or loaded.data_dir, loaded.policy_file.plan_id)
    settings_text = _with_parts(loaded, (plan, before), parts, backend_urls, model_name)
    if settings_text is not None:
        changed[loaded.path] = settings_text
    targets = [_named(target) for target in _targets(loaded, plan, holdout, share, mix=mix)]
    strategy = SPILLING if len(parts) > 1 else ""
    changed[loaded.policy_path] = render.set_route(
        text_of(loaded.policy_path), plan.use_case, targets, plan.id, strategy=strategy
    )
    return changed


def _targets(loaded: Project, plan: Plan, holdout: float, share: float | None, *, mix: bool) -> tuple[RouteTarget, ...]:
    section = loaded.policy_file.use_case(plan.use_case)
    current = () if section is None else section.route.targets
    ids = {one.name: one.option.deployment.id for one in holding.held(plan, mix=mix)}
    standing = [
        RouteTarget(deployment=ids.get(target.deployment, target.deployment), weight=float(target.weight))
        for target in current
    ]
    spills = section is not None and section.route.strategy == SPILLING
    if share is None:
        return route_targets(plan, standing, holdout, mix=mix, spills=spills)
    found = route_targets(plan, standing, 1.0 - share, most_held=1.0, mix=mix, spills=spills)
    if len(ids) > 1 and share < 1 and all(target.arm == PLAN_ARM for target in found):
        message = f"a stage leaves {1 - share:.0%} of the traffic where it was, and all of that is a part of the mix"
        raise UsageError(message, "apply it at once, without --stages")
    return found


def _with_parts(
    loaded: Project,
    plans: tuple[Plan, Plan | None],
    parts: Sequence[Held],
    backend_urls: Sequence[str],
    model_name: str | None,
) -> str | None:
    """The settings with every deployment that is missing, and those that stand sized; None where all is so.

    `plans` are the one that is enacted and the one that was before.
    """
    plan, before = plans
    standing = {entry.name for entry in loaded.settings.deployments}
    missing = [one for one in parts if one.name not in standing]
    found, text = holding.urls(missing, backend_urls if missing else (), str(loaded.path)), text_of(loaded.path)
    full = _full_at(loaded, plan) if len(parts) > 1 else {}
    for one in missing:
        added = _added(loaded, plan, one, model_name, full.get(one.name, 0))
        text = extend.add_deployment(
            text, BackendSettings(name=one.name, kind="openai", base_url=found[one.name]), added
        )
    sized = _sized(loaded, parts, full, {} if before is None else _full_at(loaded, before))
    if sized:
        text = extend.set_counts(text, sized)
    return text if missing or sized else None


def _sized(
    loaded: Project, parts: Sequence[Held], full: Table[str, int], set_before: Table[str, int]
) -> dict[str, dict[str, int]]:
    """Replicas of deployments that stand, where they differ, and when each part of a mix but the last is full.

    A bound that the operator set stays; one that the plan before set follows, and goes where the new plan sets none.
    """
    changed = dict[str, dict[str, int]]()
    for entry in loaded.settings.deployments:
        one = next((held for held in parts if held.name == entry.name), None)
        if one is None or one.option.placement == "api":
            continue
        counts = {} if entry.replicas == one.replicas else {"replicas": one.replicas}
        bound = full.get(one.name, 0)
        if entry.max_in_flight != bound and entry.max_in_flight in {0, set_before.get(one.name)}:
            counts["max_in_flight"] = bound
        if counts:
            changed[one.name] = counts
    return changed


def _full_at(loaded: Project, plan: Plan) -> dict[str, int]:
    shares = {rule.tier: rule.share for rule in (*TIER_RULES, *loaded.policy().tiers)}
    return holding.full_at(plan, workers=loaded.settings.gateway.workers, share=shares[plan.objective.tier])


def text_of(path: Path) -> str:
    """A file's text with the line ends it has, so that what is written back differs where it was changed only."""
    return path.read_bytes().decode("utf-8")


def _named(target: RouteTarget) -> RouteTarget:
    return msgspec.structs.replace(target, deployment=files.deployment_name(target.deployment))


def _added(loaded: Project, plan: Plan, held: Held, model_name: str | None, full_at: int) -> DeploymentSettings:
    """A deployment that does not stand yet, with a backend of its own name."""
    option, wanted = held.option, held.option.deployment
    return DeploymentSettings(
        name=held.name,
        backend=held.name,
        model=model_name or wanted.model,
        catalog_model=wanted.model,
        placement=wanted.placement,
        offer=wanted.offer,
        accelerator=wanted.accelerator,
        accelerators=wanted.accelerators,
        replicas=held.replicas,
        **pools.settings_of(wanted),
        engine=wanted.engine,
        precision=wanted.precision,
        work=_work(option, plan),
        region=_region(loaded, plan, option),
        quality=_quality(loaded, plan, option),
        max_in_flight=full_at,
    )


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
