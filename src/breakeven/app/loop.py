"""Every use case of the loop, in about ten lines each: measure (report), decide (plan), enforce (apply), verify.

The only module that knows all stages; it reads like the picture in docs/architecture.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import msgspec

from breakeven.app import decisions
from breakeven.app.ledger import moment
from breakeven.assembly import batching, checking, enact, files, planning, project, resolve
from breakeven.assembly.console import LedgerSource
from breakeven.assembly.stating import statement
from breakeven.catalog.load import load as load_catalog
from breakeven.config import initial, mapping
from breakeven.emulator import server as emulator
from breakeven.errors import ConfigError, EvidenceError, GateError
from breakeven.ledger import importer
from breakeven.ledger.engine.port import Opener
from breakeven.ledger.engine.table import open_spark
from breakeven.ledger.statement import build
from breakeven.measure import doctor as checks
from breakeven.quantity import format_usd
from breakeven.report import finding as finding_report
from breakeven.report import memo as memo_report
from breakeven.report import statement as statement_report
from breakeven.report.document import Document
from breakeven.report.plain import findings_json, plan_json, statement_json
from breakeven.schema.deployment import Deployment
from breakeven.schema.finding import Finding
from breakeven.schema.plan import Plan
from breakeven.schema.policy import Policy
from breakeven.schema.statement import Statement
from breakeven.schema.workload import Workload

__all__ = ["findings_json", "plan_json", "statement_json"]


def data_dir(*, config: Path, override: str | None) -> Path:
    """Where the ledger lies: stated, or the configuration's, or `./.breakeven`."""
    if override:
        return Path(override)
    return project.load(config).data_dir if config.exists() else Path(".breakeven")


def init(answers: Mapping[str, object], folder: Path, *, force: bool = False) -> list[Path]:
    """Write both commented files from the five answers."""
    texts = dict(zip(("breakeven.yaml", "policy.yaml"), initial.write(enact.answers(answers)), strict=True))
    standing = [folder / name for name in texts if (folder / name).exists()]
    if standing and not force:
        message = f"{standing[0]} exists"
        raise ConfigError(message, "choose another --out, or overwrite it with --force")
    for name, content in texts.items():
        files.write_atomically(folder / name, content.encode())
    return [folder / name for name in texts]


def doctor(config: Path) -> tuple[checks.Check, ...]:
    """Ports, clock, disk, keys and backends of a configuration."""
    return checks.examine(enact.subjects(project.load(config)))


def compile_policy(config: Path) -> Policy:
    """Both files checked and compiled; nothing is written."""
    return project.load(config).policy()


def examine(config: Path) -> tuple[Policy, tuple[str, ...]]:
    """The compiled policy, and a line about the batches of each model in this process."""
    found = project.load(config)
    policy = found.policy()
    kept = [backend for backend in policy.backends if backend.kind == "onnx"]
    return policy, tuple(batching.line(backend, found.batches.get(backend.name)) for backend in kept)


def engine(name: str, *, spark_master: str, spark_data: str) -> str | Opener:
    """The engine of that name, Spark's by its master and with the URL at which its workers find the data directory."""
    return partial(open_spark, master=spark_master, data_url=spark_data) if name == "spark" else name


def report(
    folder: Path,
    *,
    use_case: str | None = None,
    policy_id: str | None = None,
    engine: str | Opener = "duckdb",
    since: str | None = None,
    until: str | None = None,
) -> Statement:
    """What the predictions of a data directory cost, and what they were good for; of a period, or all of them."""
    period = {"start_s": moment(since), "end_s": moment(until)}
    return statement(folder, use_case=use_case, policy_id=policy_id, engine=engine, **period)


def report_file(path: Path, *, mapping_file: Path | None = None, engine: str | Opener = "duckdb") -> Statement:
    """The same statement of a log that exists already, with no gateway at all."""
    named = None if mapping_file is None else enact.log_mapping(mapping.read(mapping_file))
    imported = importer.read(path, named, engine=engine)
    return build(imported.engine, imported.use_cases)


