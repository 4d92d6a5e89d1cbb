"""Applied, in stages, and taken back: files byte for byte, every step in the log."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from click.testing import Result

from breakeven.app import decisions as app
from breakeven.app import loop, planning, render
from breakeven.assembly import decisions, files
from breakeven.demo import logs
from breakeven.errors import EvidenceError, FactError, GateError, LedgerError, PolicyError, UsageError
from breakeven.gateway.decision.index import index
from breakeven.perf.work import work_curve
from breakeven.schema.journal import Record, frame
from breakeven.schema.lever import RouterWeights
from breakeven.schema.policy import Policy, RouteTarget
from breakeven.schema.record import Capacity, Prediction, Tokens

T0 = 1_795_000_000.0
URL = "http://127.0.0.1:8/v1"
ANSWERS = {
    "backend": "http://127.0.0.1:9/v1",
    "model": "llama-3.1-8b",
    "use_case": "assistant",
    "latency_ms": 20000.0,
    "cost": "lambda-h100-sxm-1x-on-demand",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], tuple[Path, str]]:
    """A project with a plan, made once and copied for each test."""
    folder = tmp_path_factory.mktemp("made")
    loop.init(ANSWERS, folder)
    path = folder / "breakeven.yaml"
    text = path.read_text().replace("model: llama-3.1-8b", "model: llama-3.1-8b\n    catalog_model: llama-3.1-8b", 1)
    text = text.replace("placement: unknown", "placement: cloud\n    accelerator: h100-sxm", 1)
    path.write_text(text.replace("planning:\n", "planning:\n  accelerators: [h100-sxm]\n", 1))
    rows = logs.text("azure_llm_conv_2023.csv.xz").split("\n", 1)[1].splitlines()[:100]
    trace = folder / "trace.csv"
    trace.write_text("arrived_at,num_prefill_tokens,num_decode_tokens\n" + "\n".join(rows))
    plan = planning.from_project(path, planning.Given(use_case="assistant", trace=trace, as_of="2026-11-24")).plan.id

    def copied(into: Path) -> tuple[Path, str]:
        for source in sorted(one for one in folder.rglob("*") if one.is_file()):
            target = into / source.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
        return into / "breakeven.yaml", plan

    return copied


@pytest.fixture
def project(made: Callable[[Path], tuple[Path, str]], tmp_path: Path) -> Path:
    return made(tmp_path)[0]


def contents(project: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in project.parent.glob("*.yaml")}


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_rolling_back_restores_every_byte(project: Path, ends: bytes) -> None:
    """Inverse: rollback after apply is the identity on both files, whatever their line ends; the policy follows."""
    for path in project.parent.glob("*.yaml"):
        path.write_bytes(path.read_bytes().replace(b"\n", ends) + b"# the end" + ends)
    before, policy = contents(project), loop.compile_policy(project)
    files.install(policy, project.parent / ".breakeven")
    applied = app.apply(project, backend_url=URL)
    assert contents(project) != before
    assert contents(project)["policy.yaml"].count(b"\r") == (ends == b"\r\n") * contents(project)["policy.yaml"].count(
        b"\n"
    )
    decision, restored = app.rollback(project)
    assert contents(project) == before
    assert restored.id == policy.id == files.current_policy(project.parent / ".breakeven").id
    assert decision.undoes == applied.decision.id


@pytest.mark.parametrize("folder", ["{absolute}", "plans/.."])
def test_rolling_back_follows_the_policy_file_wherever_it_is_named(project: Path, folder: str) -> None:
    """The policy in force is that of the restored file, also where the settings name it absolutely or through `..`."""
    (project.parent / "plans").mkdir()
    named = f"{folder.format(absolute=project.parent.resolve())}/policy.yaml"
    project.write_text(project.read_text().replace("policy: policy.yaml", f"policy: {named}", 1))
    assert named in project.read_text()
    before = loop.compile_policy(project)
    app.apply(project, backend_url=URL)
    _, restored = app.rollback(project)
    assert restored.id == before.id == loop.compile_policy(project).id


def test_an_offer_that_is_none_is_told_before_the_search(project: Path) -> None:
    """Also of a deployment that no route leads to: the configuration is compiled before anything is weighed."""
    text = project.read_text().replace(
        "deployments:\n", "deployments:\n  - {name: spare, backend: BACKEND, offer: no}\n"
    )
    [name] = {backend.name for backend in loop.compile_policy(project).backends}
    project.write_text(text.replace("BACKEND", name))
    weighed: list[str] = []
    given = planning.Given(use_case="assistant", trace=project.parent / "trace.csv", as_of="2026-11-24")
    with pytest.raises(FactError, match="no"):
        planning.from_project(project, given, progress=lambda what, _done, _of: weighed.append(what))
    assert not weighed


def test_the_log_says_what_was_decided(project: Path) -> None:
    """Plan, apply and rollback chain; inputs, alternatives and promises are in them, and who answers for it."""
    about = app.on(owner="Ada", review_on="2027-01-31", reason="cheaper")
    app.apply(project, backend_url=URL, about=about)
    app.rollback(project)
    entries, check = app.listing(project.parent / ".breakeven")
    assert [entry.kind for entry in entries] == ["plan", "apply", "rollback"]
    assert check.whole
    plan, applied, _ = entries
    assert {"workload", "facts", "objective", "settings", "policy_file", "catalog", "trace"} <= set(plan.inputs)
    assert plan.alternatives[0].option == plan.chosen
    assert 2 <= len(plan.alternatives) <= 5
    assert {promise.metric for promise in plan.predicted} >= {"ttft_p50_s", "goodput_share"}
    assert (applied.owner, applied.review_on, applied.reason) == ("Ada", "2027-01-31", "cheaper")
    assert applied.policy_after == applied.policy_after != applied.policy_before


def test_an_edit_after_applying_is_not_lost(project: Path) -> None:
    """Refused with the difference; --force restores all the same."""
    before = contents(project)
    app.apply(project, backend_url=URL)
    policy = project.parent / "policy.yaml"
    policy.write_text(policy.read_text() + "# added by hand\n")
    with pytest.raises(PolicyError, match=r"\+# added by hand"):
        app.rollback(project)
    app.rollback(project, about=app.on(forced=True))
    assert contents(project) == before


def test_a_dry_run_changes_nothing_and_shows_the_difference(project: Path) -> None:
    """Neither files, nor policy, nor log."""
    before, entries = contents(project), app.listing(project.parent / ".breakeven").entries
    found = app.apply(project, backend_url=URL, dry_run=True)
    assert "+plan_id: plan-" in found.difference
    assert "arm: holdout" in found.difference
    assert contents(project) == before
    assert app.listing(project.parent / ".breakeven").entries == entries


def test_the_policy_carries_the_capacity_table_of_the_plan(project: Path) -> None:
    """Admission predicts with the curve that the plan weighed: prefill and TPOT by batch."""
    found = app.apply(project, backend_url=URL)
    plan = files.find_plan(project.parent / ".breakeven", None)
    chosen = next(option for option in plan.options if option.name == plan.chosen)
    name = files.deployment_name(chosen.deployment.id)
    work = next(one.work for one in found.policy.deployments if one.name == name)
    load = plan.workload
    wanted = work_curve(chosen.performance.curve, load.input_tokens_mean + load.output_tokens_mean / 2)
    assert work.prefill_s_per_token == pytest.approx(wanted.prefill_s_per_token, rel=1e-5)
    assert [batch for batch, _ in work.tpot_s] == [batch for batch, _ in wanted.tpot_s]
    assert [ms for _, ms in work.tpot_s] == pytest.approx([ms for _, ms in wanted.tpot_s], rel=1e-5)


def test_stages_grow_and_need_evidence(project: Path) -> None:
    """The first stage gets its share; without traffic the next is refused; forced, it is logged as such."""
    found = app.apply(project, backend_url=URL, stages=app.shares("0.05,0.25,1"))
    arms = {target.arm: target.weight for target in found.policy.use_cases[0].route.targets}
    assert arms == {"plan": 0.05, "holdout": 0.95}
    with pytest.raises((GateError, LedgerError)):
        app.next_stage(project)
    second = app.next_stage(project, about=app.on(forced=True))
    arms = {target.arm: target.weight for target in second.policy.use_cases[0].route.targets}
    assert arms == pytest.approx({"plan": 0.25, "holdout": 0.75})
    last = app.next_stage(project, about=app.on(forced=True))
    arms = {target.arm: target.weight for target in last.policy.use_cases[0].route.targets}
    assert arms == pytest.approx({"plan": 0.9, "holdout": 0.1})
    assert last.decision.forced
    with pytest.raises(UsageError, match="last stage"):
        app.next_stage(project)
    app.rollback(project, found.decision.id)
    with pytest.raises(EvidenceError, match="no applied decision"):
        app.next_stage(project)


@pytest.mark.parametrize("stages", ["0.5,0.2", "0,1", "0.5,2", "half"])
def test_stages_that_cannot_be_meant(project: Path, stages: str) -> None:
    """Refused with an example."""
    with pytest.raises(UsageError, match=r"0\.05,0\.25,1"):
        app.apply(project, backend_url=URL, stages=app.shares(stages))


def test_nothing_is_chained_to_a_log_that_was_changed(project: Path) -> None:
    """Applying is refused before any file is touched; `check` exits 1."""
    before = contents(project)
    path = project.parent / ".breakeven" / decisions.LOG
    path.write_bytes(path.read_bytes().replace(b'"seed":0', b'"seed":1', 1))
    with pytest.raises(LedgerError, match="was changed after it was written: line 1"):
        app.apply(project, backend_url=URL)
    with pytest.raises(GateError, match="line 1"):
        app.check(project.parent / ".breakeven")
    assert contents(project) == before


def test_a_torn_append_is_set_aside(project: Path) -> None:
    """What was cut off is kept in a file of its own; the log goes on."""
    folder = project.parent / ".breakeven"
    with (folder / decisions.LOG).open("ab") as file:
        file.write(b'{"actual":[],"al')
    assert app.check(folder).torn_bytes == 16
    app.apply(project, backend_url=URL)
    assert app.check(folder).entries == 2
    assert app.check(folder).whole
    assert (folder / decisions.TORN).read_bytes() == b'{"actual":[],"al\n'


def test_a_hash_noted_elsewhere_is_found_again(project: Path) -> None:
    """A rewritten log chains as well as the true one; the noted hash tells them apart."""
    folder = project.parent / ".breakeven"
    head = app.check(folder).head
    app.apply(project, backend_url=URL)
    assert app.check(folder, head).entries == 2
    with pytest.raises(GateError, match="no line of the log"):
        app.check(folder, "0" * 64)


def test_reading_while_others_append_finds_nothing_amiss(project: Path) -> None:
    """Concurrency: the log only grows, so that a reader between two appends sees a whole one."""
    folder = project.parent / ".breakeven"
    entry = app.listing(folder).entries[0]
    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(decisions.append, folder, entry) for _ in range(20)]
        while not all(one.done() for one in writing):
            assert decisions.read(folder).check.whole
    assert app.check(folder).entries == 1 + sum(one.result() is not None for one in writing)


def test_the_commands(project: Path, shell: Callable[..., Result], tmp_path: Path) -> None:
    """Apply, list, show, check and rollback from the shell, each with JSON."""
    assert project.parent == tmp_path
    applied = json.loads(shell("apply", "--backend-url", URL, "--owner", "Ada", "--json").stdout)
    assert applied["diff"].startswith("--- a/")
    listed = json.loads(shell("decisions", "--json").stdout)
    assert [one["kind"] for one in listed["decisions"]] == ["plan", "apply"]
    shown = json.loads(shell("decisions", "show", applied["decision_id"], "--json").stdout)
    assert shown["owner"] == "Ada"
    assert "Ada" in shell("decisions", "list", "--whole", "--format", "markdown").stdout
    assert "2 decisions" in shell("decisions", "check").stdout
    assert json.loads(shell("decisions", "--data-dir", ".breakeven", "--json", "check").stdout)["entries"] == 2
    assert "Ada" in shell("decisions", "--data-dir", ".breakeven", "--whole").stdout
    taken = json.loads(shell("rollback", "--json").stdout)
    assert taken["undoes"] == [applied["decision_id"]]
    unknown = shell("decisions", "show", "dec-nothing")
    assert unknown.exit_code == 2
    assert taken["decision_id"] in unknown.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [(("--force",), "without --next"), (("plan-1", "--next"), "'plan-1'"), (("--next", "--stages", "1"), "'1'")],
)
def test_what_apply_would_pass_over_is_refused(
    project: Path, shell: Callable[..., Result], options: tuple[str, ...], says: str
) -> None:
    """No option is taken and not followed, and no entry says forced where nothing was."""
    refused = shell("apply", *options)
    assert refused.exit_code == 2
    assert says in refused.stderr
    assert len(app.listing(project.parent / ".breakeven").entries) == 1


def test_two_plans_are_compared_from_the_shell(project: Path, shell: Callable[..., Result], tmp_path: Path) -> None:
    """By id or by what `plan --json` printed; the gate exits 1 and says why; Markdown has a table."""
    plan = files.find_plan(project.parent / ".breakeven", None)
    body = loop.plan_json(plan) | {"seed": 1, "id": "plan-later"}
    (tmp_path / "later.json").write_text(json.dumps(body))
    found = json.loads(shell("diff", plan.id, "later.json", "--json").stdout)
    assert found["before_chosen"] == found["after_chosen"] == plan.chosen
    assert [(why["kind"], why["key"]) for why in found["whys"]] == [("input", "seed")]
    assert found["cost_rise"] == 0
    for option in body["options"]:
        if option["name"] == body["chosen"]["name"]:
            option["cost_per_useful_prediction_usd"] *= 1.2
    (tmp_path / "dearer.json").write_text(json.dumps(body))
    shown = shell("diff", "later.json", "dearer.json", "--fail-above", "5%", "--markdown")
    assert shown.exit_code == 1
    assert "| cost per useful prediction |" in shown.stdout
    assert "rises by 20.0%" in shown.stderr
    assert shell("diff", "later.json", "dearer.json", "--fail-above", "25%").exit_code == 0
    assert shell("diff", "later.json", "dearer.json", "--fail-above", "much").exit_code == 2
    assert shell("diff", plan.id, plan.id).stdout.count("Nothing differs.") == 1


def served(project: Path, policy: Policy, n: int = 4000, span_s: float = 2000.0) -> None:
    """A journal of what both arms would have recorded under a policy: the plan's as fast, at a third of the cost."""
    case = policy.use_cases[0]
    records: list[Record] = []
    for target in case.route.targets:
        of = round(n * target.weight)
        for k in range(of):
            records.append(answer(len(records), policy, target, at_s=span_s * k / of))
        capacity = Capacity(
            id=f"{target.deployment}/{policy.id}",
            deployment=target.deployment,
            start_s=T0,
            end_s=T0 + span_s,
            replicas=1,
            pico_usd_per_replica_s=10**9 if target.arm == "holdout" else 3 * 10**8,
            policy_id=policy.id,
        )
        records.append(capacity)
    path = project.parent / ".breakeven/journal" / f"{policy.id}.journal"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(map(frame, records)))


