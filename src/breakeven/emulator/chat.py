"""The chat completion API as the emulator speaks it: what is asked, and answers that say they are emulated."""

from __future__ import annotations

import math

import msgspec

from breakeven.errors import UsageError
from breakeven.schema.noun import Noun

DEFAULT_OUTPUT_TOKENS = 64
CHARACTERS_PER_TOKEN = 4
MAX_TOKENS = 1_000_000

Json = dict[str, object]


class Message(msgspec.Struct, frozen=True):
    """A message; `content` is text or parts of which those with `text` count."""

    role: str
    content: str | list[dict[str, object]] | None = None


class StreamOptions(msgspec.Struct, frozen=True):
    """Whether a stream ends with a chunk of usage."""

    include_usage: bool = False


class ChatRequest(msgspec.Struct, frozen=True):
    """The parts of a request that matter here; others are ignored, as servers do with parameters they do not know."""

    model: str
    messages: list[Message]
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    metadata: dict[str, str] | None = None
    n: int | None = None


class Job(Noun, frozen=True, kw_only=True):
    """What is to be emulated: token counts, and why the answer ends ("stop" or "length")."""

    input_tokens: int
    output_tokens: int
    finish_reason: str
    stream: bool
    include_usage: bool


_decoder = msgspec.json.Decoder(ChatRequest)


def read(body: bytes, model: str) -> Job:
    """A request's body as a job.

    `metadata.emulate_input_tokens` and `metadata.emulate_output_tokens` state the counts; without them the prompt is
    its characters / 4, rounded up, and the answer `max_tokens` or 64. `max_tokens` cuts a stated answer.

    Raises:
        UsageError: the body is no chat request, asks for another model, for several answers, or states a bad count.
    """
    try:
        asked = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        message = f"the body is not a chat completion request: {error}"
        raise UsageError(message, "send JSON with model and messages") from error
    if asked.model != model:
        message = f"model {asked.model!r} is not served here"
        raise UsageError(message, f"ask for {model!r}")
    if asked.n not in (None, 1):
        message = f"n is {asked.n}, and the emulator gives one answer"
        raise UsageError(message, "leave n out or send 1")
    return _job(asked)


def _job(asked: ChatRequest) -> Job:
    stated = asked.metadata or {}
    limit = asked.max_completion_tokens if asked.max_completion_tokens is not None else asked.max_tokens
    if limit is not None:
        _checked(limit, "max_tokens")
    wanted = _count(stated, "emulate_output_tokens")
    if wanted is None:
        wanted = limit or DEFAULT_OUTPUT_TOKENS
    output = wanted if limit is None else min(wanted, limit)
    return Job(
        input_tokens=_count(stated, "emulate_input_tokens") or estimate(asked.messages),
        output_tokens=output,
        finish_reason="length" if limit is not None and wanted >= limit else "stop",
        stream=asked.stream,
        include_usage=asked.stream_options is not None and asked.stream_options.include_usage,
    )


def estimate(messages: list[Message]) -> int:
    """Prompt tokens from text: characters / 4, rounded up, at least 1."""
    characters = 0
    for message in messages:
        parts: list[dict[str, object]] = []
        if isinstance(message.content, str):
            characters += len(message.content)
        elif message.content is not None:
            parts = message.content
        characters += sum(len(text) for part in parts if isinstance(text := part.get("text"), str))
    return max(1, math.ceil(characters / CHARACTERS_PER_TOKEN))


def _count(stated: dict[str, str], name: str) -> int | None:
    text = stated.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        message = f"metadata.{name} is {text!r}"
        raise UsageError(message, f"send a whole number from 1 to {MAX_TOKENS} as text")
    return _checked(int(text), f"metadata.{name}")


def _checked(value: int, name: str) -> int:
    if not 1 <= value <= MAX_TOKENS:
        message = f"{name} is {value}"
        raise UsageError(message, f"send a whole number from 1 to {MAX_TOKENS}")
    return value


class Voice(Noun, frozen=True, kw_only=True):
    """What one answer's JSON carries throughout."""

    id: str
    model: str
    label: str
    created: int

    def _head(self, kind: str) -> Json:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": f"emulated:{self.label}",
        }

    def whole(self, job: Job) -> bytes:
        """The answer of a request that does not stream."""
        message = {"role": "assistant", "content": text(0, job.output_tokens)}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": job.finish_reason}
        return msgspec.json.encode({**self._head("chat.completion"), "choices": [choice], "usage": usage(job)})

    def chunk(self, job: Job, before: int, emitted: int) -> bytes:
        """Tokens `before` to `emitted` as one server-sent event; the first one opens the message."""
        delta: Json = {"content": text(before, emitted)}
        if before == 0:
            delta = {"role": "assistant", **delta}
        return self._event(job, [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}], None)

    def end(self, job: Job) -> bytes:
        """The finish reason, usage when asked for, and [DONE]."""
        closing = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": job.finish_reason}
        events = self._event(job, [closing], None)
        if job.include_usage:
            events += self._event(job, [], usage(job))
        return events + b"data: [DONE]\n\n"

    def _event(self, job: Job, choices: list[Json], counted: Json | None) -> bytes:
        body: Json = {**self._head("chat.completion.chunk"), "choices": choices}
        if job.include_usage:
            body["usage"] = counted
        return b"data: " + msgspec.json.encode(body) + b"\n\n"


def text(before: int, emitted: int) -> str:
    """One word a token, plainly synthetic."""
    return "[emulated]" + " token" * (emitted - 1) if before == 0 else " token" * (emitted - before)


def usage(job: Job) -> Json:
    """Exact token counts."""
    return {
        "prompt_tokens": job.input_tokens,
        "completion_tokens": job.output_tokens,
        "total_tokens": job.input_tokens + job.output_tokens,
    }


def problem(error: UsageError, kind: str) -> bytes:
    """An error in the shape of the API."""
    words = f"{error.message}; {error.way_out}"
    return msgspec.json.encode({"error": {"message": words, "type": kind, "param": None, "code": error.code}})
