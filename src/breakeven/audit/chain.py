"""Whether a request walked its use case's failure chain, told from its record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from breakeven.schema.policy import TO, UseCase
from breakeven.schema.record import Attempt, Prediction

ENDED_OTHERWISE = frozenset(
    {"budget_exhausted", "rate_limited", "quota_exhausted", "controls_down", "tracking_incomplete"}
)
"""Refusals that ask no failure chain."""
CALLERS = frozenset(f"upstream_{status}" for status in (400, 401, 403, 404, 413, 415, 422))
"""Refusals of a backend that are the caller's to mend."""
_SKIPPED = {"not_cached": "cached"}
_FIELDS = ("region", "device_class", "channel")
_OK = 200


def disobeyed(one: Prediction, use_case: UseCase) -> str:
    """What a request did that its chain does not say; "" where it obeyed."""
    chain = _until_error(use_case.failure)
    walked = [_step(attempt) for attempt in one.attempts if attempt.kind == "fallback"]
    strange = next((step for step in walked if step not in chain), None)
    if strange is not None:
        return f"{strange} is no step of {_written(use_case)}"
    if not _in_order(walked, chain):
        return f"{', '.join(walked)} is not the order of {_written(use_case)}"
    if one.status not in {"failed", "refused"} or _may_fail(one):
        return ""
    sure = next((step for step in chain if _would_answer(step, one, use_case)), None)
    return f"{one.status} ({one.reason}) although the step {sure} answers" if sure is not None else _broke(one)


def _broke(one: Prediction) -> str:
    return "the gateway itself broke" if one.reason == "internal" else ""


def _may_fail(one: Prediction) -> bool:
    """Refused before the chain or by the caller's fault, or broken off after the first byte: nothing is switched."""
    if one.status == "refused":
        return one.reason in ENDED_OTHERWISE or one.reason in CALLERS
    return one.stream and one.http_status == _OK and one.reason != "internal"


def _would_answer(step: str, one: Prediction, use_case: UseCase) -> bool:
    """Whether a step answers whatever else happens. What candidates a decision had is in no record."""
    if use_case.decision is not None:
        return False
    if step == "default":
        return bool(use_case.default_body)
    if step == "segment":
        return use_case.segments is not None and _value(one, use_case.segments.by) in use_case.segments.answers
    if step == "rules":
        return any(all(_value(one, name) == value for name, value in rule.when.items()) for rule in use_case.rules)
    return False


def _value(one: Prediction, name: str) -> str:
    return str(getattr(one, name)) if name in _FIELDS else one.labels.get(name, "")


def _step(attempt: Attempt) -> str:
    if attempt.deployment:
        return f"{TO}{attempt.deployment}"
    return _SKIPPED.get(attempt.reason, attempt.reason)


def _until_error(chain: Sequence[str]) -> tuple[str, ...]:
    return tuple(chain[: chain.index("error")]) if "error" in chain else tuple(chain)


def _in_order(walked: Sequence[str], chain: Sequence[str]) -> bool:
    rest: Iterator[str] = iter(chain)
    return all(step in rest for step in walked)


def _written(use_case: UseCase) -> str:
    return f"[{', '.join(use_case.failure)}]"
