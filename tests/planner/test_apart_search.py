"""Prefill and decode apart in a plan: the simulator's own fleet, billed whole, and never to anyone's harm."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load
from breakeven.cost.assumptions import assumptions
from breakeven.demo.logs import conversations
from breakeven.perf import apart, attain
from breakeven.perf.simulate import simulate
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope
from breakeven.planner.evaluate import evaluate
from breakeven.planner.plan import make_plan
from breakeven.planner.question import Question
from breakeven.planner.search.apart import MOST_SHAPES, SHAPES
from breakeven.planner.search.find import find, kind_of
from breakeven.planner.search.space import Space, modes
from breakeven.planner.speed import Speeds
from breakeven.planner.standing import standing
from breakeven.planner.weigh import Scales
from breakeven.schema.deployment import Deployment, Pools
from breakeven.schema.objective import Objective
from breakeven.schema.plan import Option, Plan
from breakeven.schema.serving import Split
from breakeven.schema.workload import Trace
from breakeven.workload.fit import fit

AS_OF = "2026-11-24"
LARGE = "llama-3.1-70b"
TIGHT = {"ttft_s": 1.0, "tpot_s": 0.02}
Asks = Callable[..., Question]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture(scope="module")
def trace() -> Trace:
    """Real conversations, few enough to be quick."""
    return conversations().middle(120)


@pytest.fixture
def question(trace: Trace) -> Asks:
    """`question(**objective)` of their demand."""
    load_of = fit(trace, "assistant", source=trace.source)
    return lambda **goal: Question(workload=load_of, objective=Objective(use_case="assistant", **goal))


def scope_of(**changes: object) -> Scope:
    given = {"accelerators": ("b200", "h100-sxm"), "engines": ("vllm", "trtllm"), "precisions": ("fp8", "int8")}
    return Scope(models=(LARGE,), as_of=AS_OF, **given | changes)


def space_of(catalog: Catalog, asked: Question, trace: Trace | None, scope: Scope) -> tuple[Candidate, ...]:
    return Space(catalog, asked, scope, modes(scope, 0.0, hashed=False), trace).candidates()


def scales_of(catalog: Catalog, asked: Question, trace: Trace) -> Scales:
    base = assumptions(catalog.assumptions(), "base")
    return Scales(catalog=catalog, assumptions=base, question=asked, speeds=Speeds(trace))


def groups_of(space: tuple[Candidate, ...]) -> list[Candidate]:
    return [one for one in space if one.serving.split is not None]


def told(_what: str, _done: int, _of: int) -> None:
    """Nobody listens."""


def chosen(plan: Plan) -> Option:
    return next(one for one in plan.options if one.name == plan.chosen)


def test_a_group_fills_its_machine_and_says_what_it_is(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """Whole groups fill a machine; the name, the deployment and the way of serving tell the same."""
    found = groups_of(space_of(catalog, question(**TIGHT), trace, scope_of()))
    assert found
    for one in found:
        at, pools, split = one.deployment, one.deployment.pools, one.serving.split
        assert (pools.prefill, pools.decode) == (split.prefill_replicas, split.decode_replicas)
        assert (pools.prefill, pools.decode) in SHAPES
        assert one.name.endswith(f"-pd{pools.prefill}x{pools.decode}")
        assert one.offer.count % at.accelerators == 0
        assert at.tensor_parallel * at.instances == at.accelerators
        assert split.transfer_s_per_token > 0
    makes = [(one.offer.id, one.deployment.placement, one.curve) for one in found]
    assert max(makes.count(make) for make in set(makes)) == MOST_SHAPES


def test_no_target_per_token_no_groups(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """Apart, no answer waits for others' prompts: where nobody counts that, groups only lose. Nor where unwanted."""
    assert not groups_of(space_of(catalog, question(ttft_s=1.0), trace, scope_of()))
    assert not groups_of(space_of(catalog, question(**TIGHT), None, scope_of()))


