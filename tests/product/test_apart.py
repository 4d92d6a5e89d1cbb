"""A plan that chooses prefill and decode apart, in everything that is written of it: one deployment, one address."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from breakeven.app import loop
from breakeven.assembly import project, proposing, resolve, scaling
from breakeven.assembly.planning import scope_of
from breakeven.catalog.load import load
from breakeven.cli.main import main
from breakeven.config import settings
from breakeven.demo.logs import conversations
from breakeven.errors import ConfigError
from breakeven.perf.work import work_curve
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope
from breakeven.planner.compile import capacity_table
from breakeven.planner.levers.plan import levers_of
from breakeven.planner.plan import make_plan
from breakeven.planner.question import Question
from breakeven.planner.scaling.of_plan import ask_of
from breakeven.planner.scaling.rule import make_rule
from breakeven.report.manifest.kubernetes import Target
from breakeven.report.memo import memo
from breakeven.report.plain import plan_json
from breakeven.report.render.text import render
from breakeven.schema.deployment import Pools
from breakeven.schema.objective import Objective
from breakeven.schema.plan import Option, Plan
from breakeven.workload.fit import fit

AS_OF = "2026-11-24"


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Real conversations, at a time per token that a shared B200 just misses."""
    trace = conversations().middle(120)
    goal = Objective(use_case="assistant", ttft_s=1.0, tpot_s=0.02)
    scope = Scope(models=("llama-3.1-70b",), as_of=AS_OF, accelerators=("b200",), engines=("trtllm",))
    return make_plan(load(), Question(workload=fit(trace, "assistant"), objective=goal), trace, scope)


@pytest.fixture(scope="module")
def chosen(plan: Plan) -> Option:
    found = next(one for one in plan.options if one.name == plan.chosen)
    assert isinstance(found.deployment.pools, Pools)
    return found


@pytest.fixture
def folder(plan: Plan, tmp_path: Path) -> Path:
    for name, text in proposing.proposed(plan).items():
        (tmp_path / name).write_text(text)
    return tmp_path


def check(folder: Path) -> Result:
    return CliRunner().invoke(main, ["check", "--config", str(folder / "breakeven.yaml")])


def test_the_proposed_files_are_accepted_and_say_what_stands_there(folder: Path, chosen: Option) -> None:
    """One backend, one deployment with its instances, a comment on the router before them; `check` finds nothing."""
    text = (folder / "breakeven.yaml").read_text()
    (entry,) = settings.load(text).deployments
    at, pools = chosen.deployment, chosen.deployment.pools
    assert (entry.prefill_instances, entry.decode_instances) == (pools.prefill, pools.decode)
    assert (entry.accelerators, entry.replicas) == (at.accelerators, at.replicas)
    assert (
        f"# {entry.name}: a replica is a group of {pools.prefill} prefill and {pools.decode} decode instances" in text
    )
    assert len(settings.load(text).backends) == 1
    assert check(folder).exit_code == 0


def test_what_was_proposed_is_read_back_as_it_was(folder: Path, chosen: Option) -> None:
    """Instances, price and power of the whole group; speed of one instance, as the gateway's work says of the group."""
    loaded = project.load(folder / "breakeven.yaml")
    (entry,) = loaded.settings.deployments
    at = resolve.deployment_of(entry)
    assert (at.pools, at.tensor_parallel) == (chosen.deployment.pools, chosen.deployment.tensor_parallel)
    curve = resolve.curve_of(at, loaded.catalog)
    found = resolve.resolve(loaded.settings, loaded.catalog, AS_OF)
    alone, group = work_curve(curve), found.works[entry.name]
    assert group.prefill_s_per_token == alone.prefill_s_per_token / at.pools.prefill
    assert [batch for batch, _ in group.tpot_s] == [batch * at.pools.decode for batch, _ in alone.tpot_s]
    assert found.capacities[entry.name].power_idle_w == at.instances * curve.power_idle_w


def test_the_plan_says_it_to_people_and_to_scripts(plan: Plan, chosen: Option) -> None:
    """The memo tells what a group is and how little is known of it; JSON has the instances."""
    said = " ".join(render(memo(plan)).split())
    assert "Prefill and decode are apart" in said
    assert plan_json(plan)["chosen"]["pools"] == {"prefill": 1, "decode": 1}
    assert capacity_table(chosen, plan.workload).tpot_s
    assert any("(-pd)" in one for one in plan.assumptions)


def test_a_rule_scales_whole_groups(plan: Plan, chosen: Option) -> None:
    """Its replicas are groups, at the goodput of one; every manifest says so at its head."""
    ask = ask_of(plan)
    rule = make_rule(ask, None, mean_rps=plan.workload.rate_mean_rps, p95_rps=plan.workload.rate_p95_rps)
    assert rule.goodput_rps == chosen.performance.max_goodput_rps
    for text in scaling.manifests(rule, Target(name="engine"), 0.95).values():
        head = " ".join(text.replace("\n#", " ").split())
        assert "A replica is a group of 1 prefill and 1 decode instances" in head


def test_levers_of_one_instance_are_not_told_of_a_group(plan: Plan, chosen: Option) -> None:
    """Fewer bits, drafts and shorter prompts are worked out on one replica's steps: of a group nothing is claimed."""
    asked = Question(workload=plan.workload, objective=plan.objective)
    alone = msgspec.structs.replace(
        chosen, deployment=msgspec.structs.replace(chosen.deployment, pools=msgspec.UNSET, accelerators=1)
    )
    for option, some in ((chosen, False), (alone, True)):
        candidate = Candidate(name=option.name, deployment=option.deployment)
        assert bool(levers_of(asked, option, candidate, load())) == some


def test_the_emulator_refuses_what_it_does_not_do(chosen: Option) -> None:
    """It serves prompts and answers on one replica, and would promise other timings than the plan's."""
    with pytest.raises(ConfigError, match="2 instances with prefill and decode apart"):
        loop.emulate(chosen.deployment, host="127.0.0.1", port=0, seed=0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"decode_instances: 1": "decode_instances: 0"}, "1 prefill and 0 decode instances"),
        ({"accelerators: 2": "accelerators: 3"}, "2 instances cannot share 3 accelerators"),
    ],
)
def test_instances_that_do_not_add_up_are_told(folder: Path, change: dict[str, str], says: str) -> None:
    """One side without the other, and boards that cannot be shared evenly; with both numbers."""
    path = folder / "breakeven.yaml"
    text = path.read_text()
    for before, after in change.items():
        assert before in text
        text = text.replace(before, after)
    path.write_text(text)
    ran = check(folder)
    assert ran.exit_code != 0
    assert says in ran.output


def test_planning_may_leave_them_out(folder: Path) -> None:
    """`planning: apart: false` reaches the search; left out, groups are weighed."""
    path = folder / "breakeven.yaml"
    assert scope_of(project.load(path), (), AS_OF).apart
    path.write_text(path.read_text().replace("planning:\n", "planning:\n  apart: false\n", 1))
    assert not scope_of(project.load(path), (), AS_OF).apart
