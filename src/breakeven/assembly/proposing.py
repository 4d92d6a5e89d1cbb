"""A plan as the two files that a gateway accepts: proposed anew, or as what it changes of a project's."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from breakeven.assembly import deciding, enact, files, holding, pools, scorers
from breakeven.assembly.project import Project
from breakeven.config import extend, policy_file, settings
from breakeven.config.policy_file import LatencySection, PolicyFile, RouteSection, TargetSection, UseCaseSection
from breakeven.config.render import to_yaml
from breakeven.config.settings import BackendSettings, DeploymentSettings, PlanningSettings, Settings
from breakeven.planner.compile import PLAN_ARM, SPILLING, routed
from breakeven.planner.portfolio.worth import cheaper_mix
from breakeven.schema.deployment import Deployment
from breakeven.schema.objective import Objective
from breakeven.schema.plan import Option, Plan
from breakeven.schema.policy import TIER_RULES

UPSTREAM, FIRST_PORT = "http://127.0.0.1:{port}/v1", 8000
"""Where engines answer unless they are told otherwise; whoever applies the files writes the real one."""
HOLDOUT = 0.1
"""What `breakeven apply` keeps on the old route unless told otherwise."""

_SETTINGS_HEAD = """\
# breakeven.yaml, proposed by {plan}: {chosen}.
# {guess}, then `breakeven check` and `breakeven serve`.
"""
_POLICY_HEAD = """\
# policy.yaml, proposed by {plan} with prices as of {as_of}.
# {reason}
"""


def proposed(plan: Plan, facts: Sequence[Path] = (), where: Path = Path()) -> dict[str, str]:
    """`breakeven.yaml` and `policy.yaml` that route the use case to the plan's choice, by name; both are valid.

    Where a mix of several options costs less than the choice alone, all of its parts are deployments, and each request
    goes to the cheapest that is predicted to keep its targets, so that what the base cannot carry goes to the burst.
    What overflows provisioned units goes on to its API. `facts` are the user's own, as seen from the folder `where`.

    Raises:
        ConfigError, PolicyError, FactError: they would not compile.
        PolicyError: devices answer every request, so that none reaches a gateway.
    """
    held = tuple(_held(plan))
    made, named = (
        _settings(plan, held, tuple(_seen(path.absolute(), where) for path in facts)),
        ", ".join(one.name for one in held),
    )
    first = _SETTINGS_HEAD.format(plan=plan.id, chosen=named, guess=scorers.GUESSES[made.backends[0].kind])
    first += _told(plan, held) + pools.told(held) + to_yaml(made)
    head = _POLICY_HEAD.format(plan=plan.id, as_of=plan.as_of, reason=plan.reason)
    found = {"breakeven.yaml": first, "policy.yaml": head + to_yaml(_policy(plan, held))}
    compiled(found, where)
    return found


def _held(plan: Plan) -> Iterator[DeploymentSettings]:
    """The deployments of the choice and of what answers the rest of it, or of the cheaper mix; as they fill."""
    mix = cheaper_mix(plan)
    parts = holding.held(plan, mix=mix, rest=not mix)
    shares = {rule.tier: rule.share for rule in TIER_RULES}
    full = holding.full_at(plan, workers=1, share=shares[plan.objective.tier]) if mix else {}
    for at, one in enumerate(parts):
        known = "" if scorers.classic(plan.workload) else one.option.deployment.model
        made = _deployment(one.option, f"upstream-{at}" if at else "upstream", one.replicas, known)
        yield made.model_copy(update={"max_in_flight": full[one.name]}) if one.name in full else made


def _told(plan: Plan, held: Sequence[DeploymentSettings]) -> str:
    """What servers of a classic model must be told."""
    if not scorers.classic(plan.workload):
        return ""
    return "".join(scorers.told(_wanted(plan, one)) for one in held)


def _wanted(plan: Plan, held: DeploymentSettings) -> Deployment:
    """The plan's deployment of a name, in the number that is held."""
    found = (one.deployment for one in plan.options if files.deployment_name(one.deployment.id) == held.name)
    return msgspec.structs.replace(next(found), replicas=held.replicas)


def of_project(loaded: Project, plan: Plan, where: Path, *, mix: bool = False) -> dict[str, str]:
    """The project's own files as `apply`, or `apply --mix`, would leave them, comments kept; nothing of it is written.

    They are valid in the folder `where`, from which they lead to the project's facts and models. A deployment that does
    not stand yet is put where engines answer by default.

    Raises:
        ConfigError, PolicyError, FactError: they would not compile.
    """
    changed = _changed(loaded, plan, mix=mix)
    enact.preview(loaded.path, changed)
    named = {"breakeven.yaml": loaded.path, "policy.yaml": loaded.policy_path}
    found = {name: changed.get(path) or path.read_text(encoding="utf-8") for name, path in named.items()}
    return found | {
        "breakeven.yaml": extend.moved(found["breakeven.yaml"], lambda name: _seen(loaded.base / name, where))
    }


