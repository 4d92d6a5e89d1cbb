"""Dynamic batching: run at once when idle, gather while a batch runs, never wait longer than stated or than is left."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

from breakeven.gateway.backend.deadlines import Deadlines
from breakeven.gateway.backend.run_time import RunTimes

Item = TypeVar("Item")
Result = TypeVar("Result")
Told_contra = TypeVar("Told_contra", contravariant=True)

MARGIN = 1.5
"""A batch is given so many times what it is expected to take: it is a mean, and half of them take longer."""

EARLY_S = 0.0005
"""A batch may start so much before it must: event loops round their timers to milliseconds."""


class Waiter(Protocol[Told_contra]):
    """Who submitted an item. One of `on_result`, `on_late` and `on_error` ends it; none is called inside `submit`."""

    def on_start(self) -> None:
        """Its batch begins to run."""

    def on_result(self, result: Told_contra) -> None:
        """What the model made of it."""

    def on_late(self) -> None:
        """Its time was over before there was a result; if it still waited, it was not run."""

    def on_error(self, error: BaseException) -> None:
        """Its batch failed."""


class Ticket(Generic[Item, Result]):
    """An item on its way: it waits in a queue, runs, and is over once `waiter` is None. `due_s` is the loop's time."""

    __slots__ = ("_batcher", "due_s", "item", "key", "rows", "waiter", "waits")

    def __init__(
        self,
        batcher: Batcher[Item, Result],
        item: Item,
        key: Hashable,
        rows: int,
        due_s: float,
        waiter: Waiter[Result],
    ) -> None:
        self._batcher = batcher
        self.item = item
        self.key = key
        self.rows = rows
        self.due_s = due_s
        self.waiter: Waiter[Result] | None = waiter
        self.waits = True

    def cancel(self) -> None:
        """Give it up: it leaves the queue, or its result is dropped. Nothing is told afterwards; may be repeated."""
        if self.waiter is not None:
            self.waiter = None
            self._batcher.forget(self)


class _Queue(Generic[Item, Result]):
    """Items of one key in order of arrival, and their rows together."""

    __slots__ = ("rows", "tickets")

    def __init__(self) -> None:
        self.tickets: OrderedDict[Ticket[Item, Result], None] = OrderedDict()
        self.rows = 0


