"""OpenAI chat completions: what the gateway reads of a request, and how it words a default answer."""

from __future__ import annotations

from typing import Any

import msgspec

from breakeven.gateway.decision.body import decode
from breakeven.gateway.decision.refusal import RequestError
from breakeven.schema.noun import Noun


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _ChatBody(msgspec.Struct):
    model: str
    messages: msgspec.Raw
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    user: str | None = None
    metadata: msgspec.Raw = msgspec.Raw(b"null")


class Chat(Noun, frozen=True, kw_only=True):
    """A chat request as far as it was read. `asked_usage`: the client asked for usage in its stream."""

    model: str
    stream: bool
    asked_usage: bool
    user: str
    metadata: dict[str, str]


_decoder = msgspec.json.Decoder(_ChatBody)
_metadata_decoder = msgspec.json.Decoder(dict[str, Any] | None)


def chat_of(body: bytes) -> Chat:
    """Read a chat request.

    Raises:
        RequestError: 400, malformed JSON or a field of the wrong type.
    """
    read = decode(_decoder, body)
    if not bytes(read.messages).lstrip().startswith(b"["):
        message = f"the body's messages are {bytes(read.messages)[:40].decode(errors='replace')!r}, not a list"
        raise RequestError(message, "send a list of messages", field="messages")
    said = (decode(_metadata_decoder, bytes(read.metadata)) or {}) if b"breakeven_" in bytes(read.metadata) else {}
    options = read.stream_options
    return Chat(
        model=read.model,
        stream=bool(read.stream),
        asked_usage=bool(options and options.include_usage),
        user=read.user or "",
        metadata={name: value if isinstance(value, str) else str(value) for name, value in said.items()},
    )


def default_completion(text: str, *, request_id: str, model: str, created: int, stream: bool) -> bytes:
    """The policy's default answer as a completion, or as the one chunk of a stream.

    `text` may be a whole completion in JSON, or the assistant's words.
    """
    words = _message_of(text)
    message = {"role": "assistant", "content": words}
    choice = {"index": 0, "delta" if stream else "message": message, "finish_reason": "stop"}
    answer: dict[str, Any] = {
        "id": f"chatcmpl-{request_id}",
        "object": "chat.completion.chunk" if stream else "chat.completion",
        "created": created,
        "model": model,
        "choices": [choice],
    }
    if not stream:
        answer["usage"] = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    return msgspec.json.encode(answer)


class _Message(msgspec.Struct):
    content: str = ""


class _Choice(msgspec.Struct):
    message: _Message


class _Completion(msgspec.Struct):
    choices: list[_Choice]


def _message_of(text: str) -> str:
    try:
        choices = msgspec.json.decode(text, type=_Completion).choices
    except msgspec.DecodeError:
        return text
    return choices[0].message.content if choices else text
