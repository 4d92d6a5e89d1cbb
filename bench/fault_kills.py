"""SIGKILL: a real writer and a real sealer, killed at random moments, and clients that send again what was not told.

The parent is the clients. A writer holds the gateway's own journal and tells over a pipe what is stored: predictions
once the kernel has them, events once the disk has. Everything is forked from one process that has loaded it all, so
that a life of some milliseconds costs no more. What is promised is looked for at the end, through the real reader.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import select
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from fault_rows import POLICY, event, prediction, rows

from breakeven.gateway import journal as gateway_journal
from breakeven.gateway.journal import Journal
from breakeven.ledger import layout, sealer, store
from breakeven.ledger.engine.port import Query
from breakeven.ledger.identity import key_of

KILLS_OF_ONE = 40
WINDOW = 32
"""How many requests are under way at once."""
LONGEST_S, PATIENCE_S = 0.06, 30.0
_SEAL_S = 0.01


class Process:
    """A forked child with a pipe each way; the child's death closes both."""

    def __init__(self, others: list[Process], work: Callable[[int, int], None]) -> None:
        down_read, down_write = os.pipe()
        up_read, up_write = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            foreign = [down_write, up_read, *(one for other in others for one in (other.tell, other.hear))]
            _child(foreign, lambda: work(down_read, up_write))
        os.close(down_read)
        os.close(up_write)
        self.tell, self.hear = down_write, up_read

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def end(self) -> int:
        """Close its pipe, wait, and give its exit code."""
        os.close(self.tell)
        self.tell = -1
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def rest(self) -> bytes:
        """Everything that it still said; both pipes are closed."""
        parts = []
        while part := os.read(self.hear, 65_536):
            parts.append(part)
        os.close(self.hear)
        if self.tell >= 0:
            os.close(self.tell)
        return b"".join(parts)


def _child(foreign: list[int], work: Callable[[], None]) -> None:
    try:
        for one in foreign:
            if one >= 0:
                os.close(one)
        work()
    except BaseException:  # noqa: BLE001 - a child never returns into its parent's code
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _write(folder: Path, node: str, hear: int, tell: int) -> None:
    """The writer: a worker's journal behind lines of ids."""
    gateway_journal.ROTATE_ROWS, gateway_journal.ROTATE_S = 24, 0.02
    asyncio.run(_writing(folder, node, hear, tell))


async def _writing(folder: Path, node: str, hear: int, tell: int) -> None:
    journal, done, tasks = Journal(layout.journals(folder), node), asyncio.Event(), set()
    loop = asyncio.get_running_loop()

    async def store_event(name: str) -> None:
        journal.append([event(name, node, journal.take_sequence(1))])
        await journal.durable()
        os.write(tell, f"{name}\n".encode())

    def come() -> None:
        lines = os.read(hear, 65_536)
        for name in lines.decode().split():
            if name.startswith("e"):
                task = loop.create_task(store_event(name))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            else:
                one = prediction(name, node, journal.take_sequence(1))
                journal.commit([one], lambda _, name=name: os.write(tell, f"{name}\n".encode()))  # type: ignore[misc]
        if not lines:
            done.set()

    loop.add_reader(hear, come)
    while not done.is_set():
        journal.tick()
        await asyncio.sleep(0.005)
    loop.remove_reader(hear)
    await asyncio.gather(*tasks)
    await journal.close()


def _seal(folder: Path, hear: int, _tell: int) -> None:
    """The sealer as it is served, only hastier."""
    sealer.run(folder, _SEAL_S, hear)


