"""What one worker holds: policy and senders (swapped together), conditions, purses, journal, cache, keys, counters."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Coroutine
from logging import getLogger
from pathlib import Path
from typing import Any, Protocol, Self

from msgspec.structs import replace

from breakeven.errors import BreakevenError
from breakeven.gateway.accesslog import AccessLog, line_of, refused
from breakeven.gateway.allowance.keeper import Keeper
from breakeven.gateway.backend.port import Piece, Sender
from breakeven.gateway.backend.table import open_sender
from breakeven.gateway.cache import AnswerCache
from breakeven.gateway.decision.answer import usd
from breakeven.gateway.decision.conditions import Conditions, Standing
from breakeven.gateway.decision.exact import KeyMemo
from breakeven.gateway.decision.index import Index
from breakeven.gateway.decision.purse import Purse
from breakeven.gateway.decision.refusal import RequestError
from breakeven.gateway.decision.request import Request
from breakeven.gateway.drill import FaultySender, under_drill
from breakeven.gateway.identity import Subjects, node_id, random_source, uuid7
from breakeven.gateway.journal import Journal
from breakeven.gateway.meters import Meters, named
from breakeven.gateway.metrics import Gauge, Labels
from breakeven.gateway.policy_source import LOCK, load, signature
from breakeven.gateway.snapshots import Snapshots
from breakeven.quantity import usd_from_pico
from breakeven.schema.noun import Noun
from breakeven.schema.policy import Policy, PolicyDeployment
from breakeven.schema.record import Prediction
from breakeven.wire.client import Client
from breakeven.wire.http import HttpRequest

_log = getLogger("breakeven.gateway")
POLL_S, TICK_S = 0.5, 0.25
LAG_FADE = 0.7
"""What a tick leaves of the largest lag seen: a tick may fall between two long turns of the loop."""
MOST_RETRY_AFTER_S = 86_400.0
_HIDDEN, _SECRET_CHARS = "***", 8
_STATES = {"closed": 0.0, "half_open": 1.0, "open": 2.0}


class Drilled(Protocol):
    """What remembers the drill that touched a request."""

    drill: str


class Bundle(Noun, frozen=True, kw_only=True):
    """A policy with the senders of its backends, and their keys. A request keeps the bundle it began with."""

    index: Index
    senders: dict[str, Sender]
    secrets: tuple[str, ...] = ()

    def discreet(self, piece: Piece) -> Piece:
        """What a backend says went wrong, without the keys that it may repeat."""
        data, detail = piece.data, piece.detail
        for secret in self.secrets:
            data, detail = data.replace(secret.encode(), _HIDDEN.encode()), detail.replace(secret, _HIDDEN)
        return replace(piece, data=data, detail=detail)


class Runtime:
    """Made by `open`, inside a running event loop."""

    def __init__(self, data_dir: Path, bundle: Bundle, client: Client) -> None:
        self.bundle = bundle
        self.client = client
        self.loop = asyncio.get_running_loop()
        self.started_s = time.time()
        self.node = node_id(socket.gethostname(), os.getpid(), int(self.started_s * 1000))
        self.journal = Journal(data_dir / "journal", self.node)
        self.subjects = Subjects(data_dir / "keys")
        self.cache = AnswerCache()
        self.keys = KeyMemo()
        self.conditions = Conditions()
        self.keeper = Keeper(data_dir, self.node)
        self.draining = False
        self.rejected_policy = False
        self.access_log = AccessLog()
        self.meters = Meters(self._gauges(), Snapshots(data_dir, self.node))
        self._random = random_source()
        self._lock = data_dir / LOCK
        self._seen = signature(self._lock)
        self._spawned: set[asyncio.Task[None]] = set()
        self._tasks = [asyncio.create_task(self._poll()), asyncio.create_task(self._tick())]

    @classmethod
    async def open(cls, data_dir: Path) -> Self:
        """Load the policy and open what it names.

        Raises:
            ConfigError: the policy, a URL, a model file or an extra is missing or wrong.
        """
        client = Client()
        bundle = await _bundle(load(data_dir / LOCK), client, None)
        runtime = cls(data_dir, bundle, client)
        runtime._adopt(None)
        return runtime

    async def close(self) -> None:
        """Stop watching, sync and seal the journal, give unspent money back, close every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._spawned, return_exceptions=True)
        await self.journal.close()
        await self.keeper.close()
        self.access_log.close()
        self.meters.close()
        for sender in self.bundle.senders.values():
            await sender.close()
        await self.client.close()

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.bundle.index.policy

    @property
    def ready(self) -> str:
        """Why no traffic should come; "" when it may."""
        if self.draining:
            return "draining"
        return "" if self.journal.healthy else "the journal cannot be written"

    def new_id(self) -> str:
        """A UUIDv7 of now."""
        return uuid7(time.time_ns() // 1_000_000, self._random.getrandbits(74))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the callbacks; its failure is logged."""
        task = self.loop.create_task(work)
        self._spawned.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._spawned.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a task of the gateway failed", exc_info=task.exception())

    # What a request asks

    def purses(self, request: Request) -> tuple[Purse, ...]:
        """The allowances that a request falls under."""
        return self.keeper.purses(request.tenant, request.use_case.name, request.time_s)

    def ask(self, purse: Purse, amount: int, until: float, then: Callable[[bool, float], None]) -> None:
        """Ask for more in a purse; tell whether it is there now, and when to come back if not (seconds).

        Where the budget caps what it cannot pay, all that is left of it is in the purse then.
        """

        def told(done: asyncio.Future[bool]) -> None:
            granted = _granted(purse, amount, done)
            self.conditions.money_down = not self.keeper.healthy
            after_s = 0.0 if granted else self.keeper.retry_after_s(purse, amount, time.time())
            after_s = min(after_s, MOST_RETRY_AFTER_S)
            rest = min(amount, self.keeper.remaining(purse.allowance))
            if granted or purse.allowance.on_exhausted != "cap" or rest <= purse.free:
                then(granted, after_s)
                return
            self.keeper.ask(purse, rest).add_done_callback(
                lambda more: then(_granted(purse, rest, more) and rest >= amount, after_s)
            )

        self.keeper.ask(purse, amount, max(0.0, until - time.monotonic())).add_done_callback(told)

    def sender(self, bundle: Bundle, deployment: PolicyDeployment, request: Request, closing: Drilled) -> Sender:
        """Who sends to a deployment: its backend's sender, or a drill's that stands in its way."""
        found = bundle.senders[deployment.backend]
        for drill in bundle.index.policy.drills:
            if drill.deployment == deployment.name and under_drill(drill, request.seed, time.time()):
                closing.drill = drill.id
                return FaultySender(found, drill)
        return found

    def remaining_usd(self, purses: tuple[Purse, ...]) -> str | None:
        """What is left of the tightest money budget among those given; None where there is none."""
        left = [self.keeper.remaining(one.allowance) for one in purses if one.allowance.kind == "money"]
        return usd(min(left)) if left else None

    def logged(self, http: HttpRequest, records: tuple[Prediction, ...], bytes_out: int) -> None:
        """One line of the access log, where it is kept."""
        if self.access_log.on:
            line = line_of(records, http.method, http.path, bytes_in=len(http.body), bytes_out=bytes_out)
            self.access_log.write(line)

    def logged_refusal(self, method: str, path: str, error: RequestError) -> None:
        """The same of a request that became no prediction; a path that is not served may hold anything, keys too."""
        if self.access_log.on:
            path = "" if error.kind == "not_found" else path
            self.access_log.write(refused(method, path, error.status, error.kind, time_s=time.time()))

    # The policy

    async def reload(self) -> None:
        """Take the policy file as it is now; one that cannot be used is told once and the last good one stays."""
        try:
            index = await asyncio.to_thread(load, self._lock)
            bundle = await _bundle(index, self.client, self.bundle)
        except (BreakevenError, OSError, ValueError) as error:
            self.rejected_policy = True
            _log.warning("policy rejected, %s stays in force: %s", self.bundle.index.policy.id, error)
            return
        old, self.bundle, self.rejected_policy = self.bundle, bundle, False
        self._adopt(old.index.policy)
        for name, sender in old.senders.items():
            if bundle.senders.get(name) is not sender:
                await sender.close()
        _log.info("policy %s is in force", bundle.index.policy.id)

    def _adopt(self, before: Policy | None) -> None:
        policy = self.policy
        self.conditions.adopt(policy)
        self.meters.know(policy)
        if before is None or before.access_log != policy.access_log:
            self.access_log.close()
            self.access_log = AccessLog(policy.access_log)
        self.keeper.adopt(policy)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            now = signature(self._lock)
            if now != self._seen:
                self._seen = now
                await self.reload()

    async def _tick(self) -> None:
        chores = (self.journal.tick, self._tick_money, self._tick_logs)
        while True:
            due_s = time.monotonic() + TICK_S
            await asyncio.sleep(TICK_S)
            self.conditions.lag_s = max(time.monotonic() - due_s, LAG_FADE * self.conditions.lag_s)
            for chore in chores:
                try:
                    chore()
                except Exception:  # noqa: BLE001 - the other chores, and the next tick, must go on
                    _log.exception("a chore of the gateway failed")

    def _tick_logs(self) -> None:
        self.meters.save()
        self.access_log.tick()

    def _tick_money(self) -> None:
        self.keeper.tick(time.time())
        self.conditions.money_down = not self.keeper.healthy
        self.conditions.controls_down = not (self.keeper.healthy and self.journal.healthy)
        for allowance, share in self.keeper.alerts():
            self.meters.alerts.add(allowance.name, f"{share:g}")
            _log.warning("budget %s: %.0f %% is spent", allowance.name, share * 100)

    def _gauges(self) -> list[Gauge]:
        conditions, keeper = self.conditions, self.keeper
        return [
            named("breakeven_in_flight", lambda: _by_name(conditions, lambda one: one.load.count)),
            named("breakeven_concurrency_limit", lambda: _by_name(conditions, lambda one: one.limit.limit)),
            named("breakeven_breaker_state", lambda: _by_name(conditions, _breaker_state)),
            named(
                "breakeven_budget_remaining_usd",
                lambda: {(one.name,): usd_from_pico(keeper.remaining(one)) for one in keeper.budgets()},
            ),
            named("breakeven_policy_info", lambda: {(self.policy.id, self.policy.plan_id): 1.0}),
            named("breakeven_policy_rejected", lambda: {(): float(self.rejected_policy)}),
            named(
                "breakeven_drill_active",
                lambda: {
                    (one.deployment, one.fault): float(one.from_s <= time.time() < one.until_s)
                    for one in self.policy.drills
                },
            ),
            named("breakeven_journal_errors_total", lambda: {(): float(self.journal.errors)}),
            named("breakeven_access_log_dropped_total", lambda: {(): float(self.access_log.dropped)}),
        ]


def _granted(purse: Purse, amount: int, done: asyncio.Future[bool]) -> bool:
    """Whether an amount is in the purse; it is free there, not reserved."""
    granted = not done.cancelled() and done.result()
    if granted:
        purse.release(amount)
    return granted


def _by_name(conditions: Conditions, read: Callable[[Standing], float]) -> dict[Labels, float]:
    return {(name,): float(read(one)) for name, one in conditions.standings.items()}


def _breaker_state(standing: Standing) -> float:
    return _STATES[standing.circuit.state(time.monotonic())]


async def _bundle(index: Index, client: Client, old: Bundle | None) -> Bundle:
    """Senders of backends that did not change are kept; new ones open off the event loop, where files are read."""
    senders: dict[str, Sender] = {}
    for name, backend in index.backends.items():
        kept = old.senders.get(name) if old and old.index.backends.get(name) == backend else None
        senders[name] = kept if kept is not None else await asyncio.to_thread(open_sender, backend, client)
    keys = {os.environ.get(one.api_key_env, "") for one in index.backends.values() if one.api_key_env}
    return Bundle(index=index, senders=senders, secrets=tuple(key for key in keys if len(key) >= _SECRET_CHARS))
