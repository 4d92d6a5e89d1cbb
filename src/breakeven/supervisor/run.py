"""`serve`'s supervisor: children live as long as it does, come back when they crash, and stop in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from breakeven.supervisor.child import Child, Ended, Limits
from breakeven.supervisor.keeper import Keeper, Log

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def log_to_stderr(line: str) -> None:
    """One line of the supervisor's log."""
    print(line if line.startswith("[") else f"[supervisor] {line}", file=sys.stderr, flush=True)  # noqa: T201 - its log


def supervise(
    children: Sequence[Child],
    *,
    on_ready: Callable[[Mapping[str, int]], None] | None = None,
    on_tick: Callable[[], None] | None = None,
    tick_s: float = 1.0,
    limits: Limits | None = None,
    log: Log = log_to_stderr,
) -> Ended:
    """Start the children and keep them until SIGTERM, SIGINT or SIGHUP, or until one must be given up. Blocks.

    A second signal kills what still runs. Must be called in the main thread.

    Args:
        children: what to run; names are unique.
        on_ready: called once with the process ids by name, when all were started; must not block.
        on_tick: called every `tick_s` seconds, for a look at changed files; must be short. An exception is logged.
        tick_s: seconds between ticks.
        limits: patience with crashes and on stop.
        log: takes the supervisor's lines and the children's stderr, the latter as `[name] line`. Called from threads.
    """
    return asyncio.run(_Supervisor(children, limits or Limits(), log).run(on_ready, on_tick, tick_s))


class _Supervisor:
    def __init__(self, children: Sequence[Child], limits: Limits, log: Log) -> None:
        self._children = children
        self._limits = limits
        self._log = log
        self._stop = asyncio.Event()
        self._keepers: list[Keeper] = []

    async def run(
        self, on_ready: Callable[[Mapping[str, int]], None] | None, on_tick: Callable[[], None] | None, tick_s: float
    ) -> Ended:
        with _pipe() as read_fd, self._signals(), ThreadPoolExecutor(max(1, len(self._children))) as waiters:
            self._keepers = [Keeper(child, read_fd, self._limits, self._log) for child in self._children]
            for keeper in self._keepers:
                keeper.start()
            tasks = {asyncio.create_task(keeper.run(waiters)): keeper for keeper in self._keepers}
            ticker = asyncio.create_task(self._tick(on_tick, tick_s))
            try:
                if on_ready is not None:
                    on_ready({keeper.child.name: keeper.pid for keeper in self._keepers if keeper.pid is not None})
                return await self._until_end(set(tasks))
            finally:
                ticker.cancel()
                await self._stop_in_order(tasks)

    async def _until_end(self, tasks: set[asyncio.Task[Ended | None]]) -> Ended:
        stop = asyncio.create_task(self._stop.wait())
        try:
            while tasks and not self._stop.is_set():
                done, _ = await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
                for task in tasks & done:
                    ended = task.result()
                    if ended is not None and self._is_fatal(ended):
                        return ended
                tasks = tasks - done
        finally:
            stop.cancel()
        return Ended(reason="stopped by a signal" if self._stop.is_set() else "every child has ended")

    def _is_fatal(self, ended: Ended) -> bool:
        fatal = any(child.name == ended.child and child.required for child in self._children)
        self._log(f"{ended.reason}; {'stopping all' if fatal else 'going on without it'}")
        for line in ended.last_lines:
            self._log(f"[{ended.child}] last words: {line}")
        return fatal

    async def _stop_in_order(self, tasks: Mapping[asyncio.Task[Ended | None], Keeper]) -> None:
        for rank in sorted({keeper.child.stop_rank for keeper in tasks.values()}):
            group = {task: keeper for task, keeper in tasks.items() if keeper.child.stop_rank == rank}
            for keeper in group.values():
                keeper.terminate()
            _, late = await asyncio.wait(group, timeout=self._limits.grace_s)
            for task in late:
                self._log(f"{group[task].child.name} did not stop within {self._limits.grace_s:g} s: killed")
                group[task].kill()
            if late:
                await asyncio.wait(late)

    async def _tick(self, on_tick: Callable[[], None] | None, tick_s: float) -> None:
        while on_tick is not None:
            await asyncio.sleep(tick_s)
            try:
                on_tick()
            except Exception as error:  # noqa: BLE001 - whatever a look at files raises, the children must live on
                self._log(f"{type(error).__name__}: {error}")

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def _on_signal(self, number: int) -> None:
        name = signal.Signals(number).name
        if not self._stop.is_set():
            self._log(f"{name}: stopping")
            self._stop.set()
            return
        self._log(f"{name} again: killing what still runs")
        for keeper in self._keepers:
            keeper.kill()


@contextlib.contextmanager
def _pipe() -> Iterator[int]:
    read_fd, write_fd = os.pipe()
    try:
        yield read_fd
    finally:
        os.close(write_fd)
        os.close(read_fd)
