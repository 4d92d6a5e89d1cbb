"""Putting the record of a finished request together: one prediction, or one per listed subject."""

from __future__ import annotations

import msgspec

from breakeven.gateway.decision.charge import Charge, Consumption, charge, consumption
from breakeven.gateway.decision.core import State
from breakeven.gateway.decision.event import End
from breakeven.metric.latency import tpot_s, ttft_s
from breakeven.metric.unit_cost import share_out
from breakeven.metric.usefulness import in_budget
from breakeven.schema.record import Prediction, Tokens


def predictions(state: State, end: End, *, node: str, sequence: int, now: float) -> tuple[Prediction, ...]:
    """The records of a request that ends now; the first has the sequence number given.

    Several split rows, cost, work and energy; the parts of rows and cost, being integers, sum exactly.
    """
    request = state.request
    used = _used(state)
    whole = _whole(state, end, used, now)
    if len(request.prediction_ids) == 1:
        subject = request.subjects[0] if request.subjects else ""
        return (msgspec.structs.replace(whole, node=node, sequence=sequence, subject=subject),)
    return _split(whole, state, node, sequence)


def _used(state: State) -> Consumption:
    request = state.request
    return consumption(
        state.observed,
        chat=request.protocol == "chat",
        body_bytes=request.body_bytes,
        rows=request.rows,
        busy_s=state.attempts[-1].duration_s if state.attempts else None,
    )


def _whole(state: State, end: End, used: Consumption, now: float) -> Prediction:
    deployment = state.deployment
    money = charge(deployment, used) if deployment is not None else Charge()
    ran = deployment if state.attempt_at is not None else None
    record = _described(state, end)
    return msgspec.structs.replace(
        record,
        **_timings(state, end, now),
        deployment=ran.name if ran else "",
        model=(ran.model or state.request.model) if ran else state.request.model,
        placement=ran.placement if ran else "unknown",
        emulated=ran is not None and (ran.emulated or state.observed.emulated),
        served=_served(state, end, used),
        consumed=used.tokens,
        billable=money.billable,
        priced=money.priced,
        tokens_basis=used.basis,
        cost_pico_usd=money.cost_pico_usd,
        price_id=money.price_id,
        cost_basis=money.basis,
        work_s=money.work_s,
        in_flight=used.in_flight,
        energy_kwh=money.energy_kwh,
        energy_basis=money.energy_basis,
    )


def _described(state: State, end: End) -> Prediction:
    request, contract, policy = state.request, state.request.contract, state.index.policy
    choice = state.choice
    return Prediction(
        prediction_id=request.prediction_ids[0],
        request_id=request.request_id,
        node="",
        sequence=0,
        time_s=request.time_s,
        use_case=request.use_case.name,
        tenant=request.tenant,
        tier=request.use_case.tier,
        trace_id=contract.trace_id,
        region=contract.region,
        device_class=contract.device_class,
        channel=contract.channel,
        labels=contract.labels,
        subject_kind=contract.subject_kind,
        session=contract.session,
        consent=contract.consent,
        policy_id=policy.id,
        plan_id=policy.plan_id,
        arm=choice.arm if choice else "",
        eligible=choice.eligible if choice else (),
        propensities=choice.propensities if choice else (),
        chosen=choice.chosen if choice else "",
        seed=request.seed,
        cache=end.cache,
        attempts=state.attempts,
        status=end.status,
        reason=end.reason,
        http_status=end.http_status,
        stream=request.stream,
        rows_scored=request.rows,
        features_hash=request.features_hash,
        prompt=request.prompt,
    )


def _served(state: State, end: End, used: Consumption) -> Tokens:
    if end.source == "cached":
        return end.served or Tokens()
    if end.status == "answered":
        return used.tokens
    if state.observed.chunks and end.source == "error":
        return Tokens(input=used.tokens.input, output=state.observed.chunks)
    return Tokens()


def _timings(state: State, end: End, now: float) -> dict[str, object]:
    request, use_case, observed = state.request, state.request.use_case, state.observed
    total = now - request.received_s
    first = observed.first_token_s if request.stream else None
    if request.stream and first is None and end.source in {"cached", "default"}:
        first = now
    ttft = None if first is None else ttft_s(request.received_s, first)
    last = observed.last_token_s if observed.last_token_s is not None else now
    output = observed.usage.output if observed.usage is not None else observed.chunks
    tpot = None if first is None or ttft is None else tpot_s(last - request.received_s, ttft, output)
    targets = {
        "budget_s": request.budget_s,
        "ttft_target_s": use_case.ttft_s if request.stream else None,
        "tpot_target_s": use_case.tpot_s if request.stream else None,
    }
    inside = in_budget(end.status, total_s=total, ttft_s=ttft, tpot_s=tpot, **targets)
    return {
        "stages": stages(state, now),
        "total_s": total,
        "ttft_s": ttft,
        "tpot_s": tpot,
        "chunk_gap_max_s": observed.gap_max_s,
        "in_budget": inside,
        **targets,
    }


def stages(state: State, now: float) -> dict[str, float]:
    """Seconds spent before the attempt, connecting, waiting for the model, and after it; they sum to the total."""
    received = state.request.received_s
    if state.attempt_at is None:
        return {"gateway": now - received}
    ended = now if state.attempt_end is None else state.attempt_end
    parts = {
        "gateway": state.attempt_at - received,
        "inference": ended - state.attempt_at - state.observed.connect_s,
        "post": now - ended,
    }
    return parts | {"connect": state.observed.connect_s} if state.observed.connect_s else parts


def _split(whole: Prediction, state: State, node: str, sequence: int) -> tuple[Prediction, ...]:
    request = state.request
    count = len(request.prediction_ids)
    rows = _even(whole.rows_scored, count)
    weights = rows if any(rows) else [1] * count
    costs = [None] * count if whole.cost_pico_usd is None else _shares(whole.cost_pico_usd, weights)
    total = sum(weights)
    return tuple(
        msgspec.structs.replace(
            whole,
            prediction_id=prediction_id,
            node=node,
            sequence=sequence + position,
            subject=request.subjects[position] if request.subjects else "",
            rows_scored=rows[position],
            cost_pico_usd=costs[position],
            work_s=_part(whole.work_s, weights[position], total),
            energy_kwh=_part(whole.energy_kwh, weights[position], total),
        )
        for position, prediction_id in enumerate(request.prediction_ids)
    )


def _even(amount: int, count: int) -> list[int]:
    return [amount // count + (position < amount % count) for position in range(count)]


def _shares(amount: int, rows: list[int]) -> list[int | None]:
    parts = share_out(amount, {f"{position:06d}": row for position, row in enumerate(rows)})
    return [parts.get(f"{position:06d}", 0) for position in range(len(rows))]


def _part(amount: float | None, rows: int, total: int) -> float | None:
    return None if amount is None else amount * rows / total
