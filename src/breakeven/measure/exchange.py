"""One request and its answer, timed: what open and closed loops have in common."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from breakeven.errors import BackendError
from breakeven.measure.answer import Answer, follow
from breakeven.schema.noun import Noun
from breakeven.wire.client import Client

_OK = 200
_SAID_CHARACTERS = 200
_SECRET = frozenset({"authorization", "api-key", "x-api-key"})
_HIDDEN = "[key]"

Clock = Callable[[], float]


class Request(Noun, frozen=True, kw_only=True):
    """What to send; `stream` asks for TTFT and TPOT of a server-sent event stream. `timeout_s` bounds each silence.

    `keep_text` keeps what a stream said, to count it with a tokenizer.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    timeout_s: float = 60.0
    stream: bool = False
    keep_text: bool = False


async def exchange(client: Client, request: Request, answer: Answer, clock: Clock) -> tuple[Answer, bytes]:
    """Send now and read to the end; a failure is an answer with an error. The body is empty for a stream.

    A server that repeats the key it was given does not get it into an answer's `error` or `refusal`.
    """
    sent_s = clock()
    try:
        answer, body = await _ask(client, request, answer, sent_s, clock)
    except BackendError as error:
        answer, body = msgspec.structs.replace(answer, total_s=clock() - sent_s, error=error.message), b""
    return (answer if answer.ok else _without_keys(answer, request)), body


async def _ask(client: Client, request: Request, answer: Answer, sent_s: float, clock: Clock) -> tuple[Answer, bytes]:
    response = await client.request(
        request.method, request.url, request.headers, request.body, timeout_s=request.timeout_s
    )
    answer = msgspec.structs.replace(answer, status=response.status, headers=tuple(response.headers))
    if request.stream and response.status == _OK:
        return await follow(response, answer, sent_s, clock, request.url, keep_text=request.keep_text), b""
    body = await response.read()
    refusal = "" if response.status == _OK else body.decode(errors="replace")
    return msgspec.structs.replace(answer, total_s=clock() - sent_s, refusal=refusal), body


def _without_keys(answer: Answer, request: Request) -> Answer:
    error, refusal = answer.error, answer.refusal
    for name, value in request.headers:
        if name.lower() in _SECRET:
            key = value.removeprefix("Bearer ")
            error, refusal = error.replace(key, _HIDDEN), refusal.replace(key, _HIDDEN)
    return msgspec.structs.replace(answer, error=error, refusal=refusal[:_SAID_CHARACTERS])
