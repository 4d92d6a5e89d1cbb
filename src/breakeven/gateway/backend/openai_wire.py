"""The OpenAI protocol, purely: what to change in a request, what to learn from an answer or a stream."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from breakeven.gateway.backend.port import Call, Piece
from breakeven.schema.record import Tokens
from breakeven.wire.failure import ProtocolError
from breakeven.wire.sse import Event, Parser

DONE = b"[DONE]"
MAX_TOKENS = 10**9
_NOTHING = frozenset({b"", b"null", b'""', b"[]"})
_ABSENT = msgspec.Raw(b"")
_BYTES_PER_CHUNK = 4
_ERROR = re.compile(rb'"object"\s*:\s*"error"')
_ERROR_FIELD = re.compile(rb"(?:^|[\r\n])error:")
"""llama.cpp writes the field `error` where the grammar knows `data` only."""


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
    content: msgspec.Raw = _ABSENT
    reasoning_content: msgspec.Raw = _ABSENT
    reasoning: msgspec.Raw = _ABSENT
    tool_calls: msgspec.Raw = _ABSENT
    refusal: msgspec.Raw = _ABSENT


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    message: _Delta | None = None
    text: msgspec.Raw = _ABSENT


class _Answer(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = _ABSENT
    data: msgspec.Raw = _ABSENT


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
        fields["stream_options"] = {**_options(fields.get("stream_options", b"null")), "include_usage": True}
    return msgspec.json.encode(fields), inject


def _options(raw: bytes) -> dict[str, Any]:
    """Stream options with every value's bytes; none where there are none, or where their names are no text."""
    try:
        return dict(_raw_fields.decode(raw))
    except msgspec.DecodeError:
        return {}


def from_wire(body: bytes) -> Piece:
    """Read a whole answer; one that is no JSON, says `error`, or holds no answer is an error whatever its status.

    Where output is not counted by the server, its chunks are a fourth of its bytes; embeddings have none.
    """
    try:
        answer = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Piece(error="malformed", detail=f"the answer is not a completion: {error}")
    if bytes(answer.error) not in _NOTHING:
        return Piece(data=body, error="upstream_error", detail=_shown(bytes(answer.error)))
    if not answer.choices and answer.usage is None and bytes(answer.data) in _NOTHING:
        return Piece(data=body, error="malformed", detail="the answer holds no choices, no data and no usage")
    chunks = sum(_length(one) // _BYTES_PER_CHUNK + 1 for one in answer.choices or ())
    return Piece(data=body, chunks=chunks, usage=_tokens(answer.usage), done=True)


def _decode(data: bytes) -> _Answer:
    """Raises what msgspec raises; it does not look into fields that stay bytes, which clients must be able to read."""
    if not data.isascii():
        str(data, "utf-8")
    return _answers.decode(data)


def _length(choice: _Choice) -> int:
    return len(bytes(choice.text if choice.message is None else choice.message.content))


class StreamReader:
    """Reads a stream as it comes: forwards the bytes of each event, drops the usage nobody asked for, keeps `[DONE]`.

    Chunks are choices that hold output, counted over events.

    Args:
        place: whose stream it is, for errors.
        drop_usage: the client did not ask for the chunk that holds only usage.
    """

    __slots__ = ("_drop_usage", "_dropped", "_has_choice", "_parser")

    def __init__(self, place: str, *, drop_usage: bool) -> None:
        self._parser = Parser(place)
        self._drop_usage = drop_usage
        self._dropped = False
        self._has_choice = False

    def feed(self, data: bytes) -> Piece:
        """What these bytes complete, as one piece. After an error or the end nothing more is read."""
        try:
            events = self._parser.feed(data)
        except ProtocolError as error:
            return Piece(error="malformed", detail=error.message)
        parser = self._parser
        if len(events) == 1 and events[0].data != DONE and not parser.swallowed and parser.broken is None:
            return self._read(events[0])
        kept = [b"\n"] if parser.swallowed and not self._dropped else []
        chunks, usage = 0, None
        for event in events:
            read = self._done() if event.data == DONE else self._read(event)
            if read.error or read.done:
                return Piece(
                    data=b"".join(kept),
                    chunks=chunks,
                    usage=usage,
                    error=read.error,
                    detail=read.detail,
                    done=read.done,
                )
            kept.append(read.data)
            chunks += read.chunks
            usage = read.usage or usage
        whole = Piece(data=b"".join(kept), chunks=chunks, usage=usage)
        broken = parser.broken
        return msgspec.structs.replace(whole, error="malformed", detail=broken.message) if broken else whole

    def end(self) -> Piece:
        """The stream ended without `[DONE]`."""
        rest = len(self._parser.pending)
        return Piece(error="truncated", detail=f"the stream ended without [DONE], {rest} bytes into an event")

    def _done(self) -> Piece:
        if self._has_choice:
            return Piece(done=True)
        return Piece(error="malformed", detail="the stream ended in [DONE] without a choice")

    def _read(self, event: Event) -> Piece:
        data = event.data
        self._dropped = False
        if data is None:
            error = _shown(event.raw) if _ERROR_FIELD.search(event.raw) else ""
            return Piece(error="upstream_error", detail=error) if error else Piece(data=event.raw)
        try:
            answer = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Piece(error="malformed", detail=f"an event of the stream is not a completion chunk: {error}")
        if (answer.error is not _ABSENT and bytes(answer.error) not in _NOTHING) or event.name == b"error":
            return Piece(error="upstream_error", detail=_shown(data))
        usage = None if answer.usage is None else _tokens(answer.usage)
        if answer.choices:
            self._has_choice = True
            return Piece(data=event.raw, chunks=sum(map(_holds_output, answer.choices)), usage=usage)
        if usage is None:
            return Piece(error="upstream_error", detail=_shown(data)) if _ERROR.search(data) else Piece(data=event.raw)
        self._dropped = self._drop_usage
        return Piece(data=b"" if self._drop_usage else event.raw, usage=usage)


def _holds_output(choice: _Choice) -> bool:
    delta = choice.delta
    if delta is None:
        return choice.text is not _ABSENT and bytes(choice.text) not in _NOTHING
    if delta.content is not _ABSENT and bytes(delta.content) not in _NOTHING:
        return True
    parts = (delta.reasoning_content, delta.reasoning, delta.tool_calls, delta.refusal)
    return any(part is not _ABSENT and bytes(part) not in _NOTHING for part in parts)


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
