"""What one worker holds: policy and senders (swapped together), journal, cache, keys, counters."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from logging import getLogger
from pathlib import Path
from typing import Self

from breakeven.errors import BreakevenError
from breakeven.gateway.backend.port import Sender
from breakeven.gateway.backend.table import open_sender
from breakeven.gateway.cache import AnswerCache
from breakeven.gateway.decision.index import Index
from breakeven.gateway.decision.load import Load
from breakeven.gateway.identity import Subjects, node_id, random_source, uuid7
from breakeven.gateway.journal import Journal
from breakeven.gateway.meters import Meters, gauge
from breakeven.gateway.metrics import Gauge
from breakeven.gateway.policy_source import LOCK, load, signature
from breakeven.schema.noun import Noun
from breakeven.wire.client import Client

_log = getLogger("breakeven.gateway")
POLL_S, TICK_S = 0.5, 0.25


class Bundle(Noun, frozen=True, kw_only=True):
    """A policy with the senders of its backends. A request keeps the bundle it began with."""

    index: Index
    senders: dict[str, Sender]


class Runtime:
    """Made by `open`, inside a running event loop."""

    def __init__(self, data_dir: Path, bundle: Bundle, client: Client) -> None:
        self.bundle = bundle
        self.client = client
        self.started_s = time.time()
        self.node = node_id(socket.gethostname(), os.getpid(), int(self.started_s * 1000))
        self.journal = Journal(data_dir / "journal", self.node)
        self.subjects = Subjects(data_dir / "keys")
        self.cache = AnswerCache()
        self.loads: dict[str, Load] = {}
        self.draining = False
        self.rejected_policy = False
        self.meters = Meters(self._gauges())
        self._random = random_source()
        self._lock = data_dir / LOCK
        self._seen = signature(self._lock)
        self._tasks = [asyncio.create_task(self._poll()), asyncio.create_task(self._tick())]

    @classmethod
    async def open(cls, data_dir: Path) -> Self:
        """Load the policy and open what it names.

        Raises:
            ConfigError: the policy, a URL, a model file or an extra is missing or wrong.
        """
        client = Client()
        bundle = await _bundle(load(data_dir / LOCK), client, None)
        return cls(data_dir, bundle, client)

    async def close(self) -> None:
        """Stop watching, sync and seal the journal, close every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.journal.close()
        for sender in self.bundle.senders.values():
            await sender.close()
        await self.client.close()

    @property
    def ready(self) -> str:
        """Why no traffic should come; "" when it may."""
        if self.draining:
            return "draining"
        return "" if self.journal.healthy else "the journal cannot be written"

    def new_id(self) -> str:
        """A UUIDv7 of now."""
        return uuid7(time.time_ns() // 1_000_000, self._random.getrandbits(74))

    def load_of(self, deployment: str) -> Load:
        """The in-flight count of a deployment, in this worker."""
        found = self.loads.get(deployment)
        if found is None:
            found = self.loads[deployment] = Load()
        return found

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
        for name, sender in old.senders.items():
            if bundle.senders.get(name) is not sender:
                await sender.close()
        _log.info("policy %s is in force", bundle.index.policy.id)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            now = signature(self._lock)
            if now != self._seen:
                self._seen = now
                await self.reload()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.journal.tick()

    def _gauges(self) -> list[Gauge]:
        return [
            gauge(
                "breakeven_in_flight",
                "Requests at a deployment now.",
                lambda: {(name,): float(load.count) for name, load in self.loads.items()},
                ("deployment",),
            ),
            gauge(
                "breakeven_policy_info",
                "The policy in force.",
                lambda: {(self.bundle.index.policy.id, self.bundle.index.policy.plan_id): 1.0},
                ("policy_id", "plan_id"),
            ),
            gauge(
                "breakeven_policy_rejected",
                "1 while the policy file cannot be used and the last good one is in force.",
                lambda: {(): float(self.rejected_policy)},
            ),
            gauge(
                "breakeven_journal_errors_total",
                "Failures of the journal's disk.",
                lambda: {(): float(self.journal.errors)},
            ),
        ]


async def _bundle(index: Index, client: Client, old: Bundle | None) -> Bundle:
    """Senders of backends that did not change are kept; new ones open off the event loop, where files are read."""
    senders: dict[str, Sender] = {}
    for name, backend in index.backends.items():
        kept = old.senders.get(name) if old and old.index.backends.get(name) == backend else None
        senders[name] = kept if kept is not None else await asyncio.to_thread(open_sender, backend, client)
    return Bundle(index=index, senders=senders)
