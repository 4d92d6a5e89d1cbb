"""Which deployment a request goes to: those that may be asked now, and among them the strategy's choice."""

from __future__ import annotations

from breakeven.gateway.decision.breaker import usable
from breakeven.gateway.decision.capacity import Predicted, fits, predicted, predicted_rows_s
from breakeven.gateway.decision.charge import marginal_pico_usd
from breakeven.gateway.decision.choosing import choose
from breakeven.gateway.decision.conditions import Conditions, Standing
from breakeven.gateway.decision.index import Index
from breakeven.gateway.decision.learning import prefer, routed, verdict
from breakeven.gateway.decision.limit import admits
from breakeven.gateway.decision.request import Request
from breakeven.gateway.decision.route import SEED_BITS, Choice
from breakeven.gateway.decision.strategy.option import Option
from breakeven.gateway.decision.strategy.prefix_affinity import affinity_of
from breakeven.gateway.decision.strategy.table import STRATEGIES
from breakeven.schema.policy import PolicyDeployment, RouteTarget, TierRule

LIKELY_OUTPUT = 256
_LEAST_SHARE = 0.01
_STATIC = frozenset({"weight"})
_CERTAIN: tuple[float, ...] = (1.0,)
Candidates = list[tuple[RouteTarget, Standing]]


def pick(conditions: Conditions, index: Index, request: Request, now: float) -> Choice | str:
    """Let the route's strategy choose among the targets that may be asked; or why none may."""
    targets = index.targets[request.use_case.name, request.protocol]
    if not targets:
        return "no_target"
    found = _open(conditions, index, request, targets, now)
    return found if isinstance(found, str) else _chosen(index, request, found)


def closed_to(conditions: Conditions, index: Index, request: Request, deployment: str, now: float) -> str:
    """Why a deployment may not be asked; "" when it may."""
    found = _open(conditions, index, request, (RouteTarget(deployment=deployment),), now)
    return found if isinstance(found, str) else ""


def another(conditions: Conditions, index: Index, request: Request, now: float, tried: set[str]) -> str | None:
    """The least loaded target of the same arms that was not tried; None when none may be asked."""
    arms = {one.arm for one in request.use_case.route.targets if one.deployment in tried}
    targets = tuple(
        one
        for one in index.targets[request.use_case.name, request.protocol]
        if one.deployment not in tried and one.arm in arms
    )
    found = _open(conditions, index, request, targets, now) if targets else ""
    if isinstance(found, str):
        return None
    return min(found, key=lambda one: one[1].load.count)[0].deployment


def _open(
    conditions: Conditions, index: Index, request: Request, targets: tuple[RouteTarget, ...], now: float
) -> Candidates | str:
    standings: Candidates = []
    well = True
    for target in targets:
        standing = conditions.of(target.deployment)
        if standing.progress.frozen(now, index.stall_s[target.deployment]):
            standing.circuit.trip(now)  # it moves no more, whatever its health page says
        well = well and standing.circuit.allows(now) == "yes"
        standings.append((target, standing))
    if not well:
        able = usable([standing.circuit for _, standing in standings], now)
        standings = [standings[place] for place in able]
        if not standings:
            return "circuit_open"
    rule = index.tiers[request.use_case.tier]
    return [one for one in standings if _has_room(index, request, rule, *one)] or "overload"


def _has_room(index: Index, request: Request, rule: TierRule, target: RouteTarget, standing: Standing) -> bool:
    count = standing.load.count
    if count == 0:
        return True
    deployment = index.deployments[target.deployment]
    limit = standing.limit.limit
    if deployment.max_in_flight:
        limit = min(limit, deployment.max_in_flight)
    if not admits(count, limit, rule.share):
        return False
    return rule.share >= 1.0 or deployment.work is None or _feasible(index, request, target, standing)


