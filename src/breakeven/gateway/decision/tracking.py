"""Whether a prediction can be measured downstream, and what a client is told when it cannot and must."""

from __future__ import annotations

from typing import Literal

from breakeven.gateway.decision.contract import Contract
from breakeven.schema.policy import UseCase

Gap = Literal["", "no_identity", "consent", "event_path_down"]

SUPPRESSED_STATUS, SUPPRESSED = 422, "tracking_incomplete"
"""How a suppressed prediction is refused: the request is well-formed, yet cannot be served as it is. An empty answer
under HTTP 200 would look like one."""

_BY_EVENTS = frozenset({"exposure", "outcome"})
_TOLD = {
    "no_identity": (
        "the request names neither subject nor session, so its outcome could never be joined",
        "send x-breakeven-subject or x-breakeven-session",
    ),
    "consent": (
        "the subject's consent is missing, so its outcome may not be measured",
        "send x-breakeven-consent: granted once it is",
    ),
    "event_path_down": ("events cannot be stored at present, so its outcome would be lost", "try again shortly"),
}


def gap(contract: Contract, subjects: tuple[str, ...], use_case: UseCase, *, events_ok: bool) -> Gap:
    """What is missing so that this prediction could be measured downstream; "" when nothing is.

    In this order: an identity (a subject or a session); consent, which is missing when it was denied, and where use is
    told by events also while it is unknown; the path of events, where use is told by them.

    Args:
        contract: what the request says.
        subjects: the hashed subjects, from the contract or listed in the body.
        use_case: `used_when` says whether use is told by events (exposure, outcome).
        events_ok: events can be stored.
    """
    if not subjects and not contract.session:
        return "no_identity"
    by_events = use_case.used_when in _BY_EVENTS
    if contract.consent == "denied" or (by_events and contract.consent == "unknown"):
        return "consent"
    return "event_path_down" if by_events and not events_ok else ""


def explained(found: Gap) -> tuple[str, str]:
    """A gap in one sentence, and the way out, for an answer that was suppressed."""
    return _TOLD.get(found, ("", ""))
