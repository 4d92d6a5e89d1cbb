"""Who asks: the tenant comes from the key alone."""

from __future__ import annotations

import re
from hashlib import sha256

from breakeven.gateway.decision.index import Index
from breakeven.gateway.decision.refusal import RequestError

DEFAULT_TENANT = "default"
_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")


def tenant_of(index: Index, authorization: str) -> str:
    """The tenant of an Authorization header; "default" while no tenant has keys.

    Raises:
        RequestError: 401, keys are set and this one is missing or unknown. The key itself is never shown.
    """
    if not index.keys_required:
        return DEFAULT_TENANT
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        message = "this gateway asks for a key and the request has none"
        raise _unauthorised(message, "send it as 'Authorization: Bearer KEY'")
    digest = sha256(key.strip().encode()).hexdigest()
    tenant = index.tenant_of_key.get(digest)
    if tenant is None and digest in index.tenant_of_event_key:
        message = f"the key with SHA-256 {digest[:8]}... may send events and nothing else"
        way_out = "use a key of the tenant without `scope: events`"
        raise RequestError(message, way_out, status=403, field="authorization", kind="forbidden")
    if tenant is None:
        message = f"the key with SHA-256 {digest[:8]}... belongs to no tenant"
        raise _unauthorised(message, "use a key of a tenant named in the policy")
    return tenant


def sender_of(index: Index, authorization: str, query: str) -> str:
    """The tenant that sends events: by any of its keys in the header, or by one of `scope: events` as `?key=`.

    A page's beacon can set no header; a key that can do more is never taken from an address, which ends up in logs.

    Raises:
        RequestError: 401, as `tenant_of`.
    """
    if not index.keys_required:
        return DEFAULT_TENANT
    shown = _key_in(query) if not authorization else authorization.partition(" ")[2].strip()
    tenant = index.tenant_of_event_key.get(sha256(shown.encode()).hexdigest()) if shown else None
    return tenant or tenant_of(index, authorization)


def _key_in(query: str) -> str:
    """The value of `key`, with its escapes undone."""
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name == "key":
            return _ESCAPED.sub(lambda found: bytes.fromhex(found[0].replace("%", "")).decode(errors="replace"), value)
    return ""


def _unauthorised(message: str, way_out: str) -> RequestError:
    return RequestError(message, way_out, status=401, field="authorization", kind="invalid_api_key")
