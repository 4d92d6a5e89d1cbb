"""A row of a foreign log as records: one prediction, and an outcome for each flag that is set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from breakeven.ledger.source.field import Row
from breakeven.ledger.source.mapping import Mapping
from breakeven.metric import latency, usefulness
from breakeven.schema.outcome import Outcome, OutcomeKind
from breakeven.schema.record import Prediction, Status, Tokens

NODE = "import"


def records(row: Row, mapping: Mapping, place: int, name: str = "") -> Iterator[Prediction | Outcome]:
    """The records of the `place`-th row (from 1); `name` is its id where the row has none of its own.

    Raises:
        LedgerError: a field cannot be what its column is mapped to.
    """
    made = _prediction(row, mapping, place, name or f"row-{place}")
    yield made
    if row.flag(mapping.used):
        yield _outcome(made, "exposure", None)
    if row.flag(mapping.converted):
        yield _outcome(made, "conversion", row.number_of(mapping.value_usd, "a value"))


def _prediction(row: Row, mapping: Mapping, place: int, unnamed: str) -> Prediction:
    time_s = row.instant(mapping.time, mapping.time_unit)
    if time_s is None:
        row.refuse(mapping.time, "every row has a time", "fill the field or map another column to `time`")
    name = row.text(mapping.prediction_id) or unnamed
    tokens, (total_s, ttft_s) = _tokens(row, mapping), _durations(row, mapping, time_s)
    tpot_s = None if ttft_s is None or total_s is None else latency.tpot_s(total_s, ttft_s, tokens.output)
    status = _status(row, mapping)
    # What a cache answered was asked of no provider.
    asked = Tokens() if status == "cached" else tokens
    cost = _cost(row, mapping, status, tokens)
    model = row.text(mapping.model)
    return Prediction(
        prediction_id=name,
        request_id=name,
        node=NODE,
        sequence=place,
        time_s=time_s,
        use_case=row.text(mapping.use_case) or mapping.default_use_case,
        tenant=row.text(mapping.tenant) or "default",
        subject=_subject(row, mapping, name),
        session=row.text(mapping.session),
        deployment=row.text(mapping.deployment) or model,
        model=model,
        status=status,
        cache="hit" if status == "cached" else "off",
        total_s=total_s or 0.0,
        ttft_s=ttft_s,
        tpot_s=tpot_s,
        budget_s=mapping.budget_s,
        ttft_target_s=mapping.ttft_target_s,
        tpot_target_s=mapping.tpot_target_s,
        in_budget=_inside(status, mapping, total_s, ttft_s, tpot_s),
        served=tokens,
        consumed=asked,
        billable=asked,
        tokens_basis="measured",
        cost_pico_usd=cost,
        cost_basis="unknown" if cost is None else "measured",
        price_id="" if cost is None else "as logged",
    )


def _inside(
    status: Status, mapping: Mapping, total_s: float | None, ttft_s: float | None, tpot_s: float | None
) -> bool:
    """Whether every target was met; a budget without a measured duration is missed."""
    return usefulness.in_budget(
        status,
        total_s=float("inf") if total_s is None else total_s,
        ttft_s=ttft_s,
        tpot_s=tpot_s,
        budget_s=mapping.budget_s,
        ttft_target_s=mapping.ttft_target_s,
        tpot_target_s=mapping.tpot_target_s,
    )


def _tokens(row: Row, mapping: Mapping) -> Tokens:
    names = (mapping.input_tokens, mapping.cached_input_tokens, mapping.output_tokens, mapping.reasoning_tokens)
    given, cached, output, reasoning = (row.count(name, "a token count") for name in names)
    return Tokens(input=given, cached_input=cached, output=output, reasoning=reasoning)


def _durations(row: Row, mapping: Mapping, start_s: float) -> tuple[float | None, float | None]:
    """Total and TTFT in seconds, from durations or else from instants."""
    total_s = row.seconds(mapping.total, mapping.latency_unit)
    ttft_s = row.seconds(mapping.ttft, mapping.latency_unit)
    if total_s is None:
        total_s = _since(row, mapping, mapping.end_time, start_s)
    if ttft_s is None:
        ttft_s = _since(row, mapping, mapping.first_token_time, start_s)
        # An answer that came in one piece has its "first token" at its end: that is no time to first token.
        ttft_s = None if ttft_s == total_s else ttft_s
    if ttft_s is not None and total_s is not None and ttft_s > total_s:
        column = mapping.ttft or mapping.first_token_time
        row.refuse(column, "the first token comes before the end", "check both times and their units")
    return total_s, ttft_s


def _since(row: Row, mapping: Mapping, column: str, start_s: float) -> float | None:
    at_s = row.instant(column, mapping.time_unit)
    if at_s is not None and at_s < start_s:
        row.refuse(column, "an answer ends after it began", "check the two times, or map a duration instead")
    return None if at_s is None else at_s - start_s


def _status(row: Row, mapping: Mapping) -> Status:
    if row.text(mapping.status).lower() in mapping.failed_values:
        return "failed"
    return "cached" if row.flag(mapping.cache_hit) else "answered"


def _cost(row: Row, mapping: Mapping, status: Status, tokens: Tokens) -> int | None:
    cost = row.money(mapping.cost_usd)
    doubtful = mapping.zero_is_unpriced and status == "answered" and tokens.input + tokens.output > 0
    return None if cost == 0 and doubtful else cost


def _subject(row: Row, mapping: Mapping, name: str) -> str:
    """A digest of the subject. A log that says of each row whether it was used has joined it to somebody already."""
    joined = not (mapping.subject or mapping.session) and bool(mapping.used or mapping.converted)
    subject = row.text(mapping.subject) or (name if joined else "")
    return hashlib.sha256(subject.encode()).hexdigest()[:32] if subject else ""


def _outcome(made: Prediction, kind: OutcomeKind, value: float | None) -> Outcome:
    return Outcome(
        event_id=f"{made.prediction_id}/{kind}",
        source=NODE,
        kind=kind,
        event_type=f"breakeven.{kind}.v1",
        time_s=made.time_s,
        received_s=made.time_s,
        node=NODE,
        sequence=0,
        tenant=made.tenant,
        prediction_id=made.prediction_id,
        use_case=made.use_case,
        value=value,
        currency="USD",
    )
