"""A drill: a fault played on a deployment of the running gateway for a bounded time, and whether the policy held."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from breakeven.app.drill_send import UNBOUNDED_S, Load, shots, url_of
from breakeven.assembly import drilling, files
from breakeven.audit.drill import Evidence, judge
from breakeven.errors import EvidenceError, GateError, UsageError
from breakeven.ledger import window
from breakeven.ledger.anew import anew
from breakeven.ledger.engine.port import Query
from breakeven.ledger.store import open_ledger
from breakeven.measure.answer import Answer
from breakeven.measure.open_loop import Shot, fire
from breakeven.report.document import Document
from breakeven.report.drilled import drilled_document
from breakeven.schema.drilled import Drilled
from breakeven.schema.policy import Drill, Fault, Policy, UseCase
from breakeven.schema.record import Prediction
from breakeven.wire.client import Client

LOOK_S = 0.25
QUIET_S = 5.0
"""After the end, how long nothing touched may end before the rest of a long budget is not waited for."""
SLACK_S = 900.0
"""A request may have arrived so long before the drill that touched it."""
_PREDICTION = "x-breakeven-prediction-id"
_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "": 1.0}
_DURATION = re.compile(r"^\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s|min|m|)\s*$")

__all__ = ["Load", "cancel", "document", "gate", "plan", "run", "seconds", "url_of"]

OnTime = Callable[[float, float], None]
"""Told (seconds since the beginning, seconds in all) a few times a second."""


def seconds(text: str, name: str) -> float:
    """A duration such as 500ms, 30s or 2m; a bare number is seconds.

    Raises:
        UsageError: it is none.
    """
    found = _DURATION.match(text)
    if found is None:
        message = f"{name} {text!r} is no duration"
        raise UsageError(message, "write it as 500ms, 30s or 2m")
    return float(found[1]) * _UNITS[found[2]]


def plan(deployment: str, fault: Fault, *, for_s: float, share: float = 1.0, delay_s: float = 2.0) -> Drill:
    """A drill that begins now.

    Raises:
        UsageError: it would last too long.
    """
    now_s = time.time()
    made = Drill(
        id=f"drill-{secrets.token_hex(4)}",
        deployment=deployment,
        fault=fault,
        from_s=now_s,
        until_s=now_s + for_s,
        share=share,
        delay_s=delay_s if fault == "slow" else 0.0,
    )
    drilling.check(made)
    return made


def run(folder: Path, drill: Drill, load: Load | None = None, on_time: OnTime | None = None) -> Drilled:
    """Play a drill to its end and report on what it touched.

    Ctrl-C, or `cancel` from elsewhere, ends it early; it is out of the lock when this returns, however it returns.

    Raises:
        UsageError: no gateway runs there, the deployment is unknown, has a drill already, or cannot be sent to.
        ConfigError: there is no policy.
    """
    policy = drilling.policy_of(folder)
    drilling.known(policy, drill.deployment)
    own = [] if load is None or not load.requests else shots(policy, drill, load)
    if not drilling.served(folder):
        message = f"no gateway runs on {folder}"
        raise UsageError(message, "start it with `breakeven serve`, or name its data directory with --data-dir")
    before = _lost(folder)
    policy = drilling.begin(folder, drill)
    player = _Player(folder, drill, on_time)
    try:
        asyncio.run(player.play(own))
    except KeyboardInterrupt:
        player.interrupted = True
        player.note("interrupted before its end")
    finally:
        drilling.end(folder, [drill.id])
    ended_s = min(time.time(), drill.until_s)
    _settle(player, drilling.reached(policy, drill.deployment), ended_s)
    seen = Evidence(
        drill=drill,
        ended_s=ended_s,
        use_cases=files.use_cases(folder),
        records=player.records(),
        sent=len(own),
        answered=tuple(player.answered),
        lost=max(0, _lost(folder) - before),
        interrupted=player.interrupted,
        notes=tuple(_notes(policy, player)),
    )
    found = judge(seen)
    files.keep_drill(found, folder)
    return found


def cancel(folder: Path, deployment: str | None = None) -> tuple[Drill, ...]:
    """End the drills of a deployment, or all; returns those that were on."""
    return drilling.end(folder, [one.id for one in drilling.on(folder, deployment)])


def document(found: Drilled) -> Document:
    """The report for people."""
    return drilled_document(found)


def gate(found: Drilled) -> None:
    """Refuse a drill that did not hold.

    Raises:
        GateError: a promise was broken.
        EvidenceError: no request was touched.
    """
    if found.verdict == "broken":
        message = f"the failure policy did not hold: {found.why}"
        raise GateError(message, "see the promises above, and the chain of the use case in policy.yaml")
    if found.verdict == "not_enough_evidence":
        message = f"{found.drill.id} touched no request"
        raise EvidenceError(message, "drill while there is traffic, or send some with --send 20")


class _Player:
    """A drill while it is on, and what its own requests came to."""

    def __init__(self, folder: Path, drill: Drill, on_time: OnTime | None) -> None:
        self.folder, self.drill = folder, drill
        self.answered: list[str] = []
        self.notes: list[str] = []
        self.interrupted = False
        self._on_time = on_time

    def note(self, text: str) -> None:
        self.notes.append(text)

    async def play(self, own: list[Shot]) -> None:
        """Wait for the end; the requests of our own are sent meanwhile, and their answers waited for."""
        async with Client() as client:
            sending = asyncio.create_task(fire(own, client, on_answer=self._answer))
            whole = await self._wait()
            if not whole:
                self.note("ended from elsewhere before its time")
                sending.cancel()
            await asyncio.gather(sending, return_exceptions=not whole)

    async def _wait(self) -> bool:
        length_s = self.drill.until_s - self.drill.from_s
        while (left_s := self.drill.until_s - time.time()) > 0:
            if self._on_time is not None:
                self._on_time(length_s - left_s, length_s)
            await asyncio.sleep(min(LOOK_S, left_s))
            if left_s > 2 * LOOK_S and self.drill not in drilling.on(self.folder):
                return False
        return True

    def _answer(self, answer: Answer, body: bytes) -> None:
        del body
        name = answer.header(_PREDICTION)
        if name:
            self.answered.append(name)

    def records(self) -> tuple[Prediction, ...]:
        return window.predictions(self.folder, self.drill.from_s - SLACK_S, time.time() + 1)

    def touched(self) -> int:
        return sum(one.drill == self.drill.id for one in self.records())


def _settle(player: _Player, cases: tuple[UseCase, ...], ended_s: float) -> None:
    """Wait for the records of requests that are still on their way."""
    budget_s = max((UNBOUNDED_S if case.budget_s is None else case.budget_s for case in cases), default=0.0)
    until_s, quiet_s = ended_s + budget_s + LOOK_S, QUIET_S + player.drill.delay_s
    touched, since_s = player.touched(), time.time()
    while (now_s := time.time()) < until_s:
        if now_s - since_s >= quiet_s:
            player.note(
                f"waited {now_s - ended_s:.0f} s for requests on their way, of budgets up to {budget_s:g} s: "
                "one that ended later is not judged"
            )
            return
        time.sleep(LOOK_S)
        found = player.touched()
        if found != touched:
            touched, since_s = found, time.time()


def _notes(policy: Policy, player: _Player) -> list[str]:
    if not drilling.reached(policy, player.drill.deployment):
        player.note(f"no use case routes to {player.drill.deployment}, nor falls back to it")
    return player.notes


@anew
def _lost(folder: Path) -> int:
    return open_ledger(folder).audit(Query()).lost
