"""What keeps a loopback page private: no foreign Host (DNS rebinding), no foreign content, no framing."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


def host_name(header: str) -> str:
    """The name or address of a Host header, without its port."""
    if header.startswith("["):
        address, closed, _ = header[1:].partition("]")
        return address.lower() if closed else ""
    return header.partition(":")[0].lower().rstrip(".")


def allowed(header: str, names: frozenset[str]) -> bool:
    """Whether a Host header is one of ours: `localhost`, a configured name, or an address written as a number.

    DNS rebinding needs a name that its owner points at us; a numeric address cannot be pointed anywhere else.
    """
    name = host_name(header)
    if name in names or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """Refuses foreign hosts and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str] = ()) -> None:
        self._app, self._hosts = app, frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        host = Headers(scope=scope).get("host", "")
        inner = self._app if allowed(host, self._hosts) else _refused(host)
        await inner(scope, receive, secured)


def _refused(host: str) -> PlainTextResponse:
    message = (
        f"the console does not answer for the host {host[:100]!r}; "
        "use http://localhost or the address given to `breakeven serve --host`\n"
    )
    return PlainTextResponse(message, status_code=421)
