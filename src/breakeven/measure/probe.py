"""Finds out how a server wants to be asked: its API, its model, the fields it takes, and how it counts tokens."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence

import msgspec

from breakeven.errors import BackendError, UsageError
from breakeven.measure.answer import Answer
from breakeven.measure.dialect import Api, Dialect, variants
from breakeven.measure.exchange import exchange
from breakeven.measure.prompt import Length, Prompts, Scale, scale
from breakeven.measure.summary import problem
from breakeven.schema.noun import Noun
from breakeven.wire.client import Client, Headers

_OK = 200
_FEW, _MANY = 8, 136
_TOKENS = 4
_ONE = Length(mean=1)
_PROMPTS = Prompts(input=_ONE, output=_ONE, scale=Scale(), seed=0, point=0, entropy=0)
_NO_USAGE = "a stream without usage"
_REFUSED = frozenset({400, 422})
_ENGINES = {"vllm": "vllm", "llamacpp": "llama.cpp", "sglang": "sglang", "breakeven-emulator": "emulator"}


class Found(Noun, frozen=True, kw_only=True):
    """A server that completes text: how to ask it, how it counts, and who it says it is."""

    dialect: Dialect
    scale: Scale
    engine: str | None
    version: str | None
    remarks: tuple[str, ...] = ()


class _Card(msgspec.Struct):
    id: str
    owned_by: str = ""


class _Cards(msgspec.Struct):
    data: list[_Card]


async def get(client: Client, url: str, headers: Headers = ()) -> bytes | None:
    """The body at a URL; None when it answers with another status than 200.

    Raises:
        BackendError: nobody answers.
    """
    response = await client.request("GET", url, headers, timeout_s=10.0)
    body = await response.read()
    return body if response.status == _OK else None


async def models(client: Client, url: str, headers: Headers) -> Mapping[str, str] | None:
    """Names of the models that an OpenAI-compatible server lists, with who owns them; None when it has no list.

    Raises:
        BackendError: nobody answers.
    """
    body = await get(client, f"{url}/models", headers)
    try:
        return (
            None if body is None else {card.id: card.owned_by for card in msgspec.json.decode(body, type=_Cards).data}
        )
    except msgspec.MsgspecError:
        return None


def chosen(named: str | None, listed: Mapping[str, str] | None, url: str) -> str:
    """The model to ask for: the one named, else the only one listed.

    Raises:
        UsageError: several are listed or none, and none was named; or the one named is not listed.
    """
    names = ", ".join(listed or ())
    if named is None and (listed is None or len(listed) != 1):
        message = f"{url} lists {len(listed or ())} models{f' ({names})' if names else ''}, and --model names none"
        raise UsageError(message, "name one with --model")
    if named is None:
        return next(iter(listed or ()))
    if listed and named not in listed:
        message = f"--model {named!r} is not served at {url}, which lists {names}"
        raise UsageError(message, "name one of those")
    return named


async def probe(client: Client, first: Dialect, apis: Sequence[Api], owned_by: str) -> Found:
    """Ask a few short questions, until one way of asking is answered with a stream of tokens.

    Raises:
        BackendError: no way was answered; what each was told is in the message.
    """
    told: list[str] = []
    for api in apis:
        for dialect in variants(msgspec.structs.replace(first, api=api)):
            answer = await _ask(client, dialect, _FEW)
            why = problem(answer)
            if not why or why == _NO_USAGE:
                return await _found(client, dialect, answer, owned_by)
            told.append(f"{api}: {why}")
            if answer.status not in _REFUSED:
                break
    message = f"no way of asking {first.url} for {first.model!r} was answered: {'; '.join(dict.fromkeys(told))}"
    raise BackendError(message, "see that the model completes text there, and that --api and --key-env are right")


async def _found(client: Client, dialect: Dialect, short: Answer, owned_by: str) -> Found:
    remarks = [] if dialect.forced else ["the server takes no ignore_eos: answers may end before the length asked for"]
    if short.input_tokens is None:
        message = f"{dialect.url} streams no usage, without which tokens cannot be counted"
        raise BackendError(message, "measure a server that sends usage at the end of a stream (stream_options)")
    long = await _ask(client, dialect, _MANY)
    counted = Scale() if long.input_tokens is None else scale((_FEW, short.input_tokens), (_MANY, long.input_tokens))
    engine = _ENGINES.get(owned_by)
    version = await version_of(client, dialect.url.removesuffix("/v1"), dialect.headers, engine)
    return Found(dialect=dialect, scale=counted, engine=engine, version=version, remarks=tuple(remarks))


async def _ask(client: Client, dialect: Dialect, words: int) -> Answer:
    prompt = _PROMPTS.text(words, secrets.randbits(32))
    answer, _ = await exchange(client, dialect.request(prompt, _TOKENS), Answer(index=0, at_s=0.0), time.monotonic)
    return answer


_VERSIONS: Mapping[str, tuple[str, str]] = {"vllm": ("/version", "version"), "llama.cpp": ("/props", "build_info")}


async def version_of(client: Client, url: str, headers: Headers, engine: str | None) -> str | None:
    """What the engine at a URL (without `/v1`) says of its version, where it is known to say it; None otherwise."""
    if engine is None or engine not in _VERSIONS:
        return None
    path, field = _VERSIONS[engine]
    try:
        body = await get(client, url + path, headers)
        return None if body is None else str(msgspec.json.decode(body, type=dict[str, object]).get(field) or "") or None
    except (BackendError, msgspec.MsgspecError):
        return None
