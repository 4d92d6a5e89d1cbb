"""A rule let loose on a fleet of emulated replicas under a series of rates, in virtual time: what it really does.

Each replica is the emulator itself, token by token; the rule is driven by the same loop as `breakeven scale run`. A run
is deterministic, and an hour takes seconds.
"""

from __future__ import annotations

import asyncio

import msgspec
import numpy as np
from numpy.typing import NDArray
from starlette.types import Message

from breakeven.assembly.scaling_drive import drive
from breakeven.emulator.elastic import Elastic
from breakeven.emulator.server import Settings
from breakeven.emulator.virtual import run
from breakeven.planner.scaling.decide import Observation
from breakeven.planner.scaling.play import HOUR_S
from breakeven.planner.scaling.promise import known, promise
from breakeven.schema.noun import Noun
from breakeven.schema.scaling import Decision, Played, ScalingRule

Vector = NDArray[np.float64]
REFUSED = 503
FLUSH_S = 30.0
"""Answers are not read in pieces here."""


class Trial(Noun, frozen=True, kw_only=True):
    """What is tried: requests of so many tokens that must be answered within `target_s`, on replicas like `settings`.

    A replica is given `most_in_flight` requests at once; what comes when all are full is refused.
    """

    settings: Settings
    target_s: float
    input_tokens: int
    output_tokens: int
    most_in_flight: int
    seed: int = 0


class Tried(Noun, frozen=True, kw_only=True):
    """What came of it, beside what the fluid model promised for the same windows."""

    attained: Played
    promised: Played
    asked: int
    late: int
    decisions: tuple[Decision, ...]


def enact(rule: ScalingRule, rates_rps: Vector, first: int, trial: Trial) -> Tried:
    """Drive the rule over the windows from `first` on; those before are the history that it knows."""
    return run(_Scene(rule, rates_rps, first, trial).played())


class _Scene:
    """One trial as it runs."""

    def __init__(self, rule: ScalingRule, rates_rps: Vector, first: int, trial: Trial) -> None:
        self._rule, self._rates, self._first, self._trial = rule, rates_rps, first, trial
        self._rng = np.random.default_rng(trial.seed)
        self._asked = self._inside = self._late = self._in_flight = 0
        self._decisions: list[Decision] = []
        body = {
            "model": trial.settings.model,
            "messages": [{"role": "user", "content": ""}],
            "metadata": {
                "emulate_input_tokens": str(trial.input_tokens),
                "emulate_output_tokens": str(trial.output_tokens),
            },
        }
        self._body = msgspec.json.encode(body)

    async def played(self) -> Tried:
        """To the last answer."""
        rule, trial, loop = self._rule, self._trial, asyncio.get_running_loop()
        before = known(rule, self._rates[: self._first])
        begin = before.replicas or 0
        settings = msgspec.structs.replace(trial.settings, flush_s=FLUSH_S)
        self._fleet = Elastic(
            settings, cold_start_s=rule.cold_start_s, replicas=begin, most_in_flight=trial.most_in_flight
        )  # fmt: skip
        driving = asyncio.ensure_future(drive(rule, self._see, self._tell, clock=loop.time, state=before))
        await self._traffic()
        end = self._fleet.told()
        driving.cancel()
        attained = Played(
            name="emulated",
            attainment=self._inside / self._asked if self._asked else 1.0,
            replica_hours=end.replica_s / HOUR_S,
            replicas_max=max((one.replicas for one in self._decisions), default=begin),
            burst_requests=end.refused,
        )
        promised = promise(rule, self._rates, self._first)
        told = tuple(self._decisions)
        return Tried(attained=attained, promised=promised, asked=self._asked, late=self._late, decisions=told)

    async def _see(self) -> Observation:
        return Observation(ended=self._asked - self._in_flight, in_flight=self._in_flight)

    async def _tell(self, decision: Decision) -> None:
        self._decisions.append(decision)
        self._fleet.scale(decision.replicas)

    async def _traffic(self) -> None:
        """Poisson arrivals in each window at its rate, to the end of the last window and of the last answer."""
        loop, step_s, asking = asyncio.get_running_loop(), self._rule.ahead.step_s, set[asyncio.Task[None]]()
        began = loop.time()
        for place, rate in enumerate(self._rates[self._first :].tolist()):
            count = self._rng.poisson(rate * step_s)
            for at in np.sort(self._rng.uniform(0, step_s, count)).tolist():
                await asyncio.sleep(max(0.0, began + place * step_s + at - loop.time()))
                task = loop.create_task(self._ask())
                asking.add(task)
                task.add_done_callback(asking.discard)
        await asyncio.sleep(max(0.0, began + (len(self._rates) - self._first) * step_s - loop.time()))
        await asyncio.gather(*asking)

    async def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        began, statuses, unsent = loop.time(), list[int](), [self._body]

        async def receive() -> Message:
            if unsent:
                return {"type": "http.request", "body": unsent.pop()}
            await asyncio.Event().wait()  # the client stays
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        self._asked, self._in_flight = self._asked + 1, self._in_flight + 1
        await self._fleet({"type": "http", "method": "POST", "path": "/v1/chat/completions"}, receive, send)
        self._in_flight -= 1
        if statuses and statuses[0] != REFUSED:
            inside = loop.time() - began <= self._trial.target_s
            self._inside, self._late = self._inside + inside, self._late + (not inside)
