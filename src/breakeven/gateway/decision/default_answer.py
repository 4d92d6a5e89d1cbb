"""The policy's own answer, worded as the protocol that was asked."""

from __future__ import annotations

from typing import Any

import msgspec

_NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def default_answer(
    protocol: str,
    text: str,
    *,
    request_id: str,
    model: str,
    created: int,
    stream: bool = False,
    asked_usage: bool = False,
) -> bytes:
    """A prepared text as the answer of its protocol; in a stream, as the data of its one event.

    For chat and completions the text is the words, or a whole answer of either API in JSON that holds them. Everything
    else (embeddings, tensors) is answered with the text as it is: the policy holds that answer in JSON. `created` is
    in Unix seconds; the usage is zero, since nothing was computed.
    """
    if protocol not in {"chat", "completion"}:
        return text.encode()
    words = _words(text)
    choice = _chat_choice(words, stream=stream) if protocol == "chat" else {"index": 0, "text": words, "logprobs": None}
    answer: dict[str, Any] = {
        "id": f"{'chatcmpl' if protocol == 'chat' else 'cmpl'}-{request_id}",
        "object": _object(protocol, stream=stream),
        "created": created,
        "model": model,
        "choices": [{**choice, "finish_reason": "stop"}],
    }
    if not stream or asked_usage:
        answer["usage"] = _NO_USAGE
    return msgspec.json.encode(answer)


def _chat_choice(words: str, *, stream: bool) -> dict[str, Any]:
    return {"index": 0, "delta" if stream else "message": {"role": "assistant", "content": words}}


def _object(protocol: str, *, stream: bool) -> str:
    if protocol == "completion":
        return "text_completion"
    return "chat.completion.chunk" if stream else "chat.completion"


class _Message(msgspec.Struct):
    content: str = ""


class _Choice(msgspec.Struct):
    message: _Message | None = None
    text: str = ""


class _Completion(msgspec.Struct):
    choices: list[_Choice]


def _words(text: str) -> str:
    try:
        choices = msgspec.json.decode(text, type=_Completion).choices
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text
    if not choices:
        return text
    first = choices[0]
    return first.message.content if first.message is not None else first.text or text
