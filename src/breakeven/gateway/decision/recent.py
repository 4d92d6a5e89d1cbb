"""Quantile and mean of the newest values, cheap enough for every request."""

from __future__ import annotations

LEAST = 20
"""Fewer values give no quantile."""
SORT_EVERY = 16


class Recent:
    """The newest `size` values. A quantile may miss up to 15 of the newest: it is sorted at most every 16 values."""

    __slots__ = ("_next", "_size", "_sorted", "_unsorted", "_values")

    def __init__(self, size: int = 256) -> None:
        self._size = max(LEAST, size)
        self._values: list[float] = []
        self._sorted: list[float] = []
        self._next = 0
        self._unsorted = 0

    def add(self, value: float) -> None:
        """Take a value; past `size` the oldest goes."""
        if len(self._values) < self._size:
            self._values.append(value)
        else:
            self._values[self._next] = value
            self._next = (self._next + 1) % self._size
        self._unsorted += 1

    def quantile(self, q: float) -> float | None:
        """The smallest value that at least the share `q` does not exceed (nearest rank); None under 20 values."""
        if len(self._values) < LEAST:
            return None
        if self._unsorted >= SORT_EVERY or not self._sorted:
            self._sorted = sorted(self._values)
            self._unsorted = 0
        count = len(self._sorted)
        return self._sorted[min(count - 1, max(0, -int(-q * count // 1) - 1))]
