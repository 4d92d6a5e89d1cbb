"""Options into a plan: the least cost per useful prediction among those that meet the objective, and its promises."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence

import msgspec

from breakeven.errors import FactError, InfeasibleError
from breakeven.planner.against import with_break_even
from breakeven.planner.binding import commonest
from breakeven.planner.flip import flips
from breakeven.planner.promise import promises
from breakeven.planner.question import Question, part_of
from breakeven.quantity import format_usd
from breakeven.schema.fact import Fact
from breakeven.schema.performance import Performance
from breakeven.schema.plan import Option, Plan, Promise


def choose(
    options: Sequence[Option],
    question: Question,
    facts: Iterable[Fact],
    *,
    as_of: str,
    seed: int,
    assumptions: tuple[str, ...] = (),
    among: Collection[str] | None = None,
) -> Plan:
    """The plan for one use case. Ties go to the smaller name; the same inputs give the same bytes (invariant 7).

    `among` names the options that may be chosen (those that stand already); None allows all.

    Raises:
        InfeasibleError: no option meets the objective; `binding` is the constraint that excluded most.
        FactError: an option rests on a fact that is not among `facts`.
    """
    ordered = tuple(sorted(options, key=lambda option: option.name))
    chosen = best(ordered, question.objective.use_case, among)
    weighed = with_break_even(ordered, question)
    unsigned = Plan(
        id="",
        use_case=question.objective.use_case,
        as_of=as_of,
        seed=seed,
        objective=question.objective,
        workload=question.workload,
        options=tuple(sorted(weighed, key=_rank)),
        chosen=chosen.name,
        reason=reason(chosen, ordered, measurable=question.used_share is not None),
        promises=_promised(chosen, question),
        facts=cited(ordered, facts),
        assumptions=assumptions,
        flips_if=flips(chosen, weighed, question.workload),
    )
    return signed(unsigned)


def best(options: Sequence[Option], use_case: str, among: Collection[str] | None = None) -> Option:
    """The feasible option with the least cost per useful prediction.

    Raises:
        InfeasibleError: there is none.
    """
    allowed = [option for option in options if among is None or option.name in among]
    chosen = min((option for option in allowed if option.feasible), key=_rank, default=None)
    if chosen is not None:
        return chosen
    binding = commonest(option.binding for option in allowed)
    listed = "; ".join(f"{option.name}: {option.binding}" for option in allowed[:5]) or "there are no candidates"
    message = f"none of {len(allowed)} options can serve {use_case} ({listed})"
    raise InfeasibleError(message, _way_out(binding), binding=binding)


def _promised(chosen: Option, question: Question) -> tuple[Promise, ...]:
    """Promises of what a ledger sees: of devices only what answers the rest, of units what they answer themselves."""
    seen = chosen.routed
    if seen is None:
        return ()
    share = chosen.gateway_share
    load = question.workload if share == 1 else part_of(question, share).workload
    return promises(seen, load, question.used_share)


def _rank(option: Option) -> tuple[bool, float, str]:
    cost = option.cost_per_useful_prediction_usd
    return cost is None, cost or 0.0, option.name


def _way_out(binding: str) -> str:
    ways = {
        "memory": "allow more accelerators per replica, a lower precision or a smaller model",
        "placement not allowed": "widen the objective's placements, or add an offer in an allowed place",
        "region not allowed": "widen the objective's regions, or add an offer in an allowed region",
        "latency unmeasured": "send traffic through the gateway to that API, so that its latency is measured",
        "unmeasured": "measure the model's batch curve on that hardware and pass it",
        "unpriced": "add the missing price to the catalog with its source and date",
    }
    return ways.get(binding, f"loosen the target behind '{binding}', or add faster candidates" if binding else "")


def reason(chosen: Option, options: Sequence[Option], *, measurable: bool) -> str:
    """Why this one, in a sentence."""
    what = "useful prediction" if measurable else "prediction in budget"
    cost = format_usd(chosen.cost_per_useful_prediction_usd)
    others = [option for option in options if option.feasible and option.name != chosen.name]
    runner_up = min(others, key=_rank, default=None)
    head = (
        f"{chosen.name} serves {chosen.use_case} for {cost} per {what}, {format_usd(chosen.monthly_cost_usd)} a month"
    )
    if runner_up is None:
        return f"{head}; of {len(options)} options it is the only one that meets the objective."
    rival = format_usd(runner_up.cost_per_useful_prediction_usd)
    rank = "the next best" if _rank(chosen) < _rank(runner_up) else "not set up yet and the best"
    return f"{head}; {runner_up.name}, {rank} of {len(others) + 1} that meet the objective, costs {rival}."


def cited(options: Iterable[Option], facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """The facts that the options rest on, by key.

    Raises:
        FactError: one is missing.
    """
    known = {fact.key: fact for fact in facts}
    keys = sorted({key for option in options for key in keys_of(option)})
    missing = [key for key in keys if key not in known]
    if missing:
        message = f"{len(missing)} facts are cited but not given: {', '.join(missing[:5])}"
        raise FactError(message, "pass every fact that a bill or a performance figure names")
    return tuple(known[key] for key in keys)


def keys_of(option: Option) -> set[str]:
    """The fact keys of an option's bill and performance, and of what answers its rest."""
    keys = {key for line in option.bill.lines for key in line.facts}
    if option.rest is not None:
        keys |= keys_of(option.rest)
    if option.performance is not None:
        keys |= {key for figure in figures(option.performance) for key in figure}
    return keys


def figures(performance: Performance) -> Iterable[tuple[str, ...]]:
    """The fact keys of each figure of a performance."""
    named = (
        performance.ttft_p50_s,
        performance.ttft_p95_s,
        performance.tpot_p50_s,
        performance.tpot_p95_s,
        performance.e2e_p95_s,
        performance.goodput_rps,
        performance.goodput_share,
        performance.max_goodput_rps,
        performance.power_w,
    )
    return (figure.facts for figure in named)


def signed(plan: Plan) -> Plan:
    """The plan with its id: "plan-" and 16 hex digits of the SHA-256 of its canonical JSON with an empty id."""
    canonical = msgspec.json.encode(msgspec.structs.replace(plan, id=""), order="sorted")
    return msgspec.structs.replace(plan, id=f"plan-{hashlib.sha256(canonical).hexdigest()[:16]}")
