"""One outcome as a CloudEvent 1.0 in the JSON format."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from breakeven.errors import UsageError
from breakeven.schema.outcome import EVENT_TYPES


def event(
    kind: str,
    event_id: str,
    source: str,
    time_s: float | None,
    about: Mapping[str, str],
    data: Mapping[str, object],
) -> bytes:
    """The event as JSON bytes. `about` are the attributes that say whom it concerns; `time_s` None is now.

    Raises:
        UsageError: an unknown kind, nothing it is about, or a value that is not finite.
    """
    if "predictionid" not in about and "subject" not in about:
        message = f"{kind!r} names neither a prediction nor a subject, so it can be attributed to nothing"
        raise UsageError(message, "pass prediction_id= (from x-breakeven-prediction-id) or subject=")
    for name, given in data.items():
        if isinstance(given, float) and not math.isfinite(given):
            message = f"{name} of {kind!r} must be finite, got {given}"
            raise UsageError(message, "send a number, or leave it out")
    attributes = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": event_type(kind),
        "time": rfc3339(time.time() if time_s is None else time_s),
        "datacontenttype": "application/json",
        **about,
        "data": dict(data),
    }
    return json.dumps(attributes, separators=(",", ":")).encode()


def event_type(kind: str) -> str:
    """The CloudEvents type of a kind; a name with a dot is taken as a type already.

    Raises:
        UsageError: the kind is unknown.
    """
    if "." in kind:
        return kind
    kinds = {name: full for full, name in EVENT_TYPES.items()}
    if kind not in kinds:
        message = f"there is no kind of event {kind!r}; known are {', '.join(kinds)}"
        raise UsageError(message, "use one of them, or a full type such as com.example.viewed.v1")
    return kinds[kind]


def rfc3339(time_s: float) -> str:
    """Unix seconds as CloudEvents write times, to the microsecond."""
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
