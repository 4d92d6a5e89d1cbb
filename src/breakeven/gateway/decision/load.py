"""How many requests a deployment has in flight, averaged over the life of one of them."""

from __future__ import annotations


class Load:
    """The count of requests in flight and its integral over time (request-seconds)."""

    __slots__ = ("_area", "_at", "count")

    def __init__(self) -> None:
        self.count = 0
        self._area = 0.0
        self._at = 0.0

    def enter(self, now: float) -> tuple[float, float]:
        """One more; keep the ticket for `leave`."""
        self._advance(now)
        self.count += 1
        return self._area, now

    def leave(self, ticket: tuple[float, float], now: float) -> float:
        """One fewer; the mean number in flight since it entered, itself included: integral of count / time."""
        self._advance(now)
        area, since = ticket
        elapsed_s = now - since
        mean = (self._area - area) / elapsed_s if elapsed_s > 0 else float(self.count)
        self.count -= 1
        return mean

    def _advance(self, now: float) -> None:
        self._area += self.count * max(0.0, now - self._at)
        self._at = max(self._at, now)
