"""Any server of the Open Inference Protocol v2 over REST: bodies pass through, only the model's name may change."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from breakeven.gateway.backend.openai import key_headers
from breakeven.gateway.backend.port import Answer, Call, Piece
from breakeven.gateway.backend.whole import whole_answer
from breakeven.schema.policy import Backend
from breakeven.wire.client import Client


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

    async def send(self, call: Call) -> Answer:
        """Send an inference request.

        Raises:
            BackendError: unreachable, timed out or malformed, or the key's variable is not set.
        """
        version = f"/versions/{quote(call.version, safe='')}" if call.version else ""
        headers = [("content-type", "application/json"), *key_headers(self._backend, call.authorization)]
        if call.traceparent:
            headers.append(("traceparent", call.traceparent))
        response = await self._client.request(
            "POST",
            f"{self._base}/v2/models/{quote(call.asked_model, safe='')}{version}/infer",
            headers,
            call.body,
            timeout_s=self._backend.timeout_s,
            on_connect=call.on_connect,
            on_sent=call.on_sent,
        )
        return await whole_answer(response, from_wire)

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
