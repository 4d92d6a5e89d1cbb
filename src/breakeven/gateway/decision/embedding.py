"""OpenAI embeddings: what the gateway reads of a request."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from breakeven.gateway.decision.asked import MAX_TOKENS, UNSAID, Asked, first_prompt, notes
from breakeven.gateway.decision.body import decode
from breakeven.gateway.decision.completion import prompts_in


class _EmbeddingBody(msgspec.Struct):
    model: str
    input: msgspec.Raw
    user: str | None = None
    metadata: msgspec.Raw = UNSAID
    dimensions: Annotated[int, msgspec.Meta(ge=1, le=MAX_TOKENS)] | None = None
    encoding_format: Literal["float", "base64"] | None = None


_decoder = msgspec.json.Decoder(_EmbeddingBody)


def embedding_of(body: bytes) -> Asked:
    """Read an embedding request: it never streams and generates nothing; `choices` counts its inputs.

    Raises:
        RequestError: 400, malformed JSON or a field of the wrong type.
    """
    read = decode(_decoder, body)
    texts = bytes(read.input)
    return Asked(
        model=read.model,
        user=read.user or "",
        metadata=notes(read.metadata),
        max_tokens=0,
        choices=prompts_in(texts, "input"),
        prefix=first_prompt(texts),
    )
