"""The tracking plan: what events of each type must hold, and what becomes of one that does not."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun

Unknown = Literal["keep", "bad"]
"""What becomes of an event of a type that is neither ours nor in the plan."""

Need = Literal["identity", "predictionid", "subject", "usecase", "consent", "value", "currency", "stage", "duration_s"]
"""What an event may have to state; `identity` is a prediction id or a subject."""


class EventRule(Noun, frozen=True, kw_only=True):
    """What events of one type must hold.

    `schema` is the JSON Schema of `data` as canonical JSON, "" for any data. `sources` are allowed sources, one that
    ends in `*` stands for all that begin so; empty is any.
    """

    type: str
    schema: str = ""
    requires: tuple[Need, ...] = ("identity",)
    sources: tuple[str, ...] = ()


class TrackingPlan(Noun, frozen=True, kw_only=True):
    """The plan in force. `id` is the hash of the rest; the plan without rules keeps every sound event."""

    id: str = ""
    events: tuple[EventRule, ...] = ()
    unknown: Unknown = "keep"


class Violation(Noun, frozen=True, kw_only=True):
    """Why an event is bad: a class that can be counted, where in the event (a JSON pointer), and a sentence."""

    rule: str
    path: str
    message: str


class Bad(Noun, frozen=True, kw_only=True, tag="bad"):
    """An event that was acknowledged and violates the plan: kept apart, with the reason, until it is replayed.

    `event` is the outcome as JSON, with its `data` as they were sent; `plan` is the id of the plan that it violates.
    (`tenant`, `source`, `event_id`) identify it, as they do an outcome.
    """

    event_id: str
    source: str
    event_type: str
    tenant: str
    time_s: float
    received_s: float
    node: str
    sequence: int
    rule: str
    path: str
    reason: str
    plan: str
    event: str
    version: int = 1


class BadCount(Noun, frozen=True, kw_only=True):
    """Bad events of one rule, type and place in the event, with the latest of them."""

    rule: str
    event_type: str
    path: str
    events: int
    sources: tuple[str, ...]
    first_s: float
    last_s: float
    examples: tuple[Bad, ...]