def answer(n: int, policy: Policy, target: RouteTarget, *, at_s: float) -> Prediction:
    late = n % 50 == 0
    return Prediction(
        prediction_id=f"{policy.id}-{n}",
        request_id=f"r{n}",
        node="gw",
        sequence=n + 1,
        time_s=T0 + at_s,
        use_case=policy.use_cases[0].name,
        deployment=target.deployment,
        arm=target.arm,
        model="llama-3.1-8b",
        policy_id=policy.id,
        plan_id=policy.plan_id,
        subject=f"s{n}",
        status="answered",
        in_budget=not late,
        cost_pico_usd=10**6,
        cost_basis="derived",
        ttft_s=0.2 + n % 7 / 100,
        tpot_s=0.02,
        total_s=1.0 if not late else 30.0,
        served=Tokens(input=900, output=150),
    )


def test_a_stage_that_did_no_harm_is_followed(project: Path) -> None:
    """Both arms equal with enough traffic: the guard lets it go on without force, and the log says what it saw."""
    first = app.apply(project, backend_url=URL, stages=app.shares("0.3,1"))
    served(project, first.policy)
    second = app.next_stage(project)
    verdicts = {one.measure: one.verdict for one in second.guard.measures}
    assert verdicts == {"attainment": "no_harm", "cost": "no_harm", "tracking": "not_measurable"}
    assert second.decision.rollout.at == 1
    assert not second.decision.forced


