"""What all connections of one server share: its limits, its clocks, its service and what is cached between answers."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Protocol

from breakeven.schema.noun import Noun
from breakeven.wire.http import Service

REASONS = {status.value: status.phrase for status in HTTPStatus}


class ServerLimits(Noun, frozen=True, kw_only=True):
    """What one client may send and how long it may take; seconds and bytes.

    Times are absolute, from the first byte of a head (`header_s`; for a connection that says nothing, from its making)
    and from the end of a head (`body_s`), so that dripping does not extend them. The largest body is the service's to
    say. A client that takes no byte for `stall_s` while `write_buffer_bytes` wait for it is dropped. After a refusal
    what still comes is thrown away for `linger_s`, so that the client can read why. A client may send `ahead_bytes` of
    its next requests before the answer to the first has ended; then it has to wait.
    """

    header_s: float = 10.0
    body_s: float = 30.0
    idle_s: float = 75.0
    stall_s: float = 30.0
    linger_s: float = 2.0
    sweep_s: float = 0.25
    header_bytes: int = 64 * 1024
    header_lines: int = 128
    target_bytes: int = 8 * 1024
    ahead_bytes: int = 64 * 1024
    write_buffer_bytes: int = 64 * 1024
    connections: int = 10_000
    backlog: int = 2048


class Swept(Protocol):
    """A connection as its server sees it. `deadline_s` is monotonic; after it, `expire` says what is to be done."""

    deadline_s: float

    def expire(self, now_s: float) -> None:
        """The deadline is over."""

    def leave(self) -> None:
        """Close now if nothing is under way."""

    def cut(self) -> bool:
        """Close now; whether that cut something off."""


class ServerContext:
    """Shared by the connections of a server."""

    __slots__ = ("_lines", "_second", "clock", "connections", "draining", "limits", "on_empty", "service", "wall")

    def __init__(
        self, service: Service, limits: ServerLimits, clock: Callable[[], float], wall: Callable[[], float]
    ) -> None:
        self.service = service
        self.limits = limits
        self.clock = clock
        self.wall = wall
        self.connections: set[Swept] = set()
        self.draining = False
        self.on_empty: Callable[[], None] | None = None
        self._second = -1
        self._lines: dict[int, str] = {}

    def opening(self, status: int) -> str:
        """Status line and Date header of an answer now.

        Raises:
            ValueError: `status` is not that of a final answer.
        """
        second = int(self.wall())
        if second != self._second:
            self._second = second
            self._lines.clear()
        return self._lines.get(status) or self._open(status, second)

    def _open(self, status: int, second: int) -> str:
        if not 200 <= status <= 599:  # noqa: PLR2004 - RFC 9110, section 15
            message = f"an answer's status is 200 to 599, not {status}"
            raise ValueError(message)
        line = f"HTTP/1.1 {status} {REASONS.get(status, '')}\r\ndate: {formatdate(second, usegmt=True)}\r\n"
        self._lines[status] = line
        return line

    def lost(self, connection: Swept) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        if not self.connections and self.on_empty is not None:
            self.on_empty()

    def sweep(self) -> None:
        """Ask every connection whose deadline is over what is to be done."""
        now_s = self.clock()
        for connection in [one for one in self.connections if one.deadline_s <= now_s]:
            connection.expire(now_s)
