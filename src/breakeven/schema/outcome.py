"""What a prediction was worth: outcomes and stages sent by applications as CloudEvents."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun
from breakeven.schema.record import Consent

OutcomeKind = Literal[
    "exposure", "click", "conversion", "revenue", "stage", "unobserved", "custom", "identify", "consent"
]
"""`identify` links `previous` to `subject`; `consent` says what a subject allows from then on.

`unobserved`: a replay cannot know what the user would have done; the row leaves numerator and denominator."""

EVENT_TYPES: dict[str, OutcomeKind] = {
    f"breakeven.{kind}.v1": kind for kind in ("exposure", "click", "conversion", "revenue", "stage", "unobserved")
} | {"breakeven.identify.v1": "identify", "breakeven.consent.v1": "consent"}


class Outcome(Noun, frozen=True, kw_only=True, tag="outcome", gc=False):
    """One accepted event. (`source`, `event_id`) identify it, so that a retry never counts twice.

    `time_s` is event time in Unix seconds, `received_s` arrival at the gateway. `data` keeps the original JSON.
    `previous`, of an `identify`, is the hashed id under which its `subject` was known before.
    """

    event_id: str
    source: str
    kind: OutcomeKind
    event_type: str
    time_s: float
    received_s: float
    node: str
    sequence: int
    tenant: str = "default"
    prediction_id: str = ""
    subject: str = ""
    use_case: str = ""
    value: float | None = None
    currency: str = ""
    stage: str = ""
    duration_s: float | None = None
    consent: Consent = "unknown"
    data: str = ""
    previous: str = ""
    version: int = 1
