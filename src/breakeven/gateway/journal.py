"""The journal of one worker: appended before the last byte of an answer leaves, synced in groups, rotated.

Appending is `write(2)`, so that SIGKILL loses nothing. `durable()` waits until everything appended before it is synced;
syncs run in one thread, in order: every 5 ms or 64 rows where somebody waits, else every 50 ms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from logging import getLogger
from pathlib import Path

from breakeven.errors import LedgerError
from breakeven.gateway.journal_file import JournalFile, write_through
from breakeven.schema.journal import Record, frame

_log = getLogger("breakeven.gateway")

GROUP_S, GROUP_ROWS = 0.005, 64
LEISURE_S = 0.05
"""How long rows that nobody waits for may stay unsynced."""
PROBE_BYTES = 64 * 1024
ROTATE_S, ROTATE_ROWS = 2.0, 10_000
MOST_FAILED_FILES = 8
"""Of files whose sync fails no more are begun; the probe says when to go on."""


class Journal:
    """Appends records of one node. A failing disk never raises to the request path; it is counted and shown.

    Args:
        folder: the data directory's `journal`; made if absent.
        node: this process's node id, part of every file name.
    """

    def __init__(self, folder: Path, node: str) -> None:
        self.node = node
        self.errors = 0
        self.healthy = True
        self._folder = folder
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._next_sequence = 1
        self._next_file = 0
        self._appended = 0
        self._synced = 0
        self._syncing = False
        self._leisurely = False
        self._timer: asyncio.TimerHandle | None = None
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._queued: list[Record] = []
        self._thens: list[Callable[[bool], None]] = []
        self._file: JournalFile | None = None
        self._failed_files = 0
        self._opened_s = 0.0
        self._open()

    def take_sequence(self, count: int) -> int:
        """Reserve sequence numbers; the first is returned. A number never written shows as a loss."""
        first = self._next_sequence
        self._next_sequence += count
        return first

    def append(self, records: Sequence[Record]) -> bool:
        """Hand records to the kernel; False when the disk refused, which is counted and makes the worker unready."""
        frames = self._framed(records)
        if not frames:
            return False
        try:
            self._writable().append(b"".join(frames), len(frames))
        except OSError as error:
            self._failed("append", error)
            return False
        self._appended += len(frames)
        self._schedule()
        return len(frames) == len(records)

    def _framed(self, records: Sequence[Record]) -> list[bytes]:
        try:
            return list(map(frame, records))
        except (OverflowError, ValueError) as error:  # a number that no frame can hold: lost, and counted as such
            if len(records) == 1:
                self.errors += 1
                _log.error("journal: a record cannot be written: %s", error)
                return []
            return [framed for one in records for framed in self._framed([one])]

    def commit(self, records: Sequence[Record], then: Callable[[bool], None]) -> None:
        """As `append`, together with all others of this turn of the event loop, by one `write(2)`.

        Then `then` is told whether all of the turn was taken.
        """
        if not self._thens:
            self._loop.call_soon(self._flush)
        self._queued.extend(records)
        self._thens.append(then)

    def _flush(self) -> None:
        records, thens = self._queued, self._thens
        self._queued, self._thens = [], []
        stored = self.append(records) if records else True
        for then in thens:
            try:
                then(stored)
            except Exception:  # noqa: BLE001 - the other answers must leave all the same
                _log.exception("an answer could not be sent")

    async def durable(self) -> None:
        """Wait until everything appended so far is on the disk.

        Raises:
            LedgerError: the disk failed; nothing may be acknowledged.
        """
        if self._synced >= self._appended:
            return
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append((self._appended, waiter))
        if self._timer is not None and self._leisurely:
            self._timer.cancel()
            self._timer = None
        self._schedule()
        await waiter

    def tick(self) -> None:
        """Rotate when it is time, and see whether a failing disk is back; call it a few times a second."""
        old = self._file
        if not self.healthy:
            self._run(self._probe, self._probed)
        elif old is not None and old.rows and self._loop.time() - self._opened_s >= ROTATE_S:
            self._rotate(old)

    async def close(self) -> None:
        """Write what waits, sync and seal what is open."""
        self._flush()
        if self._timer is not None:
            self._timer.cancel()
        if self._file is not None:
            old, self._file = self._file, None
            await asyncio.wait([self._seal(old)])
        self._thread.shutdown()

    def _writable(self) -> JournalFile:
        if self._failed_files >= MOST_FAILED_FILES:
            message = f"{self._failed_files} files in a row failed; waiting for the disk"
            raise OSError(message)
        if self._file is None:
            self._open()
        if self._file is None:
            message = f"no journal file can be made in {self._folder}"
            raise OSError(message)
        if self._file.rows >= ROTATE_ROWS or self._file.torn:
            self._rotate(self._file)
        if self._file.torn:
            message = f"{self._file.path.name} ends in half a frame, and no other file can be made"
            raise OSError(message)
        return self._file

    def _open(self) -> bool:
        self._next_file += 1
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = JournalFile(self._folder, f"{self.node}-{self._next_file:08d}")
        except OSError as error:
            self._file = None
            self._failed("open", error)
            return False
        self._opened_s = self._loop.time()
        return True

    def _rotate(self, old: JournalFile) -> None:
        self._open()
        if self._file is None:
            self._file = old
        else:
            self._seal(old)

    def _abandon(self, file: JournalFile) -> None:
        """After a failed sync the kernel may have dropped pages: nothing more may follow them in their file."""
        self._failed_files += 1
        self._file = None
        self._seal(file)

    def _seal(self, old: JournalFile) -> asyncio.Future[None]:
        upto = self._appended
        return self._run(old.seal, lambda error: self._settled("seal", upto, error))

    def _run(self, job: Callable[[], None], then: Callable[[OSError | None], None]) -> asyncio.Future[None]:
        """Jobs of the one thread end in the order they began, and so do their callbacks."""
        future = self._loop.run_in_executor(self._thread, job)

        def done(_: asyncio.Future[None]) -> None:
            error = None if future.cancelled() else future.exception()
            then(error if isinstance(error, OSError) else None)

        future.add_done_callback(done)
        return future

    def _settled(self, what: str, upto: int, error: OSError | None) -> None:
        if error is not None:
            self._failed(what, error)
        self._release(upto, error)

    def _probe(self) -> None:
        path = self._folder / f"{self.node}.probe"
        try:
            write_through(path, bytes(PROBE_BYTES))
        finally:
            path.unlink(missing_ok=True)

    def _probed(self, error: OSError | None) -> None:
        if error is None and not self.healthy and (self._file is not None or self._open()):
            self.healthy = True
            self._failed_files = 0
            _log.warning("journal: %s can be written again", self._folder)

    def _schedule(self) -> None:
        if self._syncing:
            return
        if self._waiters and self._appended - self._synced >= GROUP_ROWS:
            self._start_sync()
        elif self._timer is None:
            self._timer = self._loop.call_later(GROUP_S if self._waiters else LEISURE_S, self._start_sync)
            self._leisurely = not self._waiters

    def _start_sync(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._file is not None and self._synced < self._appended and not self._syncing:
            self._syncing = True
            upto, file = self._appended, self._file
            self._run(file.sync, lambda error: self._synced_upto(upto, file, error))

    def _synced_upto(self, upto: int, file: JournalFile, error: OSError | None) -> None:
        self._syncing = False
        if error is None:
            self._failed_files = 0
        elif self._file is file:
            self._abandon(file)
        self._settled("sync", upto, error)
        if self._synced < self._appended:
            self._schedule()

    def _release(self, upto: int, error: BaseException | None) -> None:
        self._synced = max(self._synced, upto)
        waiting, self._waiters = self._waiters, []
        for wanted, waiter in waiting:
            if wanted > upto:
                self._waiters.append((wanted, waiter))
            elif not waiter.done():
                self._answer(waiter, error)

    @staticmethod
    def _answer(waiter: asyncio.Future[None], error: BaseException | None) -> None:
        if error is None:
            waiter.set_result(None)
        else:
            message = f"the journal could not be synced: {error}"
            waiter.set_exception(LedgerError(message, "free disk space or mend the disk; send the event again"))

    def _failed(self, what: str, error: OSError) -> None:
        self.errors += 1
        if self.healthy:
            _log.error(
                "journal: cannot %s in %s: %s; answers go on, records are lost until it recovers",
                what,
                self._folder,
                error,
            )
        self.healthy = False
