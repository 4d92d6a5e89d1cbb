"""What a worker tells and asks of the store, what it is answered, and the rule by which money is shared out."""

from __future__ import annotations

from typing import NamedTuple

from breakeven.gateway.allowance.marks import NO_SLOT

BUCKET = -1
"""The `start` of a rate's lease: it belongs to no period."""


class Ask(NamedTuple):
    """What a worker says of one purse and wants for it.

    Nothing is leased while less than `need` is left; then `wish`, and up to `chunk` more. `end` ends the lease.
    """

    key: str
    start: int
    slot: int = NO_SLOT
    granted: int = 0
    spent: int = 0
    reserved: int = 0
    need: int = 0
    wish: int = 0
    chunk: int = 0
    limit: int = 0
    rate_per_s: float = 0.0
    burst: int = 0
    alert_at: tuple[float, ...] = ()
    end: bool = False

    @property
    def worst(self) -> int:
        """Spent if all that is reserved is used."""
        return self.spent + self.reserved

    @property
    def held(self) -> int:
        """What the lease must cover: more than was granted once more is spent."""
        return max(self.granted, self.worst)


class Answer(NamedTuple):
    """What the lease is now, what is left for anybody, what all have spent, and how many others hold leases.

    `extra` was leased beyond what was wished; `raised` are the alerts that this visit is the first to raise.
    """

    granted: int
    left: int = 0
    spent: int = 0
    others: int = 0
    extra: int = 0
    raised: tuple[float, ...] = ()


class Lease(NamedTuple):
    """A lease as it stands in the file."""

    slot: int
    granted: int
    spent: int
    reserved: int

    @property
    def idle(self) -> int:
        """Leased and, as far as was told, neither spent nor reserved."""
        return self.granted - self.spent - self.reserved


class Others(NamedTuple):
    """The leases of all other workers on one allowance, added up."""

    workers: int
    granted: int
    spent: int
    idle: int


def shared_out(ask: Ask, left: int, holders: int) -> tuple[int, int]:
    """How much is leased of what is left, and how much of that was not wished for.

    A chunk is at most half of an equal share of what remains (guided self-scheduling, Polychronopoulos and Kuck 1987):
    so leases shrink towards the edge, and little lies idle when the last of an allowance is asked for.
    """
    if left < ask.need:
        return 0, 0
    extra = max(0, min(ask.chunk, (left - ask.wish) // (2 * holders)))
    return max(0, min(left, ask.wish + extra)), extra
