"""The OpenAI protocol, purely: what to change in a request, what to learn from an answer or a stream."""

from __future__ import annotations

from typing import Any

import msgspec

from breakeven.gateway.backend.port import Call, Piece
from breakeven.schema.record import Tokens
from breakeven.wire.failure import ProtocolError
from breakeven.wire.sse import Event, Parser

DONE = b"[DONE]"
MAX_TOKENS = 10**9
_NOTHING = frozenset({b"", b"null", b'""', b"[]"})


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


class _Delta(msgspec.Struct):
    content: msgspec.Raw = msgspec.Raw(b"")
    reasoning_content: msgspec.Raw = msgspec.Raw(b"")
    reasoning: msgspec.Raw = msgspec.Raw(b"")
    tool_calls: msgspec.Raw = msgspec.Raw(b"")
    refusal: msgspec.Raw = msgspec.Raw(b"")


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    message: _Delta | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = msgspec.Raw(b"")


_answers = msgspec.json.Decoder(_Answer)
_raw_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def to_wire(call: Call) -> tuple[bytes, bool]:
    """The body to send, and whether usage was asked for on the gateway's own account.

    The client's bytes go out as they came unless the model's name, the stream options or one of `call.fields` must
    change; then all other fields still keep their bytes.
    """
    inject = call.stream and not call.asked_usage
    rename = bool(call.model) and call.model != call.client_model
    if not inject and not rename and not call.fields:
        return call.body, False
    fields: dict[str, Any] = dict(_raw_fields.decode(call.body)) | (call.fields or {})
    if rename:
        fields["model"] = call.model
    if inject:
        options = msgspec.json.decode(fields.get("stream_options", b"null")) or {}
        fields["stream_options"] = {**options, "include_usage": True}
    return msgspec.json.encode(fields), inject


def from_wire(body: bytes) -> Piece:
    """Read a whole answer; one that is no JSON, or says `error`, is an error whatever its status."""
    try:
        answer = _answers.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Piece(error="malformed", detail=f"the answer is not a completion: {error}")
    if bytes(answer.error) not in _NOTHING:
        return Piece(data=body, error="upstream_error", detail=_shown(bytes(answer.error)))
    chunks = sum(len(bytes(one.message.content)) // 4 + 1 for one in answer.choices or () if one.message)
    return Piece(data=body, chunks=chunks, usage=_tokens(answer.usage), done=True)


class StreamReader:
    """Reads a stream as it comes: forwards the bytes of each event, drops the usage nobody asked for, keeps `[DONE]`.

    Args:
        place: whose stream it is, for errors.
        drop_usage: the client did not ask for the chunk that holds only usage.
    """

    def __init__(self, place: str, *, drop_usage: bool) -> None:
        self._parser = Parser(place)
        self._drop_usage = drop_usage

    def feed(self, data: bytes) -> Piece:
        """What these bytes complete, as one piece. After an error or the end nothing more is read."""
        try:
            events = self._parser.feed(data)
        except ProtocolError as error:
            return Piece(error="malformed", detail=error.message)
        kept: list[bytes] = []
        chunks, usage = 0, None
        for event in events:
            if event.data == DONE:
                return Piece(data=b"".join(kept), chunks=chunks, usage=usage, done=True)
            read = self._read(event)
            if read.error:
                return Piece(data=b"".join(kept), chunks=chunks, usage=usage, error=read.error, detail=read.detail)
            kept.append(read.data)
            chunks += read.chunks
            usage = read.usage or usage
        return Piece(data=b"".join(kept), chunks=chunks, usage=usage)

    def end(self) -> Piece:
        """The stream ended without `[DONE]`."""
        rest = len(self._parser.pending)
        return Piece(error="truncated", detail=f"the stream ended without [DONE], {rest} bytes into an event")

    def _read(self, event: Event) -> Piece:
        if event.data is None:
            return Piece(data=event.raw)
        try:
            answer = _answers.decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Piece(error="malformed", detail=f"an event of the stream is not a completion chunk: {error}")
        if bytes(answer.error) not in _NOTHING or event.name == b"error":
            return Piece(error="upstream_error", detail=_shown(event.data))
        usage = _tokens(answer.usage)
        only_usage = usage is not None and not answer.choices
        held = any(one.delta is not None and _holds_output(one.delta) for one in answer.choices or ())
        data = b"" if only_usage and self._drop_usage else event.raw
        return Piece(data=data, chunks=int(held), usage=usage)


def _holds_output(delta: _Delta) -> bool:
    parts = (delta.content, delta.reasoning_content, delta.reasoning, delta.tool_calls, delta.refusal)
    return any(bytes(part) not in _NOTHING for part in parts)


def _tokens(usage: _Usage | None) -> Tokens | None:
    if usage is None or usage.prompt_tokens is None:
        return None
    cached = usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else 0
    reasoning = usage.completion_tokens_details.reasoning_tokens if usage.completion_tokens_details else 0
    return Tokens(
        input=_count(usage.prompt_tokens),
        cached_input=_count(cached),
        output=_count(usage.completion_tokens),
        reasoning=_count(reasoning),
    )


def _count(tokens: int | None) -> int:
    """A count that can be true: what a server claims beyond that would not fit a record."""
    return min(max(0, tokens or 0), MAX_TOKENS)


def _shown(error: bytes) -> str:
    return error[:500].decode(errors="replace")
