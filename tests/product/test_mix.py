"""A mix as the decision: enacted whole, taken back to the byte, filled in order, and held to what it promised."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import Result

from breakeven.app import decisions as app
from breakeven.app import planning, render
from breakeven.assembly import checking, files, holding, rollout
from breakeven.emulator.elastic import Elastic
from breakeven.emulator.server import Settings
from breakeven.emulator.virtual import run
from breakeven.errors import PolicyError, UsageError
from breakeven.gateway.decision.conditions import Conditions
from breakeven.gateway.decision.contract import Contract
from breakeven.gateway.decision.index import index
from breakeven.gateway.decision.request import Request
from breakeven.gateway.decision.routing import pick
from breakeven.planner.compile import HOLDOUT_ARM, PLAN_ARM, held_parts, route_targets
from breakeven.schema.journal import Record, frame
from breakeven.schema.plan import MIX, Plan
from breakeven.schema.policy import Policy, RouteTarget
from breakeven.schema.portfolio import TierPart
from breakeven.schema.record import Capacity, Prediction, Tokens

EXAMPLE = Path(__file__).parents[2] / "examples/scenarios/campaign"
URLS = ("http://127.0.0.1:9001/v1", "http://127.0.0.1:9002/v1")
WEEK_S = 140
T0 = 1_795_000_000.0


def year(folder: Path) -> Path:
    """The year in miniature, much as the scenario's page draws it: 49 ordinary weeks, then three of a crowd."""
    rng, rows = np.random.default_rng(1), []
    for rate, begin, end in ((1.19, 0, 49 * WEEK_S), (40.0, 49 * WEEK_S, 52 * WEEK_S)):
        for at in np.sort(rng.uniform(begin, end, rng.poisson(rate * (end - begin)))).tolist():
            tokens = {"input_length": int(rng.integers(400, 1400)), "output_length": int(rng.integers(80, 220))}
            rows.append(json.dumps({"timestamp": round(at * 1000), **tokens}))
    path = folder / "year.jsonl"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, planning.Written]:
    """The campaign's folder with a plan for its year, made once."""
    folder = tmp_path_factory.mktemp("year") / "campaign"
    shutil.copytree(EXAMPLE, folder)
    given = planning.Given(use_case="advice", trace=year(folder), as_of="2026-11-24")
    return folder, planning.from_project(folder / "held.yaml", given)


