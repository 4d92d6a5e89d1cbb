"""Putting the record of a finished request together: one prediction, or one per listed subject."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from breakeven.gateway.decision.charge import Charge, Consumption, charge, consumption
from breakeven.gateway.decision.chosen import Chosen
from breakeven.gateway.decision.event import End, Observed
from breakeven.gateway.decision.state import MICROSECONDS, State, Tried
from breakeven.metric.latency import tpot_s, ttft_s
from breakeven.metric.unit_cost import share_out
from breakeven.metric.usefulness import in_budget
from breakeven.schema.noun import Basis
from breakeven.schema.record import Prediction, Tokens

_WORDS = frozenset({"chat", "completion", "embedding"})
_NOTHING = Tokens()


def predictions(
    state: State,
    end: End,
    *,
    node: str,
    sequence: int,
    now: float,
    decided: Chosen | None = None,
    drill: str = "",
) -> tuple[Prediction, ...]:
    """The records of a request that ends now; the first has the sequence number given.

    Several split rows, cost, work and energy; the parts of rows and cost, being integers, sum exactly.
    """
    whole = _whole(state, end, node, sequence, now)
    if decided is not None:
        whole = replace(whole, action=decided.action, actions=decided.actions, action_propensities=decided.propensities)
    if drill:
        whole = replace(whole, drill=drill)
    rows = (whole,) if len(state.request.prediction_ids) == 1 else _split(whole, state)
    return tuple(map(nameless, rows)) if whole.consent == "denied" else rows


def nameless(one: Prediction) -> Prediction:
    """A prediction of denied consent as it is recorded: without subject and session; `subject_kind` says why."""
    return replace(one, subject="", session="", subject_kind="denied")


class _Bill:
    """What all attempts consumed and cost together; the answer's own consumption apart."""

    __slots__ = ("basis", "consumed", "main", "money")

    def __init__(self, state: State) -> None:
        answered = state.answered
        self.main = Consumption() if answered is None else _used(state, answered)
        self.money = Charge() if answered is None else _charged(state, answered, self.main)
        self.consumed, self.basis = self.main.tokens, self.main.basis
        for one in state.tried:
            if one is not answered:
                self._add(state, one)

    def _add(self, state: State, tried: Tried) -> None:
        used = _used(state, tried)
        if not used.happened:
            return
        if not self.main.happened:
            self.basis = used.basis
        elif used.basis == "assumed":
            self.basis = "assumed"
        self.consumed = _sum_tokens(self.consumed, used.tokens)
        self.money = _sum_charges(self.money, _charged(state, tried, used))


def _used(state: State, tried: Tried) -> Consumption:
    request = state.request
    return consumption(
        tried.observed,
        text=request.protocol in _WORDS,
        body_bytes=request.body_bytes,
        rows=request.rows,
        busy_s=tried.ended_s - tried.began_s,
    )


def _charged(state: State, tried: Tried, used: Consumption) -> Charge:
    return charge(state.index.deployments[tried.deployment], used)


def _sum_charges(one: Charge, other: Charge) -> Charge:
    cost = None
    if one.cost_pico_usd is not None and other.cost_pico_usd is not None:
        cost = one.cost_pico_usd + other.cost_pico_usd
    basis: Basis = "assumed" if "assumed" in {one.basis, other.basis} else other.basis
    return Charge(
        cost_pico_usd=cost,
        price_id="+".join(dict.fromkeys(filter(None, (one.price_id, other.price_id)))),
        basis="unknown" if cost is None else basis,
        work_s=_plus(one.work_s, other.work_s),
        energy_kwh=_plus(one.energy_kwh, other.energy_kwh),
        energy_basis=one.energy_basis if one.energy_kwh is not None else other.energy_basis,
        billable=_sum_tokens(one.billable, other.billable),
        priced=_sum_tokens(one.priced, other.priced),
    )


