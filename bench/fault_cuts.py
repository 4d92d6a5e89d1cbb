"""Power cuts: a gateway, its meter and its sealer at work on a watched disk, cut off anywhere, and what is read."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import duckdb
from fault_disk import HOWS, Recorder, lay_out, promised, survivors
from fault_rows import POLICY, T0, correction, event, prediction, rows
from msgspec.structs import replace

from breakeven.gateway import journal as gateway_journal
from breakeven.gateway.journal import Journal
from breakeven.ledger import duck, intake, layout, store
from breakeven.ledger.disk import Disk
from breakeven.ledger.engine.port import Query
from breakeven.ledger.identity import key_of
from breakeven.ledger.meter import Meter
from breakeven.ledger.seal import Sealed, Work, alone, seal_all
from breakeven.schema.journal import frame, scan
from breakeven.schema.outcome import Outcome

CHORES: list[Callable[[Work], object]] = []
"""What else the sealer does after sealing: compaction, where there is any. They may find all days to be over."""
with suppress(ImportError):
    _compact = import_module("breakeven.ledger.compact").compact
    CHORES.append(lambda work: _compact(replace(work, now_s=T0 + 30 * 86_400), grace_s=0.0))

with suppress(ImportError):
    _finalise = import_module("breakeven.ledger.days.finalise")

    def _days(work: Work) -> None:
        """All that is due: days are looked at before their segments are compacted."""
        opener = store.opener("duckdb")
        now_s = T0 + 30 * 86_400
        step = _finalise.Work(
            data_dir=work.data_dir, now_s=now_s, measures=(), opener=opener, disk=work.disk, by_hand=True
        )
        while _finalise.step(step).more:
            pass

    CHORES.insert(0, _days)

STEPS = 20
CUTS_OF_ONE = 100
SENT_AGAIN = 4
"""After every so many cuts clients send everything again, and an engine counts what there is."""


def scratch() -> Path:
    """A folder in memory where there is such a place: what is synced there costs nothing."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    return Path(tempfile.mkdtemp(prefix="cuts-", dir=memory if memory.is_dir() else None))


