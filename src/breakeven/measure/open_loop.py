"""Open-loop load: every request leaves at its own time, whether or not earlier ones were answered.

A closed loop would slow down with the server and so hide its queue (coordinated omission). What this driver cannot keep
up with it reports: how late each request left, and which were not sent because too many were in flight.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from breakeven.errors import UsageError
from breakeven.measure.answer import Answer
from breakeven.measure.exchange import Request, exchange
from breakeven.metric.latency import percentile
from breakeven.schema.noun import Noun
from breakeven.wire.client import Client

OnAnswer = Callable[[Answer, bytes], None]
"""Told every answer as it ends, with its body (empty for a stream)."""


class Shot(NamedTuple):
    """A request and when it leaves, in seconds from the start; made only then, so that plans stay small."""

    at_s: float
    make: Callable[[], Request]


class Options(Noun, frozen=True, kw_only=True):
    """Bounds of a run: requests in flight, and the lateness (99th percentile) from which its figures are in doubt."""

    in_flight: int = 2048
    late_s: float = 0.05


class Run(Noun, frozen=True, kw_only=True):
    """What came of a schedule, answers in its order. Lateness in seconds, over the requests that were sent.

    `fell_behind`: the generator, not the server, was the bottleneck; do not trust the latencies.
    """

    answers: tuple[Answer, ...]
    span_s: float
    unsent: int
    peak_in_flight: int
    late_p50_s: float | None
    late_p99_s: float | None
    late_max_s: float | None
    fell_behind: bool

    @property
    def ok(self) -> int:
        """Whole answers with status 200."""
        return sum(answer.ok for answer in self.answers)


async def fire(
    shots: Sequence[Shot], client: Client, options: Options | None = None, on_answer: OnAnswer | None = None
) -> Run:
    """Send every shot at its time and wait for all answers.

    A failing request is an answer with an error. With `options.in_flight` requests out, the next is not sent, rather
    than sent late.

    Raises:
        UsageError: the shots are not in the order of their times.
    """
    if any(later.at_s < earlier.at_s for earlier, later in pairwise(shots)):
        message = f"the {len(shots)} shots are not in the order of their times"
        raise UsageError(message, "sort them by at_s")
    driver = _Driver(client, options or Options(), on_answer)
    return await driver.run(shots)


class _Driver:
    def __init__(self, client: Client, options: Options, on_answer: OnAnswer | None) -> None:
        self.client = client
        self.options = options
        self.on_answer = on_answer
        self.clock = time.monotonic  # uvloop rounds its own clock to milliseconds
        self.start_s = self.clock()
        self.in_flight = 0
        self.peak = 0
        self.answers: dict[int, Answer] = {}

    async def run(self, shots: Sequence[Shot]) -> Run:
        async with asyncio.TaskGroup() as group:
            for index, shot in enumerate(shots):
                wait_s = self.start_s + shot.at_s - self.clock()
                if wait_s > 0:
                    await asyncio.sleep(wait_s)
                elif index % 16 == 0:
                    await asyncio.sleep(0)  # a generator that is behind still lets answers in
                self.launch(group, index, shot)
        return self.report(len(shots))

    def launch(self, group: asyncio.TaskGroup, index: int, shot: Shot) -> None:
        if self.in_flight >= self.options.in_flight:
            error = f"not sent: {self.in_flight} requests were in flight"
            self.finish(Answer(index=index, at_s=shot.at_s, error=error), b"")
            return
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        group.create_task(self.exchange(index, shot))

    async def exchange(self, index: int, shot: Shot) -> None:
        request = shot.make()
        late_s = max(0.0, self.clock() - self.start_s - shot.at_s)
        try:
            answer, body = await exchange(
                self.client, request, Answer(index=index, at_s=shot.at_s, late_s=late_s), self.clock
            )
        finally:
            self.in_flight -= 1
        self.finish(answer, body)

    def finish(self, answer: Answer, body: bytes) -> None:
        self.answers[answer.index] = answer
        if self.on_answer:
            self.on_answer(answer, body)

    def report(self, count: int) -> Run:
        answers = tuple(self.answers[index] for index in range(count))
        late = sorted(answer.late_s for answer in answers if answer.total_s is not None)
        late_p99_s = percentile(late, 0.99)
        return Run(
            answers=answers,
            span_s=self.clock() - self.start_s,
            unsent=count - len(late),
            peak_in_flight=self.peak,
            late_p50_s=percentile(late, 0.5),
            late_p99_s=late_p99_s,
            late_max_s=late[-1] if late else None,
            fell_behind=late_p99_s is not None and late_p99_s > self.options.late_s,
        )
