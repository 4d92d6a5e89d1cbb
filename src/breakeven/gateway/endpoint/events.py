"""`/events`: what predictions were worth, as CloudEvents; accepted means on the disk."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from breakeven.errors import LedgerError
from breakeven.gateway.decision.cloudevent import taken
from breakeven.gateway.decision.origin import check_origin, granted
from breakeven.gateway.decision.refusal import RequestError
from breakeven.gateway.decision.tenant import sender_of
from breakeven.gateway.intake import check_encoding
from breakeven.gateway.runtime import Runtime
from breakeven.schema.outcome import Outcome
from breakeven.wire.http import Headers, HttpRequest, Outgoing

_ALLOWED_HEADERS = (
    "authorization, content-type, traceparent, ce-id, ce-source, ce-type, ce-specversion, ce-time, ce-subject, "
    "ce-predictionid, ce-usecase, ce-consent"
)


async def events(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """Accept one event or a batch: 202 once they are on the disk, 503 with none taken while the disk fails.

    Raises:
        RequestError: not authenticated, a page that is not listed, or no event with a sound envelope.
    """
    index = runtime.bundle.index
    check_origin(http.header("origin"), http.header("host"), index.policy.cors_origins)
    tenant = sender_of(index, http.header("authorization"), http.query)
    check_encoding(http)
    found = taken(http.headers, http.body, tenant=tenant, received_s=time.time())
    seated = _seated(runtime, tenant, found.outcomes)
    journal = runtime.journal
    try:
        if seated and not journal.append(seated):
            raise _not_stored()
        await journal.durable()
    except LedgerError:
        raise _not_stored() from None
    for one in seated:
        runtime.meters.told(one)
    if found.refused:
        runtime.meters.rejected.add("invalid_event", amount=len(found.refused))
    said = {"accepted": len(seated)} | ({"rejected": found.refused} if found.refused else {})
    out.reply(202, [("content-type", "application/json"), *cors(runtime, http)], msgspec.json.encode(said))


def preflight(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """`OPTIONS /events`: origins named in the policy may send."""
    allowed = cors(runtime, http)
    if allowed:
        allowed += [
            ("access-control-allow-methods", "POST"),
            ("access-control-allow-headers", _ALLOWED_HEADERS),
            ("access-control-max-age", "600"),
        ]
    out.reply(204, allowed, b"")


def cors(runtime: Runtime, http: HttpRequest) -> Headers:
    """What lets a browser's page of a listed origin read the answer."""
    allowed = granted(http.header("origin"), runtime.bundle.index.policy.cors_origins)
    return [("access-control-allow-origin", allowed), ("vary", "origin")] if allowed else []


def _seated(runtime: Runtime, tenant: str, read: Sequence[Outcome]) -> list[Outcome]:
    journal = runtime.journal
    first = journal.take_sequence(len(read))
    return [
        replace(
            one,
            node=journal.node,
            sequence=first + position,
            subject=runtime.subjects.hashed(tenant, one.subject),
            previous=runtime.subjects.hashed(tenant, one.previous),
        )
        for position, one in enumerate(read)
    ]


def _not_stored() -> RequestError:
    message = "the events could not be written to the disk, none was accepted"
    return RequestError(message, "send them again in a few seconds", status=503, kind="not_stored")
