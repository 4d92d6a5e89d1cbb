"""The request core: (state, event, now) -> (state, action), without clock, sockets or files.

    looking --Missed--> sending --Began--> streaming --Completed--> done
       |Hit                |Broke, Late        |Broke, Late
       v                   v                   v
      done              falling --Hit--> done  done (failed: no other answer once bytes are out)

`falling` walks the use case's failure chain. Every walk ends in exactly one `End` (invariant 1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from breakeven.gateway.decision.event import (
    Action,
    Began,
    Broke,
    Completed,
    End,
    Event,
    Hit,
    Late,
    Left,
    LookUp,
    Missed,
    Observed,
    Proceed,
    Send,
)
from breakeven.gateway.decision.index import Index
from breakeven.gateway.decision.request import Request
from breakeven.gateway.decision.route import Choice, choose
from breakeven.schema.noun import Noun
from breakeven.schema.policy import FallbackStep, PolicyDeployment
from breakeven.schema.record import Attempt, AttemptKind, AttemptOutcome, Status

Phase = Literal["looking", "sending", "streaming", "falling", "done"]
STALE_S = 3600.0
"""How old a cached answer of last resort may be where the use case states no cache of its own."""
RESERVE_SHARE, RESERVE_S = 0.1, 0.01
"""Kept back from the budget, so that a fallback still arrives inside it: a tenth, at most 10 ms."""
_CALLERS_FAULT = frozenset({400, 413, 415, 422})
_KEY_REFUSED = frozenset({401, 403})
_HTTP_OF_REASON = {"deadline": 504, "timeout": 504, "no_target": 404, "upstream_429": 429}


class State(Noun, frozen=True, kw_only=True):
    """Where a request stands. `observed` is what its attempt yielded, empty before."""

    index: Index
    request: Request
    choice: Choice | None
    phase: Phase = "looking"
    late_at: float | None = None
    chain: tuple[FallbackStep, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    attempt_at: float | None = None
    attempt_end: float | None = None
    observed: Observed = Observed()
    reason: str = ""

    @property
    def deployment(self) -> PolicyDeployment | None:
        """The chosen deployment."""
        return None if self.choice is None else self.index.deployments[self.choice.chosen]

    @property
    def caching(self) -> bool:
        """Whether answers of this use case are kept at all."""
        use_case = self.request.use_case
        return use_case.cache_ttl_s > 0 or "cached" in use_case.failure


def begin(index: Index, request: Request, now: float) -> tuple[State, Action]:
    """Route a request, then look for a cached answer or send it."""
    eligible = index.targets[request.use_case.name, request.protocol]
    choice = choose(request.use_case.route, eligible, seed=request.seed)
    state = State(
        index=index, request=request, choice=choice, chain=request.use_case.failure, late_at=_late_at(request)
    )
    if choice is None:
        return _fall(state, "no_target", now)
    if state.late_at is not None and now >= state.late_at:
        return _fall(state, "deadline", now)
    if request.use_case.cache_ttl_s > 0:
        return state, LookUp(max_age_s=request.use_case.cache_ttl_s)
    return _send(state, choice, now)


def step(state: State, event: Event, now: float) -> tuple[State, Action]:
    """What to do after an event.

    Raises:
        ValueError: the event cannot happen in this phase, which is a fault of the shell.
    """
    if state.phase == "done":
        message = f"{type(event).__name__} after the end of request {state.request.request_id}"
        raise ValueError(message)
    return _STEPS[type(event)](state, event, now)


def _late_at(request: Request) -> float | None:
    budget_s = request.budget_s
    if budget_s is None:
        return None
    delivers = set(request.use_case.failure) & {"cached", "default"}
    reserve_s = min(RESERVE_S, RESERVE_SHARE * budget_s) if delivers else 0.0
    return request.received_s + budget_s - reserve_s


def _send(state: State, choice: Choice, now: float) -> tuple[State, Action]:
    state = msgspec.structs.replace(state, phase="sending", attempt_at=now)
    return state, Send(deployment=choice.chosen, late_at=state.late_at)


def _hit(state: State, event: Hit, now: float) -> tuple[State, Action]:
    _expect(state, event, "looking", "falling")
    if state.phase == "looking":
        return _end(state, End(status="cached", source="cached", http_status=200, cache="hit", served=event.tokens))
    state = _tried(state, "fallback", "ok", "cached", now, now)
    ending = End(
        status="fallback", source="cached", http_status=200, reason=state.reason, cache="stale", served=event.tokens
    )
    return _end(state, ending)


def _missed(state: State, event: Missed, now: float) -> tuple[State, Action]:
    _expect(state, event, "looking", "falling")
    if state.phase == "looking" and state.choice is not None:
        return _send(state, state.choice, now)
    return _fall(_tried(state, "fallback", "skipped", "not_cached", now, now), state.reason, now)


def _began(state: State, event: Began, now: float) -> tuple[State, Action]:
    del now
    _expect(state, event, "sending")
    return msgspec.structs.replace(state, phase="streaming"), Proceed()


def _completed(state: State, event: Completed, now: float) -> tuple[State, Action]:
    _expect(state, event, "sending", "streaming")
    state = _attempted(state, "ok", "", event.observed, now)
    return _end(state, End(status="answered", source="upstream", http_status=200, cache=_cache(state)))


def _broke(state: State, event: Broke, now: float) -> tuple[State, Action]:
    _expect(state, event, "sending", "streaming")
    streaming = state.phase == "streaming"
    state = _attempted(state, event.outcome, event.reason, event.observed, now)
    if streaming:
        return _end(state, End(status="failed", source="error", http_status=200, reason=event.reason))
    if _callers_fault(state, event.observed.http_status):
        status = event.observed.http_status
        return _end(state, End(status="refused", source="upstream", http_status=status, reason=event.reason))
    return _fall(state, event.reason, now)


def _late(state: State, event: Late, now: float) -> tuple[State, Action]:
    if state.phase in {"sending", "streaming"}:
        return _broke(state, Broke(outcome="timeout", reason="deadline", observed=event.observed), now)
    return _fall(state, "deadline", now)


def _left(state: State, event: Left, now: float) -> tuple[State, Action]:
    if state.phase in {"sending", "streaming"}:
        state = _attempted(state, "cancelled", "client_gone", event.observed, now)
    return _end(state, End(status="cancelled", source="error", http_status=499, reason="client_gone"))


def _fall(state: State, reason: str, now: float) -> tuple[State, Action]:
    use_case = state.request.use_case
    state = msgspec.structs.replace(state, phase="falling", reason=reason)
    while state.chain:
        first, *rest = state.chain
        state = msgspec.structs.replace(state, chain=tuple(rest))
        if first == "cached":
            return state, LookUp(max_age_s=max(use_case.cache_ttl_s, STALE_S))
        if first == "default" and use_case.default_body:
            state = _tried(state, "fallback", "ok", "default", now, now)
            return _end(state, End(status="fallback", source="default", http_status=200, reason=reason))
        if first == "error":
            break
    status: Status = "refused" if state.attempt_at is None else "failed"
    http_status = _HTTP_OF_REASON.get(reason, 502)
    return _end(state, End(status=status, source="error", http_status=http_status, reason=reason))


def _end(state: State, ending: End) -> tuple[State, Action]:
    return msgspec.structs.replace(state, phase="done"), ending


def _cache(state: State) -> str:
    return "miss" if state.request.use_case.cache_ttl_s > 0 else "off"


def _attempted(state: State, outcome: AttemptOutcome, reason: str, observed: Observed, now: float) -> State:
    began = now if state.attempt_at is None else state.attempt_at
    state = msgspec.structs.replace(state, observed=observed, attempt_end=now)
    return _tried(state, "primary", outcome, reason, began, now)


def _tried(state: State, kind: AttemptKind, outcome: AttemptOutcome, reason: str, began: float, now: float) -> State:
    attempt = Attempt(
        deployment=state.choice.chosen if state.choice and kind == "primary" else "",
        kind=kind,
        outcome=outcome,
        reason=reason,
        start_s=began - state.request.received_s,
        duration_s=now - began,
    )
    return msgspec.structs.replace(state, attempts=(*state.attempts, attempt))


def _callers_fault(state: State, http_status: int) -> bool:
    deployment = state.deployment
    if http_status in _CALLERS_FAULT or deployment is None:
        return http_status in _CALLERS_FAULT
    if http_status in _KEY_REFUSED:
        return not state.index.keys_required and not state.index.backends[deployment.backend].api_key_env
    return http_status == 404 and not deployment.model  # noqa: PLR2004 - the client's own model name was not found


def _expect(state: State, event: Event, *phases: Phase) -> None:
    if state.phase not in phases:
        message = f"{type(event).__name__} cannot happen while {state.phase}"
        raise ValueError(message)


_STEPS: dict[type[Event], Callable[..., tuple[State, Action]]] = {
    Hit: _hit,
    Missed: _missed,
    Began: _began,
    Completed: _completed,
    Broke: _broke,
    Late: _late,
    Left: _left,
}
