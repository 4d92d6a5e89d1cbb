"""Attempts: made, hedged, made again; and what each teaches about its deployment."""

from __future__ import annotations

from msgspec.structs import replace

from breakeven.gateway.decision.conditions import Conditions, Standing
from breakeven.gateway.decision.event import Broke, Observed, Send
from breakeven.gateway.decision.request import Request
from breakeven.gateway.decision.routing import another, closed_to
from breakeven.gateway.decision.state import MICROSECONDS, Moved, Plan, Running, State, Tried
from breakeven.schema.policy import Retry
from breakeven.schema.record import Attempt, AttemptKind, AttemptOutcome

_ONCE_MORE = frozenset({"unreachable", "timeout", "truncated", "malformed", "upstream_error", "not_a_stream"})
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_OVERLOADED = frozenset({429, 503})
_BLAMELESS = frozenset({"client_gone", "another_was_faster", "internal", "budget_exhausted"})
"""Reasons that say nothing about the deployment."""
OWN_S, OWN_LAGS = 0.02, 3
"""What an attempt waits through the gateway's own doing, at most: this, and so many of its event loop's lags. Less than
that says nothing about a queue at the deployment."""
FALLBACK_SLOT = "fallback"
"""The stage of the latency budget that is kept for another deployment."""


def send(conditions: Conditions, state: State, plan: Plan, now: float) -> Moved:
    """Send an attempt whose money is held already."""
    request = state.request
    standing = conditions.of(plan.deployment)
    standing.circuit.entered(now)
    standing.progress.entered(now)
    standing.prefill.sent(_units(request))
    run = Running(
        attempt=state.sent, deployment=plan.deployment, kind=plan.kind, began_s=now, paid_output=plan.paid_output
    )
    slow_at = None
    if plan.kind == "primary":
        conditions.retries(request.use_case).earn()
        slow_at = _slow_at(conditions, state, standing, now)
    state = replace(state, phase="sending", pending=None, running=(*state.running, run), sent=state.sent + 1)
    late_at = _attempt_late_at(state, plan.kind)
    return state, Send(
        attempt=run.attempt,
        deployment=plan.deployment,
        late_at=late_at,
        slow_at=slow_at,
        fields=plan.fields,
        paid_chunks=plan.paid_output if request.stream else None,
    )


def _attempt_late_at(state: State, kind: AttemptKind) -> float | None:
    slot_s = state.request.use_case.stages.get(FALLBACK_SLOT, 0.0)
    if state.late_at is None or not slot_s or kind == "fallback":
        return state.late_at
    return state.late_at - slot_s


def _slow_at(conditions: Conditions, state: State, standing: Standing, now: float) -> float | None:
    use_case = state.request.use_case
    if use_case.hedge is None or not state.index.tiers[use_case.tier].hedge:
        return None
    conditions.hedges(use_case).earn()
    after_s = use_case.hedge.after_s
    if after_s is None:
        after_s = standing.first_byte.quantile(use_case.hedge.quantile)
    return None if after_s is None else now + after_s


def hedge(conditions: Conditions, state: State, now: float) -> Plan | None:
    """A second attempt beside a slow first, at another deployment where there is one; None when it may not be."""
    use_case = state.request.use_case
    if use_case.hedge is None or not state.index.tiers[use_case.tier].hedge:
        return None
    first = state.running[0].deployment
    other = another(conditions, state.index, state.request, now, {first}) or first
    if closed_to(conditions, state.index, state.request, other, now):
        return None
    return Plan(deployment=other, kind="hedge") if conditions.hedges(use_case).take() else None


def retry(conditions: Conditions, state: State, event: Broke, run: Running, now: float) -> Plan | None:
    """The next attempt after a failure: elsewhere at once, or at the same deployment after a pause. None: give up."""
    rule = state.request.use_case.retry
    if rule is None or not _may_help(event) or len(state.tried) >= rule.attempts:
        return None
    other = another(conditions, state.index, state.request, now, {one.deployment for one in state.tried})
    at = now if other is not None else _again_at(state, rule, event, now)
    if other is None and closed_to(conditions, state.index, state.request, run.deployment, at):
        return None
    if state.late_at is not None and at >= state.late_at:
        return None
    if not conditions.retries(state.request.use_case).take():
        return None
    return Plan(deployment=other or run.deployment, kind="retry", not_before=at)


def _may_help(event: Broke) -> bool:
    status = event.observed.http_status
    return status in _TRANSIENT if status >= 400 else event.reason in _ONCE_MORE  # noqa: PLR2004 - HTTP errors


def _again_at(state: State, rule: Retry, event: Broke, now: float) -> float:
    """Half to all of a backoff that doubles with each try, by the request's seed; Retry-After is a floor."""
    jitter = (state.request.seed >> (8 * len(state.tried)) & 0xFF) / 0x100
    pause_s: float = rule.backoff_s * 2 ** (len(state.tried) - 1) * (0.5 + jitter / 2)
    return now + max(pause_s, event.retry_after_s or 0.0)


