"""How many requests a deployment can hold before they only queue: a gradient on latency, and its shares by tier."""

from __future__ import annotations

from math import exp, inf, log, sqrt

SAMPLES = 16
"""A window holds at least so many samples, and lasts as long as a request, so that a change is seen before the next."""
DROP = 0.8
"""The share of the limit aimed at after a window in which the backend dropped something; half-way is a tenth less."""
RETREAT = 1 / 32
"""The share of the limit that is left after windows of nothing but drops."""
HEADROOM = 1 / 16
"""By how much a limit in use grows per window while latency allows."""
FLOOR_STEP, FLOOR_LEAP = 0.1, 0.3
"""How far a window moves the floor; further where so few in flight cannot be why it is beyond tolerance."""
FLOOR_FADE, FLOOR_SHARE = 0.01, 0.25
"""The number in flight at the floor fades towards this share of the limit, so that luck does not raise it for good."""
WARM_UP = 8
"""So many windows make the first floor; the limit does not grow meanwhile. The first to end are the short ones."""
_LEAST_GRADIENT = 0.5


class Limit:
    """The concurrency at which latency is `tolerance` times its floor, or at its ceiling.

    Per window, with n the mean number in flight and r the geometric mean of latency:

        gradient = clamp(min(tolerance * floor, ceiling) / r, 1/2, 1)
        aim      = limit + headroom                      while the gradient is 1
                   min(limit, n * gradient + headroom)   else (Little's law at a server that shares itself out)
        limit    = aim, or half-way to it where it is lower

    n below half the limit changes nothing: neither capacity nor queue shows then. Unless latency is beyond tolerance
    with more than twice as many in flight as at the floor: then there is a queue, and the limit comes down to 2n first,
    so that one that was never learned does not let everything in meanwhile. The floor is the mean latency of
    windows with no more in flight than when latency last was at its floor; it is therefore learned again when a server
    becomes slower by nature, and not when it only queues. Sources: Gradient2 of Netflix' concurrency-limits; the
    minimal round trip of Envoy's adaptive concurrency.

    Where windows held nothing but drops, the backend was gone rather than full: once it answers again the limit doubles
    per window, up to where it was, as long as latency allows (slow start, RFC 5681).

    `ceiling_s` stands in for a floor that is not seen because the worker started into an overload; half the latency
    target is a good one. A server whose throughput falls beyond its knee wants a tolerance nearer 1.

    Latency must not depend on how much was asked for: give TTFT (the better sign, as tokens slow down by nature when
    batches grow), or the duration per output token or row. Durations as such vary with the length of the output, and
    a change of the mix would be taken for a queue; the geometric mean over a window only dampens that.
    """

    __slots__ = (
        "_before", "_ceiling_s", "_count", "_dropped", "_ends_s", "_floor_n", "_in_flight", "_lasted_s", "_least",
        "_limit", "_logs", "_most", "_tolerance", "_windows", "floor_s",
    )  # fmt: skip

    def __init__(
        self,
        start: float = 20.0,
        least: float = 2.0,
        most: float = 1000.0,
        tolerance: float = 2.0,
        ceiling_s: float = inf,
    ) -> None:
        self._least, self._most, self._tolerance, self._ceiling_s = least, most, tolerance, ceiling_s
        self._limit = min(max(start, least), most)
        self.floor_s: float | None = None
        self._before = 0.0  # the limit before an outage
        self._floor_n = 0.0
        self._ends_s = float("-inf")
        self._count = self._dropped = self._windows = 0
        self._in_flight = self._logs = self._lasted_s = 0.0

    @property
    def limit(self) -> float:
        """How many may be in flight; compare through `admits`."""
        return self._limit

    def sample(self, rtt_s: float, in_flight: int, dropped: bool, now: float, lasted_s: float = 0.0) -> None:  # noqa: FBT001 - hot path
        """One request is known: its latency, how many were in flight with it (itself included), whether it was dropped.

        Dropped is what the backend refused for load or did not answer in time; its latency is not used. `lasted_s` is
        the whole request where the latency given is a part of it: so old is what is known of it.
        """
        if dropped:
            self._dropped += 1
        elif rtt_s > 0:
            self._logs += log(rtt_s)
            self._lasted_s += max(rtt_s, lasted_s)
            self._in_flight += in_flight
            self._count += 1
        if now >= self._ends_s and self._count + self._dropped >= SAMPLES:
            self._close(now)

    def _close(self, now: float) -> None:
        rtt_s = exp(self._logs / self._count) if self._count else 0.0
        aim = self._aim(rtt_s, self._in_flight / self._count) if self._count else self._limit
        if self._dropped:
            aim = min(aim, DROP * self._limit)
            self._before = DROP * self._before if self._count else max(self._before, self._limit)
            aim = aim if self._count else max(aim, RETREAT * self._before)
        aim = aim if aim > self._limit else (self._limit + aim) / 2
        self._limit = min(self._most, max(self._least, aim))
        if self._count:
            self._ends_s = now + (rtt_s if self._windows <= WARM_UP else self._lasted_s / self._count)
        self._count = self._dropped = 0
        self._in_flight = self._logs = self._lasted_s = 0.0

    def _aim(self, rtt_s: float, n: float) -> float:
        floor_s = self._learn(rtt_s, n)
        limit = self._limit
        wanted_s = self._ceiling_s if self._windows <= WARM_UP else min(self._ceiling_s, self._tolerance * floor_s)
        if rtt_s > wanted_s:
            self._before = 0.0
        again = min(2 * limit, self._before)
        if n < limit / 2:
            if rtt_s <= wanted_s or n <= 2 * self._floor_n or self._windows <= WARM_UP:
                return limit
            limit = self._limit = 2 * n
        if self._windows <= WARM_UP and rtt_s <= wanted_s:
            return max(limit, again)
        headroom = max(1.0, HEADROOM * limit)
        gradient = max(_LEAST_GRADIENT, wanted_s / rtt_s)
        return max(limit + headroom, again) if gradient >= 1 else min(limit, n * gradient + headroom)

    def _learn(self, rtt_s: float, n: float) -> float:
        self._windows += 1
        if self.floor_s is None or self._windows <= WARM_UP:
            step = 1 / self._windows
            self.floor_s = rtt_s if self.floor_s is None else self.floor_s + step * (rtt_s - self.floor_s)
            self._floor_n += step * (n - self._floor_n)
            return self.floor_s
        below = n <= self._floor_n
        if below or rtt_s <= self.floor_s:
            step = FLOOR_STEP if rtt_s <= self._tolerance * self.floor_s else FLOOR_LEAP
            self.floor_s += step * (rtt_s - self.floor_s)
        if not below and rtt_s <= self.floor_s:
            self._floor_n += FLOOR_STEP * (n - self._floor_n)
        elif self._floor_n > FLOOR_SHARE * self._limit:
            self._floor_n *= 1 - FLOOR_FADE
        return self.floor_s


def admits(in_flight: int, limit: float, share: float) -> bool:
    """Whether a tier with this share of the limit gets in beside `in_flight` others.

    It does below its share of the limit, and always where nothing is in flight. The whole share may go over the limit
    by its square root, the noise of a count: a burst of what must not be shed is no sign of load. As the bound grows
    with the share, whenever a tier is refused every lower one is refused too.
    """
    if in_flight == 0:
        return share > 0
    return in_flight < limit * share + (sqrt(limit) if share >= 1 else 0.0)