def test_what_is_planned_is_what_the_simulator_answers(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """Shares in budget through the planner are those of N x p and N x d instances simulated directly."""
    asked = question(**TIGHT)
    one = next(iter(groups_of(space_of(catalog, asked, trace, scope_of()))))
    speeds, pools = Speeds(trace), one.deployment.pools
    for groups in (1, 3):
        split = Split(
            prefill_replicas=groups * pools.prefill, transfer_s_per_token=one.serving.split.transfer_s_per_token
        )
        direct = simulate(
            trace,
            one.curve,
            groups * one.deployment.instances,
            scale=2.0,
            serving=msgspec.structs.replace(one.serving, split=split),
        )
        rate = 2.0 * trace.n / trace.column("arrival_s")[-1]
        assert speeds.share(one, asked, rate, groups) == attain.share_in_budget(direct, asked.objective)


def test_the_search_with_groups_finds_what_weighing_everything_finds(
    catalog: Catalog, question: Asks, trace: Trace
) -> None:
    """By brute force the cheapest of each kind is as cheap as the one found; groups are among the best here."""
    asked = question(**TIGHT)
    scope = scope_of(accelerators=("b200",), engines=("trtllm",), precisions=("fp8",), chunks=(2048, 8192))
    space = space_of(catalog, asked, trace, scope)
    scales = scales_of(catalog, asked, trace)
    found = {kind_of(by): one for one in find(space, scales, told).options for by in space if by.name == one.name}
    best: dict[tuple[str, ...], float] = {}
    for one in space:
        weighed = evaluate(one, asked, predict=scales.points, price=scales.bill)
        if weighed.feasible and weighed.cost_per_useful_prediction_usd is not None:
            cost = weighed.cost_per_useful_prediction_usd
            best[kind_of(one)] = min(cost, best.get(kind_of(one), cost))
    assert {kind: one.cost_per_useful_prediction_usd for kind, one in found.items() if one.feasible} == best
    assert any(one.deployment.instances > 1 for one in found.values() if one.feasible)


def test_a_group_is_billed_whole(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """Both pools' accelerators are paid for, and their power is held against the site's limit."""
    asked = question(**TIGHT)
    scales = scales_of(catalog, asked, trace)
    space = space_of(catalog, asked, trace, scope_of())
    group = next(one for one in groups_of(space) if one.offer.kind == "server_purchase" and one.offer.count == 8)
    whole = group.offer.count // group.deployment.accelerators
    lone = msgspec.structs.replace(
        group, deployment=msgspec.structs.replace(group.deployment, accelerators=8, pools=msgspec.UNSET)
    )
    assert scales.bill(group, whole).total_usd == pytest.approx(scales.bill(lone, 1).total_usd)
    limited = msgspec.structs.replace(asked, objective=msgspec.structs.replace(asked.objective, power_limit_w=9_000.0))
    held = scales_of(catalog, limited, trace)
    assert held.power(group, whole) == held.power(lone, 1)


@pytest.mark.parametrize("tpot_s", [0.015, 0.02, 0.1])
def test_candidates_more_never_make_the_plan_dearer(
    catalog: Catalog, question: Asks, trace: Trace, tpot_s: float
) -> None:
    """With groups the best is as cheap as without, or cheaper; where it is another, it is a group."""
    asked = question(ttft_s=1.0, tpot_s=tpot_s)
    scope = scope_of(accelerators=("b200",), engines=("trtllm",), precisions=("fp8",))
    whole = make_plan(catalog, asked, trace, scope)
    together = make_plan(catalog, asked, trace, msgspec.structs.replace(scope, apart=False))
    now, before = chosen(whole), chosen(together)
    assert now.cost_per_useful_prediction_usd <= before.cost_per_useful_prediction_usd
    assert now.name == before.name or now.deployment.instances > 1
    assert not any(one.deployment.instances > 1 for one in together.options)
    assert msgspec.json.encode(make_plan(catalog, asked, trace, scope)) == msgspec.json.encode(whole)


def test_over_a_slow_link_groups_lose(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """The slower the link, the less a group sustains; at 10 MB/s nothing is left inside the target."""
    asked = question(**TIGHT)
    scales, scope = scales_of(catalog, asked, trace), scope_of(accelerators=("b200",), engines=("trtllm",))
    one = next(iter(groups_of(space_of(catalog, asked, trace, scope))))
    rates = []
    for factor in (1.0, 100.0, 100_000.0):
        split = one.serving.split
        slower = msgspec.structs.replace(split, transfer_s_per_token=factor * split.transfer_s_per_token)
        other = msgspec.structs.replace(one, serving=msgspec.structs.replace(one.serving, split=slower))
        rates.append(scales.points(other, 1).max_goodput_rps.value)
    assert rates[0] >= rates[1] > rates[2] == 0.0


def test_where_no_link_is_known_the_group_is_excluded_by_that(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """One candidate of each make says what is missing, and the plan goes on without it."""
    asked = question(ttft_s=1.0, tpot_s=0.05)
    scope = Scope(models=("llama-3.1-8b",), as_of=AS_OF, accelerators=("h100-nvl", "l4"), engines=("vllm",))
    found = [one for one in space_of(catalog, asked, trace, scope) if "-pd" in one.name]
    found = [one for one in found if one.deployment.accelerator == "h100-nvl"]
    assert found
    assert catalog.accelerator("h100-nvl").link_bytes_s is None
    assert all(one.binding.startswith("link unknown: ") and one.serving.split is None for one in found)
    plan = make_plan(catalog, asked, trace, scope)
    assert plan.rejected_by["link unknown"] == len(found)


def test_errors_of_groups_are_wider_in_the_plan(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """The interval of what a group sustains is twice as wide, in logs, as that of its instances; the plan says so."""
    asked = question(**TIGHT)
    space = space_of(catalog, asked, trace, scope_of())
    group = next(iter(groups_of(space)))
    alike = next(one for one in space if one.curve is group.curve and one.serving.split is None)
    assert group.errors == apart.widened(alike.errors)
    plan = make_plan(catalog, asked, trace, scope_of())
    said = [one for one in plan.assumptions if "prefill and decode apart (-pd)" in one]
    assert bool(said) == any(one.deployment.instances > 1 for one in plan.options if one.feasible)
    assert said


def test_only_groups_are_written_as_such() -> None:
    """Plans of other deployments keep their bytes and so their ids: what is not apart is not mentioned."""
    plain = Deployment(id="d", model="m", placement="cloud", accelerators=4)
    assert b"pools" not in msgspec.json.encode(plain)
    group = msgspec.structs.replace(plain, pools=Pools(prefill=1, decode=3))
    assert msgspec.json.decode(msgspec.json.encode(group), type=Deployment) == group
    assert (plain.instances, plain.tensor_parallel, group.instances, group.tensor_parallel) == (1, 4, 4, 1)


def test_a_group_that_stands_is_weighed_as_one(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """A deployment of the settings with pools serves apart, at the speed of one of its instances."""
    asked, offer = question(**TIGHT), catalog.offer("lambda-b200-2x-on-demand", AS_OF)
    at = Deployment(
        id="d", model=LARGE, placement="cloud", offer=offer.id, accelerator="b200", accelerators=2, replicas=2,
        engine="trtllm", precision="fp8", pools=Pools(prefill=1, decode=1),
    )  # fmt: skip
    found = standing(catalog, at, offer, asked)
    whole = standing(catalog, msgspec.structs.replace(at, accelerators=1, pools=msgspec.UNSET), offer, asked)
    assert found.curve == whole.curve
    assert found.serving.split.decode_replicas == 1
    assert found.serving.split.transfer_s_per_token > 0
    assert Speeds(trace).of(found, asked, 2).max_goodput_rps.value > 0
