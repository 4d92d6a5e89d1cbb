"""How far long work is, on stderr: bars on a terminal, else a line for each part that is done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from breakeven.cli.output import note


@contextmanager
def shown() -> Iterator[Callable[[str, int, int], None]]:
    """A function to tell what is done, how much of it, of how much."""
    if not sys.stderr.isatty():
        yield _line
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, object] = {}

        def bar(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=of)
            if done == of or done % max(1, of // 100) == 0:
                bars.update(tasks[what], completed=done)  # type: ignore[arg-type]

        yield bar


def _line(what: str, done: int, of: int) -> None:
    if done == of:
        note(f"{what} {of:,}")
