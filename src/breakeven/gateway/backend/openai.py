"""Any OpenAI-compatible server."""

from __future__ import annotations

import asyncio
import os
from urllib.parse import urlsplit

from breakeven.errors import BackendError, UsageError
from breakeven.gateway.backend.openai_wire import StreamReader, from_wire, to_wire
from breakeven.gateway.backend.port import OK_END, Call, Headers, Piece, Sink, Try
from breakeven.gateway.backend.whole import FailedTry, WholeTry
from breakeven.schema.policy import Backend
from breakeven.wire.client import Client, Prepared, prepare

_NOT_A_STREAM = Piece(error="not_a_stream", detail="the server answered a streaming request with a whole body")


class OpenAISender:
    """Sends completions and embeddings to `base_url`, which gets `/v1` when it has no path."""

    def __init__(self, backend: Backend, client: Client) -> None:
        self._backend = backend
        self._client = client
        base = backend.base_url.rstrip("/")
        self._base = base if urlsplit(base).path else f"{base}/v1"
        self._prepared: dict[tuple[str, bool], Prepared] = {}

    def send(self, call: Call, sink: Sink) -> Try:
        """Send a completion request; a missing key is told as a failure."""
        try:
            prepared = self._prepared.get((call.path, call.stream)) or self._prepare(call)
            body, injected = to_wire(call)
            handler = (
                StreamTry(sink, StreamReader(self._base, drop_usage=injected), self._client.limits.body_bytes)
                if call.stream
                else WholeTry(sink, from_wire, self._client.limits.body_bytes)
            )
            headers = own_headers(self._backend, call)
            handler.flight = self._client.start(prepared, body, handler, self._backend.timeout_s, headers)
        except (BackendError, UsageError) as error:
            return failed(sink, error)
        return handler

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

    def _prepare(self, call: Call) -> Prepared:
        accept = "text/event-stream" if call.stream else "application/json"
        headers = fixed_headers(self._backend, accept)
        prepared = self._prepared[call.path, call.stream] = prepare("POST", f"{self._base}{call.path}", headers)
        return prepared


class StreamTry(WholeTry):
    """A call whose answer is a stream of events, or an error's body."""

    __slots__ = ("_reader", "_streams")

    def __init__(self, sink: Sink, reader: StreamReader, limit: int) -> None:
        super().__init__(sink, from_wire, limit)
        self._reader = reader
        self._streams = False

    def on_head(self, status: int, headers: Headers) -> None:
        """The head; a whole body where a stream was asked for is of no use."""
        self._streams = status < OK_END
        super().on_head(status, headers)
        kind = next((value for name, value in headers if name == "content-type"), "")
        if self._streams and not kind.startswith("text/event-stream"):
            self.finish(_NOT_A_STREAM)

    def on_body(self, data: bytes) -> None:
        """Bytes of the stream, or of an error."""
        if not self._streams:
            super().on_body(data)
            return
        piece = self._reader.feed(data)
        if self.flight is not None and (piece.done or piece.error):
            if piece.done:
                self.flight.detach()
            else:
                self.flight.abort()
        self.sink.on_piece(piece)

    def on_end(self) -> None:
        """The stream ended without its last event, or the error's body is whole."""
        if self._streams:
            self.sink.on_piece(self._reader.end())
        else:
            super().on_end()


def failed(sink: Sink, error: BackendError | UsageError) -> Try:
    """A call that could not be sent."""
    cause = error if isinstance(error, BackendError) else BackendError(error.message, error.way_out)
    trial = FailedTry(sink, cause)
    asyncio.get_running_loop().call_soon(trial.tell)
    return trial


def fixed_headers(backend: Backend, accept: str) -> Headers:
    """What every call to the backend says.

    Raises:
        BackendError: the key's variable is not set.
    """
    return [
        ("content-type", "application/json"),
        ("accept", accept),
        ("accept-encoding", "identity"),
        *(key_headers(backend, "") if backend.api_key_env else ()),
    ]


def own_headers(backend: Backend, call: Call) -> Headers:
    """What only this call says: the client's own key where the backend has none, its trace, the time left."""
    headers = []
    if call.authorization and not backend.api_key_env:
        headers.append(("authorization", call.authorization))
    if call.traceparent:
        headers.append(("traceparent", call.traceparent))
    if call.deadline_ms is not None and backend.deadline_header:
        headers.append((backend.deadline_header, str(max(0, int(call.deadline_ms)))))
    return headers


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
