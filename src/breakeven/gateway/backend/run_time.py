"""How long batches of a size took: what is expected of the next one."""

from __future__ import annotations

WEIGHT = 0.2
"""Share of the newest run in the average: half of it comes from the last three."""


class RunTimes:
    """Moving averages of seconds by size of batch; sizes up to the same power of two share one."""

    __slots__ = ("_mean_s",)

    def __init__(self) -> None:
        self._mean_s: dict[int, float] = {}

    def ran(self, rows: int, seconds: float) -> None:
        """A batch of so many rows took so many seconds."""
        bucket = max(0, rows - 1).bit_length()
        known_s = self._mean_s.get(bucket)
        self._mean_s[bucket] = seconds if known_s is None else known_s + WEIGHT * (seconds - known_s)

    def expected_s(self, rows: int) -> float:
        """What a batch of so many rows is expected to take; 0 before anything ran.

        A size that never ran takes what the next larger one took, or the largest in proportion to its rows: both are
        at least the truth, as a batch costs no more per row than a smaller one.
        """
        bucket = max(0, rows - 1).bit_length()
        known_s = self._mean_s.get(bucket)
        if known_s is not None or not self._mean_s:
            return known_s or 0.0
        larger = [known for known in self._mean_s if known > bucket]
        nearest = min(larger) if larger else max(self._mean_s)
        return self._mean_s[nearest] * 2.0 ** max(0, bucket - nearest)
