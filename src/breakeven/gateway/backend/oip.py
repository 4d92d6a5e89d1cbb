"""Any server of the Open Inference Protocol v2 over REST: bodies pass through, only the model's name may change."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from breakeven.errors import BackendError, UsageError
from breakeven.gateway.backend.openai import failed, fixed_headers, key_headers, own_headers
from breakeven.gateway.backend.port import Call, Piece, Sink, Try
from breakeven.gateway.backend.whole import WholeTry
from breakeven.schema.policy import Backend
from breakeven.wire.client import Client, Prepared, prepare

_MAX_PREPARED = 1024


class _InferAnswer(msgspec.Struct):
    outputs: msgspec.Raw = msgspec.Raw(b"")
    error: msgspec.Raw = msgspec.Raw(b"")


_answers = msgspec.json.Decoder(_InferAnswer)


def from_wire(body: bytes) -> Piece:
    """Read an answer; one that is no JSON, has no outputs or says `error` is an error whatever its status."""
    try:
        answer = _answers.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Piece(error="malformed", detail=f"the answer is not an inference response: {error}")
    if bytes(answer.error):
        return Piece(data=body, error="upstream_error", detail=bytes(answer.error)[:500].decode(errors="replace"))
    if not bytes(answer.outputs):
        return Piece(error="malformed", detail="the answer has no outputs")
    return Piece(data=body, done=True)


class OipSender:
    """Sends inference requests to `base_url`, with or without its `/v2`."""

    def __init__(self, backend: Backend, client: Client) -> None:
        self._backend = backend
        self._client = client
        self._base = backend.base_url.rstrip("/").removesuffix("/v2")
        self._prepared: dict[tuple[str, str], Prepared] = {}

    def send(self, call: Call, sink: Sink) -> Try:
        """Send an inference request; a missing key is told as a failure."""
        try:
            name = call.asked_model, call.version
            prepared = self._prepared.get(name) or self._prepare(*name)
            handler = WholeTry(sink, from_wire, self._client.limits.body_bytes)
            headers = own_headers(self._backend, call)
            handler.flight = self._client.start(prepared, call.body, handler, self._backend.timeout_s, headers)
        except (BackendError, UsageError) as error:
            return failed(sink, error)
        return handler

    async def get(self, path: str, authorization: str = "") -> tuple[int, bytes]:
        """Ask about models.

        Raises:
            BackendError: unreachable, timed out or malformed, or the key's variable is not set.
        """
        headers = key_headers(self._backend, authorization)
        url = f"{self._base}/v2{quote(path)}"
        response = await self._client.request("GET", url, headers, timeout_s=self._backend.timeout_s)
        return response.status, await response.read()

    async def close(self) -> None:
        """Nothing is held: connections belong to the worker's client."""

    def _prepare(self, model: str, version: str) -> Prepared:
        if len(self._prepared) >= _MAX_PREPARED:
            self._prepared.clear()  # names come from clients: their number is bounded
        versions = f"/versions/{quote(version, safe='')}" if version else ""
        url = f"{self._base}/v2/models/{quote(model, safe='')}{versions}/infer"
        prepared = self._prepared[model, version] = prepare(
            "POST", url, fixed_headers(self._backend, "application/json")
        )
        return prepared
