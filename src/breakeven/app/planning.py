"""From demand to a decision that can be handed on: the plan, its memo, and a policy that the gateway accepts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import msgspec

from breakeven.app import decisions, render
from breakeven.assembly import deciding, files, planning, planning_classic, planning_files, project, proposing
from breakeven.assembly.asking import Given
from breakeven.errors import PolicyError
from breakeven.planner.portfolio.worth import cheaper_mix
from breakeven.planner.search.find import Progress
from breakeven.report import memo as memo_report
from breakeven.report.contract import plan_contract
from breakeven.report.gist import gist
from breakeven.report.mix import Enacts
from breakeven.report.plain import JsonObject
from breakeven.schema.noun import Noun
from breakeven.schema.plan import Plan

__all__ = ["Given"]


def _quiet(what: str, done: int, of: int) -> None:
    """Says nothing."""


class Written(Noun, frozen=True, kw_only=True):
    """A plan and where what it says was written: the memo as Markdown and HTML, the policy beside its settings.

    `policy` is None where the choice may not be routed to as it is, and `refused` says why. `mix` is the policy of the
    mix beside it and what it changes of the project's files, where the mix is cheaper.
    """

    plan: Plan
    memo: tuple[Path, Path]
    policy: Path | None
    refused: str = ""
    mix: tuple[Path, ...] = ()
    enacts: Enacts = ""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Everything that was written and is worth naming."""
        return (*self.memo, *(() if self.policy is None else (self.policy,)), *self.mix)


def given(options: Mapping[str, object]) -> Given:
    """What the command line's options say; those left out say nothing."""
    stated = {name: value for name, value in options.items() if value is not None}
    paths = {name: Path(str(stated[name])) for name in ("trace", "workload") if name in stated}
    facts = tuple(Path(str(one)) for one in cast("tuple[str, ...]", stated.get("facts", ())))
    return msgspec.convert(stated | paths | {"facts": facts}, Given)


def from_project(
    config: Path,
    given: Given,
    *,
    data_dir_override: str | None = None,
    out: str | None = None,
    progress: Progress = _quiet,
    about: decisions.About | None = None,
) -> Written:
    """Weigh every way to serve what the ledger (or a trace) holds; keep the plan, log it, write it down."""
    loaded = project.load(config)
    folder = Path(data_dir_override) if data_dir_override else loaded.data_dir
    found = planning.plan(loaded, folder, given, progress)
    files.save_plan(found, folder)
    deciding.logged_plan(loaded, folder, found, about or decisions.on(), trace=given.trace)
    where = Path(out) if out else folder / "plans" / found.id
    try:
        written = _written(found, where, proposing.of_project(loaded, found, where), "choice")
    except PolicyError as error:
        return msgspec.structs.replace(_written(found, where, {}, ""), refused=error.message)
    return msgspec.structs.replace(written, mix=_mix(loaded, found, where / "mix"))


def _mix(loaded: project.Project, plan: Plan, where: Path) -> tuple[Path, ...]:
    """The mix's files and what they change of the project's, where it is cheaper than the choice and can be enacted."""
    if not cheaper_mix(plan):
        return ()
    try:
        texts = proposing.of_project(loaded, plan, where, mix=True)
    except PolicyError:
        return ()
    texts["mix.diff"] = proposing.difference(loaded, plan)
    for name, text in texts.items():
        files.write_atomically(where / name, text.encode())
    return where / "policy.yaml", where / "mix.diff"


def from_files(
    given: Given, *, data_dir: str | None = None, out: str | None = None, progress: Progress = _quiet
) -> Written:
    """Weigh every way to serve a trace or a workload, without a configuration; keep the plan and write it down."""
    keep = Path(out or data_dir or ".breakeven")
    found = (planning_classic if given.curves else planning_files).plan(given, keep, progress)
    where = keep if out else keep / "plans" / found.id
    files.write_atomically(where / "plan.json", msgspec.json.format(msgspec.json.encode(found), indent=1))
    enacts: Enacts = "mix" if cheaper_mix(found) else "choice"
    try:
        return _written(found, where, proposing.proposed(found, given.facts, where), enacts)
    except PolicyError as error:
        return msgspec.structs.replace(_written(found, where, {}, ""), refused=error.message)


def _written(plan: Plan, where: Path, texts: dict[str, str], enacts: Enacts) -> Written:
    made = memo_report.memo(plan, enacts=enacts)
    memo = (where / "memo.md", where / "memo.html")
    for path, form in zip(memo, ("markdown", "html"), strict=True):
        files.write_atomically(path, render.in_form(made, form).encode())
    for name, text in texts.items():
        files.write_atomically(where / name, text.encode())
    return Written(plan=plan, memo=memo, policy=where / "policy.yaml" if texts else None, enacts=enacts)


def contract(written: Written, *, cpu_s: float) -> JsonObject:
    """What `plan --json` prints."""
    policy = None if written.policy is None else str(written.policy)
    return plan_contract(written.plan, policy=policy, memo=str(written.memo[0]), cpu_s=cpu_s)


def brief(written: Written, *, sources: bool, everything: bool) -> str:
    """The memo for a terminal: its gist, or everything."""
    whole = memo_report.memo(written.plan, enacts=written.enacts)
    return render.brief(whole if everything else gist(whole), sources=sources)


def next_step(written: Written, *, in_project: bool) -> str:
    """What to do with it."""
    if written.policy is None:
        return f"the choice cannot be applied yet: {written.refused}"
    if in_project:
        mix = f", or with --mix: {written.mix[1]} is what that changes" if written.mix else ""
        return f"next: breakeven apply {written.plan.id}{mix}"
    settings = written.policy.with_name("breakeven.yaml")
    return f"next: say in {settings} where it answers, then breakeven serve --config {settings}"