def _plus(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else one + other


def _sum_tokens(one: Tokens, other: Tokens) -> Tokens:
    return Tokens(
        input=one.input + other.input,
        cached_input=one.cached_input + other.cached_input,
        output=one.output + other.output,
        reasoning=one.reasoning + other.reasoning,
    )


def _whole(state: State, end: End, node: str, sequence: int, now: float) -> Prediction:
    answered = state.answered
    bill = _Bill(state)
    observed = _UNSEEN if answered is None else answered.observed
    return Prediction(
        node=node,
        sequence=sequence,
        attempts=state.attempts,
        status=end.status,
        reason=end.reason,
        http_status=end.http_status,
        cache=end.cache,
        stages=stages(state, now),
        served=_served(end, observed, bill.main),
        **_asked(state),
        **_chosen(state),
        **_ran(state, answered),
        **_timed(state, end, observed, now),
        **_billed(bill),
    )


Fields = dict[str, Any]
"""Some fields of a record."""


def _asked(state: State) -> Fields:
    request, contract = state.request, state.request.contract
    return {
        "prediction_id": request.prediction_ids[0],
        "request_id": request.request_id,
        "time_s": request.time_s,
        "use_case": request.use_case.name,
        "tenant": request.tenant,
        "tier": request.use_case.tier,
        "trace_id": contract.trace_id,
        "parent_span_id": contract.parent_span_id,
        "region": contract.region,
        "device_class": contract.device_class,
        "channel": contract.channel,
        "labels": contract.labels,
        "subject": request.subjects[0] if len(request.subjects) == 1 else "",
        "subject_kind": contract.subject_kind,
        "session": contract.session,
        "consent": contract.consent,
        "seed": request.seed,
        "protocol": request.protocol,
        "stream": request.stream,
        "rows_scored": request.rows,
        "features_hash": request.features_hash,
        "prompt": request.prompt,
    }


def _chosen(state: State) -> Fields:
    policy, choice = state.index.policy, state.choice
    if choice is None:
        return {"policy_id": policy.id, "plan_id": policy.plan_id}
    return {
        "policy_id": policy.id,
        "plan_id": policy.plan_id,
        "arm": choice.arm,
        "eligible": choice.eligible,
        "propensities": choice.propensities,
        "chosen": choice.chosen,
        "routed": choice.routed,
    }


def _ran(state: State, answered: Tried | None) -> Fields:
    if answered is None:
        return {"model": state.request.model}
    ran = state.index.deployments[answered.deployment]
    return {
        "deployment": ran.name,
        "model": ran.model or state.request.model,
        "placement": ran.placement,
        "emulated": ran.emulated or answered.observed.emulated,
    }


def _timed(state: State, end: End, observed: Observed, now: float) -> Fields:
    request, use_case = state.request, state.request.use_case
    total_s = now - request.received_s
    ttft, tpot = _speeds(state, end, observed, now)
    targets = {
        "budget_s": request.budget_s,
        "ttft_target_s": use_case.ttft_s if request.stream else None,
        "tpot_target_s": use_case.tpot_s if request.stream else None,
    }
    return {
        "total_s": total_s,
        "ttft_s": ttft,
        "tpot_s": tpot,
        "chunk_gap_max_s": observed.gap_max_s,
        "in_budget": in_budget(end.status, total_s=total_s, ttft_s=ttft, tpot_s=tpot, **targets),
        **targets,
    }


def _billed(bill: _Bill) -> Fields:
    money = bill.money
    return {
        "consumed": bill.consumed,
        "billable": money.billable,
        "priced": money.priced,
        "tokens_basis": bill.basis,
        "cost_pico_usd": money.cost_pico_usd,
        "price_id": money.price_id,
        "cost_basis": money.basis,
        "work_s": money.work_s,
        "in_flight": bill.main.in_flight,
        "energy_kwh": money.energy_kwh,
        "energy_basis": money.energy_basis,
    }


_UNSEEN = Observed()


def _served(end: End, observed: Observed, used: Consumption) -> Tokens:
    if end.source == "cached":
        return end.served or _NOTHING
    if end.status == "answered":
        return used.tokens
    if observed.chunks and end.source == "error":
        return Tokens(input=used.tokens.input, output=observed.chunks)
    return _NOTHING


def _speeds(state: State, end: End, observed: Observed, now: float) -> tuple[float | None, float | None]:
    """TTFT and TPOT of a stream; what the policy or the cache answers comes all at once."""
    request = state.request
    if not request.stream:
        return None, None
    first = observed.first_token_s
    if end.source not in {"upstream", "error"}:
        return ttft_s(request.received_s, now), None
    if first is None:
        return None, None
    ttft = ttft_s(request.received_s, first)
    last = observed.last_token_s if observed.last_token_s is not None else now
    output = observed.usage.output if observed.usage is not None else observed.chunks
    return ttft, tpot_s(last - request.received_s, ttft, output)


def stages(state: State, now: float) -> dict[str, float]:
    """Seconds spent before the first attempt, connecting, waiting for models, and after; they sum to the total.

    To the microsecond: finer digits are noise, and a third of what a record takes on disk.
    """
    received = state.request.received_s
    if not state.tried:
        return {"gateway": round(now - received, MICROSECONDS)}
    first, ended = state.tried[0].began_s, max(one.ended_s for one in state.tried)
    connect_s = state.tried[-1].observed.connect_s
    parts = {
        "gateway": round(first - received, MICROSECONDS),
        "inference": round(ended - first - connect_s, MICROSECONDS),
        "post": round(now - ended, MICROSECONDS),
    }
    if connect_s:
        parts["connect"] = round(connect_s, MICROSECONDS)
    return parts


def _split(whole: Prediction, state: State) -> tuple[Prediction, ...]:
    request = state.request
    count = len(request.prediction_ids)
    rows = _even(whole.rows_scored, count)
    weights = rows if any(rows) else [1] * count
    costs = [None] * count if whole.cost_pico_usd is None else _shares(whole.cost_pico_usd, weights)
    total = sum(weights)
    return tuple(
        replace(
            whole,
            prediction_id=prediction_id,
            sequence=whole.sequence + position,
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
