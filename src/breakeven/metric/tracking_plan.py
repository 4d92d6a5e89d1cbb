"""Whether an event is sound: the one definition of what violates a tracking plan.

Without any plan an event must still be readable: data are a JSON object whose known fields have their types, a value is
finite, and the event names a prediction or a subject. The plan in force adds the rules of its type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec

from breakeven.metric.json_schema import Check, Fault, compiled, shown
from breakeven.schema.outcome import Outcome
from breakeven.schema.tracking import Bad, EventRule, TrackingPlan, Violation

Judge = Callable[[Outcome], Violation | None]
MAX_MESSAGE = 300

_FIELDS: dict[str, Any] = {
    **{key: {"type": ["number", "null"]} for key in ("value", "duration_s")},
    **{key: {"type": ["string", "null"]} for key in ("currency", "stage", "prediction_id", "subject", "use_case")},
    "consent": {"enum": ["", "granted", "denied", "unknown", None]},
}
_BUILT_IN = compiled({"type": ["object", "null"], "properties": _FIELDS})


class _Known(msgspec.Struct):
    """What `_BUILT_IN` checks, for one quick decode of events with nothing wrong."""

    value: float | None = None
    duration_s: float | None = None
    currency: str | None = None
    stage: str | None = None
    prediction_id: str | None = None
    subject: str | None = None
    use_case: str | None = None
    consent: Literal["", "granted", "denied", "unknown"] | None = None


_known = msgspec.json.Decoder(_Known | None)
_PLACES = {
    "identity": ("prediction_id", "/predictionid"),
    "predictionid": ("prediction_id", "/predictionid"),
    "subject": ("subject", "/subject"),
    "usecase": ("use_case", "/usecase"),
    "consent": ("consent", "/consent"),
    "value": ("value", "/data/value"),
    "currency": ("currency", "/data/currency"),
    "stage": ("stage", "/data/stage"),
    "duration_s": ("duration_s", "/data/duration_s"),
}
"""Where each need is found in an outcome, and where in the event."""


def judge_of(plan: TrackingPlan) -> Judge:
    """A function that says what an outcome violates first, None where it is sound."""
    rules = {rule.type: (rule, _schema(rule)) for rule in plan.events}
    lone: tuple[EventRule, Check | None] = (EventRule(type=""), None)

    def judge(outcome: Outcome) -> Violation | None:
        rule, schema = rules.get(outcome.event_type, lone)
        if rule is lone[0] and plan.unknown == "bad" and outcome.kind == "custom":
            message = f"the type {shown(outcome.event_type)} is not in the tracking plan"
            return Violation(rule="unknown_type", path="/type", message=message)
        return next(_violations(outcome, rule, schema), None)

    return judge


def _schema(rule: EventRule) -> Check | None:
    return compiled(msgspec.json.decode(rule.schema)) if rule.schema else None


def _violations(outcome: Outcome, rule: EventRule, schema: Check | None) -> Iterator[Violation]:
    if rule.sources and not _allowed(outcome.source, rule.sources):
        message = f"source {shown(outcome.source)} may not send {outcome.event_type}"
        yield Violation(rule="source", path="/source", message=message)
    data: Any = None
    if outcome.data and (schema or not _readable(outcome.data)):
        try:
            data = msgspec.json.decode(outcome.data)
        except (ValueError, RecursionError) as error:
            yield Violation(rule="malformed_data", path="/data", message=f"data are no JSON: {error}"[:MAX_MESSAGE])
            return
        for fault in _BUILT_IN(data, ()):
            yield _at(fault, "field_type")
    yield from _impossible(outcome)
    for need in rule.requires:
        if not _states(outcome, need):
            yield Violation(rule=f"missing_{need}", path=_PLACES[need][1], message=_WANTED.get(need, f"no {need}"))
    for fault in schema({} if data is None else data, ()) if schema else ():
        yield _at(fault, "schema")


def _readable(data: str) -> bool:
    """Whether the fields that an outcome takes from its data have their types."""
    try:
        _known.decode(data)
    except (ValueError, RecursionError):
        return False
    return True


_WANTED = {"identity": "the event names neither a prediction nor a subject"}


def _allowed(source: str, sources: tuple[str, ...]) -> bool:
    return any(source.startswith(one[:-1]) if one.endswith("*") else source == one for one in sources)


def _impossible(outcome: Outcome) -> Iterator[Violation]:
    """Numbers of the right type that mean nothing."""
    if outcome.value is not None and not math.isfinite(outcome.value):
        yield Violation(rule="field_type", path="/data/value", message=f"{outcome.value} is no amount")
    if outcome.duration_s is not None and not 0 <= outcome.duration_s < math.inf:
        message = f"must be at least 0, got {outcome.duration_s}"
        yield Violation(rule="field_type", path="/data/duration_s", message=message)


def _states(outcome: Outcome, need: str) -> bool:
    if need in {"identity", "subject"} and outcome.consent == "denied":
        return True  # the gateway took it out
    if need == "identity":
        return bool(outcome.prediction_id or outcome.subject)
    said = getattr(outcome, _PLACES[need][0])
    return said is not None and said not in ("", "unknown")


def _at(fault: Fault, rule: str) -> Violation:
    path = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in ("data", *fault.path))
    return Violation(rule=rule, path=path[:MAX_MESSAGE], message=fault.message[:MAX_MESSAGE])


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Outcome)


def bad_of(outcome: Outcome, violation: Violation, plan_id: str) -> Bad:
    """The event as a bad row."""
    return Bad(
        event_id=outcome.event_id,
        source=outcome.source,
        event_type=outcome.event_type,
        tenant=outcome.tenant,
        time_s=outcome.time_s,
        received_s=outcome.received_s,
        node=outcome.node,
        sequence=outcome.sequence,
        rule=violation.rule,
        path=violation.path,
        reason=violation.message,
        plan=plan_id,
        event=_encoder.encode(outcome).decode(),
    )


def outcome_of(bad: Bad) -> Outcome:
    """The event of a bad row, as it was acknowledged.

    Raises:
        msgspec.MsgspecError: the row's event is none.
    """
    return _decoder.decode(bad.event)
