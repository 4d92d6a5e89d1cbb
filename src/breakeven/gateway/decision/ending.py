"""How a request ends that no model answered: the status and when to come back, by reason."""

from __future__ import annotations

from msgspec.structs import replace

from breakeven.gateway.decision.conditions import Conditions
from breakeven.gateway.decision.event import End, Others
from breakeven.gateway.decision.state import Moved, State
from breakeven.gateway.decision.trying import ended
from breakeven.schema.record import Status

HTTP_OF_REASON = {
    "deadline": 504,
    "timeout": 504,
    "no_target": 404,
    "upstream_429": 429,
    "budget_exhausted": 429,
    "rate_limited": 429,
    "quota_exhausted": 429,
    "overload": 503,
    "circuit_open": 503,
    "controls_down": 503,
    "tracking_incomplete": 422,
}
_REFUSALS = frozenset({"budget_exhausted", "rate_limited", "quota_exhausted", "controls_down", "tracking_incomplete"})
_RETRY_AFTER_S = 1.0


def unanswered(conditions: Conditions, state: State, reason: str) -> Moved:
    """The failure chain is walked to its end: say so, and when to come back."""
    if reason in _REFUSALS:
        return refuse(conditions, state, reason)
    status: Status = "failed" if state.tried else "refused"
    retry_after_s = _RETRY_AFTER_S if HTTP_OF_REASON.get(reason) in {429, 503} else None
    ending = End(
        status=status,
        source="error",
        http_status=HTTP_OF_REASON.get(reason, 502),
        reason=reason,
        retry_after_s=retry_after_s,
    )
    return end(conditions, state, ending)


def refuse(conditions: Conditions, state: State, reason: str, retry_after_s: float | None = None) -> Moved:
    """It is not served, by the policy's own will."""
    http_status = HTTP_OF_REASON[reason]
    if retry_after_s is None and http_status in {429, 503}:
        retry_after_s = _RETRY_AFTER_S
    return end(
        conditions,
        state,
        End(status="refused", source="error", http_status=http_status, reason=reason, retry_after_s=retry_after_s),
    )


def end(conditions: Conditions, state: State, ending: End) -> Moved:
    """Nothing follows; its tenant may have another in flight."""
    if state.seated:
        conditions.in_flight[state.request.tenant] -= 1
    return replace(state, phase="done", pending=None), ending


def abandoned(conditions: Conditions, state: State, running: Others, now: float) -> State:
    """Something in the gateway broke: every attempt is over, through no fault of its deployment."""
    for attempt, observed in running:
        state = ended(conditions, state, attempt, "cancelled", "internal", observed, now)
    return end(conditions, state, End(status="failed", source="error", http_status=500, reason="internal"))[0]
