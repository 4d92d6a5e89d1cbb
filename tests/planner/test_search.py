"""The search: what it rules out could not have won, what it keeps is what weighing everything would keep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load
from breakeven.cost.assumptions import assumptions
from breakeven.errors import InfeasibleError
from breakeven.perf import attain
from breakeven.perf.simulate import simulate
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope
from breakeven.planner.evaluate import evaluate
from breakeven.planner.plan import make_plan
from breakeven.planner.question import Question
from breakeven.planner.search import limits
from breakeven.planner.search.ask import left_for_inference
from breakeven.planner.search.find import find, kind_of
from breakeven.planner.search.lone import lengths, lone, out_of_reach
from breakeven.planner.search.reuse import reuse_share
from breakeven.planner.search.setup import MOST_SEQUENCES, precisions
from breakeven.planner.search.shown import MOST_OPTIONS, counted, nearest
from breakeven.planner.search.space import Space, modes
from breakeven.planner.speed import Kept, Speeds, stretch
from breakeven.planner.weigh import Scales
from breakeven.schema.objective import Objective
from breakeven.schema.performance import StepCurve
from breakeven.schema.plan import Option, Rejected
from breakeven.schema.serving import Serving, Speculation
from breakeven.schema.workload import Trace, pack, pack_integers
from breakeven.workload.sample import sample

AS_OF = "2026-11-24"
SMALL = "llama-3.1-8b"
Asks = Callable[..., Question]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture
def trace(question: Asks) -> Trace:
    """60 requests like the workload: bursts of it, and quick to simulate."""
    return sample(question().workload, rng=np.random.default_rng(5), n=60)


def scales_of(catalog: Catalog, asked: Question, trace: Trace, kept: Kept | None = None) -> Scales:
    base = assumptions(catalog.assumptions(), "base")
    return Scales(catalog=catalog, assumptions=base, question=asked, speeds=Speeds(trace, kept))


def space_of(catalog: Catalog, asked: Question, **changes: object) -> tuple[Candidate, ...]:
    scope = Scope(models=(SMALL,), as_of=AS_OF, **changes)
    return Space(catalog, asked, scope, modes(scope, asked.workload.cached_share, hashed=False)).candidates()


def told(_what: str, _done: int, _of: int) -> None:
    """Nobody listens."""


def cheapest_of_each(
    options: list[Option], candidates: tuple[Candidate, ...], trace: Trace
) -> dict[tuple[str, ...], str]:
    """By brute force: the cheapest feasible option of each kind, of equal ones the one fastest when idle."""
    kinds = {one.name: kind_of(one) for one in candidates}
    of = lengths(trace)
    alone = {one.name: lone(one, one.curve, of).e2e_s.mean() for one in candidates if one.curve is not None}
    best: dict[tuple[str, ...], Option] = {}
    for option in sorted(
        (one for one in options if one.feasible),
        key=lambda one: (one.cost_per_useful_prediction_usd, alone[one.name], one.name),
    ):
        if option.feasible:
            best.setdefault(kinds[option.name], option)
    return {kind: option.name for kind, option in best.items()}


@pytest.mark.parametrize(
    "asks",
    [
        {"tpot_s": 0.05},
        {"ttft_s": 0.4, "tpot_s": 0.02, "workload": {"rate_mean_rps": 40.0, "rate_p95_rps": 70.0}},
        {"ttft_s": None, "budget_s": 6.0, "spare_replicas": 1, "zones": 3, "margin": 0.5},
    ],
)
def test_the_search_finds_what_weighing_everything_finds(
    catalog: Catalog, question: Asks, trace: Trace, asks: dict[str, object]
) -> None:
    """The best of every kind, by exhaustive simulation of a small space; the search simulates fewer."""
    asked = question(**asks)
    scope = {"accelerators": ("h100-sxm", "l40s", "l4"), "engines": ("vllm", "trtllm"), "chunks": (512, 2048)}
    space = space_of(catalog, asked, **scope)
    scales = scales_of(catalog, asked, trace)
    found = find(space, scales, told)
    weighed = [evaluate(one, asked, predict=scales.points, price=scales.bill) for one in space]
    expected = cheapest_of_each(weighed, space, trace)
    assert {
        kind_of(one): one.name for one in space if one.name in {o.name for o in found.options if o.feasible}
    } == expected
    assert expected
    assert found.simulated < sum(1 for one in space if one.curve is not None and not one.binding)


def hashed(trace: Trace, tokens: int = 256) -> Trace:
    """The trace with block hashes: every second request begins with the same blocks, as long as its prompt is."""
    hashes, offsets = [], [0]
    for number, prompt in enumerate(trace.column("input_tokens")):
        owner = 0 if number % 2 else number + 1
        hashes += [owner * 1_000 + block for block in range(int(-(-prompt // tokens)))]
        offsets.append(len(hashes))
    return msgspec.structs.replace(
        trace, block_offsets=pack_integers(offsets), block_hashes=pack_integers(hashes), hash_block_tokens=tokens
    )


@pytest.mark.parametrize("asks", [{"tpot_s": 0.05}, {"ttft_s": 0.25, "workload": {"rate_mean_rps": 30.0}}])
def test_the_search_is_right_where_prompts_share_blocks(
    catalog: Catalog, question: Asks, trace: Trace, asks: dict[str, object]
) -> None:
    """The same law with a cache of the trace's own blocks, whose bound is that of an endless one."""
    asked, of = question(**asks), hashed(trace)
    scope = Scope(
        models=(SMALL,), as_of=AS_OF, accelerators=("l40s", "l4"), engines=("vllm",), precisions=("fp16", "int8"),
        chunks=(512, 2048),
    )  # fmt: skip
    share = reuse_share(of)
    space = Space(catalog, asked, scope, modes(scope, share, hashed=True)).candidates()
    scales = scales_of(catalog, asked, of)
    found = find(space, scales, told)
    weighed = [evaluate(one, asked, predict=scales.points, price=scales.bill) for one in space]
    names = {one.name for one in found.options if one.feasible}
    assert share > 0.2
    assert {kind_of(one): one.name for one in space if one.name in names} == cheapest_of_each(weighed, space, of)
    assert any(name.endswith("-cache") for name in names)


