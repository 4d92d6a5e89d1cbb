"""Closed-loop load: so many clients, each of which asks again as soon as it was answered.

What is measured is the steady middle. Before it every client has begun and the warm-up was answered; after it the
clients go on until the last measured answer has come, so that no measured request is served in a smaller crowd.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from breakeven.measure.answer import Answer
from breakeven.measure.exchange import Request, exchange
from breakeven.schema.noun import Noun
from breakeven.wire.client import Client

_PAUSE_S = 0.05
_PATIENCE = 10

Make = Callable[[int], Request]
OnEnd = Callable[[int, int], None]
"""Told (measured requests ended, requests sent so far) at every answer."""


class Options(Noun, frozen=True, kw_only=True):
    """One point. Measured are the first `requests` sent in the steady state, or those sent in its first `seconds`.

    `warm_up` answers come before it. Client k begins after k x `stagger_s`; 0 is a burst.
    """

    clients: int
    requests: int
    seconds: float
    warm_up: int = 0
    stagger_s: float = 0.0


class Run(Noun, frozen=True, kw_only=True):
    """All answers in the order of sending, and the indices of the measured ones. Seconds from the start.

    `gave_up`: so many requests failed one after the other that going on made no sense.
    """

    answers: tuple[Answer, ...]
    measured: range
    since_s: float
    until_s: float
    peak_in_flight: int
    gave_up: bool


async def drive(client: Client, make: Make, options: Options, on_end: OnEnd | None = None) -> Run:
    """Run one point to its end. A failing request is an answer with an error; its client then rests for 50 ms."""
    return await _Driver(client, make, options, on_end).run()


class _Driver:
    def __init__(self, client: Client, make: Make, options: Options, on_end: OnEnd | None) -> None:
        self.client, self.make, self.options, self.on_end = client, make, options, on_end
        self.clock = time.monotonic
        self.start_s = self.clock()
        self.answers: dict[int, Answer] = {}
        self.begun = 0 if options.stagger_s else options.clients
        self.sent = self.in_flight = self.peak = self.failing = 0
        self.first: int | None = None
        self.last: int | None = None
        self.since_s = 0.0
        self.waiting = self.counted = 0
        self.over = asyncio.Event()

    async def run(self) -> Run:
        async with asyncio.TaskGroup() as group:
            for number in range(self.options.clients):
                group.create_task(self.caller(number * self.options.stagger_s))
        first = self.sent if self.first is None else self.first
        measured = range(first, self.sent if self.last is None else self.last)
        answers = tuple(self.answers[index] for index in range(self.sent))
        ends = [one.at_s + (one.total_s or 0.0) for one in answers[measured.start : measured.stop]]
        return Run(
            answers=answers,
            measured=measured,
            since_s=self.since_s,
            until_s=max(ends, default=self.since_s),
            peak_in_flight=self.peak,
            gave_up=self.failing >= self.patience,
        )

    @property
    def patience(self) -> int:
        return _PATIENCE + 3 * self.options.clients

    async def pause(self, duration_s: float) -> None:
        if duration_s > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), duration_s)

    async def caller(self, delay_s: float) -> None:
        await self.pause(delay_s)
        self.begun += self.options.stagger_s > 0
        while self.wanted():
            answer = await self.one()
            await self.pause(0.0 if answer.ok else _PAUSE_S)

    def wanted(self) -> bool:
        """Whether another request leaves; also opens and closes the measured part."""
        now_s = self.clock() - self.start_s
        if self.first is None and self.begun == self.options.clients and len(self.answers) >= self.options.warm_up:
            self.first, self.since_s = self.sent, now_s
        if self.first is not None and self.last is None:
            full = self.sent - self.first >= self.options.requests
            self.last = self.sent if full or now_s - self.since_s >= self.options.seconds else None
        self.settle()
        return not self.over.is_set()

    def settle(self) -> None:
        if (self.last is not None and not self.waiting) or self.failing >= self.patience:
            self.over.set()

    def measures(self, index: int) -> bool:
        return self.first is not None and index >= self.first and (self.last is None or index < self.last)

    async def one(self) -> Answer:
        index, request = self.sent, self.make(self.sent)
        self.sent += 1
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        self.waiting += self.measures(index)
        due = Answer(index=index, at_s=self.clock() - self.start_s)
        answer, _ = await exchange(self.client, request, due, self.clock)
        self.in_flight -= 1
        self.finish(answer)
        return answer

    def finish(self, answer: Answer) -> None:
        self.answers[answer.index] = answer
        self.failing = 0 if answer.ok else self.failing + 1
        if self.measures(answer.index):
            self.waiting -= 1
            self.counted += 1
        self.settle()
        if self.on_end is not None:
            self.on_end(self.counted, self.sent)