class Batcher(Generic[Item, Result]):
    """Joins items of the same key into batches, which run in threads. To be made and used on the event loop.

    An idle batcher takes what the event loop has ready and runs it; no timer holds it back. While a batch runs, items
    gather. They go when it ends; with a second thread free, also once they fill a batch, once the oldest has waited
    `max_delay_s`, or when the earliest deadline leaves no more than their batch is expected to take. An item whose
    deadline passes is told so and, where it still waited, not run. Keys take turns; within a key the order is kept.

    Args:
        run: turns a batch into as many results, in a thread.
        max_batch: rows a batch may hold; one larger item goes alone.
        max_delay_s: the longest wait behind a running batch while a thread is free.
        threads: batches that run at once.
    """

    def __init__(
        self, run: Callable[[Sequence[Item]], Sequence[Result]], max_batch: int, max_delay_s: float, threads: int = 1
    ) -> None:
        self._run = run
        self._max_batch = max_batch
        self._max_delay_s = max_delay_s
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="batch")
        self._free = self._threads = threads
        self._times = RunTimes()
        self._waiting: OrderedDict[Hashable, _Queue[Item, Result]] = OrderedDict()
        self._running: dict[tuple[Ticket[Item, Result], ...], float] = {}  # with its earliest deadline
        self._deadlines: Deadlines[Ticket[Item, Result]] = Deadlines()
        self.waiting = 0
        self._oldest_s = math.inf  # came first of those that wait, or before it
        self._most_rows = 0  # of one key that waits, or more
        self._soon = self._closing = False
        self._timer: asyncio.Handle | None = None
        self._timer_s = math.inf

    def submit(
        self, item: Item, waiter: Waiter[Result], *, key: Hashable, rows: int, within_s: float = math.inf
    ) -> Ticket[Item, Result]:
        """Line an item up; its waiter is told later, of a result only within so many seconds."""
        now = self._loop.time()
        ticket = Ticket(self, item, key, rows, now + within_s, waiter)
        queue = self._waiting.get(key)
        if queue is None:
            queue = self._waiting[key] = _Queue()
        queue.tickets[ticket] = None
        queue.rows += rows
        if not self.waiting:
            self._oldest_s, self._most_rows = now, 0
        self.waiting += 1
        self._most_rows = max(self._most_rows, queue.rows)
        self._deadlines.add(ticket, self.waiting)
        if not self._soon:
            if self._free and (self._free == self._threads or queue.rows >= self._max_batch):
                self._soon = True
                self._loop.call_soon(self._go)
            else:
                self._arm()
        return ticket

    def forget(self, ticket: Ticket[Item, Result]) -> None:
        """Take a ticket out of its queue, if it still waits."""
        if not ticket.waits:
            return
        ticket.waits = False
        self.waiting -= 1
        queue = self._waiting[ticket.key]
        del queue.tickets[ticket]
        queue.rows -= ticket.rows
        if not queue.tickets:
            del self._waiting[ticket.key]
            self._end_if_idle()

    def close(self) -> None:
        """Finish what was submitted, then end the threads."""
        self._closing = True
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if self._closing and not self._running and not self._waiting:
            self._pool.shutdown(wait=False)
            if self._timer is not None:
                self._timer.cancel()
                self._timer, self._timer_s = None, math.inf

    def _go(self) -> None:
        """Start all that waits, while a thread is free."""
        self._soon = False
        now = self._loop.time()
        self._drop_late(now)
        while self._waiting and self._free:
            key, queue = self._waiting.popitem(last=False)
            batch, rows = self._take(queue)
            if queue.tickets:
                self._waiting[key] = queue  # behind the other keys
            self._start(batch, rows, now)
        if self._running:
            self._arm()

    def _take(self, queue: _Queue[Item, Result]) -> tuple[list[Ticket[Item, Result]], int]:
        tickets, room = queue.tickets, self._max_batch
        batch: list[Ticket[Item, Result]] = []
        total = 0
        while tickets:
            ticket = next(iter(tickets))
            if batch and total + ticket.rows > room:
                break
            tickets.popitem(last=False)
            ticket.waits = False
            batch.append(ticket)
            total += ticket.rows
        queue.rows -= total
        self.waiting -= len(batch)
        return batch, total

    def _start(self, batch: list[Ticket[Item, Result]], rows: int, now: float) -> None:
        held = tuple(batch)
        self._free -= 1
        self._running[held] = _earliest_s(batch)
        for ticket in batch:
            if ticket.waiter is not None:
                self._tell(ticket.waiter.on_start)
        try:
            self._pool.submit(self._work, held, rows, now)
        except RuntimeError as error:  # the threads have ended
            self._loop.call_soon(self._done, held, rows, now, None, error)

    def _work(self, batch: tuple[Ticket[Item, Result], ...], rows: int, began_s: float) -> None:
        """In a thread: run the batch."""
        results: Sequence[Result] | None = None
        failure: BaseException | None = None
        try:
            results = self._run([ticket.item for ticket in batch])
            if len(results) != len(batch):
                failure = ValueError(f"{len(results)} results for a batch of {len(batch)}")
        except BaseException as error:  # noqa: BLE001 - whatever it is, the items must end
            failure = error
        self._loop.call_soon_threadsafe(self._done, batch, rows, began_s, results, failure)

    def _done(
        self,
        batch: tuple[Ticket[Item, Result], ...],
        rows: int,
        began_s: float,
        results: Sequence[Result] | None,
        failure: BaseException | None,
    ) -> None:
        self._free += 1
        del self._running[batch]
        if failure is None:
            self._times.ran(rows, self._loop.time() - began_s)
        if self._waiting:  # the thread works on while the results are told
            self._go()
        for position, ticket in enumerate(batch):
            waiter, ticket.waiter = ticket.waiter, None
            if waiter is None:
                continue
            if failure is not None or results is None:
                self._tell(waiter.on_error, failure)
            else:
                self._tell(waiter.on_result, results[position])
        self._end_if_idle()

    def _tell(self, told: Callable[..., None], *said: object) -> None:
        """A waiter that fails must not cost the others their results."""
        try:
            told(*said)
        except Exception as error:  # noqa: BLE001 - as above
            self._loop.call_exception_handler({"message": "a waiter of a batch failed", "exception": error})

    # Time

    def _arm(self) -> None:
        """Have the timer fire no later than something is due; one that fires early looks again."""
        at_s = self._due_s()
        if at_s >= self._timer_s:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_s = self._loop.call_at(at_s, self._look), at_s

    def _due_s(self) -> float:
        at_s = min(self._running.values(), default=math.inf)
        if self.waiting:
            at_s = min(at_s, self._deadlines.earliest_s, self._start_s() if self._free else math.inf)
        return at_s

    def _start_s(self) -> float:
        """When what waits goes although a batch runs."""
        run_s = MARGIN * self._times.expected_s(min(self._max_batch, self._most_rows))
        return min(self._oldest_s + self._max_delay_s, self._deadlines.earliest_s - run_s)

    def _look(self) -> None:
        """The timer fired: tell those whose time is over, and go or wait on."""
        self._timer, self._timer_s = None, math.inf
        now = self._loop.time()
        self._drop_late(now)
        if self.waiting and self._free and now >= self._start_s() - EARLY_S:
            self._go()
        else:
            self._arm()

    def _drop_late(self, now: float) -> None:
        while (first := self._deadlines.first()) is not None and first.due_s <= now:
            self._late(first)
        for batch, due_s in self._running.items():
            if due_s <= now:
                for ticket in batch:
                    if ticket.due_s <= now:
                        self._late(ticket)
                self._running[batch] = _earliest_s(batch)

    def _late(self, ticket: Ticket[Item, Result]) -> None:
        waiter = ticket.waiter
        ticket.cancel()
        if waiter is not None:
            self._tell(waiter.on_late)


def _earliest_s(tickets: Iterable[Ticket[Item, Result]]) -> float:
    return min((ticket.due_s for ticket in tickets if ticket.waiter is not None), default=math.inf)