def fallback(conditions: Conditions, state: State, deployment: str, now: float) -> Plan | str:
    """Another deployment as a step of the failure chain; or why it cannot be asked."""
    if state.request.protocol not in state.index.speaks[deployment]:
        return "no_target"
    if any(one.deployment == deployment for one in state.tried):
        return "tried_already"
    if state.late_at is not None and now >= state.late_at:
        return "deadline"
    closed = closed_to(conditions, state.index, state.request, deployment, now)
    return closed or Plan(deployment=deployment, kind="fallback")


def succeeded(conditions: Conditions, state: State, attempt: int, observed: Observed, now: float) -> State:
    """An attempt answered: its deployment is well, and this fast."""
    run = state.run(attempt)
    standing = conditions.of(run.deployment)
    standing.circuit.succeeded(now, run.began_s)
    if observed.first_byte_s is not None:
        standing.first_byte.add(observed.first_byte_s - run.began_s)
    pace_s = _pace_s(state.request, run, observed, now)
    waited_s = (now if observed.first_byte_s is None else observed.first_byte_s) - run.began_s
    if waited_s <= OWN_S + OWN_LAGS * conditions.lag_s and standing.limit.floor_s is not None:
        pace_s = min(pace_s, standing.limit.floor_s)
    standing.limit.sample(pace_s, round(observed.in_flight), False, now, now - run.began_s)
    return ended(conditions, state, attempt, "ok", "", observed, now)


def _pace_s(request: Request, run: Running, observed: Observed, now: float) -> float:
    """What grows with load and not with the length of an answer: TTFT of a stream, else seconds per unit of output."""
    if request.stream and observed.first_token_s is not None:
        return observed.first_token_s - run.began_s
    output = observed.usage.output if observed.usage is not None else 0
    return (now - run.began_s) / max(1, output, request.rows)


def failed(conditions: Conditions, state: State, event: Broke, now: float) -> State:
    """An attempt failed: a mark against its deployment, unless the caller is to blame."""
    run = state.run(event.attempt)
    standing = conditions.of(run.deployment)
    status = event.observed.http_status
    callers = 400 <= status < 500 and status not in _TRANSIENT  # noqa: PLR2004 - HTTP errors
    if event.reason not in _BLAMELESS and not callers:
        standing.circuit.failed(now, run.began_s)
    if status in _OVERLOADED or event.outcome == "timeout":
        standing.limit.sample(0.0, standing.load.count, True, now)
    if event.retry_after_s is not None:
        standing.circuit.hold(now + event.retry_after_s)
    return ended(conditions, state, event.attempt, event.outcome, event.reason, event.observed, now)


def ended(
    conditions: Conditions,
    state: State,
    attempt: int,
    outcome: AttemptOutcome,
    reason: str,
    observed: Observed,
    now: float,
) -> State:
    """An attempt is over, however it ended."""
    run = state.run(attempt)
    standing = conditions.of(run.deployment)
    standing.progress.left(now)
    if run.prefilling:
        standing.prefill.answered(_units(state.request))
    if outcome == "timeout" and reason == "deadline":
        standing.circuit.failed(now, run.began_s)
        standing.limit.sample(0.0, standing.load.count, True, now)
    line = Attempt(
        deployment=run.deployment,
        kind=run.kind,
        outcome=outcome,
        reason=reason,
        start_s=round(run.began_s - state.request.received_s, MICROSECONDS),
        duration_s=round(now - run.began_s, MICROSECONDS),
    )
    tried = Tried(
        deployment=run.deployment,
        kind=run.kind,
        outcome=outcome,
        began_s=run.began_s,
        ended_s=now,
        observed=observed,
    )
    running = tuple(one for one in state.running if one.attempt != attempt)
    return replace(state, running=running, attempts=(*state.attempts, line), tried=(*state.tried, tried))


def first_token(conditions: Conditions, state: State, attempt: int) -> State:
    """A stream's first output is here: its prompt waits no more."""
    run = state.run(attempt)
    conditions.of(run.deployment).prefill.answered(_units(state.request))
    running = tuple(replace(one, prefilling=False) if one is run else one for one in state.running)
    return replace(state, running=running)


def _units(request: Request) -> int:
    """Tokens of the prompt, or rows."""
    return request.input_estimate or request.rows


def noted(state: State, outcome: AttemptOutcome, reason: str, now: float, deployment: str = "") -> State:
    """A step of the failure chain that asks no deployment, or passes over one."""
    start_s = round(now - state.request.received_s, MICROSECONDS)
    line = Attempt(deployment=deployment, kind="fallback", outcome=outcome, reason=reason, start_s=start_s)
    return replace(state, attempts=(*state.attempts, line))