@pytest.fixture
def project(planned: tuple[Path, planning.Written], tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    shutil.copytree(planned[0], tmp_path, dirs_exist_ok=True)
    return tmp_path / "held.yaml"


@pytest.fixture
def plan(planned: tuple[Path, planning.Written]) -> Plan:
    return planned[1].plan


def contents(project: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in project.parent.glob("*.yaml")}


def mix(plan: Plan) -> tuple[holding.Held, ...]:
    return holding.held(plan, mix=True)


def test_the_mix_is_conserved(plan: Plan) -> None:
    """Shares of the parts sum to 1 at every load with what none carries; money of the parts sums to the mix's."""
    found = plan.mix
    assert found.cheaper
    assert set(found.order) == {part.name for part in plan.portfolio.parts}
    for level in found.levels:
        assert sum(share for _, share in level.shares) + level.beyond == pytest.approx(1)
    medium = next(level for level in found.levels if level.name == "medium")
    assert dict(medium.shares) == {part.name: part.share for part in plan.portfolio.parts}
    told = {(one.deployment, one.metric): one.predicted for one in found.promises}
    shares = [figure.value for (_, metric), figure in told.items() if metric == "share_of_requests"]
    assert sum(shares) == pytest.approx(1)
    money = [one.value for (name, metric), one in told.items() if metric == "monthly_cost_usd" and name != MIX]
    assert sum(money) == pytest.approx(told[MIX, "monthly_cost_usd"].value)
    for figure in told.values():
        assert figure.low <= figure.value * (1 + 1e-9)
        assert figure.value <= figure.high * (1 + 1e-9)


def test_it_costs_what_the_portfolio_costs_less_what_no_hour_shows(plan: Plan) -> None:
    """The ledger charges the rent: the promise is the portfolio's month by the rent's share of each part's bill."""
    options = {option.name: option for option in plan.options}
    wanted = 0.0
    for part in plan.portfolio.parts:
        bill = options[part.name].bill
        rent = sum(line.amount_usd for line in bill.lines if line.name == "rent")
        wanted += part.monthly_usd * rent / bill.total_usd
    promised = next(one for one in plan.mix.promises if (one.deployment, one.metric) == (MIX, "monthly_cost_usd"))
    assert promised.predicted.value == pytest.approx(wanted)
    assert wanted < plan.portfolio.monthly_usd


def test_every_part_gets_the_plan_s_traffic_and_the_old_route_its_holdout(project: Path, plan: Plan) -> None:
    """Weights of the plan's arm sum to 1 - holdout in the proportion of the shares, in the order of filling."""
    policy = app.apply(project, mix=True, backend_url=URLS, holdout=0.2).policy
    route = policy.use_cases[0].route
    mine = [target for target in route.targets if target.arm == PLAN_ARM]
    assert route.strategy == "cheapest-feasible"
    assert [target.deployment for target in mine] == [one.name for one in mix(plan)]
    assert sum(target.weight for target in mine) == pytest.approx(0.8)
    shares = {part.name: part.share for part in plan.portfolio.parts}
    for target, one in zip(mine, mix(plan), strict=True):
        assert target.weight == pytest.approx(0.8 * shares[one.option.name])
    assert [(one.deployment, one.weight) for one in route.targets if one.arm == HOLDOUT_ARM] == [("today", 0.2)]
    capacities = {one.name: one.capacity.replicas for one in policy.deployments if one.capacity}
    assert {one.name: one.replicas for one in mix(plan)}.items() <= capacities.items()
    assert holding.enacts_mix(plan, policy)


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_taking_a_mix_back_restores_every_byte(project: Path, ends: bytes) -> None:
    """Inverse: rollback after apply --mix is the identity on both files, comments and line ends included."""
    for path in project.parent.glob("*.yaml"):
        path.write_bytes(path.read_bytes().replace(b"\n", ends) + b"# the end" + ends)
    before = contents(project)
    app.apply(project, mix=True, backend_url=URLS)
    assert contents(project) != before
    assert all(line in contents(project)["policy.yaml"] for line in (b"# Product advice", b"# the end"))
    app.rollback(project)
    assert contents(project) == before


def test_a_mix_goes_in_stages(project: Path, plan: Plan) -> None:
    """Each stage has its share over all parts, deployments stay as the first stage wrote them, and all is undone."""
    before, settings = contents(project), []
    stages = [app.apply(project, mix=True, backend_url=URLS, stages=(0.05, 0.5, 1.0)), None, None]
    for place, share in enumerate((0.05, 0.5, 0.9)):
        found = stages[place] or app.next_stage(project, about=app.on(forced=True))
        targets = found.policy.use_cases[0].route.targets
        assert sum(one.weight for one in targets if one.arm == PLAN_ARM) == pytest.approx(share)
        assert found.mix
        assert found.decision.chosen == holding.named(mix(plan))
        assert found.decision.predicted == plan.mix.promises
        settings.append(contents(project)["held.yaml"])
    assert len(set(settings)) == 1
    app.rollback(project, stages[0].decision.id)
    assert contents(project) == before


def test_a_mix_of_one_part_is_the_choice(project: Path, plan: Plan) -> None:
    """The same files, byte for byte, where the portfolio's only part is what was chosen."""
    [own] = [part for part in plan.portfolio.parts if part.name == plan.chosen]
    alone = msgspec.structs.replace(
        plan, portfolio=msgspec.structs.replace(plan.portfolio, parts=(own,)), mix=msgspec.UNSET
    )
    files.save_plan(alone, project.parent / ".breakeven")
    asked = {"backend_url": URLS[0], "dry_run": True}
    one, other = (app.apply(project, plan.id, mix=whole, **asked) for whole in (True, False))
    assert one.changed == other.changed
    assert one.enacts == other.enacts == plan.chosen


def test_the_choice_is_enacted_unless_the_mix_is_asked_for(project: Path, plan: Plan) -> None:
    """Plain apply routes to the choice, and says what the mix would save."""
    found = app.apply(project, backend_url=URLS[0], dry_run=True)
    assert not found.mix
    assert found.enacts == plan.chosen
    assert [line for line in app.remarks(found) if "a month less: breakeven apply --mix" in line]
    assert app.applied_json(found)["enacts"] == {"what": "choice", "named": plan.chosen}


def test_what_served_before_keeps_its_proportions_beside_a_mix(plan: Plan) -> None:
    """The strategy chooses within an arm: each old target but the largest has its own, so that weights choose there."""
    old = [RouteTarget(deployment="a", weight=1.0), RouteTarget(deployment="b", weight=3.0)]
    held_out = [one for one in route_targets(plan, old, 0.2, mix=True) if one.arm != PLAN_ARM]
    assert [(one.deployment, one.arm) for one in held_out] == [("a", f"{HOLDOUT_ARM}-a"), ("b", HOLDOUT_ARM)]
    assert [one.weight for one in held_out] == pytest.approx([0.05, 0.15])
    assert {one.arm for one in route_targets(plan, old, 0.2)} == {PLAN_ARM, HOLDOUT_ARM}


def test_what_has_no_url_is_named(project: Path, plan: Plan) -> None:
    """All that are missing at once; names may be given in any order; what stands takes none."""
    base, burst = (one.name for one in mix(plan))
    with pytest.raises(PolicyError, match=f"no deployments {base}, {burst}"):
        app.apply(project, mix=True)
    with pytest.raises(PolicyError, match=f"no deployment {burst}"):
        app.apply(project, mix=True, backend_url=(f"{base}={URLS[0]}",))
    with pytest.raises(UsageError, match="names other"):
        app.apply(project, mix=True, backend_url=(f"other={URLS[0]}",))
    app.apply(project, mix=True, backend_url=(f"{burst}={URLS[1]}", f"{base}={URLS[0]}"))
    named = {one.name: one.base_url for one in files.current_policy(project.parent / ".breakeven").backends}
    assert (named[base], named[burst]) == URLS
    assert app.apply(project, mix=True).changed.keys() == {str(project.with_name("policy.yaml"))}


def test_what_stands_keeps_its_name_and_backend(project: Path, plan: Plan) -> None:
    """A part that is there already gets the mix's replicas; everything else about it, and every comment, stays."""
    base, burst = mix(plan)
    app.apply(project, mix=True, backend_url=URLS)
    text = project.read_text().replace(f"replicas: {burst.replicas}\n", "replicas: 3  # for now\n")
    project.write_text(text)
    found = app.apply(project, mix=True, dry_run=True)
    assert found.changed[str(project)] == text.replace(
        "replicas: 3  # for now", f"replicas: {burst.replicas}  # for now"
    )
    assert base.replicas != burst.replicas


def test_a_bound_follows_the_plan_that_set_it(project: Path, plan: Plan) -> None:
    """Another plan moves the bound of the one before, the choice alone takes it out; an operator's own stays."""
    base = mix(plan)[0]
    app.apply(project, mix=True, backend_url=URLS)
    [bound] = re.findall(r"max_in_flight: (\d+)", project.read_text())
    parts = [msgspec.structs.replace(one, replicas=one.replicas * 3) for one in plan.portfolio.parts]
    other = msgspec.structs.replace(
        plan, id="plan-other", portfolio=msgspec.structs.replace(plan.portfolio, parts=tuple(parts))
    )
    files.save_plan(other, project.parent / ".breakeven")
    app.apply(project, "plan-other", mix=True)
    assert re.findall(r"max_in_flight: (\d+)", project.read_text()) == [str(3 * int(bound))]
    alone = app.apply(project, plan.id, dry_run=True).changed[str(project)]
    assert "max_in_flight" not in alone
    chosen = next(option for option in plan.options if option.name == plan.chosen)
    assert f"replicas: {chosen.deployment.replicas}\n" in alone
    project.write_text(project.read_text().replace(f"max_in_flight: {3 * int(bound)}", "max_in_flight: 7  # ours"))
    app.apply(project, plan.id, mix=True)
    assert "max_in_flight: 7  # ours" in project.read_text()
    assert base.option.name == plan.chosen


def test_a_stage_needs_something_to_leave_the_rest_to(project: Path, plan: Plan) -> None:
    """Where all that served before is a part of the mix nothing can be held out: a stage is refused, not rounded up."""
    app.apply(project, mix=True, backend_url=URLS, holdout=0)
    with pytest.raises(UsageError, match="all of that is a part of the mix"):
        app.apply(project, plan.id, mix=True, stages=(0.05, 1.0))


def test_spot_serves_the_tiers_that_its_rule_admits(plan: Plan) -> None:
    """A part that is spot and has nothing of the use case's tier is no target; the others share all of the traffic."""
    base, burst = (one.option.name for one in mix(plan))
    parts = tuple(
        msgspec.structs.replace(part, kind="spot") if part.name == burst else part for part in plan.portfolio.parts
    )
    for admitted, wanted in (((base,), [base]), ((base, burst), [base, burst])):
        shares = tuple((name, 1 / len(admitted)) for name in admitted)
        rule = TierPart(tier=plan.objective.tier, share=1.0, shares=shares)
        portfolio = msgspec.structs.replace(plan.portfolio, parts=parts, tiers=(rule,))
        found = held_parts(msgspec.structs.replace(plan, portfolio=portfolio), mix=True)
        assert [option.name for option, _ in found] == wanted
        assert sum(part for _, part in found) == pytest.approx(1)


class Gateway:
    """A worker's routing before two emulated fleets, in virtual time: who was asked when, and what kept its targets."""

    def __init__(self, plan: Plan, policy: Policy) -> None:
        self.index, self.conditions, self.case = index(policy), Conditions(), policy.use_cases[0]
        self.served: list[tuple[float, str, bool]] = []
        self.crowded = True
        self.base = mix(plan)[0].name
        self.fleets = {
            one.name: Elastic(
                Settings(curve=one.option.performance.curve, model="m", label=one.name, flush_s=30.0),
                cold_start_s=0.0,
                replicas=one.replicas,
                most_in_flight=1000,
            )
            for one in mix(plan)
        }

    async def ask(self, number: int, output: int = 150) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        asked = Request(
            request_id=str(number), prediction_ids=(str(number),), protocol="chat", use_case=self.case, tenant="",
            contract=Contract(), time_s=began, received_s=began, seed=number, input_estimate=900, output_limit=output,
        )  # fmt: skip
        choice = pick(self.conditions, self.index, asked, began)
        assert not isinstance(choice, str), choice
        standing = self.conditions.of(choice.chosen)
        if choice.chosen != self.base:
            self.crowded = self.crowded and self.conditions.of(self.base).load.count > 0
        ticket = standing.load.enter(began)
        standing.prefill.sent(900)
        tokens = {"emulate_input_tokens": "900", "emulate_output_tokens": str(output)}
        unsent = [json.dumps({"model": "m", "messages": [], "stream": True, "metadata": tokens}).encode()]
        firsts: list[float] = []

        async def receive() -> dict:
            return {"type": "http.request", "body": unsent.pop()} if unsent else await loop.create_future()

        async def send(message: dict) -> None:
            if message["type"] == "http.response.body" and message.get("body") and not firsts:
                firsts.append(loop.time())
                standing.prefill.answered(900)

        await self.fleets[choice.chosen](
            {"type": "http", "method": "POST", "path": "/v1/chat/completions"}, receive, send
        )
        standing.load.leave(ticket, loop.time())
        ttft_s, each_s = firsts[0] - began, (loop.time() - firsts[0]) / (output - 1)
        kept = ttft_s <= self.case.ttft_s and each_s <= self.case.tpot_s
        self.served.append((began, choice.chosen, kept))

    @property
    def kept(self) -> float:
        """The share of the answers that kept both targets."""
        return float(np.mean([kept for _, _, kept in self.served]))

    async def under(self, rates: tuple[tuple[float, float], ...]) -> None:
        """Poisson arrivals, so many seconds at each rate."""
        rng, tasks, at = np.random.default_rng(5), [], 0.0
        for seconds, rate in rates:
            for when in np.sort(rng.uniform(at, at + seconds, rng.poisson(rate * seconds))).tolist():
                await asyncio.sleep(max(0.0, when - asyncio.get_running_loop().time()))
                tasks.append(asyncio.get_running_loop().create_task(self.ask(len(tasks))))
            at += seconds
        await asyncio.gather(*tasks)


def test_the_base_fills_first_and_the_burst_spills(project: Path, plan: Plan) -> None:
    """On an emulated fleet: what is paid for serves alone until it is full; the rest goes on inside the targets."""
    policy = app.apply(project, mix=True, backend_url=URLS, holdout=0).policy
    base, burst = (one.name for one in mix(plan))

    async def scene() -> Gateway:
        gateway = Gateway(plan, policy)
        await gateway.under(((10, 3.0), (20, 60.0), (20, 3.0)))
        return gateway

    seen = run(scene())
    calm = [name for at, name, _ in seen.served if at < 10 or at > 40]
    crowd = [name for at, name, _ in seen.served if 15 < at < 30]
    assert set(calm) == {base}
    assert crowd.count(burst) > 0.2 * len(crowd)
    assert crowd.count(base) > 0.2 * len(crowd)
    assert seen.crowded
    assert seen.kept >= 0.95


def test_without_a_bound_the_base_is_filled_until_it_is_late(project: Path, plan: Plan) -> None:
    """Where a part is full by TPOT at its batch alone, prompts in between make much of the crowd late."""
    policy = app.apply(project, mix=True, backend_url=URLS, holdout=0).policy
    open_ = tuple(msgspec.structs.replace(one, max_in_flight=0) for one in policy.deployments)

    async def scene() -> Gateway:
        gateway = Gateway(plan, msgspec.structs.replace(policy, deployments=open_))
        await gateway.under(((5, 3.0), (20, 60.0)))
        return gateway

    assert run(scene()).kept < 0.8


def served(project: Path, policy: Policy, shares: dict[str, float], n: int = 4000, span_s: float = 7200.0) -> None:
    """A journal of what the parts would have recorded: these shares, every fiftieth late, capacity at its price."""
    records: list[Record] = []
    for name, share in shares.items():
        of = round(n * share)
        records += [_answer(len(records) + k, policy, name, span_s * k / of) for k in range(of)]
    for one in policy.deployments:
        if one.name in shares:
            records.append(
                Capacity(
                    id=f"{one.name}/{policy.id}",
                    deployment=one.name,
                    start_s=T0,
                    end_s=T0 + span_s,
                    replicas=one.capacity.replicas,
                    pico_usd_per_replica_s=one.capacity.pico_usd_per_replica_s,
                    policy_id=policy.id,
                )
            )
    path = project.parent / ".breakeven/journal" / f"{policy.id}.journal"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(map(frame, records)))


