"""Predictions: OpenAI's text APIs, v2 inference, and decisions among candidates."""

from __future__ import annotations

from breakeven.gateway.decision.refusal import RequestError
from breakeven.gateway.intake import decide_exchange, infer_exchange, text_exchange
from breakeven.gateway.runtime import Runtime
from breakeven.wire.http import HttpRequest, Outgoing


def chat(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """`POST /v1/chat/completions`.

    Raises:
        RequestError: not authenticated, not allowed, or not well-formed; as in all of these.
    """
    text_exchange(runtime, http, out, "chat").run()


def completion(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """`POST /v1/completions`."""
    text_exchange(runtime, http, out, "completion").run()


def embedding(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """`POST /v1/embeddings`."""
    text_exchange(runtime, http, out, "embedding").run()


def decide(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """`POST /v1/decisions/{use_case}`."""
    decide_exchange(runtime, http, out, http.path.rpartition("/")[2]).run()


def infer(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """`POST /v2/models/{model}[/versions/{version}]/infer`."""
    if http.header("inference-header-content-length"):
        message = "the request uses v2's binary tensor extension"
        raise RequestError(message, "send tensors as JSON", field="inference-header-content-length")
    parts = http.path.split("/")
    version = parts[5] if parts[4] == "versions" else ""
    infer_exchange(runtime, http, out, parts[3], version).run()
