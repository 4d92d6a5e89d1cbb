"""The fleet of `perf` run against a real clock: callers wait for tokens that fall due on an absolute schedule.

The schedule is virtual time; the loop only asks it what is due. A late wake-up therefore delays one answer and never
the next: lateness does not add up.
"""

from __future__ import annotations

import asyncio
import math

from breakeven.perf.batching import Sequence
from breakeven.perf.fleet import Fleet

FLUSH_S = 0.05
"""A stream is woken at most this often between its first and its last token; tokens in between share a chunk."""

_EARLIEST_S = 5e-4


class Stream:
    """One request's answer as it falls due: `emitted` tokens so far, `finished` at the last one."""

    __slots__ = ("_due", "emitted", "finished", "sequence")

    def __init__(self, sequence: Sequence) -> None:
        self.sequence = sequence
        self.emitted = 0
        self.finished = False
        self._due = asyncio.Event()

    async def more(self) -> int:
        """Wait for tokens; returns how many there are by now."""
        await self._due.wait()
        self._due.clear()
        return self.emitted

    def put(self, emitted: int, *, finished: bool) -> None:
        """Tell of progress."""
        if emitted > self.emitted or finished:
            self.emitted, self.finished = emitted, finished
            self._due.set()


class Engine:
    """Runs a fleet in real time inside one event loop; not safe between threads."""

    def __init__(self, fleet: Fleet, *, flush_s: float = FLUSH_S) -> None:
        self._fleet = fleet
        self._flush_s = flush_s
        self._streams: dict[Sequence, Stream] = {}
        self._loop = asyncio.get_running_loop()
        self._origin = self._loop.time()
        self._next_flush = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def in_flight(self) -> int:
        """Requests accepted and not yet answered."""
        return self._fleet.in_flight

    @property
    def busy_s(self) -> float:
        """Virtual seconds spent in steps."""
        return self._fleet.busy_s

    def start(self, input_tokens: int, output_tokens: int) -> Stream | None:
        """Take in a request now; None when it can never fit in the cache."""
        sequence = self._fleet.arrive(self._now(), input_tokens, output_tokens)
        if sequence.gone:
            return None
        stream = self._streams[sequence] = Stream(sequence)
        self._wake()
        return stream

    def stop(self, stream: Stream) -> None:
        """Forget a request; its slot and cache are free from the next step on. Harmless when it has finished."""
        if self._streams.pop(stream.sequence, None) is not None:
            self._advance(self._now())
            self._fleet.cancel(stream.sequence)
            self._wake()

    def _now(self) -> float:
        return self._loop.time() - self._origin

    def _wake(self) -> None:
        """Deliver what is due and sleep until the next change or flush."""
        if self._timer is not None:
            self._timer.cancel()
        now = self._now()
        self._advance(now)
        if now >= self._next_flush:
            self._next_flush = now + self._flush_s
            for sequence in list(self._streams):
                self._deliver(sequence)
        self._timer = self._sleep_until()

    def _advance(self, now: float) -> None:
        for sequence in self._fleet.advance(now):
            self._deliver(sequence)

    def _sleep_until(self) -> asyncio.TimerHandle | None:
        if not self._streams:
            return None
        due = min(self._fleet.next_change_s(), self._next_flush)
        return self._loop.call_at(self._origin + max(due, self._now() + _EARLIEST_S), self._wake)

    def _deliver(self, sequence: Sequence) -> None:
        stream = self._streams.get(sequence)
        if stream is None:
            return
        finished = not math.isnan(sequence.done_s)
        stream.put(self._fleet.emitted(sequence), finished=finished)
        if finished:
            del self._streams[sequence]