def test_what_came_true_is_explained_and_logged(project: Path) -> None:
    """The parts sum to the difference that is shown, the holdout stands beside every promise, the saving has bounds."""
    policy = app.apply(project, backend_url=URL, holdout=0.3).policy
    served(project, policy)
    plan, seen, decision = app.verify(project.parent / ".breakeven")
    cost = next(one for one in seen.findings if one.metric == seen.explained.metric)
    assert seen.explained.actual_usd == cost.actual
    parts = sum(part.amount_usd for part in seen.explained.parts)
    assert parts == pytest.approx(cost.actual - cost.predicted, abs=1e-9)
    assert all(one.holdout_n > 0 for one in seen.findings)
    assert seen.saving.low_usd < seen.saving.actual_usd < seen.saving.high_usd
    assert decision.kind == "verify"
    assert decision.plan_id == plan.id
    assert [one.verdict for one in decision.actual] == [one.verdict for one in seen.findings]
    text = render.in_form(app.verified_document(seen), "markdown")
    assert "Why the cost differs" in text
    assert "The holdout at the same time" in text


def test_readiness_from_the_shell(project: Path, shell: Callable[..., Result]) -> None:
    """Answered from a ledger on disk: what is measured is answered, what is not is named, and the gate exits 1."""
    policy = app.apply(project, backend_url=URL, holdout=0.3).policy
    served(project, policy)
    found = json.loads(shell("readiness", "--json").stdout)
    [case] = found["use_cases"]
    states = {one["question"]: one["state"] for one in case["checks"]}
    assert states["latency_budget"] == "answered"
    assert states["late_tracking"] == states["visible"] == states["cost_mean"] == "unanswered"
    assert found["ready"] is False
    assert found["instrument_first"]
    gated = shell("readiness", "--fail-if-unready", "--use-case", "assistant")
    assert gated.exit_code == 1
    assert found["instrument_first"][0] in gated.stderr
    assert shell("readiness", "--use-case", "other").exit_code == 2


