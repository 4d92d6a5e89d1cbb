"""A request and the way back as a service sees them, whatever the transport."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from breakeven.schema.noun import Noun

Headers = list[tuple[str, str]]


class HttpRequest(Noun, frozen=True, kw_only=True):
    """A whole request: lower-case header names, values as latin-1 text; instants of its receipt.

    `path` is without the query. `time_s` is wall time; `received_s` is monotonic, at the first byte of the request's
    head.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    time_s: float
    received_s: float
    query: str = ""

    def header(self, name: str) -> str:
        """A header's value; "" when it is absent."""
        return self.headers.get(name, "")


class Outgoing(Protocol):
    """The way back to the client. Nothing here blocks; after the client is gone, writing does nothing.

    While `full`, the client is slower than the answer: whoever produces should pause until `on_room` is called.
    """

    gone: bool
    started: bool
    full: bool
    on_gone: Callable[[], None] | None
    on_room: Callable[[], None] | None

    def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer, in one write."""

    def start(self, status: int, headers: Headers) -> None:
        """Send the head of an answer whose length is not known: the body is chunked."""

    def write(self, data: bytes) -> None:
        """Send a part of the body."""

    def finish(self, data: bytes = b"") -> None:
        """Send the last part; the exchange is over."""


class Service(Protocol):
    """What answers requests."""

    def max_body_bytes(self) -> int:
        """The largest body that is taken now."""

    def request(self, request: HttpRequest, out: Outgoing) -> None:
        """Answer a request, now or later, through `out`. Must not raise and must not block."""

    def refusal(self, status: int, kind: str, message: str, path: str) -> tuple[Headers, bytes]:
        """Headers and body of an answer to what is no proper request, as the API at `path` ("" unknown) writes them."""