def difference(loaded: Project, plan: Plan) -> str:
    """What `apply --mix` would change of the project's files, as a diff; without an end where nothing is."""
    found = deciding.differences(_changed(loaded, plan, mix=True))
    return f"{found}\n" if found else ""


def _changed(loaded: Project, plan: Plan, *, mix: bool) -> dict[Path, str]:
    standing = {entry.name for entry in loaded.settings.deployments}
    missing = [one.name for one in holding.held(plan, mix=mix) if one.name not in standing]
    urls = [f"{name}={UPSTREAM.format(port=FIRST_PORT + at)}" for at, name in enumerate(missing)]
    return enact.changes(loaded, plan, backend_urls=urls, model_name=None, holdout=HOLDOUT, mix=mix)


def _seen(path: Path, where: Path) -> str:
    """How a file is called from a folder."""
    return Path(os.path.relpath(path, where)).as_posix()


def compiled(texts: dict[str, str], where: Path = Path()) -> str:
    """The id of the policy that the two files compile to, in a folder."""
    beside = settings.load(texts["breakeven.yaml"], "breakeven.yaml")
    policies = policy_file.load(texts["policy.yaml"], "policy.yaml", beside=beside)
    return Project(where / "breakeven.yaml", beside, policies).policy().id


def _deployment(option: Option, backend: str, replicas: int, catalog_model: str) -> DeploymentSettings:
    wanted = option.deployment
    return DeploymentSettings(
        name=files.deployment_name(wanted.id),
        backend=backend,
        model=wanted.model,
        catalog_model=catalog_model,
        placement=wanted.placement,
        offer=wanted.offer,
        accelerator=wanted.accelerator,
        accelerators=wanted.accelerators,
        replicas=replicas,
        **pools.settings_of(wanted),
        engine=wanted.engine,
        precision=wanted.precision,
    )


def _settings(plan: Plan, held: Sequence[DeploymentSettings], facts: tuple[str, ...]) -> Settings:
    backends = tuple(_backend(plan, one, FIRST_PORT + at) for at, one in enumerate(held))
    models = tuple(dict.fromkeys(one.catalog_model for one in held if one.catalog_model))
    return Settings(
        backends=backends,
        deployments=tuple(held),
        facts=facts,
        planning=PlanningSettings(horizon_months=plan.objective.horizon_months, models=models),
    )


def _backend(plan: Plan, held: DeploymentSettings, port: int) -> BackendSettings:
    if scorers.classic(plan.workload):
        return scorers.backend(_wanted(plan, held), plan.workload, held.backend, port)
    return BackendSettings(name=held.backend, kind="openai", base_url=UPSTREAM.format(port=port))


def _policy(plan: Plan, held: Sequence[DeploymentSettings]) -> PolicyFile:
    beyond = held[1].name if _overflows(plan) else ""
    one = len(held) == 1 or bool(beyond)
    targets = tuple(TargetSection(deployment=entry.name, arm=PLAN_ARM) for entry in held if entry.name != beyond)
    case = UseCaseSection(
        name=plan.use_case,
        tier=plan.objective.tier,
        latency=_latency(plan.objective),
        route=RouteSection(targets=targets, strategy="weighted" if one else SPILLING),
        failure=(f"deployment:{beyond}", "error") if beyond else ("error",),
    )
    return PolicyFile(plan_id=plan.id, default_use_case=plan.use_case, use_cases=(case,))


def _overflows(plan: Plan) -> bool:
    """Whether what is held is provisioned units and what overflows them."""
    return not cheaper_mix(plan) and routed(plan).rest is not None


def _latency(asked: Objective) -> LatencySection:
    return LatencySection(
        budget_ms=_ms(asked.budget_s),
        ttft_ms=_ms(asked.ttft_s),
        tpot_ms=_ms(asked.tpot_s),
        attainment=asked.attainment,
        stages={name: seconds * 1000 for name, seconds in _stages(asked).items() if seconds},
    )


def _stages(asked: Objective) -> dict[str, float]:
    """What of the budget is not inference, by the names that a policy gives it."""
    return {
        "network_ms": asked.network_s,
        "retrieval_ms": asked.features_s,
        "postprocess_ms": asked.postprocess_s,
        "render_ms": asked.render_s,
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
