"""One answer as the client saw it: when it was due, how late it left, TTFT, TPOT, total."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from breakeven.metric.latency import tpot_s, ttft_s
from breakeven.schema.noun import Noun
from breakeven.wire.client import Response
from breakeven.wire.failure import protocol_error
from breakeven.wire.sse import Parser

_OK = 200
_DONE = b"[DONE]"
_ABSENT = msgspec.Raw(b"")
_EMPTY = frozenset({b"", b"null", b"[]"})


class Answer(Noun, frozen=True, kw_only=True):
    """What came of one request. Seconds; None is not observed.

    `at_s` is when it was due, `late_s` how much later it left: the generator's own fault, not the server's. `total_s`,
    `ttft_s` count from when it left. `status` 0 with an `error` is no answer. `input_tokens` and `output_tokens` are
    the server's usage; `refusal` is how a body began that came with another status than 200.
    """

    index: int
    at_s: float
    late_s: float = 0.0
    status: int = 0
    total_s: float | None = None
    ttft_s: float | None = None
    tpot_s: float | None = None
    chunks: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    text: str = ""
    refusal: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is a whole answer with status 200."""
        return self.status == _OK and not self.error

    def header(self, name: str) -> str:
        """The first header of that (lower-case) name, or ""."""
        return next((value for key, value in self.headers if key == name), "")


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: msgspec.Raw = _ABSENT


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    text: str = ""

    @property
    def words(self) -> str:
        return self.text or self.delta.content or self.delta.reasoning_content or ""

    def speaks(self) -> bool:
        return bool(self.words) or bytes(self.delta.tool_calls) not in _EMPTY


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: msgspec.Raw = _ABSENT


_decoder = msgspec.json.Decoder(_Chunk)


class Stream:
    """Follows the events of one streamed completion; `keep_text` also collects what it says."""

    def __init__(self, place: str, *, keep_text: bool = False) -> None:
        self.place = place
        self.keep_text = keep_text
        self.said: list[str] = []
        self.parser = Parser(place)
        self.first_s: float | None = None
        self.chunks = 0
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self.done = False
        self.error = ""

    def feed(self, data: bytes, now_s: float) -> None:
        """Take bytes that arrived at `now_s`.

        Raises:
            BackendError: an event is not a chunk of a completion.
        """
        for event in self.parser.feed(data):
            if event.data == _DONE:
                self.done = True
            elif event.data:
                self._chunk(event.data, now_s)

    def _chunk(self, data: bytes, now_s: float) -> None:
        try:
            chunk = _decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise protocol_error(self.place, f"event {data[:80]!r} ({error})") from error
        if bytes(chunk.error) not in _EMPTY:
            self.error = f"error in the stream: {bytes(chunk.error)[:200].decode(errors='replace')}"
        if chunk.usage and chunk.usage.completion_tokens is not None:
            self.input_tokens, self.output_tokens = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
        if any(choice.speaks() for choice in chunk.choices):
            self.chunks += 1
            self.first_s = now_s if self.first_s is None else self.first_s
            if self.keep_text:
                self.said += [choice.words for choice in chunk.choices]


async def follow(
    response: Response,
    answer: Answer,
    sent_s: float,
    clock: Callable[[], float],
    place: str,
    *,
    keep_text: bool = False,
) -> Answer:
    """Read a stream to its end; a stream without `[DONE]` is an error, whatever its status said."""
    stream = Stream(place, keep_text=keep_text)
    while (data := await response.chunk()) is not None:
        stream.feed(data, clock())
    total_s = clock() - sent_s
    first_s = None if stream.first_s is None else ttft_s(sent_s, stream.first_s)
    tokens = stream.output_tokens
    return msgspec.structs.replace(
        answer,
        total_s=total_s,
        ttft_s=first_s,
        tpot_s=None if first_s is None or tokens is None else tpot_s(total_s, first_s, tokens),
        chunks=stream.chunks,
        input_tokens=stream.input_tokens,
        output_tokens=tokens,
        text="".join(stream.said),
        error=stream.error or ("" if stream.done else "the stream ended without [DONE]"),
    )