def test_every_candidate_is_an_option_or_rejected_once(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """Nothing vanishes and nothing counts twice; each rejection names a constraint and by how much."""
    asked = question(tpot_s=0.05)
    space = space_of(catalog, asked, accelerators=("l4", "rtx-a4000", "b200"))
    found = find(space, scales_of(catalog, asked, trace), told)
    names = [*(one.name for one in found.options), *(one.option for one in found.rejected)]
    assert sorted(names) == sorted(one.name for one in space)
    assert all(one.binding and one.by for one in found.rejected)
    assert {"cost", "quality unmeasured", "availability"} <= set(counted(found.rejected))


def test_what_was_ruled_out_by_cost_could_not_have_been_cheaper(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """The least that a candidate may cost is below what it does cost, weighed after all."""
    asked = question(tpot_s=0.05)
    space = space_of(catalog, asked, accelerators=("l40s", "h100-sxm"), engines=("vllm",), chunks=(2048,))
    scales = scales_of(catalog, asked, trace)
    found = find(space, scales, told)
    by_name = {one.name: one for one in space}
    cut = [one for one in found.rejected if one.binding == "cost"]
    assert cut
    for one in cut:
        option = evaluate(by_name[one.option], asked, predict=scales.speed, price=scales.bill)
        assert option.cost_per_useful_prediction_usd is None or (
            one.least_usd <= option.cost_per_useful_prediction_usd * (1 + 1e-9)
        )


def test_a_search_that_may_not_end_says_what_it_left(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """With hardly any work allowed nothing vanishes, what is not simulated has a bound, and more work helps."""
    asked = question(tpot_s=0.05)
    space = space_of(catalog, asked, accelerators=("l40s", "h100-sxm"), engines=("vllm",))
    kept, options = Kept(), []
    for most in (0, 4_000, 10**9):
        scales = scales_of(catalog, asked, trace, kept)
        found = find(space, scales, told, most)
        options.append([one.name for one in found.options if one.feasible])
        left = [one for one in found.rejected if one.binding == "not simulated"]
        assert bool(left) == (most < 10**9)
        assert len(found.options) + len(found.rejected) == len(space)
        assert all(one.least_usd is not None and one.least_usd > 0 for one in left)
    assert not options[0]
    assert 0 < len(options[1]) <= len(options[2])


def test_what_is_kept_has_the_points_that_decided(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """Intervals are added to the best of each kind, and change none of its points."""
    asked = question(tpot_s=0.05)
    space = space_of(catalog, asked, accelerators=("l40s",), engines=("vllm",), precisions=("fp16",))
    scales, by_name = scales_of(catalog, asked, trace), {one.name: one for one in space}
    best = [one for one in find(space, scales, told).options if one.feasible]
    assert best
    for option in best:
        serving = option.deployment.replicas - option.spare_replicas
        points = scales.points(by_name[option.name], serving)
        for name in ("goodput_share", "ttft_p95_s", "tpot_p95_s", "e2e_p95_s", "max_goodput_rps", "power_w"):
            assert getattr(option.performance, name).value == getattr(points, name).value
        assert option.performance.ttft_p95_s.low <= points.ttft_p95_s.low
        assert option.performance.ttft_p95_s.high >= points.ttft_p95_s.high


def test_the_work_of_a_search_does_not_depend_on_what_was_kept(
    catalog: Catalog, question: Asks, trace: Trace
) -> None:  # fmt: skip
    """A search that was cut short finds the same again from the speeds that it left."""
    asked, kept = question(tpot_s=0.05), Kept()
    space = space_of(catalog, asked, accelerators=("l40s", "h100-sxm"), engines=("vllm",))
    first, again = (find(space, scales_of(catalog, asked, trace, kept), told, 4_000) for _ in range(2))
    assert "not simulated" in counted(first.rejected)
    assert again == first


def test_longer_prompts_are_simulated_in_fewer_requests() -> None:
    """At most so many requests and so many tokens, and never too few for a 95th percentile."""
    lengths_of = (100.0, 16_000.0, 32_000.0, 10**6)
    traces = [
        Trace(name="t", arrival_s=pack(range(9_000)), input_tokens=pack([n] * 9_000), output_tokens=pack([1.0] * 9_000))
        for n in lengths_of
    ]
    assert [stretch(one) for one in traces] == [4_000, 4_000, 2_000, 1_000]


def test_more_than_a_thousand_candidates(catalog: Catalog, question: Asks) -> None:
    """For one model: precisions, boards, engines, terms, places and ways of serving; all of different names."""
    space = space_of(catalog, question(workload={"cached_share": 0.4}))
    assert len(space) > 1_000
    assert len({one.name for one in space}) == len(space)
    deployments = [one.deployment for one in space]
    assert {one.placement for one in deployments} == {"on_prem", "colocated", "cloud", "api", "cpu"}
    assert {one.precision for one in deployments} >= {"fp16", "fp8", "int8", "int4", "fp4"}
    assert {one.engine for one in deployments} >= {"vllm", "sglang", "trtllm"}
    assert {one.accelerators for one in deployments} >= {1, 2, 4, 8}
    assert {one.offer.term for one in space if one.offer} >= {
        "on_demand",
        "spot",
        "reserved_1y",
        "reserved_3y",
        "purchase",
    }
    assert {one.serving.prefix_cache for one in space} == {"off", "chance"}


def test_progress_ends_where_it_said(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """Each part is told in order, to its end."""
    asked, heard = question(tpot_s=0.05), []
    space = space_of(catalog, asked, accelerators=("l4",))
    find(space, scales_of(catalog, asked, trace), lambda *told: heard.append(told))
    for what in dict.fromkeys(one[0] for one in heard):
        told_of = [one[1:] for one in heard if one[0] == what]
        assert told_of == [(n + 1, told_of[-1][1]) for n in range(len(told_of))]


def test_speeds_that_were_kept_change_nothing_but_the_work(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """The same plan to the byte from speeds that went through a file; nothing is simulated then."""
    asked, kept = question(tpot_s=0.05), Kept()
    scope = Scope(models=(SMALL,), as_of=AS_OF, accelerators=("l4", "l40s"))
    first = make_plan(catalog, asked, trace, scope, kept=kept)
    assert kept.changed
    read = msgspec.msgpack.decode(msgspec.msgpack.encode(msgspec.structs.replace(kept, changed=False)), type=Kept)
    again = make_plan(catalog, asked, trace, scope, kept=read)
    assert msgspec.json.encode(again) == msgspec.json.encode(first)
    assert not read.changed


def test_another_trace_does_not_take_the_speeds_of_the_first(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """What is kept is asked for by all that it depends on."""
    asked, kept = question(tpot_s=0.05), Kept()
    scope = Scope(models=(SMALL,), as_of=AS_OF, accelerators=("l4",))
    other = sample(asked.workload, rng=np.random.default_rng(6), n=60)
    make_plan(catalog, asked, trace, scope, kept=kept)
    assert make_plan(catalog, asked, other, scope, kept=kept) == make_plan(catalog, asked, other, scope)


CURVE = StepCurve(
    prefill_s_per_token=1e-5, step_base_s=0.01, step_per_sequence_s=1e-4, step_per_context_s=1e-7, max_sequences=64,
    kv_tokens=10**6, request_s=0.02, step_per_pair_s=1e-9, token_s=((1.0, 1e-3), (64.0, 2e-3), (4096.0, 0.1)),
    step_per_window_context_s=1e-8, window_tokens=512,
)  # fmt: skip


@pytest.mark.parametrize(
    "serving",
    [Serving(), Serving(max_batch_tokens=512), Serving(speculation=Speculation(draft_tokens=3, acceptance=0.7))],
)
def test_nothing_is_faster_than_alone(question: Asks, candidate: Callable[..., Candidate], serving: Serving) -> None:
    """Simulated a minute apart, each request takes what the closed form says it takes at least; and close to it."""
    of = sample(question().workload, rng=np.random.default_rng(3), n=40)
    apart = msgspec.structs.replace(of, arrival_s=pack(60.0 * n for n in range(of.n)))
    run = simulate(apart, CURVE, 1, serving=serving)
    least = lone(candidate("a", curve=CURVE, serving=serving), CURVE, lengths(apart))
    for name, values in least._asdict().items():
        seen = run.column(name)
        known = ~np.isnan(seen)
        assert (values[known] <= seen[known] * (1 + 1e-6)).all()
        assert np.median(values[known] / seen[known]) > 0.9


def test_out_of_reach_is_out_of_reach(question: Asks, candidate: Callable[..., Candidate]) -> None:
    """Whatever target it excludes, the simulation of an idle replica misses the attainment too; with both values."""
    asked = question().objective
    of = sample(question().workload, rng=np.random.default_rng(3), n=40)
    apart = msgspec.structs.replace(of, arrival_s=pack(60.0 * n for n in range(of.n)))
    run = simulate(apart, CURVE, 1)
    found = lone(candidate("a", curve=CURVE), CURVE, lengths(apart))
    excluded = 0
    for limit in (0.01, 0.03, 0.05, 0.08, 0.2, 1.0):
        goal = msgspec.structs.replace(asked, ttft_s=limit)
        said = out_of_reach(found, lengths(apart), goal)
        if said:
            excluded += 1
            assert attain.share_in_budget(run, goal) < goal.attainment
            assert said.startswith("ttft p95: ")
            assert " > " in said
    assert 0 < excluded < 6


def test_the_budget_is_what_the_stages_leave(question: Asks) -> None:
    """Network, retrieval, post-processing and rendering come off; nothing left is infeasible with both values."""
    asked = question(budget_s=0.5, network_s=0.05, features_s=0.1, postprocess_s=0.02, render_s=0.03)
    assert left_for_inference(asked).objective.budget_s == pytest.approx(0.3)
    assert left_for_inference(question()) == question()
    with pytest.raises(InfeasibleError, match="500 ms, of which network and other stages take 600 ms") as caught:
        left_for_inference(question(budget_s=0.5, features_s=0.6))
    assert caught.value.binding == "latency budget"


@pytest.mark.parametrize(
    ("asks", "scope", "binding"),
    [
        ({"quality_floor": 0.7}, {"qualities": {SMALL: 0.6}}, "quality floor"),
        ({"quality_floor": 0.7}, {}, "quality unmeasured"),
        ({"placements": ("on_prem",), "lead_time_days": 30.0}, {}, "lead time"),
        ({"placements": ("on_prem",), "lead_time_days": 30.0}, {"lead_days": {"on_prem": 90.0}}, "lead time"),
        ({"placements": ("on_prem",), "power_limit_w": 100.0}, {}, "power limit"),
        ({"placements": ("cloud",), "regions": ("mars",)}, {}, "region unknown"),
    ],
)
def test_a_hard_constraint_is_named(
    catalog: Catalog, question: Asks, trace: Trace, asks: dict[str, object], scope: dict[str, object], binding: str
) -> None:
    """What makes a plan infeasible is in its error, and the candidates it excludes are counted."""
    with pytest.raises(InfeasibleError, match=binding) as caught:
        make_plan(
            catalog, question(**asks), trace, Scope(models=(SMALL,), as_of=AS_OF, accelerators=("h100-sxm",), **scope)
        )
    assert binding in str(caught.value)


def test_nothing_is_committed_to_beyond_the_horizon(catalog: Catalog, question: Asks) -> None:
    """Three weeks need no year: of each term there is an offer that is refused at a shorter horizon, and none at it."""
    reserved = [one for one in catalog.offers(on=AS_OF, kind="accelerator_hour") if one.term.startswith("reserved_")]
    for offer in reserved:
        months = 12 * int(offer.term.removeprefix("reserved_").removesuffix("y"))
        assert limits.committed(offer, question(horizon_months=months).objective) == ""
        assert limits.committed(offer, question(horizon_months=months - 1).objective).startswith("commitment: ")
    assert {one.term for one in reserved} >= {"reserved_1y", "reserved_3y"}


def test_a_met_floor_allows_what_it_was_measured_for(catalog: Catalog, question: Asks) -> None:
    """A quality of the model is of its published format; that of four bits is stated apart."""
    asked = question(quality_floor=0.7)
    some = {"accelerators": ("h100-sxm",), "engines": ("vllm",)}
    only = space_of(catalog, asked, qualities={SMALL: 0.8}, **some)
    both = space_of(catalog, asked, qualities={SMALL: 0.8, f"{SMALL}/int4": 0.72}, **some)
    allowed = [{one.deployment.precision for one in space if not one.binding} for space in (only, both)]
    assert allowed == [{"fp16"}, {"fp16", "int4"}]


def test_no_more_bits_than_were_published(catalog: Catalog) -> None:
    """Weights in eight bits are not served in sixteen; four-bit ones are served as they are, on any board."""
    scope = Scope(models=(), as_of=AS_OF)
    board, old = catalog.accelerator("h100-sxm"), catalog.accelerator("a100-sxm-80gb")
    assert "fp16" not in precisions(catalog.model("deepseek-v3"), board, scope)
    assert precisions(catalog.model("gpt-oss-20b"), old, scope) == ("fp4",)
    assert "fp8" not in precisions(catalog.model(SMALL), old, scope)


def test_spot_needs_an_availability_and_pays_for_it(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """Refused where it may not be withdrawn; else with spares, and with on-demand capacity for when they fail."""
    scope = Scope(models=(SMALL,), as_of=AS_OF, accelerators=("h100-sxm",), engines=("vllm",))
    plain = make_plan(catalog, question(tpot_s=0.05), trace, scope)
    assert plain.rejected_by["availability"] > 0
    sure = make_plan(catalog, question(tpot_s=0.05, availability=0.999), trace, scope)
    spot = [one for one in sure.options if one.capacity is not None and one.capacity.survival is not None]
    assert spot
    for one in spot:
        assert one.spare_replicas >= 1
        assert [line.name for line in one.bill.lines if line.name == "on_demand_fallback"]
    assert any("withdrawn" in sentence for sentence in sure.assumptions)


def test_a_prefix_cache_is_weighed_where_prompts_share(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """Half of the prompt tokens cached carries more than none: the best plan is never dearer for it."""
    scope = Scope(models=(SMALL,), as_of=AS_OF, accelerators=("l4",), engines=("vllm",))
    costs = [
        make_plan(catalog, question(tpot_s=0.1, workload={"cached_share": share}), trace, scope)
        .options[0]
        .cost_per_useful_prediction_usd
        for share in (0.0, 0.5)
    ]
    assert costs[1] <= costs[0]


def test_reuse_is_what_an_endless_cache_would_find() -> None:
    """By hand: the second request shares its first block, the third is the first again but for its last token."""
    trace = Trace(
        name="t", arrival_s=pack([0.0, 1.0, 2.0]), input_tokens=pack([32.0, 32.0, 32.0]), output_tokens=pack([1.0] * 3),
        block_offsets=pack_integers([0, 2, 4, 6]), block_hashes=pack_integers([1, 2, 1, 3, 1, 2]), hash_block_tokens=16,
    )  # fmt: skip
    assert reuse_share(trace) == pytest.approx((16 + 31) / 96)


def test_the_nearest_rejections_are_kept_of_every_constraint() -> None:
    """A bound on their number leaves an equal share to each, the cheapest of it."""
    many = [Rejected(option=f"a{n:03}", binding="cost", by="x", least_usd=float(n)) for n in range(100)]
    few = [Rejected(option="b", binding="memory", by="y")]
    kept = nearest([*many, *few], most=11)
    assert few[0] in kept
    assert [one.option for one in kept if one.binding == "cost"] == [f"a{n:03}" for n in range(10)]
    assert nearest([*many, *few]) == tuple(sorted([*many, *few], key=lambda one: (one.binding, one.option)))


def test_plans_are_bounded(catalog: Catalog, question: Asks, trace: Trace) -> None:
    """At most sixty options and two megabytes, whatever was searched; every candidate is counted."""
    plan = make_plan(catalog, question(tpot_s=0.05), trace, Scope(models=(SMALL,), as_of=AS_OF))
    assert plan.candidates > 1_000
    assert len(plan.options) <= MOST_OPTIONS
    assert len(plan.options) + sum(plan.rejected_by.values()) == plan.candidates
    assert len(msgspec.json.encode(plan)) < 2_000_000


def test_without_targets_boards_are_filled_as_a_run_on_a_whole_data_set_fills_them(
    catalog: Catalog, question: Asks
) -> None:
    """Where nobody waits, an engine that was measured offline is weighed at that speed; others as they serve."""
    asked = question()
    nobody = msgspec.structs.replace(asked, objective=Objective(use_case="assistant"))
    wanted = {"accelerators": ("h100-sxm",), "precisions": ("fp8",), "engines": ("trtllm", "vllm")}
    for waiting, batch in zip(space_of(catalog, asked, **wanted), space_of(catalog, nobody, **wanted), strict=True):
        assert waiting.name == batch.name
        if waiting.curve is not None:
            assert waiting.curve.max_sequences == waiting.deployment.max_batch == MOST_SEQUENCES
            assert (waiting.curve != batch.curve) == (waiting.deployment.engine == "trtllm")


def test_no_engine_is_asked_for_what_it_does_not_run(catalog: Catalog, question: Asks) -> None:
    """A precision that an engine's documentation excludes on a generation is no option there.

    Where it says that it runs, the plan rests on that fact; where it says nothing, nothing is excluded.
    """
    space = space_of(catalog, question(), accelerators=("b200", "h100-sxm", "mi300x"), precisions=("fp8", "int8"))
    seen: set[tuple[str, str, str, bool]] = set()
    for one in space:
        if one.deployment.placement != "cloud" or one.binding.startswith(("provider", "commitment", "availability")):
            continue
        engine, precision, board = one.deployment.engine, one.deployment.precision, one.deployment.accelerator
        key = f"engine/{engine}/{precision}/{catalog.accelerator(board).architecture}"
        stated = catalog.fact(key).value if key in catalog.known else None
        assert one.binding.startswith("engine: ") == (stated == 0), (one.name, one.binding)
        assert (key in one.facts) == (stated == 1), one.name
        seen.add((engine, precision, board, stated == 1))
    assert ("vllm", "int8", "h100-sxm", True) in seen
    assert {("vllm", "int8", "b200", False), ("vllm", "int8", "mi300x", False), ("trtllm", "fp8", "b200", True)} <= seen


def test_a_build_of_ones_own_is_a_fact_of_ones_own(catalog: Catalog, question: Asks, tmp_path: Path) -> None:
    """Who states that an engine runs a precision somewhere has it weighed there."""
    own = tmp_path / "own.yaml"
    own.write_text(
        "facts:\n  engine/vllm/int8/blackwell: {value: 1, source: our build, as_of: 2026-11-20}\n", encoding="utf-8"
    )
    asked = {"accelerators": ("b200",), "precisions": ("int8",), "engines": ("vllm",)}
    for known, runs in ((catalog, False), (load((own,)), True)):
        found = [one for one in space_of(known, question(), **asked) if one.offer and one.offer.term == "on_demand"]
        assert any(one.curve is not None for one in found) is runs