def gate(found: Statement, *, fail_over_usd: float | None, fail_if_unmeasured: bool) -> None:
    """Raise a GateError when the statement's cost per useful prediction is over the limit, or unknown."""
    cost = found.cost_per_useful_prediction_usd.value
    if cost is None and (fail_if_unmeasured or fail_over_usd is not None):
        message = "cost per useful prediction was not measured"
        raise GateError(message, "send outcomes to /events and price every deployment")
    if cost is not None and fail_over_usd is not None and cost > fail_over_usd:
        message = f"cost per useful prediction is {format_usd(cost)}, over the limit of {format_usd(fail_over_usd)}"
        raise GateError(message, "see the waterfall for where the money goes")


def fit_workload(folder: Path, use_case: str | None = None, *, trace: Path | None = None) -> Workload:
    """The shape of the demand a data directory (or a trace file) holds."""
    return planning.workload(folder, use_case, trace)[0]


def apply(
    config: Path,
    plan_id: str | None = None,
    *,
    data_dir_override: str | None = None,
    backend_url: str | None = None,
    model_name: str | None = None,
    holdout: float = 0.1,
    dry_run: bool = False,
) -> tuple[Policy, dict[Path, str]]:
    """Route the use case to the plan's choice, keeping a holdout on the old route."""
    found = decisions.apply(
        config,
        plan_id,
        data_dir=data_dir_override,
        backend_url=backend_url,
        model_name=model_name,
        holdout=holdout,
        dry_run=dry_run,
    )
    return found.policy, {Path(path): text for path, text in found.changed.items()}


def verify(folder: Path, plan_id: str | None = None) -> tuple[Plan, tuple[Finding, ...]]:
    """What the plan promised against what was measured under it.

    Raises:
        EvidenceError: it was never applied, so that nothing was measured under it.
    """
    found = files.find_plan(folder, plan_id)
    findings = checking.findings(folder, found)
    if found.promises and not findings:
        message = f"{found.id} promised {len(found.promises)} things and was never applied"
        raise EvidenceError(message, "install it with `breakeven apply`, and let it serve")
    return found, findings


def deployment_from(model: str, accelerator: str, settings: Mapping[str, object]) -> Deployment:
    """A deployment named on the command line; `settings` are further fields of it by name."""
    stated = {"id": "", "model": model, "placement": "unknown", "accelerator": accelerator, **settings}
    found = msgspec.convert(stated, Deployment)
    said = f"{model} on {found.replicas} x {found.accelerators} x {accelerator} ({found.precision})"
    return msgspec.structs.replace(found, id=said)


def deployment_of(config: Path, name: str) -> Deployment:
    """A deployment of the configuration."""
    return resolve.deployment_of(project.load(config).deployment(name))


def emulate(
    wanted: Deployment,
    *,
    host: str,
    port: int,
    seed: int,
    parent_fd: int | None = None,
    on_bound: Callable[[int], None] | None = None,
) -> None:
    """Answer with the predicted timing of a deployment until stopped; `on_bound` is told the port."""
    if wanted.instances > 1:
        message = f"deployment {wanted.id} has {wanted.instances} instances with prefill and decode apart"
        raise ConfigError(message, "the emulator serves both on one: simulate it with `breakeven simulate --split`")
    curve = resolve.curve_of(wanted, load_catalog())
    if curve is None:
        message = f"deployment {wanted.id} names no accelerator, so its timing is not known"
        raise ConfigError(message, "give it `accelerator:` and `catalog_model:`")
    emulated = emulator.Settings(
        curve=curve,
        model=wanted.model,
        label=wanted.id,
        replicas=wanted.replicas,
        max_batch_tokens=wanted.max_batch_tokens,
        seed=seed,
    )
    emulator.serve(emulated, host, port, parent_fd, on_bound)


def console_source(folder: Path) -> LedgerSource:
    """What the console's pages show."""
    return LedgerSource(folder)


def memo(found: Plan, findings: tuple[Finding, ...] = ()) -> Document:
    """The decision memo of a plan."""
    return memo_report.memo(found, findings)


def statement_document(found: Statement) -> Document:
    """A statement for people."""
    return statement_report.statement_document(found)


def findings_document(findings: tuple[Finding, ...]) -> Document:
    """Predicted against actual, for people."""
    return finding_report.finding_document(findings)
