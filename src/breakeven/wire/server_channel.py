"""The sending side of a client's connection: how much was written, how much of it was taken, and since when no more."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import cast

from breakeven.wire.server_context import ServerContext


class Channel(asyncio.Protocol):
    """A connection that can be written to. `deadline_s` is monotonic."""

    __slots__ = ("_full", "_paused", "_taken", "_taken_s", "_transport", "_written", "context", "deadline_s")

    def __init__(self, context: ServerContext) -> None:
        self.context = context
        self.deadline_s = context.clock() + context.limits.header_s
        self._transport: asyncio.Transport | None = None
        self._full = self._paused = False
        self._written = self._taken = 0
        self._taken_s = 0.0

    def _open(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of asyncio's
        self._transport.set_write_buffer_limits(high=self.context.limits.write_buffer_bytes)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):  # asyncio forgets it where a socket was made without naming its protocol
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        """Write, or keep until there is room."""
        if self._transport is not None:
            self._written += len(data)
            self._transport.write(data)

    def _pause(self) -> None:
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def _send_end(self) -> None:
        """Say that nothing more follows, and read on: closing with bytes unread would reset the connection."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if not transport.can_write_eof():
            transport.close()
            return
        transport.write_eof()
        self._resume()

    def _taken_now(self) -> int:
        return self._written - (self._transport.get_write_buffer_size() if self._transport is not None else 0)

    def _all_taken(self) -> bool:
        return self._taken_now() == self._written

    def _watch(self, within_s: float) -> None:
        """Count from now since when the client takes nothing, and look after `within_s` seconds."""
        self._taken, self._taken_s = self._taken_now(), self.context.clock()
        self.deadline_s = self._taken_s + within_s

    def _stalled(self, now_s: float) -> bool:
        taken = self._taken_now()
        if taken != self._taken:
            self._taken, self._taken_s = taken, now_s
        return now_s - self._taken_s >= self.context.limits.stall_s
