"""Any OpenAI-compatible server."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from breakeven.errors import BackendError
from breakeven.gateway.backend.openai_wire import StreamReader, from_wire, to_wire
from breakeven.gateway.backend.port import OK_END, Answer, Call, Headers, Piece, passed_on
from breakeven.gateway.backend.whole import WholeAnswer, whole_answer
from breakeven.schema.policy import Backend
from breakeven.wire.client import Client, Response

_NOT_A_STREAM = Piece(error="not_a_stream", detail="the server answered a streaming request with a whole body")


class OpenAISender:
    """Sends chat completions to `base_url`, which gets `/v1` when it has no path."""

    def __init__(self, backend: Backend, client: Client) -> None:
        self._backend = backend
        self._client = client
        base = backend.base_url.rstrip("/")
        self._base = base if urlsplit(base).path else f"{base}/v1"

    async def send(self, call: Call) -> Answer:
        """Send a completion request.

        Raises:
            BackendError: unreachable, timed out or malformed, or the key's variable is not set.
        """
        body, injected = to_wire(call)
        response = await self._client.request(
            "POST",
            f"{self._base}/chat/completions",
            self._headers(call),
            body,
            timeout_s=self._backend.timeout_s,
            on_connect=call.on_connect,
            on_sent=call.on_sent,
        )
        if response.status >= OK_END or not call.stream:
            return await whole_answer(response, from_wire)
        if not response.header("content-type").startswith("text/event-stream"):
            response.close()
            return WholeAnswer(response.status, [], _NOT_A_STREAM)
        return _StreamAnswer(response, StreamReader(self._base, drop_usage=injected))

    async def get(self, path: str, authorization: str = "") -> tuple[int, bytes]:
        """Ask about models.

        Raises:
            BackendError: unreachable, timed out or malformed, or the key's variable is not set.
        """
        headers = key_headers(self._backend, authorization)
        response = await self._client.request("GET", f"{self._base}{path}", headers, timeout_s=self._backend.timeout_s)
        return response.status, await response.read()

    async def close(self) -> None:
        """Nothing is held: connections belong to the worker's client."""

    def _headers(self, call: Call) -> Headers:
        headers = [("content-type", "application/json"), *key_headers(self._backend, call.authorization)]
        headers.append(("accept", "text/event-stream" if call.stream else "application/json"))
        if call.traceparent:
            headers.append(("traceparent", call.traceparent))
        return headers


class _StreamAnswer:
    def __init__(self, response: Response, reader: StreamReader) -> None:
        self.status = response.status
        self.headers = passed_on(response.headers)
        self._response = response
        self._reader = reader

    async def piece(self) -> Piece | None:
        data = await self._response.chunk()
        piece = self._reader.end() if data is None else self._reader.feed(data)
        if piece.done:
            self._response.detach()
        elif piece.error:
            self.close()
        return piece

    def close(self) -> None:
        self._response.close()


def key_headers(backend: Backend, authorization: str) -> Headers:
    """The backend's key from its environment variable, else the client's own Authorization.

    Raises:
        BackendError: the variable is not set.
    """
    if not backend.api_key_env:
        return [("authorization", authorization)] if authorization else []
    key = os.environ.get(backend.api_key_env, "")
    if not key:
        message = f"backend {backend.name!r} needs its key in the variable {backend.api_key_env}, which is not set"
        raise BackendError(message, f"set {backend.api_key_env} in the gateway's environment and restart it")
    return [("authorization", f"Bearer {key}")]
