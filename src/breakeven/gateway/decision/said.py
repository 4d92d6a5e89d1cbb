"""What a router scores: the words of the last user of a chat, or a completion's prompt; kept for the choice alone."""

from __future__ import annotations

from typing import Any

import msgspec

from breakeven.gateway.decision.asked import UNSAID
from breakeven.metric.routing_score import MOST_CHARACTERS


class _Message(msgspec.Struct):
    role: msgspec.Raw = UNSAID
    content: msgspec.Raw = UNSAID


class _Chat(msgspec.Struct):
    messages: list[_Message]


class _Part(msgspec.Struct):
    text: str | None = None


class _Completion(msgspec.Struct):
    prompt: msgspec.Raw


_chat = msgspec.json.Decoder(_Chat)
_completion = msgspec.json.Decoder(_Completion)
_content = msgspec.json.Decoder(str | list[_Part] | None)
_prompt = msgspec.json.Decoder(str | list[str])
_USER = b'"user"'


def said_in(protocol: str, body: bytes) -> str | None:
    """The text, as far as it is scored; None where there is none, or none that can be read.

    Of a chat the last message of the role `user`, its parts of text a line each; of a completion the prompt, several
    prompts a line each. Embeddings and tensors have none.
    """
    try:
        if protocol == "chat":
            return _last_user(_chat.decode(body).messages)
        if protocol == "completion":
            return _joined(_prompt.decode(_completion.decode(body).prompt))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None


def _last_user(messages: list[_Message]) -> str | None:
    for one in reversed(messages):
        if bytes(one.role) == _USER:
            return _joined(_content.decode(one.content))
    return None


def _joined(content: Any) -> str | None:  # noqa: ANN401 - one of the shapes above
    if isinstance(content, list):
        texts = [one if isinstance(one, str) else one.text for one in content]
        known = [text for text in texts if text is not None]
        content = "\n".join(known) if known else None
    return None if content is None else content[:MOST_CHARACTERS]
