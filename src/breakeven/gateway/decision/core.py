"""The request core: (conditions, state, event, now) -> (state, action), without clock, sockets or files.

    arriving --Leased--> looking --Missed--> paying --Leased--> sending --Began--> streaming --Completed--> done
                            |Hit                |no money         |Broke, Late         |Broke, Late, Grew without money
                            v                   v                 v                    v
                           done              falling <--------- pause, retry          done (no other answer once bytes
                                                |                                            are out)
                                                +--> another deployment, cached, segment, rules, default, error

`falling` walks the use case's failure chain. Every walk ends in exactly one `End` (invariant 1). What is learned of
deployments on the way is told to `Conditions`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from breakeven.gateway.decision import answers, holding, trying
from breakeven.gateway.decision.conditions import Conditions
from breakeven.gateway.decision.ending import end, refuse, unanswered
from breakeven.gateway.decision.event import (
    Began,
    Broke,
    Completed,
    Cut,
    End,
    Event,
    Grew,
    Hit,
    Late,
    Lease,
    Leased,
    Left,
    LookUp,
    Missed,
    Others,
    Pause,
    Proceed,
    Slow,
    Wait,
    Woke,
)
from breakeven.gateway.decision.holding import Short
from breakeven.gateway.decision.index import Index
from breakeven.gateway.decision.purse import Purse
from breakeven.gateway.decision.request import Request
from breakeven.gateway.decision.routing import pick
from breakeven.gateway.decision.state import Moved, Plan, Running, State
from breakeven.schema.policy import TO

STALE_S = 3600.0
"""How old a cached answer of last resort may be where the use case states no cache of its own."""
RESERVE_SHARE, RESERVE_S = 0.1, 0.01
"""Kept back from the budget, so that a fallback still arrives inside it: a tenth, at most 10 ms."""
PATIENCE_S = 0.1
"""How long a request waits at most for money that others are about to give back."""


def begin(conditions: Conditions, index: Index, request: Request, now: float, purses: tuple[Purse, ...] = ()) -> Moved:
    """Admit a request, then look for a cached answer, or route and send it."""
    use_case = request.use_case
    state = State(
        index=index,
        request=request,
        phase="arriving",
        chain=use_case.failure,
        late_at=_late_at(request),
        purses=purses,
    )
    if request.gap and use_case.on_tracking_incomplete != "serve":
        return _without_tracking(conditions, state, now)
    if conditions.controls_down and not index.tiers[use_case.tier].fail_open:
        return refuse(conditions, state, "controls_down")
    if conditions.money_down:
        state = replace(state, purses=())
    most = index.quota(request.tenant).max_in_flight
    if most:
        there = conditions.in_flight.get(request.tenant, 0)
        if there >= most:
            return refuse(conditions, state, "rate_limited")
        conditions.in_flight[request.tenant] = there + 1
        state = replace(state, seated=True)
    return _admit(conditions, state, now)


def step(conditions: Conditions, state: State, event: Event, now: float) -> Moved:
    """What to do after an event.

    Raises:
        ValueError: the event cannot happen in this phase, which is a fault of the shell.
    """
    if state.phase == "done":
        message = f"{type(event).__name__} after the end of request {state.request.request_id}"
        raise ValueError(message)
    return _STEPS[type(event)](conditions, state, event, now)


def _late_at(request: Request) -> float | None:
    budget_s = request.budget_s
    if budget_s is None:
        return None
    delivers = request.use_case.failure != ("error",)
    reserve_s = min(RESERVE_S, RESERVE_SHARE * budget_s) if delivers else 0.0
    return request.received_s + budget_s - reserve_s


# Arriving: who may ask, and how often


def _without_tracking(conditions: Conditions, state: State, now: float) -> Moved:
    if state.request.use_case.on_tracking_incomplete == "suppress":
        return refuse(conditions, state, "tracking_incomplete")
    chain = tuple(step for step in state.chain if not step.startswith(TO))
    return _fall(conditions, replace(state, chain=chain), "tracking_incomplete", now)


def _admit(conditions: Conditions, state: State, now: float) -> Moved:
    found = holding.arrival(state.request, state.purses)
    if isinstance(found, Short):
        return state, Lease(purse=found.purse, amount=found.amount, until=_patience(state, now))
    state = replace(state, holds=found, phase="looking")
    if state.late_at is not None and now >= state.late_at:
        return _fall(conditions, state, "deadline", now)
    if state.request.cached and state.request.use_case.cache_ttl_s > 0:
        return state, LookUp(max_age_s=state.request.use_case.cache_ttl_s)
    return _route(conditions, state, now)


def _leased(conditions: Conditions, state: State, event: Leased, now: float) -> Moved:
    if not event.granted and conditions.money_down:
        if state.index.tiers[state.request.use_case.tier].fail_open:
            event, state = Leased(granted=True), replace(state, purses=())
        elif not state.sent:
            return refuse(conditions, state, "controls_down")
    if state.phase == "arriving":
        if event.granted:
            return _admit(conditions, state, now)
        return refuse(conditions, state, holding.arrival_refusal(state.request, state.purses), event.retry_after_s)
    plan = _expect(state, event, "paying", "falling").pending
    if plan is None:
        message = "a lease that nobody waits for"
        raise ValueError(message)
    if event.granted:
        return _pay(conditions, state, plan, now)
    return _short(conditions, state, plan, now)


# Looking: the cache


def _hit(conditions: Conditions, state: State, event: Hit, now: float) -> Moved:
    _expect(state, event, "looking", "falling")
    if state.phase == "looking":
        return end(
            conditions, state, End(status="cached", source="cached", http_status=200, cache="hit", served=event.tokens)
        )
    state = trying.noted(state, "ok", "cached", now)
    ending = End(
        status="fallback", source="cached", http_status=200, reason=state.reason, cache="stale", served=event.tokens
    )
    return end(conditions, state, ending)


def _missed(conditions: Conditions, state: State, event: Missed, now: float) -> Moved:
    _expect(state, event, "looking", "falling")
    if state.phase == "looking":
        return _route(conditions, state, now)
    return _fall(conditions, trying.noted(state, "skipped", "not_cached", now), state.reason, now)


# Paying and sending


def _route(conditions: Conditions, state: State, now: float) -> Moved:
    choice = pick(conditions, state.index, state.request, now)
    if isinstance(choice, str):
        return _fall(conditions, state, choice, now)
    state = replace(state, choice=choice)
    return _pay(conditions, state, Plan(deployment=choice.chosen, kind="primary"), now)


def _pay(conditions: Conditions, state: State, plan: Plan, now: float) -> Moved:
    """Hold what the attempt may cost at worst, then send it."""
    if not state.purses:
        return trying.send(conditions, state, holding.bounded(state, plan), now)
    found = holding.attempt(state, plan)
    if isinstance(found, Short):
        phase = "falling" if plan.kind == "fallback" else "paying"
        asked = Lease(purse=found.purse, amount=found.amount, until=_patience(state, now))
        return replace(state, phase=phase, pending=plan), asked
    return trying.send(conditions, *found, now)


def _patience(state: State, now: float) -> float:
    return now + PATIENCE_S if state.late_at is None else min(now + PATIENCE_S, state.late_at)


def _short(conditions: Conditions, state: State, plan: Plan, now: float) -> Moved:
    """There is not enough money for an attempt."""
    state = replace(state, pending=None)
    if state.running:
        return state, Wait()
    if plan.kind == "retry":
        return _fall(conditions, state, state.reason, now)
    what = holding.on_exhausted(state, plan)
    capped = holding.capped(state, plan) if what == "cap" else None
    if capped is not None:
        return _pay(conditions, state, capped, now)
    if what == "fallback" or plan.kind == "fallback":
        return _fall(conditions, state, state.reason or "budget_exhausted", now)
    return refuse(conditions, state, "budget_exhausted")


def _began(conditions: Conditions, state: State, event: Began, now: float) -> Moved:
    _expect(state, event, "sending")
    state = trying.first_token(conditions, _given_up(conditions, state, event.others, now), event.attempt)
    paid = state.run(event.attempt).paid_output
    return replace(state, phase="streaming"), Proceed(attempt=event.attempt, paid_chunks=paid)


def _grew(conditions: Conditions, state: State, event: Grew, now: float) -> Moved:
    """The stream holds what was paid for: pay for more where that may be, else cut it."""
    del conditions, now
    _expect(state, event, "streaming")
    attempt = state.running[0].attempt
    grown = holding.grown(state, attempt, event.chunks)
    if grown is None:
        return state, Cut(attempt=attempt)
    return grown, Proceed(attempt=attempt, paid_chunks=grown.run(attempt).paid_output)


def _completed(conditions: Conditions, state: State, event: Completed, now: float) -> Moved:
    _expect(state, event, "sending", "streaming")
    state = _given_up(conditions, state, event.others, now)
    reason = state.why_another
    state = trying.succeeded(conditions, state, event.attempt, event.observed, now)
    ending = End(status="answered", source="upstream", http_status=200, reason=reason, cache=_cache(state))
    return end(conditions, state, ending)


def _given_up(conditions: Conditions, state: State, others: Others, now: float) -> State:
    for attempt, observed in others:
        state = trying.ended(conditions, state, attempt, "cancelled", "another_was_faster", observed, now)
    return state


def _broke(conditions: Conditions, state: State, event: Broke, now: float) -> Moved:
    _expect(state, event, "sending", "streaming")
    streaming = state.phase == "streaming"
    run = state.run(event.attempt)
    state = trying.failed(conditions, state, event, now)
    if streaming:
        return end(conditions, state, End(status="failed", source="error", http_status=200, reason=event.reason))
    if state.running:
        return state, Wait()
    if answers.callers_fault(state.index, run.deployment, event.observed.http_status):
        status = event.observed.http_status
        return end(conditions, state, End(status="refused", source="upstream", http_status=status, reason=event.reason))
    return _again(conditions, state, event, run, now)


def _again(conditions: Conditions, state: State, event: Broke, run: Running, now: float) -> Moved:
    """Try once more where that may help and may be; else walk the chain."""
    state = replace(state, reason=event.reason)
    plan = trying.retry(conditions, state, event, run, now) if run.kind in {"primary", "retry", "hedge"} else None
    if plan is None:
        return _fall(conditions, state, event.reason, now)
    if plan.not_before > now:
        return replace(state, phase="pausing", pending=plan), Pause(until=plan.not_before)
    return _pay(conditions, state, plan, now)


def _slow(conditions: Conditions, state: State, event: Slow, now: float) -> Moved:
    """The first attempt is slow: one beside it, where tier, allowance and money let it."""
    del event
    if state.phase != "sending" or [one.kind for one in state.running] != ["primary"] or state.tried:
        return state, Wait()
    plan = trying.hedge(conditions, state, now)
    if plan is None:
        return state, Wait()
    held = holding.attempt(state, plan)
    return (state, Wait()) if isinstance(held, Short) else trying.send(conditions, *held, now)


def _woke(conditions: Conditions, state: State, event: Woke, now: float) -> Moved:
    plan = _expect(state, event, "pausing").pending
    if plan is None:
        message = "woken without a plan"
        raise ValueError(message)
    return _pay(conditions, replace(state, pending=None), plan, now)


# Ending


def _late(conditions: Conditions, state: State, event: Late, now: float) -> Moved:
    streaming = state.phase == "streaming"
    for attempt, observed in event.running:
        state = trying.ended(conditions, state, attempt, "timeout", "deadline", observed, now)
    if streaming:
        return end(conditions, state, End(status="failed", source="error", http_status=200, reason="deadline"))
    return _fall(conditions, replace(state, pending=None), "deadline", now)


def _left(conditions: Conditions, state: State, event: Left, now: float) -> Moved:
    for attempt, observed in event.running:
        state = trying.ended(conditions, state, attempt, "cancelled", "client_gone", observed, now)
    return end(conditions, state, End(status="cancelled", source="error", http_status=499, reason="client_gone"))


def _fall(conditions: Conditions, state: State, reason: str, now: float) -> Moved:
    """Walk the failure chain from where it stands."""
    use_case = state.request.use_case
    state = replace(state, phase="falling", reason=reason)
    while state.chain:
        first = state.chain[0]
        state = replace(state, chain=state.chain[1:])
        if first == "error":
            break
        if first == "cached":
            if state.request.cached:
                return state, LookUp(max_age_s=max(use_case.cache_ttl_s, STALE_S))
        elif first.startswith(TO):
            deployment = first.removeprefix(TO)
            plan = trying.fallback(conditions, state, deployment, now)
            if isinstance(plan, Plan):
                return _pay(conditions, state, plan, now)
            state = trying.noted(state, "skipped", plan, now, deployment)
        else:
            prepared = answers.prepared(first, state.request)
            if prepared is not None:
                return end(
                    conditions,
                    trying.noted(state, "ok", first, now),
                    End(status="fallback", source=prepared.source, http_status=200, reason=reason, text=prepared.text),
                )
    return unanswered(conditions, state, reason)


def _cache(state: State) -> str:
    return "miss" if state.request.cached and state.request.use_case.cache_ttl_s > 0 else "off"


def _expect(state: State, event: Event, *phases: str) -> State:
    if state.phase not in phases:
        message = f"{type(event).__name__} cannot happen while {state.phase}"
        raise ValueError(message)
    return state


_STEPS: dict[type[Any], Callable[[Conditions, State, Any, float], Moved]] = {
    Leased: _leased,
    Hit: _hit,
    Missed: _missed,
    Began: _began,
    Grew: _grew,
    Completed: _completed,
    Broke: _broke,
    Slow: _slow,
    Woke: _woke,
    Late: _late,
    Left: _left,
}