def test_two_policies_are_compared_by_what_was_applied(project: Path, shell: Callable[..., Result]) -> None:
    """A deployment that a plan brought is one line; the route's weights are told before and after."""
    files.install(loop.compile_policy(project), project.parent / ".breakeven")
    before = files.current_policy(project.parent / ".breakeven").id
    after = app.apply(project, backend_url=URL).policy
    shown = shell("diff", before, after.id).stdout
    added = next(one.name for one in after.deployments if one.name != "llama-3.1-8b")
    [line] = [line for line in shown.splitlines() if f"deployments[{added}]" in line]
    assert "not there" in line
    assert "settings" in line
    assert "targets[llama-3.1-8b].weight" in shown
    assert shell("diff", before, before).stdout.count("Nothing differs.") == 1


def learned_beside(project: Path, intercept: float) -> Path:
    """Another use case, whose route is learned, and its weights."""
    [backend] = {one.name for one in loop.compile_policy(project).backends}
    more = "".join(f"  - {{name: {name}, backend: {backend}}}\n" for name in ("big", "tiny"))
    project.write_text(project.read_text().replace("deployments:\n", f"deployments:\n{more}", 1))
    route = "{strategy: learned, targets: [{deployment: big}, {deployment: tiny}], router: {weights: router.json}}"
    policy = project.parent / "policy.yaml"
    policy.write_text(policy.read_text().replace("use_cases:\n", f"use_cases:\n  - {{name: ask, route: {route}}}\n", 1))
    weights = RouterWeights(
        strong="big", weak="tiny", threshold=0.5, intercept=intercept, idf=(1.0,), weights=(0.0,), quantiles=()
    )
    path = project.parent / "router.json"
    path.write_bytes(msgspec.json.encode(weights))
    return path


def test_a_rollback_restores_the_weights_of_then(project: Path) -> None:
    """A router's weights are kept with each decision: what was learned since is refused, then taken back, forced."""
    path = learned_beside(project, 1.0)
    before, policy = path.read_bytes(), loop.compile_policy(project)
    applied = app.apply(project, backend_url=URL)
    assert {Path(one.path).name for one in applied.decision.files} == {"breakeven.yaml", "policy.yaml", "router.json"}
    assert "weights router.json" in applied.decision.inputs
    path.write_bytes(before.replace(b'"intercept":1.0', b'"intercept":0.0'))
    newer = loop.compile_policy(project)
    with pytest.raises(PolicyError, match=r"router\.json was edited after"):
        app.rollback(project)
    _, restored = app.rollback(project, about=app.on(forced=True))
    assert path.read_bytes() == before
    assert restored.id == policy.id == loop.compile_policy(project).id == files.current_policy(
        project.parent / ".breakeven"
    ).id  # fmt: skip
    judged = [index(one).judges["ask"].weights.intercept for one in (newer, restored)]
    assert judged == [0.0, 1.0]
