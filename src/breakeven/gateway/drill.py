"""Faults played on purpose: a sender that stands in the way of a backend's own, for a bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from breakeven.gateway.backend.port import Call, Piece, Sender, Sink, Try
from breakeven.schema.policy import Drill, Fault
from breakeven.wire.failure import unreachable

_MIX = 0xD1342543DE82EF95
_BITS = 32


def under_drill(drill: Drill, seed: int, time_s: float) -> bool:
    """Whether a request of this seed at this wall time is touched: the share is exact over many, and repeatable."""
    draw = (seed * _MIX >> _BITS & (1 << _BITS) - 1) / (1 << _BITS)
    return drill.from_s <= time_s < drill.until_s and draw < drill.share


class FaultySender:
    """Sends as the drill says: late, or not at all."""

    def __init__(self, inner: Sender, drill: Drill) -> None:
        self._inner = inner
        self._drill = drill

    def send(self, call: Call, sink: Sink) -> Try:
        """Send a call, or play its failure."""
        loop = asyncio.get_running_loop()
        played = _Played()
        if self._drill.fault == "slow":
            played.timer = loop.call_later(self._drill.delay_s, self._start, call, sink, played)
        else:
            played.timer = loop.call_later(0.0, FAULTS[self._drill.fault], sink)
        return played

    async def get(self, path: str, authorization: str = "") -> tuple[int, bytes]:
        """What the backend says of its models: a drill leaves it alone."""
        return await self._inner.get(path, authorization)

    async def close(self) -> None:
        """Nothing is held."""

    def _start(self, call: Call, sink: Sink, played: _Played) -> None:
        played.handle = self._inner.send(call, sink)


class _Played:
    """An attempt under a drill."""

    __slots__ = ("handle", "timer")

    def __init__(self) -> None:
        self.timer: asyncio.TimerHandle | None = None
        self.handle: Try | None = None

    def cancel(self) -> None:
        """Nothing is called afterwards."""
        if self.timer is not None:
            self.timer.cancel()
        if self.handle is not None:
            self.handle.cancel()

    def pause(self) -> None:
        """Ask for no more for now."""
        if self.handle is not None:
            self.handle.pause()

    def resume(self) -> None:
        """Go on."""
        if self.handle is not None:
            self.handle.resume()


def _fail(sink: Sink) -> None:
    sink.on_sent()
    sink.on_head(503, [])
    sink.on_piece(Piece(data=b'{"error":"drill"}', error="upstream_503", detail="a drill"))


def _garble(sink: Sink) -> None:
    sink.on_sent()
    sink.on_head(200, [])
    sink.on_piece(Piece(error="malformed", detail="a drill"))


def _absent(sink: Sink) -> None:
    sink.on_failure(unreachable("the deployment", "a drill"))


FAULTS: dict[Fault, Callable[[Sink], None]] = {"fail": _fail, "garble": _garble, "absent": _absent}
