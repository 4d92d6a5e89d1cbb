"""A request and its answer as the endpoints see them, whatever the transport."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from breakeven.gateway.decision.refusal import RequestError
from breakeven.schema.noun import Noun

Headers = list[tuple[str, str]]
JSON: Headers = [("content-type", "application/json")]


class HttpRequest(Noun, frozen=True, kw_only=True):
    """A whole request: lower-case header names, values as latin-1 text; instants of its receipt.

    `time_s` is wall time; `received_s` is monotonic, before the body was read.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    time_s: float
    received_s: float

    def header(self, name: str) -> str:
        """A header's value; "" when it is absent."""
        return self.headers.get(name, "")


class Outgoing(Protocol):
    """The way back to the client. After it is gone, writing does nothing."""

    gone: bool
    started: bool

    def on_gone(self, call: Callable[[], None]) -> None:
        """What to call once, when the client goes away."""

    async def start(self, status: int, headers: Headers, length: int | None = None) -> None:
        """Send the head; without a length the body is chunked."""

    async def write(self, data: bytes) -> None:
        """Send a part of the body; waits while the client is slow."""

    async def finish(self, data: bytes = b"") -> None:
        """Send the last part."""


async def reply(out: Outgoing, status: int, body: bytes, headers: Headers = JSON) -> None:
    """Send a whole answer."""
    await out.start(status, headers, len(body))
    await out.finish(body)


def check_encoding(request: HttpRequest) -> None:
    """Refuse what would have to be unpacked.

    Raises:
        RequestError: 415, the body is compressed.
    """
    encoding = request.header("content-encoding")
    if encoding not in {"", "identity"}:
        message = f"content-encoding is {encoding[:40]!r}"
        raise RequestError(message, "send the body as it is", status=415, field="content-encoding")
