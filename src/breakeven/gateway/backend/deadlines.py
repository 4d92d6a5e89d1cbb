"""The earliest deadline of those that wait, at a cost that does not grow with their number."""

from __future__ import annotations

import math
from heapq import heapify, heappop, heappush
from typing import Generic, Protocol, TypeVar

_SPARE = 64


class Waiting(Protocol):
    """Something that waits until an instant at most."""

    due_s: float
    waits: bool


One = TypeVar("One", bound=Waiting)


class Deadlines(Generic[One]):
    """A heap by `due_s`; who no longer `waits` is dropped when met, or once they are most of it."""

    __slots__ = ("_heap", "_number")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, One]] = []
        self._number = 0

    def add(self, one: One, waiting: int) -> None:
        """One more waits; `waiting` is how many do now. Who has no deadline is not kept."""
        if one.due_s == math.inf:
            return
        if len(self._heap) > 2 * waiting + _SPARE:
            self._heap = [entry for entry in self._heap if entry[2].waits]
            heapify(self._heap)
        self._number += 1
        heappush(self._heap, (one.due_s, self._number, one))

    def first(self) -> One | None:
        """Who must be served first; None when nobody who waits has a deadline."""
        while self._heap and not self._heap[0][2].waits:
            heappop(self._heap)
        return self._heap[0][2] if self._heap else None

    @property
    def earliest_s(self) -> float:
        """The earliest deadline; infinite when there is none."""
        first = self.first()
        return math.inf if first is None else first.due_s
