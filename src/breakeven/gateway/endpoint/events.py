"""`/events`: what predictions were worth, as CloudEvents; accepted means on the disk."""

from __future__ import annotations

import time

import msgspec
from msgspec.structs import replace

from breakeven.errors import LedgerError
from breakeven.gateway.decision.cloudevent import envelopes, outcome_of
from breakeven.gateway.decision.refusal import RequestError
from breakeven.gateway.decision.tenant import tenant_of
from breakeven.gateway.intake import check_encoding
from breakeven.gateway.runtime import Runtime
from breakeven.schema.outcome import Outcome
from breakeven.wire.http import Headers, HttpRequest, Outgoing

_ALLOWED_HEADERS = (
    "authorization, content-type, traceparent, ce-id, ce-source, ce-type, ce-specversion, ce-time, ce-subject, "
    "ce-predictionid, ce-usecase, ce-consent"
)


async def events(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """Accept one event or a batch, all or none: 202 once they are on the disk, 503 while the disk fails.

    Raises:
        RequestError: not authenticated, or an envelope is wrong.
    """
    tenant = tenant_of(runtime.bundle.index, http.header("authorization"))
    check_encoding(http)
    received_s = time.time()
    read = [outcome_of(one, tenant=tenant, received_s=received_s) for one in envelopes(http.headers, http.body)]
    seated = _seated(runtime, tenant, read)
    journal = runtime.journal
    try:
        if seated and not journal.append(seated):
            raise _not_stored()
        await journal.durable()
    except LedgerError:
        raise _not_stored() from None
    for one in seated:
        runtime.meters.told(one)
    headers = [("content-type", "application/json"), *cors(runtime, http)]
    out.reply(202, headers, msgspec.json.encode({"accepted": len(seated)}))


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
    origin = http.header("origin")
    if not origin or origin not in runtime.bundle.index.policy.cors_origins:
        return []
    return [("access-control-allow-origin", origin), ("vary", "origin")]


def _seated(runtime: Runtime, tenant: str, read: list[Outcome]) -> list[Outcome]:
    journal = runtime.journal
    first = journal.take_sequence(len(read))
    return [
        replace(
            one,
            node=journal.node,
            sequence=first + position,
            subject=runtime.subjects.hashed(tenant, one.subject),
        )
        for position, one in enumerate(read)
    ]


def _not_stored() -> RequestError:
    message = "the events could not be written to the disk, none was accepted"
    return RequestError(message, "send them again in a few seconds", status=503, kind="not_stored")
