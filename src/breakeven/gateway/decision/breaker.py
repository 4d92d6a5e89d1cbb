"""When a deployment is left alone: a windowed failure share, one probe at a time, and a last target that stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from breakeven.schema.policy import Breaker

CircuitState = Literal["closed", "open", "half_open"]
Leave = Literal["yes", "probe", "no"]
BUCKETS = 10
"""The window slides by tenths of itself."""
SILENT_TRIES = 2
"""Times `Breaker.least` failures in a row, over at least a tenth of the window, count as dead before it has passed."""
_NEVER = float("-inf")


class Circuit:
    """What one worker knows of one deployment's health. Instants are monotonic seconds.

    Every try is told three times: `entered` when it is sent, then `succeeded` or `failed`. With `entered_s` (what
    `now` was at `entered`) a try from before the last change of state is not taken as news of the present.
    """

    __slots__ = (
        "_bad", "_bad_sum", "_changed_s", "_ends_s", "_good", "_good_sum", "_held_until", "_least", "_open", "_place",
        "_probe_s", "_probed", "_probes_from", "_row", "_share", "_width_s", "last_success_s",
    )  # fmt: skip

    def __init__(self, rule: Breaker) -> None:
        self._share = rule.failures
        self._least = max(1, rule.least)
        self._width_s = rule.window_s / BUCKETS
        self._probe_s = rule.probe_s
        self._good, self._bad = [0] * BUCKETS, [0] * BUCKETS
        self._good_sum = self._bad_sum = self._place = self._row = 0
        self._ends_s = self._changed_s = self._held_until = self._probes_from = _NEVER
        self._open = self._probed = False
        self.last_success_s = _NEVER

    @property
    def opened_s(self) -> float | None:
        """Since when it is open; None while closed."""
        return self._changed_s if self._open else None

    def state(self, now: float) -> CircuitState:
        """Closed: tries go through. Open: none does. Half open: a probe may go, or is out."""
        if now < self._held_until:
            return "open"
        if not self._open:
            return "closed"
        return "half_open" if self._probed or now >= self._probes_from else "open"

    def allows(self, now: float) -> Leave:
        """Whether a try may go now; "probe" says that it would be the only one of its interval. Changes nothing."""
        if now < self._held_until:
            return "no"
        if not self._open:
            return "yes"
        return "probe" if now >= self._probes_from else "no"

    def entered(self, now: float) -> bool:
        """A try is sent; True where it is the probe. No other follows for an interval, reported or not."""
        if not self._open or self.allows(now) != "probe":
            return False
        self._probes_from = now + self._probe_s
        self._probed = True
        return True

    def succeeded(self, now: float, entered_s: float | None = None) -> None:
        """A try was answered well. The first that was sent after opening closes the circuit."""
        self._advance(now)
        self.last_success_s = now
        if self._open and (self._probed if entered_s is None else entered_s >= self._changed_s):
            self._change(now, opened=False)
        self._row = 0
        self._good[self._place] += 1
        self._good_sum += 1

    def failed(self, now: float, entered_s: float | None = None) -> None:
        """A try came to nothing. Tries from before the last change of state are not counted."""
        if entered_s is not None and entered_s < self._changed_s:
            return
        self._advance(now)
        self._row += 1
        self._bad[self._place] += 1
        self._bad_sum += 1
        if not self._open and self._tripped(now):
            self._change(now, opened=True)

    def trip(self, now: float) -> None:
        """Open it as dead for another reason than its failures, such as a frozen engine."""
        self._row = max(self._row, SILENT_TRIES * self._least)
        if not self._open:
            self._change(now, opened=True)

    def hold(self, until: float) -> None:
        """Let nothing through before an instant, probes included: the backend said Retry-After."""
        self._held_until = max(self._held_until, until)

    def dead(self, now: float) -> bool:
        """Open without a success in the window, or after a long row of failures: not sick, gone."""
        if not self._open:
            return False
        self._advance(now)
        return self._good_sum == 0 or self._silent(now)

    def _tripped(self, now: float) -> bool:
        tries = self._good_sum + self._bad_sum
        return (tries >= self._least and self._bad_sum >= self._share * tries) or self._silent(now)

    def _silent(self, now: float) -> bool:
        return self._row >= SILENT_TRIES * self._least and now - self.last_success_s >= self._width_s

    def _change(self, now: float, *, opened: bool) -> None:
        self._open = opened
        self._probed = False
        self._changed_s = now
        self._probes_from = now + self._probe_s
        if not opened:
            self._clear(BUCKETS)

    def _advance(self, now: float) -> None:
        if now < self._ends_s:
            return
        passed = BUCKETS if self._ends_s == _NEVER else 1 + int((now - self._ends_s) / self._width_s)
        self._clear(min(passed, BUCKETS))
        self._ends_s = now + self._width_s if passed >= BUCKETS else self._ends_s + passed * self._width_s

    def _clear(self, buckets: int) -> None:
        """Move on by so many buckets, forgetting what they held."""
        for _ in range(buckets):
            self._place = (self._place + 1) % BUCKETS
            self._good_sum -= self._good[self._place]
            self._bad_sum -= self._bad[self._place]
            self._good[self._place] = self._bad[self._place] = 0


def usable(circuits: Sequence[Circuit], now: float) -> tuple[int, ...]:
    """Positions of the targets that may be tried: the closed ones, and at most one probe.

    The last of a set to open stays usable while it is sick rather than dead (panic: a sick answer beats none). A dead
    set, of one target too, gets its probe and nothing else. What Retry-After holds is never among them.
    """
    leaves = [circuit.allows(now) for circuit in circuits]
    if "no" not in leaves and "probe" not in leaves:
        return tuple(range(len(leaves)))
    kept = {position for position, leave in enumerate(leaves) if leave == "yes"} or _last(circuits, now)
    due = [position for position, leave in enumerate(leaves) if leave == "probe"]
    probe = due[:1] if kept.isdisjoint(due) else []
    return tuple(sorted(kept.union(probe)))


def _last(circuits: Sequence[Circuit], now: float) -> set[int]:
    sick = [
        (circuit.opened_s or 0.0, position)
        for position, circuit in enumerate(circuits)
        if now >= circuit._held_until and not circuit.dead(now)  # noqa: SLF001 - of one module
    ]
    return {max(sick)[1]} if sick else set()
