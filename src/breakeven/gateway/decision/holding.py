"""Holding what a request may use before it is used, and settling what it did use (reserve and settle)."""

from __future__ import annotations

from typing import Any, Literal

from msgspec.structs import replace

from breakeven.gateway.decision.charge import estimated_pico_usd, worst_pico_usd
from breakeven.gateway.decision.purse import Purse, reserve_each
from breakeven.gateway.decision.request import Request
from breakeven.gateway.decision.state import Hold, Plan, State
from breakeven.schema.noun import Noun
from breakeven.schema.policy import PolicyDeployment

OUTPUT_CAP = 4096
"""Tokens that a request may generate where neither it nor its use case says, and a hard budget must know."""
LIKELY_OUTPUT = 256
"""Tokens assumed where a soft budget must guess."""
GROWTH = 64
"""Tokens paid for at a time when a stream outgrows its estimate."""
LEAST_OUTPUT = 16
"""A cap below this is a refusal: nobody wants so short an answer."""
_GENERATES = frozenset({"chat", "completion"})


class Short(Noun, frozen=True, kw_only=True):
    """This purse lacks this amount."""

    purse: Purse
    amount: int


def arrival(request: Request, purses: tuple[Purse, ...]) -> tuple[Hold, ...] | Short:
    """Hold one request and its likely tokens of the tenant's quotas; all of it or nothing."""
    wanted: list[Hold] = []
    for purse in purses:
        kind = purse.allowance.kind
        if kind == "tokens_rate":
            amount = request.input_estimate + (request.output_limit or 0)
            wanted.append(Hold(purse=purse, amount=amount, kind="tokens"))
        elif kind != "money":
            wanted.append(Hold(purse=purse, amount=1, kind="requests"))
    return _held(wanted)


def _held(wanted: list[Hold]) -> tuple[Hold, ...] | Short:
    """Every hold is reserved, or none is and the first purse that lacks is named."""
    lacking = reserve_each([(one.purse, one.amount) for one in wanted])
    return tuple(wanted) if lacking < 0 else Short(purse=wanted[lacking].purse, amount=wanted[lacking].amount)


def _money(state: State) -> list[Purse]:
    return [purse for purse in state.purses if purse.allowance.kind == "money"]


def arrival_refusal(request: Request, purses: tuple[Purse, ...]) -> str:
    """Why a request may not arrive: too fast, or too many."""
    found = arrival(request, purses)
    if isinstance(found, Short):
        return "quota_exhausted" if found.purse.allowance.kind == "requests_per_day" else "rate_limited"
    _give_back(found)
    return "rate_limited"


def attempt(state: State, plan: Plan) -> tuple[State, Plan] | Short:
    """Hold what an attempt may cost in every budget it falls under; all of it or nothing.

    A hard budget holds the worst case, for which the output must be bounded: the plan then says by how much.
    """
    request, deployment = state.request, state.index.deployments[plan.deployment]
    money = _money(state)
    plan = _bounded(plan, request, hard=any(purse.allowance.hard for purse in money), known=bool(money))
    held = _held(
        [
            Hold(purse=purse, amount=_amount(purse, deployment, request, plan), kind="money", attempt=state.sent)
            for purse in money
        ]
    )
    if isinstance(held, Short):
        return held
    return (replace(state, holds=(*state.holds, *held)) if held else state), plan


def _amount(purse: Purse, deployment: PolicyDeployment, request: Request, plan: Plan) -> int:
    output, rows = plan.paid_output or 0, request.rows
    if purse.allowance.hard:
        return worst_pico_usd(deployment, input_tokens=request.input_bound, output_tokens=output, rows=rows)
    found = estimated_pico_usd(deployment, input_tokens=request.input_estimate, output_tokens=output, rows=rows)
    return found or 0


