"""A plan as the two files that a gateway accepts: proposed anew, or as what it changes of a project's."""

from __future__ import annotations

from pathlib import Path

from breakeven.assembly import enact, files
from breakeven.assembly.project import Project
from breakeven.config import policy_file, settings
from breakeven.config.policy_file import LatencySection, PolicyFile, RouteSection, TargetSection, UseCaseSection
from breakeven.config.render import to_yaml
from breakeven.config.settings import BackendSettings, DeploymentSettings, PlanningSettings, Settings
from breakeven.planner.compile import PLAN_ARM
from breakeven.schema.objective import Objective
from breakeven.schema.plan import Option, Plan
from breakeven.schema.policy import BackendKind
from breakeven.schema.workload import Workload

UPSTREAM = "http://127.0.0.1:8000/v1"
"""Where engines answer unless they are told otherwise; whoever applies the files writes the real one."""

SERVER = "http://127.0.0.1:8000"
"""Where Triton and its like answer."""
MOST_THREADS = 64

HOLDOUT = 0.1
"""What `breakeven apply` keeps on the old route unless told otherwise."""

_SETTINGS_HEAD = """\
# breakeven.yaml, proposed by {plan}: {chosen}.
# {guess}, then `breakeven check` and `breakeven serve`.
"""
_GUESSES: dict[BackendKind, str] = {
    "openai": "`base_url` is a guess: write where the deployment answers",
    "oip": "`base_url` is a guess: write where the deployment answers",
    "onnx": "`model_path` is a guess: put the model there, or write where it is",
}
_BATCHES = (
    "# Its server is to form batches of at most {most} requests, which wait at most {delay_ms:g} ms for each other.\n"
)
_POLICY_HEAD = """\
# policy.yaml, proposed by {plan} with prices as of {as_of}.
# {reason}
"""


def proposed(plan: Plan) -> dict[str, str]:
    """`breakeven.yaml` and `policy.yaml` that route the plan's use case to its choice, by name; both are valid.

    Raises:
        ConfigError, PolicyError, FactError: they would not compile.
    """
    option = next(one for one in plan.options if one.name == plan.chosen)
    name = files.deployment_name(option.deployment.id)
    made = _settings(plan, option, name)
    head = _SETTINGS_HEAD.format(plan=plan.id, chosen=option.name, guess=_GUESSES[made.backends[0].kind])
    first = head + _batches(plan, option) + to_yaml(made)
    head = _POLICY_HEAD.format(plan=plan.id, as_of=plan.as_of, reason=plan.reason)
    found = {"breakeven.yaml": first, "policy.yaml": head + to_yaml(_policy(plan, name))}
    compiled(found)
    return found


def of_project(loaded: Project, plan: Plan) -> dict[str, str]:
    """The project's own files as `apply` would leave them, comments kept; nothing of the project is written.

    A deployment that does not stand yet is put where engines answer by default.

    Raises:
        ConfigError, PolicyError, FactError: they would not compile.
    """
    changed = enact.changes(loaded, plan, backend_url=UPSTREAM, model_name=None, holdout=HOLDOUT)
    enact.preview(loaded.path, changed)
    named = {"breakeven.yaml": loaded.path, "policy.yaml": loaded.policy_path}
    return {name: changed.get(path) or path.read_text(encoding="utf-8") for name, path in named.items()}


def compiled(texts: dict[str, str]) -> str:
    """The id of the policy that the two files compile to."""
    beside = settings.load(texts["breakeven.yaml"], "breakeven.yaml")
    policies = policy_file.load(texts["policy.yaml"], "policy.yaml", beside=beside)
    return Project(Path("breakeven.yaml"), beside, policies).policy().id


def _settings(plan: Plan, option: Option, name: str) -> Settings:
    wanted, classic = option.deployment, not plan.workload.input_tokens_mean
    deployment = DeploymentSettings(
        name=name,
        backend="upstream",
        model=wanted.model,
        catalog_model="" if classic else wanted.model,
        placement=wanted.placement,
        offer=wanted.offer,
        accelerator=wanted.accelerator,
        accelerators=wanted.accelerators,
        replicas=wanted.replicas,
        engine=wanted.engine,
        precision=wanted.precision,
    )
    return Settings(
        backends=(_scorer(option, plan.workload) if classic else _openai(),),
        deployments=(deployment,),
        planning=PlanningSettings(
            horizon_months=plan.objective.horizon_months, models=() if classic else (wanted.model,)
        ),
    )


def _batches(plan: Plan, option: Option) -> str:
    """What a server of a classic model must be told; the gateway's own process is told by the settings."""
    wanted = option.deployment
    if plan.workload.input_tokens_mean or _in_process(option):
        return ""
    return _BATCHES.format(most=wanted.max_batch, delay_ms=wanted.max_delay_s * 1000)


def _in_process(option: Option) -> bool:
    return option.placement == "cpu" and option.deployment.replicas <= MOST_THREADS


def _openai() -> BackendSettings:
    return BackendSettings(name="upstream", kind="openai", base_url=UPSTREAM)


def _scorer(option: Option, load: Workload) -> BackendSettings:
    """A model in the gateway's own process where its threads suffice, else a server of the inference protocol."""
    wanted = option.deployment
    if not _in_process(option):
        return BackendSettings(name="upstream", kind="oip", base_url=SERVER)
    return BackendSettings(
        name="upstream",
        kind="onnx",
        model_path=f"{wanted.model}.onnx",
        threads=wanted.replicas,
        max_batch=max(1, round(wanted.max_batch * load.rows_scored_mean)),
        max_delay_ms=wanted.max_delay_s * 1000,
    )


def _policy(plan: Plan, name: str) -> PolicyFile:
    case = UseCaseSection(
        name=plan.use_case,
        tier=plan.objective.tier,
        latency=_latency(plan.objective),
        route=RouteSection(targets=(TargetSection(deployment=name, weight=1.0, arm=PLAN_ARM),)),
    )
    return PolicyFile(plan_id=plan.id, default_use_case=plan.use_case, use_cases=(case,))


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
