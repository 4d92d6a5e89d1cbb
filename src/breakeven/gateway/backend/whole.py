"""An answer that is one body: read at once, handed over in one piece."""

from __future__ import annotations

from collections.abc import Callable

from breakeven.gateway.backend.port import MAX_ERROR_BYTES, OK_END, Headers, Piece, passed_on
from breakeven.wire.client import Response


class WholeAnswer:
    """A status, headers and the one piece of an answer that is already here."""

    def __init__(self, status: int, headers: Headers, piece: Piece) -> None:
        self.status = status
        self.headers = headers
        self._piece: Piece | None = piece

    async def piece(self) -> Piece | None:
        """The piece, once."""
        piece, self._piece = self._piece, None
        return piece

    def close(self) -> None:
        """Nothing is held."""


async def whole_answer(response: Response, from_wire: Callable[[bytes], Piece]) -> WholeAnswer:
    """Read a response to its end; `from_wire` reads a good body, an error's body is passed on as it is.

    Raises:
        BackendError: the upstream is gone, too slow or too large.
    """
    good = response.status < OK_END
    body = await response.read(None if good else MAX_ERROR_BYTES)
    piece = from_wire(body) if good else Piece(data=body, error=f"upstream_{response.status}")
    return WholeAnswer(response.status, passed_on(response.headers), piece)
