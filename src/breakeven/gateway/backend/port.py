"""What the gateway asks of a backend: send a call, be told what comes of it, cancel. One file per wire protocol."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

from breakeven.errors import BackendError
from breakeven.schema.noun import Noun
from breakeven.schema.record import Tokens

Headers = list[tuple[str, str]]
OK_END = 300
MAX_ERROR_BYTES = 64 * 1024

_DROPPED = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "date",
        "server",
        "server-timing",
        "set-cookie",
    }
)


class Call(Noun, frozen=True, kw_only=True):
    """One request to a model.

    `path` is the API's, below the base URL; inference calls have none. `model` is what the deployment asks for (""
    keeps `client_model`); `fields` replace fields of the body's top level. `authorization` is the client's, "" when it
    must not be passed on; `deadline_ms` is the time left at sending, told to backends that listen.
    """

    body: bytes
    client_model: str
    path: str = "/chat/completions"
    model: str = ""
    version: str = ""
    stream: bool = False
    asked_usage: bool = False
    fields: dict[str, Any] | None = None
    authorization: str = ""
    traceparent: str = ""
    deadline_ms: float | None = None

    @property
    def asked_model(self) -> str:
        """The model name that the backend sees."""
        return self.model or self.client_model


class Piece(Noun, frozen=True, kw_only=True):
    """A part of an answer. `data` goes to the client as it is; `chunks` counts events that held output.

    `error` is one word for what went wrong, with `detail` for people; `done` marks the whole answer.
    """

    data: bytes = b""
    chunks: int = 0
    usage: Tokens | None = None
    error: str = ""
    detail: str = ""
    done: bool = False


class Sink(Protocol):
    """Who is told of a call. A piece with `done` or `error`, or a failure, is the last; nothing follows it.

    A status of 300 or more has one piece, the error's body with `error` "upstream_STATUS".
    """

    def on_connected(self, seconds: float) -> None:
        """A new connection was made for it, in so many seconds."""

    def on_sent(self) -> None:
        """The request left: from now on it may cost something."""

    def on_head(self, status: int, headers: Headers) -> None:
        """The head of the answer; the headers are fit to be passed on."""

    def on_piece(self, piece: Piece) -> None:
        """What one read brought; empty when it completed nothing, which shows that the backend lives."""

    def on_failure(self, error: BackendError) -> None:
        """Unreachable, timed out or malformed."""


class Try(Protocol):
    """A call on its way."""

    def cancel(self) -> None:
        """Give it up: nothing is told afterwards, and the backend sees that nobody waits. May be called again."""

    def pause(self) -> None:
        """Read no more for now; what was read already still comes."""

    def resume(self) -> None:
        """Read again."""


class Sender(Protocol):
    """Speaks to one backend."""

    def send(self, call: Call, sink: Sink) -> Try:
        """Send a call and tell `sink` what comes of it, never from inside this call. Raises nothing."""

    async def get(self, path: str, authorization: str = "") -> tuple[int, bytes]:
        """Ask for something about the models, such as `/models` or `/v2/models/m`: status and body.

        Raises:
            BackendError: unreachable, timed out or malformed.
        """

    async def close(self) -> None:
        """Free what is held; calls in flight may finish."""


EMULATED = "x-breakeven-emulated"


def passed_on(headers: Headers) -> Headers:
    """The answer's headers without those of the hop, of framing, of cookies, and any that pose as ours.

    That an answer is emulated is the one thing of ours an upstream may say: it can only lessen what is believed.
    """
    return [one for one in headers if _passes(one[0])]


@lru_cache(maxsize=1024)
def _passes(name: str) -> bool:
    return name == EMULATED or (name not in _DROPPED and not name.startswith("x-breakeven-"))
