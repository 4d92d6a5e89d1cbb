"""The gateway as a service: paths to endpoints, refusals to errors. Any transport drives it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from logging import getLogger
from typing import Any

from breakeven.errors import BreakevenError
from breakeven.gateway.decision.answer import refusal_body
from breakeven.gateway.decision.index import Protocol
from breakeven.gateway.decision.refusal import RequestError
from breakeven.gateway.endpoint import about, events, predict, snippet, traces
from breakeven.gateway.runtime import Runtime
from breakeven.wire.http import Headers, HttpRequest, Outgoing

Endpoint = Callable[[Runtime, HttpRequest, Outgoing], Coroutine[Any, Any, None] | None]
"""Answers at once, or by a coroutine."""

_log = getLogger("breakeven.gateway")
ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("POST", "/v1/chat/completions"): predict.chat,
    ("POST", "/v1/completions"): predict.completion,
    ("POST", "/v1/embeddings"): predict.embedding,
    ("GET", "/v1/models"): about.models,
    ("GET", "/v2"): about.server,
    ("GET", "/v2/health/live"): about.health,
    ("GET", "/v2/health/ready"): about.ready,
    ("POST", "/events"): events.events,
    ("OPTIONS", "/events"): events.preflight,
    ("POST", "/v1/traces"): traces.traces,
    ("GET", snippet.PATH): snippet.snippet,
    ("GET", "/metrics"): about.metrics,
    ("GET", "/health"): about.health,
    ("GET", "/healthz"): about.health,
    ("GET", "/readyz"): about.ready,
}
PATTERNS: tuple[tuple[str, str], ...] = (
    ("POST", "/v1/decisions/{use_case}"),
    ("POST", "/v2/models/{model}[/versions/{version}]/infer"),
    ("GET", "/v2/models/{model}[/versions/{version}][/ready]"),
)
"""What else is served, as `_by_pattern` reads it."""
_JSON: Headers = [("content-type", "application/json")]


class GatewayService:
    """Answers requests with a runtime; made and closed by whoever owns the transport."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def max_body_bytes(self) -> int:
        """The policy's bound."""
        return self.runtime.bundle.index.policy.max_body_bytes

    def request(self, request: HttpRequest, out: Outgoing) -> None:
        """Answer a request, now or later."""
        try:
            later = _endpoint(request)(self.runtime, request, out)
        except Exception as error:  # noqa: BLE001 - the client gets the API's error shape, the log gets the trace
            self._failed(request, out, error)
            return
        if later is not None:
            self.runtime.spawn(self._awaited(later, request, out))

    def refusal(self, status: int, kind: str, message: str, path: str) -> tuple[Headers, bytes]:
        """What the transport refuses, in the shape of the API."""
        self.runtime.meters.rejected.add(kind)
        error = RequestError(message, status=status, kind=kind)
        self.runtime.logged_refusal("", path, error)
        return _headers_of(error), refusal_body(_protocol(path), error)

    async def _awaited(self, later: Coroutine[Any, Any, None], request: HttpRequest, out: Outgoing) -> None:
        try:
            await later
        except Exception as error:  # noqa: BLE001 - as above
            self._failed(request, out, error)

    def _failed(self, request: HttpRequest, out: Outgoing, error: Exception) -> None:
        if not isinstance(error, RequestError):
            _log.exception("%s %s failed inside the gateway", request.method, request.path, exc_info=error)
            what = error.message if isinstance(error, BreakevenError) else type(error).__name__
            message = f"the gateway failed: {what}"
            error = RequestError(message, "see the gateway's log", status=500, kind="internal")
        self.runtime.meters.rejected.add(error.kind)
        self.runtime.logged_refusal(request.method, request.path, error)
        if not out.started and not out.gone:
            out.reply(error.status, _headers_of(error), refusal_body(_protocol(request.path), error))


def _endpoint(request: HttpRequest) -> Endpoint:
    found = ENDPOINTS.get((request.method, request.path)) or _by_pattern(request)
    if found is not None:
        return found
    methods = sorted(method for method, path in ENDPOINTS if path == request.path)
    message = f"{request.method} {request.path[:200]} is not served here"
    if methods:
        raise RequestError(message, f"use {' or '.join(methods)}", status=405, kind="method_not_allowed")
    raise RequestError(message, "see docs for the paths of the API", status=404, kind="not_found")


def _by_pattern(request: HttpRequest) -> Endpoint | None:
    match [request.method, *request.path.split("/")[1:]]:
        case ["POST", "v1", "decisions", use_case] if use_case:
            return predict.decide
        case ["POST", "v2", "models", model, "infer"] | ["POST", "v2", "models", model, "versions", _, "infer"] if (
            model
        ):
            return predict.infer
        case ["GET", "v2", "models", model, *rest] if model:
            tail = rest[2:] if rest[:1] == ["versions"] else rest
            return about.model if tail in ([], ["ready"]) else None
    return None


def _protocol(path: str) -> Protocol:
    return "infer" if path.startswith("/v2") else "chat"


def _headers_of(error: RequestError) -> Headers:
    if error.status == 401:  # noqa: PLR2004 - HTTP asks for the scheme
        return [*_JSON, ("www-authenticate", "Bearer")]
    if error.status == 503:  # noqa: PLR2004 - and for when to come back
        return [*_JSON, ("retry-after", "2")]
    if error.status in {408, 413}:
        return [*_JSON, ("connection", "close")]
    return _JSON
