"""Which web pages may send events, from the Origin that a browser states and a page cannot forge."""

from __future__ import annotations

import re

from breakeven.gateway.decision.refusal import RequestError, shown

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
ANY = "*"
_PORT = re.compile(r":[0-9]{1,5}$")


def granted(origin: str, listed: tuple[str, ...]) -> str:
    """What `access-control-allow-origin` says to an origin; "" where it gets no grant. Never with credentials."""
    if not origin:
        return ""
    return origin if origin in listed else ANY if ANY in listed else ""


def check_origin(origin: str, host: str, listed: tuple[str, ...]) -> None:
    """Refuse pages that are not listed, also those that ask without a preflight.

    A page that this gateway's own machine serves at its own address may send; under any other name it must be listed,
    since a name can be made to point here.

    Raises:
        RequestError: 403, the page's origin is not on the list.
    """
    if not origin or granted(origin, listed) or _own(origin, host):
        return
    message = f"pages of the origin {shown(origin)} may not send events"
    way_out = "list it under `gateway: {cors_origins: [...]}` in breakeven.yaml"
    raise RequestError(message, way_out, status=403, field="origin", kind="forbidden")


def _own(origin: str, host: str) -> bool:
    place = origin.partition("://")[2]
    return place == host and _PORT.sub("", place).strip("[]") in LOCAL
