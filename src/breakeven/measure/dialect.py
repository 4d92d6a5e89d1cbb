"""How a completion is asked for: chat or plain text, and which of the optional fields the server takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from breakeven.measure.exchange import Request
from breakeven.schema.noun import Noun

Api = Literal["chat", "completions", "v2"]

PATHS: Mapping[str, str] = {"chat": "/chat/completions", "completions": "/completions"}
_JSON = ("content-type", "application/json")


class Dialect(Noun, frozen=True, kw_only=True):
    """What is sent.

    `forced`: `ignore_eos` and `min_tokens` ask for the whole length; `limit` is the field that bounds it; `usage` asks
    for usage at the end of the stream; `extra` is added to every body.
    """

    api: Api
    url: str
    model: str
    forced: bool = True
    limit: str = "max_tokens"
    usage: bool = True
    headers: tuple[tuple[str, str], ...] = ()
    extra: Mapping[str, object] = {}
    timeout_s: float = 120.0
    keep_text: bool = False

    def request(self, prompt: str, output_tokens: int) -> Request:
        """A streamed completion of a prompt. Never a `seed`: vLLM 0.32 on CPU ends when one meets a chunked prefill."""
        body: dict[str, object] = {"model": self.model, "stream": True, self.limit: output_tokens}
        if self.api == "chat":
            body["messages"] = [{"role": "user", "content": prompt}]
        else:
            body["prompt"] = prompt
        if self.usage:
            body["stream_options"] = {"include_usage": True}
        if self.forced:
            body |= {"ignore_eos": True, "min_tokens": output_tokens}
        return Request(
            method="POST",
            url=self.url + PATHS[self.api],
            headers=(_JSON, *self.headers),
            body=msgspec.json.encode(body | dict(self.extra)),
            timeout_s=self.timeout_s,
            stream=True,
            keep_text=self.keep_text,
        )


def variants(first: Dialect) -> tuple[Dialect, ...]:
    """The dialect and poorer ones, in the order in which they are tried."""
    change = msgspec.structs.replace
    free = change(first, forced=False)
    return first, free, change(free, limit="max_completion_tokens"), change(free, usage=False)
