"""What the gateway asks of a backend: send a call, take its answer in pieces, close. One file per wire protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

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

    `model` is what the deployment asks for ("" keeps `client_model`); `authorization` is the client's, "" when it must
    not be passed on; `on_connect` is told the seconds a new connection took, `on_sent` that the request left.
    """

    body: bytes
    client_model: str
    model: str = ""
    version: str = ""
    stream: bool = False
    asked_usage: bool = False
    authorization: str = ""
    traceparent: str = ""
    on_connect: Callable[[float], None] = lambda _: None
    on_sent: Callable[[], None] = lambda: None

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


class Answer(Protocol):
    """The head of an answer and its pieces; `headers` are fit to be passed on."""

    status: int
    headers: Headers

    async def piece(self) -> Piece | None:
        """The next piece; None after the last. A status of 300 or more has one piece, the error's body."""

    def close(self) -> None:
        """Give the answer up: the backend sees that nobody waits."""


class Sender(Protocol):
    """Speaks to one backend."""

    async def send(self, call: Call) -> Answer:
        """Send a call.

        Raises:
            BackendError: unreachable, timed out or malformed.
        """

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
    return [
        (name, value)
        for name, value in headers
        if name == EMULATED or (name not in _DROPPED and not name.startswith("x-breakeven-"))
    ]