def _bounded(plan: Plan, request: Request, *, hard: bool, known: bool) -> Plan:
    if request.protocol not in _GENERATES:
        return plan
    if plan.cap is not None:
        return replace(plan, fields={request.output_field: plan.cap}, paid_output=plan.cap * request.choices)
    stated, cap = request.output_limit, request.use_case.max_output_tokens
    fields: dict[str, Any] | None = None
    if stated is None and (cap or hard):
        fields = {request.output_field: cap or OUTPUT_CAP}
    output = stated if stated is not None else (cap or (OUTPUT_CAP if hard else LIKELY_OUTPUT)) * request.choices
    return replace(plan, fields=fields, paid_output=output if known else None)


def bounded(state: State, plan: Plan) -> Plan:
    """The plan of an attempt that no budget watches: its output is bounded where the use case bounds it."""
    return _bounded(plan, state.request, hard=False, known=False) if state.request.use_case.max_output_tokens else plan


def on_exhausted(state: State, plan: Plan) -> Literal["refuse", "cap", "fallback"]:
    """What the budget that is short wants done."""
    found = attempt(state, plan)
    if isinstance(found, Short):
        return found.purse.allowance.on_exhausted
    _give_back(found[0].holds[len(state.holds) :])
    return "refuse"


def capped(state: State, plan: Plan) -> Plan | None:
    """The plan with its output capped to what the purse that is short holds; None when that is too little.

    Another purse may be short of the capped plan: then it is capped again, to less.
    """
    request, deployment = state.request, state.index.deployments[plan.deployment]
    found = attempt(state, plan)
    if not isinstance(found, Short) or request.protocol not in _GENERATES:
        return None
    least = worst_pico_usd(deployment, input_tokens=request.input_bound, output_tokens=0, rows=0)
    token = worst_pico_usd(deployment, input_tokens=request.input_bound, output_tokens=1, rows=0) - least
    free = found.purse.free - least
    each = free // token // request.choices if token > 0 and free > 0 else 0
    return replace(plan, cap=each) if each >= LEAST_OUTPUT else None


def grown(state: State, attempt_number: int, chunks: int) -> State | None:
    """Pay for more of a stream that outgrew what was held; None when it must be cut.

    A hard budget held the worst case already: a server that sends more than it was told to is cut.
    """
    run = state.run(attempt_number)
    deployment = state.index.deployments[run.deployment]
    money = _money(state)
    if any(purse.allowance.hard for purse in money):
        return None
    more = max(GROWTH, chunks - (run.paid_output or 0))
    amount = estimated_pico_usd(deployment, input_tokens=0, output_tokens=more, rows=0) or 0
    held = _held([Hold(purse=purse, amount=amount, kind="money", attempt=attempt_number) for purse in money])
    if isinstance(held, Short):
        return None
    running = tuple(
        replace(one, paid_output=(one.paid_output or 0) + more) if one.attempt == attempt_number else one
        for one in state.running
    )
    return replace(state, running=running, holds=(*state.holds, *held))


def settle(state: State, *, cost_pico_usd: int, tokens: int) -> None:
    """Give every hold back, and spend what the request did use.

    What an attempt used that was given up before its whole answer came is not known: a hard budget takes it for all
    that was held. Of a stream the pieces were counted.
    """
    unknown = not state.request.stream and any(
        one.outcome != "ok" and one.observed.accepted and one.observed.usage is None for one in state.tried
    )
    held: dict[int, tuple[Hold, int]] = {}
    for hold in state.holds:
        first, amount = held.get(id(hold.purse), (hold, 0))
        held[id(hold.purse)] = (first, amount + hold.amount)
    for first, amount in held.values():
        used = {"money": cost_pico_usd, "tokens": tokens, "requests": amount}[first.kind]
        if unknown and first.kind == "money" and first.purse.allowance.hard:
            used = max(used, amount)
        first.purse.settle(amount, used)


def forfeit(state: State) -> None:
    """Count all that is held as spent: what the request did use is not known, and a budget must not be overspent."""
    for hold in state.holds:
        amount = min(hold.amount, hold.purse.reserved)
        hold.purse.settle(amount, amount)


def _give_back(holds: tuple[Hold, ...]) -> None:
    for hold in holds:
        hold.purse.release(hold.amount)