class Life:
    """What happens to one data directory until the power goes: seeded, so that it can be lived again."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.recorder = Recorder(folder)
        self.events: list[Outcome] = []
        self._chance = random.Random(seed)
        self._meter = Meter(folder, f"sealer-{seed}", 1.0, rotate_s=4.0)
        self._clock_s = 0.0
        self._workers = 0
        self._told = 0
        self._said = 0
        self._journal: Journal

    def live(self) -> None:
        """Some steps of serving, metering, sealing and dying."""
        with ExitStack() as stack:
            for name, value in (("ROTATE_ROWS", 6), ("GROUP_S", 0.0), ("LEISURE_S", 0.0), ("ROTATE_S", 0.0)):
                stack.enter_context(patch.object(gateway_journal, name, value))
            stack.enter_context(self.recorder.watching())
            stack.enter_context(alone(self.folder))
            self._connection = stack.enter_context(duck.connect(self.folder / "tmp"))
            asyncio.run(self._steps())

    async def _steps(self) -> None:
        self._start()
        kinds = (
            self._predict,
            self._tell,
            self._tell,
            self._seal,
            self._tick,
            self._meter_on,
            self._die,
            self._correct,
        )
        for _ in range(STEPS):
            await self._chance.choices(kinds, weights=(3, 3, 3, 3, 2, 2, 1, 1))[0]()
        if self._chance.random() < 0.5:
            await self._journal.close()
            self._meter.stop(self._clock_s)
            await self._seal()
        else:
            await self._killed()

    def _start(self) -> None:
        self._workers += 1
        self._journal = Journal(layout.journals(self.folder), f"gw-{self._workers}")

    async def _predict(self) -> None:
        journal = self._journal
        for _ in range(self._chance.randrange(1, 4)):
            sequence = journal.take_sequence(1)
            labels = "x" * self._chance.randrange(700)
            journal.append([prediction(f"{journal.node}-p{sequence}", journal.node, sequence, self._time_s(), labels)])

    async def _tell(self) -> None:
        await asyncio.gather(*(self._told_one() for _ in range(self._chance.randrange(1, 4))))

    async def _told_one(self) -> None:
        """A client sends an event, now and then one that it sent before."""
        journal = self._journal
        if self.events and self._chance.random() < 0.2:
            name = self._chance.choice(self.events).event_id
        else:
            self._told += 1
            name = f"e{self._told}"
        sequence, data = journal.take_sequence(1), "x" * self._chance.randrange(700)
        told = event(name, journal.node, sequence, self._time_s(), data)
        self.events.append(told)
        journal.append([told])
        await journal.durable()
        self.recorder.mark((key_of(told),))

    async def _correct(self) -> None:
        """Somebody corrects costs, of predictions that are there and of others."""
        first, self._said = self._said, self._said + self._chance.randrange(1, 4)
        said = [correction(n, f"gw-1-p{n % 9}", self._time_s()) for n in range(first, self._said)]
        intake.write(self.folder, f"correct-{first:08d}", said)
        self.recorder.mark(tuple(map(key_of, said)))

    async def _tick(self) -> None:
        self._journal.tick()
        await asyncio.sleep(0.001)

    async def _meter_on(self) -> None:
        for _ in range(3):
            self._clock_s += 1.0
            self._meter.tick(POLICY, T0 + self._clock_s, self._clock_s)

    async def _seal(self) -> None:
        """What was sealed is promised from then on, whoever waited for it."""
        folder = layout.journals(self.folder)
        found = {path.stem: scan(path.read_bytes()).records for path in layout.journal_files(self.folder)}
        found |= {path.stem: scan(path.read_bytes()).records for path in folder.glob(f"*{layout.CLOSED}")}
        sealed = sealing(self.folder, self._connection)
        for name in sealed.journals:
            self.recorder.mark(tuple(map(key_of, found.get(name, ()))))

    async def _die(self) -> None:
        await self._killed()
        self._start()

    async def _killed(self) -> None:
        """SIGKILL as the disk sees it: descriptors go, half a frame may stay."""
        file = self._journal._file  # noqa: SLF001 - there is no cleaner way to die
        await asyncio.sleep(0.002)
        if file is not None:
            if self._chance.random() < 0.3:
                os.write(file._handle, b"\x99\x00\x00\x00torn")  # noqa: SLF001 - the same
            os.close(file._handle)  # noqa: SLF001 - the same
            self._journal._file = None  # noqa: SLF001 - the same
        self._journal._thread.shutdown()  # noqa: SLF001 - the same

    def _time_s(self) -> float:
        return T0 + self._chance.randrange(3) * 86_400 + self._chance.random() * 1000


def sealing(folder: Path, connection: duckdb.DuckDBPyConnection) -> Sealed:
    """One pass of the sealer."""
    work = Work(data_dir=folder, now_s=T0, disk=Disk(), connection=connection)
    sealed = seal_all(work)
    for chore in CHORES:
        chore(work)
    return sealed


class Judge:
    """Recovers what a cut left by the sealer's own pass, reads it as a report does, and counts what is wrong."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self._room = scratch()
        self._connection = duck.connect(self._room / "tmp")

    def close(self) -> None:
        self._connection.close()
        shutil.rmtree(self._room)

    def judge(self, name: str, held: dict[str, bytes | None], acked: set[object], retried: list[Outcome]) -> None:
        """One cut: read, recover, read, let clients send everything again, recover, read."""
        folder = self._room / "data"
        folder.mkdir()
        self.counts["cuts"] += 1
        try:
            lay_out(held, folder)
            self._lost(f"{name}, before recovery", folder, acked)
            self._recover(name, folder)
            found = self._lost(f"{name}, after recovery", folder, acked)
            if self.counts["cuts"] % SENT_AGAIN == 0:
                again(folder, retried)
                self._recover(f"{name}, sent again", folder)
                self._twice(name, folder, found | {key_of(one) for one in retried})
        except Exception as error:  # noqa: BLE001 - whatever it is, the store could not be read
            self._wrong("unreadable", f"{name}: {type(error).__name__}: {error}")
        finally:
            shutil.rmtree(folder)

    def _recover(self, name: str, folder: Path) -> None:
        with alone(folder):
            sealed = sealing(folder, self._connection)
        kept = [one for one in sealed.warnings if "could not be sealed" in one]
        if kept:
            self._wrong("unreadable", f"{name}: {kept}")
        left = [path.name for path in layout.journal_files(folder)]
        if left:
            self._wrong("unreadable", f"{name}: still there {left}")

    def _lost(self, name: str, folder: Path, acked: set[object]) -> set[object]:
        records = list(rows(folder, self._connection))
        found: set[object] = {key_of(one) for one in records}
        lost = acked - found
        if lost:
            self._wrong("acked_lost", f"{name}: {sorted(map(str, lost))[:3]}", len(lost))
        frames = {(getattr(one, "node", ""), getattr(one, "sequence", 0), key_of(one)) for one in records}
        if len(records) != len(frames):
            self._wrong("duplicates", f"{name}: {len(records)} rows, {len(frames)} frames", len(records) - len(frames))
        return found

    def _twice(self, name: str, folder: Path, keys: set[object]) -> None:
        """What an engine counts is each key once."""
        engine = store.open_ledger(folder)
        counted = sum(cell.predictions for cell in engine.cells(Query()))
        counted += sum(count for _, count in engine.audit(Query()).kinds)
        wanted = sum(key[0] not in {"capacity", "corrections"} for key in keys if isinstance(key, tuple))
        if counted < wanted:
            self._wrong("acked_lost", f"{name}, sent again: {counted} counted of {wanted}", wanted - counted)
        if counted > wanted:
            self._wrong("duplicates", f"{name}, sent again: {counted} counted of {wanted}", counted - wanted)

    def _wrong(self, what: str, text: str, count: int = 1) -> None:
        self.counts[what] += count
        self.failures.append(f"{what}: {text}")


def again(folder: Path, retried: list[Outcome]) -> None:
    """Clients that were not told send once more, and some that were told as well."""
    path = layout.journals(folder) / "gw-again-00000001.journal"
    path.parent.mkdir(exist_ok=True)
    anew = [replace(one, node="gw-again", sequence=number) for number, one in enumerate(retried, 1)]
    path.write_bytes(b"".join(map(frame, anew)))


def run(cuts: int, seed: int = 1) -> Iterator[Judge]:
    """`cuts` cuts through as many lives as that takes; yields the judge after each life."""
    judge = Judge()
    try:
        for number in range(0, cuts, CUTS_OF_ONE):
            _one_life(judge, min(CUTS_OF_ONE, cuts - number), seed * 1_000_003 + number)
            yield judge
    finally:
        judge.close()


def _one_life(judge: Judge, cuts: int, seed: int) -> None:
    folder = scratch()
    try:
        life = Life(folder, seed)
        life.live()
    finally:
        shutil.rmtree(folder)
    chance = random.Random(seed)
    operations = life.recorder.operations
    for number in range(cuts):
        at, how = chance.randrange(len(operations) + 1), HOWS[number % len(HOWS)]
        held = survivors(operations, at, how, chance)
        judge.judge(f"life {seed} cut {at} {how}", held, promised(operations, at), life.events)
