"""OpenAI chat completions: what the gateway reads of a request."""

from __future__ import annotations

import msgspec

from breakeven.gateway.decision.asked import (
    UNSAID,
    Asked,
    Count,
    TextBody,
    first_text,
    holds,
    notes,
    parts_beside_text,
)
from breakeven.gateway.decision.body import decode
from breakeven.gateway.decision.refusal import RequestError, shown


class _ChatBody(TextBody, kw_only=True):
    messages: msgspec.Raw
    max_completion_tokens: Count | None = None
    tools: msgspec.Raw = UNSAID
    functions: msgspec.Raw = UNSAID


_decoder = msgspec.json.Decoder(_ChatBody)


def chat_of(body: bytes) -> Asked:
    """Read a chat request.

    Raises:
        RequestError: 400, malformed JSON, a field of the wrong type, or two limits, of which servers obey one or other.
    """
    read = decode(_decoder, body)
    messages = bytes(read.messages)
    if not messages.startswith(b"["):
        message = f"the body's messages are {shown(messages[:80].decode(errors='replace'), 40)}, not a list"
        raise RequestError(message, "send a list of messages", field="messages")
    limit = read.max_completion_tokens
    if limit is not None and read.max_tokens is not None:
        message = f"the body has max_tokens {read.max_tokens} and max_completion_tokens {limit}"
        raise RequestError(message, "send one of them", field="max_completion_tokens")
    return Asked(
        model=read.model,
        stream=bool(read.stream),
        asked_usage=read.asked_usage,
        user=read.user or "",
        metadata=notes(read.metadata),
        max_tokens=read.max_tokens if limit is None else limit,
        output_field="max_tokens" if limit is None else "max_completion_tokens",
        choices=read.answers,
        prefix=first_text(messages),
        images=parts_beside_text(messages),
        tools=holds(read.tools) or holds(read.functions),
    )