def _answer(n: int, policy: Policy, deployment: str, at_s: float) -> Prediction:
    return Prediction(
        prediction_id=f"{policy.id}-{n}",
        request_id=f"r{n}",
        node="gw",
        sequence=n + 1,
        time_s=T0 + at_s,
        use_case=policy.use_cases[0].name,
        deployment=deployment,
        arm=PLAN_ARM,
        model="llama-3.1-8b",
        policy_id=policy.id,
        plan_id=policy.plan_id,
        subject=f"s{n}",
        status="answered",
        in_budget=n % 50 != 0,
        cost_pico_usd=10**6,
        cost_basis="derived",
        ttft_s=0.2,
        tpot_s=0.02,
        total_s=1.0,
        served=Tokens(input=900, output=150),
    )


def test_a_replayed_mix_is_found_inside_its_promise(project: Path, plan: Plan) -> None:
    """Shares as promised come true, line by line; money of the parts sums; parts of the difference are all of it."""
    policy = app.apply(project, mix=True, backend_url=URLS, holdout=0).policy
    promised = {part.name: part.share for part in plan.portfolio.parts}
    served(project, policy, {one.name: promised[one.option.name] for one in mix(plan)})
    _, seen, decision = app.verify(project.parent / ".breakeven")
    found = {(one.deployment, one.metric): one for one in seen.findings}
    assert [(one.deployment, one.metric) for one in plan.mix.promises] == list(found)
    for (_, metric), one in found.items():
        if metric == "share_of_requests":
            assert one.verdict == "came_true"
            assert one.actual == pytest.approx(one.predicted, abs=1e-3)
    shares = [one.actual for (_, metric), one in found.items() if metric == "share_of_requests"]
    assert sum(shares) == pytest.approx(1)
    money = [one.actual for (name, metric), one in found.items() if metric == "monthly_cost_usd" and name != MIX]
    assert sum(money) == pytest.approx(found[MIX, "monthly_cost_usd"].actual)
    for part in plan.portfolio.parts:
        assert found[part.name, "monthly_cost_usd"].verdict == "came_true"  # at most all replicas all month, as here
    assert seen.explained.deployment == MIX
    parts = sum(part.amount_usd for part in seen.explained.parts)
    assert parts == pytest.approx(seen.explained.difference_usd, abs=1e-9)
    assert decision.actual == seen.findings
    text = render.in_form(app.verified_document(seen), "markdown")
    assert all(one.name in text for one in mix(plan))


