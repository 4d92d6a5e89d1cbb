"""Whether an engine still moves: liveness needs a token, whatever its /health says."""

from __future__ import annotations


class Progress:
    """How long requests have waited at a backend without a byte from it. Instants are monotonic seconds.

    Only time in which something waits counts; it adds up over requests that gave up one after the other, so a frozen
    engine is found under low traffic and short deadlines too.
    """

    __slots__ = ("_since_s", "_waited_s", "waiting")

    def __init__(self) -> None:
        self.waiting = 0
        self._since_s = 0.0
        self._waited_s = 0.0

    def entered(self, now: float) -> None:
        """A request was sent."""
        if self.waiting == 0:
            self._since_s = now
        self.waiting += 1

    def moved(self, now: float) -> None:
        """Something came: a head, a byte, a token."""
        self._since_s = now
        self._waited_s = 0.0

    def left(self, now: float) -> None:
        """A request is over, however it ended; that alone is no sign of life."""
        self.waiting -= 1
        if self.waiting == 0:
            self._waited_s += max(0.0, now - self._since_s)

    def silent_s(self, now: float) -> float:
        """Seconds waited since something last came."""
        return self._waited_s + (max(0.0, now - self._since_s) if self.waiting else 0.0)

    def frozen(self, now: float, stall_s: float) -> bool:
        """Whether requests have waited `stall_s` in all and nothing moved; it stays so until something does."""
        return self.silent_s(now) >= stall_s
