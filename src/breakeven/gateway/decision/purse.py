"""What one worker may still use of one allowance in one period: reserve before sending, settle afterwards."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Protocol

from breakeven.gateway.decision.allowance import MOST, Allowance

CELLS = 3
_GRANTED, _RESERVED, _SPENT = range(CELLS)


class Cells(Protocol):
    """Three signed 64-bit integers: granted, reserved, spent. Shared memory in a worker, an array anywhere else."""

    def __getitem__(self, index: int, /) -> int: ...

    def __setitem__(self, index: int, value: int, /) -> None: ...


def heap_cells() -> array[int]:
    """Cells that die with the process."""
    return array("q", (0,) * CELLS)


class Purse:
    """Counts in the units of its allowance: pico-USD, requests or tokens.

    The cells outlive the process, which may be killed between any two writes. So each operation first writes what
    makes `free` smaller and `worst` larger: whoever reads the cells of a dead process finds at most what was free.

    What a rate's reservation did not use leaves the purse with its settlement: it goes back into the bucket, where
    all workers together are held to the burst.
    """

    __slots__ = ("_bucket", "_cells", "allowance")

    def __init__(self, allowance: Allowance, cells: Cells) -> None:
        self.allowance = allowance
        self._bucket = allowance.rate_per_s > 0
        self._cells = cells

    @property
    def granted(self) -> int:
        """Leased to this worker, used or not."""
        return self._cells[_GRANTED]

    @property
    def reserved(self) -> int:
        """Set aside for requests in flight."""
        return self._cells[_RESERVED]

    @property
    def spent(self) -> int:
        """Used by requests that have ended."""
        return self._cells[_SPENT]

    @property
    def free(self) -> int:
        """What can still be reserved; negative after spending more than was granted."""
        cells = self._cells
        return cells[_GRANTED] - cells[_RESERVED] - cells[_SPENT]

    @property
    def worst(self) -> int:
        """What will have been spent if everything in flight uses all that it reserved."""
        return self._cells[_RESERVED] + self._cells[_SPENT]

    @property
    def overspent(self) -> int:
        """How much more than granted is spent or reserved; 0 as long as no settlement exceeded its reservation."""
        return max(0, -self.free)

    def reserve(self, amount: int) -> bool:
        """Set an amount aside; False, and nothing changes, where less is free.

        Raises:
            ValueError: the amount is negative.
        """
        if amount < 0:
            message = f"{amount} cannot be reserved of {self.allowance.name!r}: it is negative"
            raise ValueError(message)
        cells = self._cells
        if cells[_GRANTED] - cells[_RESERVED] - cells[_SPENT] < amount:
            return False
        cells[_RESERVED] += amount
        return True

    def settle(self, reserved: int, actual: int) -> None:
        """End a reservation: all of it is given back, `actual` is spent, also where that is more.

        With nothing reserved it spends: so is counted what was served while the allowances could not be asked.

        Raises:
            ValueError: more is settled than is reserved, or an amount is negative.
        """
        cells = self._cells
        if reserved < 0 or actual < 0 or reserved > cells[_RESERVED]:
            message = f"{reserved} of {self.allowance.name!r} cannot settle at {actual}: {cells[_RESERVED]} is reserved"
            raise ValueError(message)
        cells[_SPENT] = min(cells[_SPENT] + actual, MOST)
        if self._bucket and actual < reserved:
            cells[_GRANTED] -= reserved - actual
        cells[_RESERVED] -= reserved

    def release(self, amount: int) -> None:
        """Undo a reservation that nothing was sent for; it stays in the purse.

        Raises:
            ValueError: more is released than is reserved, or the amount is negative.
        """
        if not 0 <= amount <= self._cells[_RESERVED]:
            message = f"{amount} of {self.allowance.name!r} cannot be released: {self.reserved} is reserved"
            raise ValueError(message)
        self._cells[_RESERVED] -= amount

    def grant(self, amount: int) -> None:
        """Add what was leased to this worker, once the lease is on the disk."""
        self._cells[_GRANTED] += amount

    def empty(self) -> int:
        """Take out all that is free, to be given back; how much that was. What is used or reserved stays."""
        free = max(0, self.free)
        self._cells[_GRANTED] -= free
        return free

    def move(self, cells: Cells) -> None:
        """Go on in other cells."""
        for index in (_SPENT, _RESERVED, _GRANTED):
            cells[index] = self._cells[index]
        self._cells = cells


def reserve_each(wanted: Sequence[tuple[Purse, int]]) -> int:
    """Reserve in every purse or in none; the index of the first that had too little, -1 when all had enough."""
    for index, (purse, amount) in enumerate(wanted):
        if not purse.reserve(amount):
            for earlier, taken in wanted[:index]:
                earlier.release(taken)
            return index
    return -1
