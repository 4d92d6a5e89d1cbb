"""Answers that the policy holds ready: by segment, and by rules."""

from __future__ import annotations

from breakeven.gateway.decision.contract import Contract
from breakeven.schema.policy import Rule, Segments

FIELDS = ("region", "device_class", "channel")
"""What the request contract names; every other name is a label's."""


def segment_answer(segments: Segments | None, contract: Contract) -> str | None:
    """The answer of the request's segment, "" being the segment of requests that do not say; None where it has none."""
    return None if segments is None else segments.answers.get(value_of(contract, segments.by))


def rule_answer(rules: tuple[Rule, ...], contract: Contract) -> str | None:
    """The answer of the first rule that holds; None where none does."""
    return next((rule.answer for rule in rules if holds(rule, contract)), None)


def holds(rule: Rule, contract: Contract) -> bool:
    """Whether all that a rule asks for is so; "" asks that nothing be said."""
    return all(value_of(contract, name) == wanted for name, wanted in rule.when.items())


def value_of(contract: Contract, name: str) -> str:
    """What the request says: a field of its contract, else a label; "" where it says nothing."""
    if name in FIELDS:
        value: str = getattr(contract, name)
        return value
    return contract.labels.get(name, "")
