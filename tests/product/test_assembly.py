"""What assembly joins: files that last, a plan that becomes a route, a console before there is anything."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from breakeven.app import facts, planning
from breakeven.app import loop as app
from breakeven.assembly import files
from breakeven.assembly.console import LedgerSource
from breakeven.assembly.sellers import sellers
from breakeven.catalog.load import load as load_catalog
from breakeven.demo import logs
from breakeven.errors import ConfigError, EvidenceError, PolicyError, UsageError
from breakeven.schema.policy import CapacityPrice, Policy

ANSWERS = {
    "backend": "http://127.0.0.1:9/v1",
    "model": "llama-3.1-8b",
    "use_case": "assistant",
    "latency_ms": 20000.0,
    "cost": "lambda-h100-sxm-1x-on-demand",
}


replace = msgspec.structs.replace


@pytest.fixture
def project(tmp_path: Path) -> Path:
    app.init(ANSWERS, tmp_path)
    path = tmp_path / "breakeven.yaml"
    text = path.read_text()
    text = text.replace("model: llama-3.1-8b", "model: llama-3.1-8b\n    catalog_model: llama-3.1-8b", 1)
    text = text.replace("placement: unknown", "placement: cloud\n    accelerator: h100-sxm\n    accelerators: 1", 1)
    path.write_text(text)
    columns = "arrived_at,num_prefill_tokens,num_decode_tokens\n"
    rows = logs.text("azure_llm_conv_2023.csv.xz").split("\n", 1)[1].splitlines()[:400]
    (tmp_path / "trace.csv").write_text(columns + "\n".join(rows))
    return path


def planned(project: Path, seed: int = 0) -> str:
    asked = planning.Given(use_case="assistant", trace=project.parent / "trace.csv", as_of="2026-11-24", seed=seed)
    return planning.from_project(project, asked).plan.id


def test_the_same_question_gives_the_same_plan(project: Path) -> None:
    """Same inputs and seed, same bytes, so the same id; another seed is another plan."""
    assert planned(project) == planned(project) != planned(project, seed=1)


def test_a_choice_that_does_not_stand_yet_is_not_routed_to(project: Path) -> None:
    """Applying says what to set up first, and changes nothing."""
    before = {path: path.read_text() for path in project.parent.glob("*.yaml")}
    with pytest.raises(PolicyError, match="--backend-url"):
        app.apply(project, planned(project))
    assert before == {path: path.read_text() for path in project.parent.glob("*.yaml")}


def test_applying_routes_and_holds_out(project: Path) -> None:
    """The plan's arm gets 1 - holdout, what stood keeps the rest; the policy names the plan; comments stay."""
    plan_id = planned(project)
    dry, _ = app.apply(project, plan_id, backend_url="http://127.0.0.1:8/v1", holdout=0.2, dry_run=True)
    assert files.current_policy(project.parent / ".breakeven") is None
    policy, _ = app.apply(project, plan_id, backend_url="http://127.0.0.1:8/v1", holdout=0.2)
    assert policy == dry == files.current_policy(project.parent / ".breakeven")
    assert policy.plan_id == plan_id
    weights = {target.arm: target.weight for target in policy.use_cases[0].route.targets}
    assert weights == pytest.approx({"plan": 0.8, "holdout": 0.2})
    assert "#" in (project.parent / "policy.yaml").read_text()
    assert app.compile_policy(project).id == policy.id


def test_rented_capacity_is_sold_by_the_provider_of_its_price(project: Path) -> None:
    """Owned capacity, own prices and policies that disagree name no seller."""
    policy, catalog = app.compile_policy(project), load_catalog()
    (rented,) = (one for one in policy.deployments if one.capacity)
    found = sellers([policy, policy], catalog)
    assert {name: seller.provider for name, seller in found.items()} == {rented.name: "lambda"}
    on_cpu = replace(policy, deployments=(replace(rented, placement="cpu"),))
    assert sellers([on_cpu], catalog) == found
    own = CapacityPrice(price_id="own:x@2026-01-01", replicas=1, pico_usd_per_replica_s=1)
    for other in (replace(rented, placement="on_prem"), replace(rented, capacity=own)):
        changed = replace(policy, deployments=(other,))
        assert sellers([changed], catalog) == sellers([policy, changed], catalog) == {}