def test_a_stage_of_a_mix_is_held_against_the_holdout_as_one(project: Path, plan: Plan) -> None:
    """The guard sees all parts together: their requests, their capacity, the share that all have of the traffic."""
    policy = app.apply(project, mix=True, backend_url=URLS, stages=(0.3, 1.0)).policy
    base, burst = (one.name for one in mix(plan))
    served(project, policy, {base: 0.1, burst: 0.2, "today": 0.7})
    folder = project.parent / ".breakeven"
    found = rollout.looked_at(folder, rollout.standing(folder)[0])
    assert (found.plan_deployment, found.holdout_deployment) == (MIX, "today")
    measures = {one.measure: one for one in found.measures}
    assert measures["attainment"].verdict == "no_harm"
    hourly = {
        one.name: one.capacity.replicas * one.capacity.pico_usd_per_replica_s * 3600 / 1e12
        for one in policy.deployments
        if one.capacity
    }
    per_h = 4000 * 0.98 / 2  # in budget, of two hours
    assert measures["cost"].plan == pytest.approx((hourly[base] + hourly[burst]) / per_h, rel=0.01)
    assert measures["cost"].holdout == pytest.approx(hourly["today"] / per_h, rel=0.01)


def test_a_share_that_is_not_what_was_promised_is_worse(project: Path, plan: Plan) -> None:
    """All requests at the burst: neither part's share came true, whichever way it is off; too few say nothing."""
    policy = app.apply(project, mix=True, backend_url=URLS, holdout=0).policy
    base, burst = (one.name for one in mix(plan))
    served(project, policy, {base: 0.001, burst: 0.999})
    found = checking.findings(project.parent / ".breakeven", plan)
    assert {one.verdict for one in found if one.metric == "share_of_requests"} == {"worse"}
    served(project, policy, {base: 0.5, burst: 0.5}, n=10)
    found = checking.findings(project.parent / ".breakeven", plan)
    assert {one.verdict for one in found} == {"not_enough_evidence"}


def test_the_commands(project: Path, shell: Callable[..., Result], plan: Plan) -> None:
    """Apply, log and roll back a mix from the shell; --next takes no --mix."""
    base, burst = (one.name for one in mix(plan))
    urls = ("--backend-url", f"{base}={URLS[0]}", "--backend-url", f"{burst}={URLS[1]}")
    at = ("--config", str(project))
    dry = shell("apply", *at, "--mix", *urls, "--dry-run", "--json")
    assert json.loads(dry.stdout)["enacts"]["what"] == "mix"
    assert shell("apply", *at, "--mix", *urls).exit_code == 0
    listed = json.loads(shell("decisions", *at, "--json").stdout)["decisions"]
    assert listed[-1]["chosen"] == holding.named(mix(plan))
    assert shell("apply", *at, "--next", "--mix").exit_code == 2
    assert shell("rollback", *at).exit_code == 0
