"""OpenAI completions: what the gateway reads of a request."""

from __future__ import annotations

from typing import Any

import msgspec

from breakeven.gateway.decision.asked import Asked, Count, TextBody, first_prompt, notes
from breakeven.gateway.decision.body import decode
from breakeven.gateway.decision.refusal import RequestError, shown


class _CompletionBody(TextBody, kw_only=True):
    prompt: msgspec.Raw


_decoder = msgspec.json.Decoder(_CompletionBody)
_Tokens = list[Count]
_texts = msgspec.json.Decoder(list[str])
_tokens = msgspec.json.Decoder(_Tokens)
_lists = msgspec.json.Decoder(list[_Tokens])


def completion_of(body: bytes) -> Asked:
    """Read a completion request. Every prompt of a list has answers of its own.

    Raises:
        RequestError: 400, malformed JSON or a field of the wrong type.
    """
    read = decode(_decoder, body)
    prompt = bytes(read.prompt)
    return Asked(
        model=read.model,
        stream=bool(read.stream),
        asked_usage=read.asked_usage,
        user=read.user or "",
        metadata=notes(read.metadata),
        max_tokens=read.max_tokens,
        choices=prompts_in(prompt, "prompt") * read.answers,
        prefix=first_prompt(prompt),
    )


def prompts_in(raw: bytes, field: str) -> int:
    """How many prompts a field holds: a text, a list of texts, a list of tokens or a list of such lists.

    Raises:
        RequestError: 400, it holds anything else, or nothing.
    """
    if raw.startswith(b'"'):
        return 1
    inside = raw[1:].lstrip()
    if not raw.startswith(b"[") or inside.startswith(b"]"):
        message = f"the body's {field} is {shown(raw[:80].decode(errors='replace'), 40)}"
        raise RequestError(message, "send a text, a list of texts, or tokens as whole numbers", field=field)
    if inside.startswith(b'"'):
        return len(decode(_texts, raw, at=field))
    decoder: msgspec.json.Decoder[list[Any]] = _lists if inside.startswith(b"[") else _tokens
    found = decode(decoder, raw, at=field)
    return len(found) if decoder is _lists else 1