class Store:
    """One data directory, its clients, and its two processes in all their lives."""

    def __init__(self, folder: Path, seed: int, counts: Counter[str]) -> None:
        self.folder = folder
        self.acked: set[str] = set()
        self.counts = counts
        self._seed = seed
        self._chance = random.Random(seed)
        self._open: dict[str, None] = {}
        self._half = b""
        self._next = 0
        self._lives = 0
        self._writer: Process | None = None
        self._sealer: Process | None = None

    def kills(self, count: int) -> None:
        """Serve and kill, `count` times."""
        while count > 0:
            self._alive()
            self._serve(self._chance.random() * LONGEST_S)
            victims = self._chance.choices(("writer", "sealer", "both"), weights=(5, 4, 1))[0]
            if victims != "sealer":
                self._kill_writer()
                count -= 1
            if victims != "writer" and self._sealer is not None:
                self._sealer.kill()
                self._sealer.rest()
                self._sealer = None
                count -= 1

    def end(self) -> None:
        """Send what was not told until everything is, and stop cleanly."""
        self._alive()
        until_s = time.monotonic() + PATIENCE_S
        while self._open and time.monotonic() < until_s:
            self._listen(0.05)
        for one in (self._writer, self._sealer):
            if one is not None:
                if one.end():
                    self.counts["failed_exits"] += 1
                self._told(one.rest())
        if self._open:
            self.counts["unanswered"] += len(self._open)

    def _alive(self) -> None:
        if self._sealer is None:
            others = [self._writer] if self._writer else []
            self._sealer = Process(others, lambda hear, tell: _seal(self.folder, hear, tell))
        if self._writer is None:
            self._lives += 1
            node = f"gw-{self._lives}"
            self._writer = Process([self._sealer], lambda hear, tell: _write(self.folder, node, hear, tell))
            for name in self._open:
                self._send(name)

    def _serve(self, for_s: float) -> None:
        until_s = time.monotonic() + for_s
        while (left_s := until_s - time.monotonic()) > 0:
            while len(self._open) < WINDOW:
                self._next += 1
                name = f"{self._chance.choice('pe')}{self._seed}-{self._next}"
                self._open[name] = None
                self._send(name)
            self._listen(left_s)

    def _send(self, name: str) -> None:
        if self._writer is not None:
            os.write(self._writer.tell, f"{name}\n".encode())

    def _listen(self, for_s: float) -> None:
        if self._writer is not None and select.select([self._writer.hear], [], [], for_s)[0]:
            self._told(os.read(self._writer.hear, 65_536))

    def _told(self, data: bytes) -> None:
        *lines, self._half = (self._half + data).split(b"\n")
        for line in lines:
            self.acked.add(line.decode())
            self._open.pop(line.decode(), None)

    def _kill_writer(self) -> None:
        if self._writer is not None:
            self._writer.kill()
            self._told(self._writer.rest())
        self._half, self._writer = b"", None
        # A request without an answer is asked anew under another id; an event is sent again as it was.
        self._open = {name: None for name in self._open if name.startswith("e")}


def _verdict(folder: Path, acked: set[str], tell: int) -> None:
    """What a report finds in a data directory, as a line of JSON."""
    found: Counter[str] = Counter()
    try:
        before = list(rows(folder))
        sealer.seal_once(folder, time.time())
        after = list(rows(folder))
        names = [key_of(one)[-1] for one in after if key_of(one)[0] != "capacity"]
        found["acked_lost"] = len(acked - set(names)) + len(acked - {key_of(one)[-1] for one in before})
        engine = store.open_ledger(folder)
        counted = sum(cell.predictions for cell in engine.cells(Query()))
        counted += sum(count for _, count in engine.audit(Query()).kinds)
        frames = {(getattr(one, "node", ""), getattr(one, "sequence", 0), key_of(one)) for one in after}
        found["duplicates"] = abs(counted - len(set(names))) + len(after) - len(frames)
        found["unreadable"] = len(layout.journal_files(folder))
        with sqlite3.connect(folder / "manifest.db") as connection:
            found["unreadable"] += connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]
            found["sealed_journals"] = connection.execute("SELECT count(*) FROM journals").fetchone()[0]
        found["rows"], found["acked"] = len(after), len(acked)
    except Exception:  # noqa: BLE001 - whatever it is, the store could not be read
        traceback.print_exc()
        found["unreadable"] += 1
    os.write(tell, json.dumps(found).encode())


def run(kills: int, seed: int = 1) -> Iterator[Counter[str]]:
    """`kills` kills in as many data directories as that takes; yields the counts after each."""
    counts: Counter[str] = Counter()
    for number in range(0, kills, KILLS_OF_ONE):
        folder = Path(tempfile.mkdtemp(prefix="kills-"))
        (folder / "policy.lock.json").write_bytes(msgspec.json.encode(POLICY))
        try:
            here = Store(folder, seed * 1_000_003 + number, counts)
            here.kills(min(KILLS_OF_ONE, kills - number))
            here.end()
            judge = Process([], lambda _, tell, here=here: _verdict(here.folder, here.acked, tell))  # type: ignore[misc]
            counts["unreadable"] += bool(judge.end())
            counts.update(json.loads(judge.rest() or b"{}"))
        finally:
            shutil.rmtree(folder)
        counts["kills"] += min(KILLS_OF_ONE, kills - number)
        yield counts


if __name__ == "__main__":
    for found in run(int(sys.argv[1])):
        print(dict(found), flush=True)
