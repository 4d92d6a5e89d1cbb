"""Predictions: OpenAI chat completions and v2 inference."""

from __future__ import annotations

from breakeven.gateway.decision.refusal import RequestError
from breakeven.gateway.http import HttpRequest, Outgoing
from breakeven.gateway.intake import chat_exchange, infer_exchange
from breakeven.gateway.runtime import Runtime


async def chat(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """`POST /v1/chat/completions`.

    Raises:
        RequestError: not authenticated, or not well-formed.
    """
    await chat_exchange(runtime, http, out).run()


async def infer(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """`POST /v2/models/{model}[/versions/{version}]/infer`.

    Raises:
        RequestError: not authenticated, or not well-formed.
    """
    if http.header("inference-header-content-length"):
        message = "the request uses v2's binary tensor extension"
        raise RequestError(message, "send tensors as JSON", field="inference-header-content-length")
    parts = http.path.split("/")
    version = parts[5] if parts[4] == "versions" else ""
    await infer_exchange(runtime, http, out, parts[3], version).run()
