"""The ASGI 3 adapter: HTTP messages to requests, paths to endpoints, refusals to errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from logging import getLogger
from typing import Any

from breakeven.errors import BreakevenError
from breakeven.gateway.decision.answer import refusal_body
from breakeven.gateway.decision.index import Protocol
from breakeven.gateway.decision.refusal import RequestError
from breakeven.gateway.endpoint import about, events, predict
from breakeven.gateway.http import JSON, Headers, HttpRequest, Outgoing, reply
from breakeven.gateway.runtime import Runtime

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Endpoint = Callable[[Runtime, HttpRequest, Outgoing], Awaitable[None]]

_log = getLogger("breakeven.gateway")
MAX_HEADER_BYTES = 64 * 1024
BODY_S = 30.0
"""How long a body may take to arrive once its head is here."""

_DOTS = frozenset({"", ".", ".."})

ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("POST", "/v1/chat/completions"): predict.chat,
    ("GET", "/v1/models"): about.models,
    ("GET", "/v2"): about.server,
    ("GET", "/v2/health/live"): about.health,
    ("GET", "/v2/health/ready"): about.ready,
    ("POST", "/events"): events.events,
    ("OPTIONS", "/events"): events.preflight,
    ("GET", "/metrics"): about.metrics,
    ("GET", "/healthz"): about.health,
    ("GET", "/readyz"): about.ready,
}


def asgi_app(runtime: Runtime) -> App:
    """The gateway as an ASGI application. The runtime is opened and closed by the caller."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            message = f"the gateway speaks http, not {scope['type']}"
            raise NotImplementedError(message)
        out = AsgiOutgoing(send)
        try:
            http = await _request(scope, receive, runtime.bundle.index.policy.max_body_bytes)
            await _served(runtime, http, out, receive)
        except RequestError as error:
            runtime.meters.rejected.add(error.kind)
            await _refuse(out, scope["path"], error)
        except _GoneError:
            runtime.meters.rejected.add("client_gone")
        except Exception as error:  # noqa: BLE001 - the client gets the API's error shape, the log gets the trace
            runtime.meters.rejected.add("internal")
            _log.exception("%s %s failed inside the gateway", scope["method"], scope["path"])
            if not out.started:
                await _refuse(out, scope["path"], _internal(error))

    return app


def _internal(error: Exception) -> RequestError:
    message = f"the gateway failed: {error.message if isinstance(error, BreakevenError) else type(error).__name__}"
    return RequestError(message, "see the gateway's log", status=500, kind="internal")


class AsgiOutgoing:
    """The way back over ASGI."""

    def __init__(self, send: Send) -> None:
        self.gone = False
        self.started = False
        self._send = send
        self._on_gone: Callable[[], None] | None = None

    def on_gone(self, call: Callable[[], None]) -> None:
        """What to call once, when the client goes away."""
        self._on_gone = call

    def left(self) -> None:
        """The client went away."""
        self.gone = True
        if self._on_gone is not None:
            self._on_gone()

    async def start(self, status: int, headers: Headers, length: int | None = None) -> None:
        """Send the head; without a length the body is chunked."""
        self.started = True
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        if length is not None:
            raw.append((b"content-length", b"%d" % length))
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, data: bytes) -> None:
        """Send a part of the body; waits while the client is slow."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes = b"") -> None:
        """Send the last part."""
        await self._send({"type": "http.response.body", "body": data, "more_body": False})


class _GoneError(Exception):
    """The client left before its request was whole."""


async def _served(runtime: Runtime, http: HttpRequest, out: AsgiOutgoing, receive: Receive) -> None:
    endpoint = _endpoint(http)
    watch = asyncio.create_task(_watch(receive, out))
    try:
        await endpoint(runtime, http, out)
    finally:
        watch.cancel()


async def _watch(receive: Receive, out: AsgiOutgoing) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    out.left()


def _endpoint(http: HttpRequest) -> Endpoint:
    found = ENDPOINTS.get((http.method, http.path)) or _model_endpoint(http)
    if found is not None:
        return found
    methods = sorted(method for method, path in ENDPOINTS if path == http.path)
    message = f"{http.method} {http.path[:200]} is not served here"
    if methods:
        raise RequestError(message, f"use {' or '.join(methods)}", status=405, kind="method_not_allowed")
    raise RequestError(message, "see docs for the paths of the API", status=404, kind="not_found")


def _model_endpoint(http: HttpRequest) -> Endpoint | None:
    """`/v2/models/{model}[/versions/{version}][/ready|/infer]`."""
    match [http.method, *http.path.split("/")[1:]]:
        case ["POST", "v2", "models", model, "infer"] | ["POST", "v2", "models", model, "versions", _, "infer"] if (
            model
        ):
            return predict.infer
        case ["GET", "v2", "models", model, *rest] if model:
            tail = rest[2:] if rest[:1] == ["versions"] else rest
            return about.model if tail in ([], ["ready"]) else None
    return None


async def _request(scope: Message, receive: Receive, max_body_bytes: int) -> HttpRequest:
    received_s, time_s = time.monotonic(), time.time()
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
        message = f"the request has more than {MAX_HEADER_BYTES} bytes of headers"
        raise RequestError(message, "send fewer", status=431, field="headers", kind="headers_too_large")
    if int(headers.get("content-length") or 0) > max_body_bytes:
        raise _too_large(int(headers["content-length"]), max_body_bytes)
    return HttpRequest(
        method=scope["method"],
        path=scope["path"],
        headers=headers,
        body=await _body(receive, max_body_bytes),
        time_s=time_s,
        received_s=received_s,
    )


async def _body(receive: Receive, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return _within(bytes(message.get("body", b"")), limit)
    try:
        async with asyncio.timeout(BODY_S):
            return await _long_body(message, receive, limit)
    except TimeoutError:
        text = f"the request's body did not arrive within {BODY_S:g} s"
        raise RequestError(text, "send it faster", status=408, field="body", kind="body_timeout") from None


async def _long_body(message: Message, receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise _GoneError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(size, limit)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


def _within(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise _too_large(len(body), limit)
    return body


def _too_large(size: int, limit: int) -> RequestError:
    message = f"the request's body has {size} bytes or more, the policy allows {limit}"
    return RequestError(message, "send less, or raise max_body_bytes", status=413, field="body", kind="body_too_large")


async def _refuse(out: AsgiOutgoing, path: str, error: RequestError) -> None:
    protocol: Protocol = "infer" if path.startswith("/v2") else "chat"
    extra: Headers = []
    if error.status == 401:  # noqa: PLR2004 - HTTP asks for the scheme
        extra = [("www-authenticate", "Bearer")]
    elif error.status == 503:  # noqa: PLR2004 - and for when to come back
        extra = [("retry-after", "2")]
    elif error.status in {408, 413}:
        extra = [("connection", "close")]
    await reply(out, error.status, refusal_body(protocol, error), [*JSON, *extra])