def test_nothing_measured_yet_is_not_enough_evidence(project: Path) -> None:
    """A plan without demand and a check without a plan say what is missing."""
    with pytest.raises(EvidenceError, match="breakeven plan"):
        app.verify(project.parent / ".breakeven")
    (project.parent / "few.csv").write_text("arrived_at,num_prefill_tokens,num_decode_tokens\n0,1,1\n1,1,1\n")
    with pytest.raises(EvidenceError, match="2 requests"):
        app.fit_workload(project.parent, "assistant", trace=project.parent / "few.csv")


def test_another_configuration_s_policy_is_kept_unless_forced(tmp_path: Path) -> None:
    """A lock is replaced by its own configuration only."""
    mine = Policy(id="pol-1", use_cases=(), deployments=(), backends=(), source="mine")
    theirs = msgspec.structs.replace(mine, id="pol-2", source="theirs")
    files.install(mine, tmp_path)
    with pytest.raises(ConfigError, match="--force"):
        files.install(theirs, tmp_path)
    assert files.current_policy(tmp_path) == mine
    files.install(theirs, tmp_path, force=True)
    assert files.current_policy(tmp_path) == theirs
    assert len(list((tmp_path / "policies").glob("*.json"))) == 2


def test_the_console_answers_before_there_is_anything(tmp_path: Path) -> None:
    """No ledger, no plan, no policy: an empty statement, not an error."""
    source = LedgerSource(tmp_path / "nowhere")
    assert source.statement().predictions == 0
    assert source.plans() == ()
    assert source.policy() is None


@pytest.mark.parametrize(("text", "expected"), [("730/month", 730), ("24/day", 730), ("1/h", 730), ("1e3", 1000)])
def test_volumes_in_any_unit(text: str, expected: float) -> None:
    """A month is 730 hours, whatever the volume is given per."""
    assert facts.requests_per_month(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "-5/s", "5/week", "0/s", "1.2.3/s"])
def test_what_is_no_volume_is_told(text: str) -> None:
    """A volume that cannot be meant is a usage error with an example."""
    with pytest.raises(UsageError, match="5/s"):
        facts.requests_per_month(text)


def test_a_plan_does_not_route_past_what_the_policy_promises(project: Path) -> None:
    """Owned machines that a plan brings along are in no stated region, so that data that must stay do not go there."""
    policy = project.parent / "policy.yaml"
    policy.write_text(policy.read_text().replace("    ack: fast", "    data_locality: [eu]\n    ack: fast", 1))
    settings = project.read_text()
    settings = settings.replace("    placement: cloud\n", "    placement: cloud\n    region: eu\n", 1)
    project.write_text(settings.replace("  placements: []", "  placements: [colocated]", 1))
    plan_id = planned(project)
    before = {path: path.read_text() for path in project.parent.glob("*.yaml")}
    with pytest.raises(PolicyError, match="is in no stated region, and data of use case `assistant` stay in eu"):
        app.apply(project, plan_id, backend_url="http://127.0.0.1:8/v1")
    assert before == {path: path.read_text() for path in project.parent.glob("*.yaml")}


def test_data_that_must_stay_are_weighed_where_a_region_is_stated(project: Path) -> None:
    """Data that must stay are weighed only where a region is stated: what stands there, and one's own premises."""
    policy = project.parent / "policy.yaml"
    policy.write_text(policy.read_text().replace("    ack: fast", "    data_locality: [eu]\n    ack: fast", 1))
    settings = project.read_text()
    project.write_text(settings.replace("    placement: cloud\n", "    placement: cloud\n    region: eu\n", 1))
    plan = files.find_plan(project.parent / ".breakeven", planned(project))
    standing = {deployment.name for deployment in app.compile_policy(project).deployments}
    owned = {option.name for option in plan.options if option.placement in {"on_prem", "colocated"}}
    assert {option.name for option in plan.options if option.feasible} <= standing | owned
    assert plan.rejected_by["region not allowed"] > 100