def _feasible(index: Index, request: Request, target: RouteTarget, standing: Standing) -> bool:
    """Whether the capacity table says that the targets are met with this request on top; True where it says nothing.

    A tier sees the load as if only its share were there, so that whatever is refused to it is refused to lower ones.
    """
    deployment = index.deployments[target.deployment]
    if deployment.work is None:
        return True
    return fits(
        _predicted(deployment, request, standing, max(_LEAST_SHARE, index.tiers[request.use_case.tier].share)),
        ttft_s=request.use_case.ttft_s,
        tpot_s=request.use_case.tpot_s,
        left_s=request.budget_s,
    )


def _predicted(deployment: PolicyDeployment, request: Request, standing: Standing, share: float) -> Predicted:
    work, replicas = deployment.work, deployment.capacity.replicas if deployment.capacity else 1
    if work is None:
        return Predicted()
    queued = round(standing.prefill.queued / share)
    if request.protocol in {"infer", "decide"}:
        rows_s = predicted_rows_s(work, queued_rows=queued, rows=request.rows, replicas=replicas)
        return Predicted(total_s=rows_s)
    return predicted(
        work,
        queued_prefill_tokens=queued,
        own_tokens=request.input_estimate,
        output_tokens=_likely_output(request),
        in_flight=standing.load.count / share,
        replicas=replicas,
    )


def _likely_output(request: Request) -> int:
    if request.protocol not in {"chat", "completion"}:
        return 0
    return LIKELY_OUTPUT if request.output_limit is None else min(request.output_limit, LIKELY_OUTPUT)


def _chosen(index: Index, request: Request, found: Candidates) -> Choice:
    route = request.use_case.route
    judge = index.judges.get(request.use_case.name)
    judged = None if judge is None else verdict(judge, request.said)
    explore = route.explore if index.tiers[request.use_case.tier].explore else 0.0
    if len(found) == 1:
        place, propensities = 0, _CERTAIN
        options: list[Option] = []
    else:
        needs = STRATEGIES[route.strategy].needs
        if needs <= _STATIC:
            known = index.options[request.use_case.name]
            options = [known[target.deployment, target.arm] for target, _ in found]
        else:
            options = [_option(index, request, place, one, needs) for place, one in enumerate(found)]
            if judge is not None and judged is not None:
                prefer(judge, judged, options)
        place, propensities = choose(route.strategy, options, draw=request.seed / (1 << SEED_BITS), explore=explore)
    target = found[place][0]
    return Choice(
        eligible=tuple([one.deployment for one, _ in found]),
        propensities=propensities,
        chosen=target.deployment,
        arm=target.arm,
        seed=request.seed,
        routed=None if judge is None or judged is None else routed(judge, judged, target, options),
    )


def _option(
    index: Index, request: Request, place: int, found: tuple[RouteTarget, Standing], needs: frozenset[str]
) -> Option:
    """What the strategy must know of a target, and no more: some of it costs microseconds."""
    target, standing = found
    deployment = index.deployments[target.deployment]
    replicas = deployment.capacity.replicas if deployment.capacity else 1
    return Option(
        deployment=target.deployment,
        arm=target.arm,
        weight=target.weight,
        in_flight=standing.load.count,
        slots=float(replicas),
        latency_s=standing.first_byte.quantile(0.5) if "latency_s" in needs else None,
        cost_pico_usd=_added_pico_usd(deployment, request, place) if "cost_pico_usd" in needs else None,
        feasible=_feasible(index, request, target, standing) if "feasible" in needs else True,
        affinity=affinity_of(request.prefix, target.deployment) if "affinity" in needs else 0.0,
    )


def _added_pico_usd(deployment: PolicyDeployment, request: Request, place: int) -> int | None:
    """What the request adds to the bill. Of what is paid for anyhow the route's order decides, a pico-dollar a place.

    So one fills before the next begins, and what comes last can be let go; equal prices by use share evenly.
    """
    added = marginal_pico_usd(
        deployment, input_tokens=request.input_estimate, output_tokens=_likely_output(request)
    )  # fmt: skip
    return added + place if added is not None and deployment.capacity is not None else added
