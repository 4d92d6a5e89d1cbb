"""Dynamic batching: run at once when idle, gather while a batch runs, never wait longer than stated."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = 2


class Batcher(Generic[Item, Result]):
    """Joins items of the same key into batches, which run in threads.

    An idle batcher takes what the event loop has ready and runs it. While a batch runs, items gather; they go when it
    ends, or in a second thread once the oldest has waited `max_delay_s` seconds.

    Args:
        run: turns a batch into as many results, in a thread.
        max_batch: rows a batch may hold; one larger item goes alone.
        max_delay_s: the longest wait behind a running batch.
    """

    def __init__(self, run: Callable[[Sequence[Item]], Sequence[Result]], max_batch: int, max_delay_s: float) -> None:
        self._run = run
        self._max_batch = max_batch
        self._max_delay_s = max_delay_s
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="batch")
        self._waiting: dict[Hashable, deque[tuple[Item, int, asyncio.Future[Result]]]] = {}
        self._running = 0
        self._due: asyncio.Handle | None = None
        self._closing = False

    async def submit(self, item: Item, *, key: Hashable, rows: int) -> Result:
        """The item's result; whatever `run` raises is raised to every item of its batch."""
        future: asyncio.Future[Result] = self._loop.create_future()
        self._waiting.setdefault(key, deque()).append((item, rows, future))
        if self._due is None:
            self._due = (
                self._loop.call_later(self._max_delay_s, self._flush)
                if self._running
                else self._loop.call_soon(self._flush)
            )
        return await future

    def close(self) -> None:
        """Finish what was submitted, then end the threads."""
        self._closing = True
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if self._closing and not self._running and not self._waiting:
            self._threads.shutdown(wait=False)

    def _flush(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        while self._waiting and self._running < THREADS:
            key = next(iter(self._waiting))
            batch = self._take(self._waiting[key])
            if not self._waiting[key]:
                del self._waiting[key]
            if batch:
                self._start(batch)

    def _take(
        self, queue: deque[tuple[Item, int, asyncio.Future[Result]]]
    ) -> list[tuple[Item, asyncio.Future[Result]]]:
        batch: list[tuple[Item, asyncio.Future[Result]]] = []
        total = 0
        while queue and (not batch or total + queue[0][1] <= self._max_batch):
            item, rows, future = queue.popleft()
            if not future.done():
                batch.append((item, future))
                total += rows
        return batch

    def _start(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        futures = [future for _, future in batch]
        try:
            job = self._loop.run_in_executor(self._threads, self._run, [item for item, _ in batch])
        except RuntimeError as error:  # the threads have ended
            for future in futures:
                future.set_exception(error)
            return
        self._running += 1
        job.add_done_callback(lambda done: self._done(done, futures))

    def _done(self, done: asyncio.Future[Sequence[Result]], futures: list[asyncio.Future[Result]]) -> None:
        self._running -= 1
        error = done.exception()
        for position, future in enumerate(futures):
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(done.result()[position])
        self._flush()
        self._end_if_idle()
