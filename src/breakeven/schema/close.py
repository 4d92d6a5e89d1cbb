"""A month that was closed: its statement frozen, in a chain in which each close holds the hash of the one before."""

from __future__ import annotations

from breakeven.schema.noun import Noun


class Frozen(Noun, frozen=True, kw_only=True):
    """The figures of a closed month: pico-USD and counts, in all and by use case."""

    predictions: int
    useful_predictions: int | None
    cost_pico_usd: int
    direct_pico_usd: int
    capacity_pico_usd: int
    revenue_usd: float
    by_use_case: dict[str, tuple[int, int]] = {}
    """Predictions and cost in pico-USD."""


class Close(Noun, frozen=True, kw_only=True):
    """One closed month. `hash` is SHA-256 over everything else in canonical JSON, `previous` the hash before it.

    `invoices` are the reconciliations it rests on: file and pico-USD in doubt. `forced` is why it was closed although
    something spoke against it, and `against` what did.
    """

    month: str
    closed_at: str
    statement: Frozen
    statement_hash: str
    previous: str = ""
    invoices: tuple[tuple[str, int], ...] = ()
    against: tuple[str, ...] = ()
    forced: str = ""
    hash: str = ""


class Adjustment(Noun, frozen=True, kw_only=True):
    """What the ledger says now of a closed month, less what was frozen."""

    predictions: int
    useful_predictions: int
    cost_pico_usd: int
    revenue_usd: float
    by_use_case: dict[str, tuple[int, int]] = {}

    @property
    def nothing(self) -> bool:
        """Whether the month still is what it was."""
        return not (self.predictions or self.useful_predictions or self.cost_pico_usd or self.by_use_case)


class Standing(Noun, frozen=True, kw_only=True):
    """A close in its chain: whether its hashes hold, what is wrong otherwise, and the adjustment since."""

    close: Close
    sound: bool
    wrong: str = ""
    adjustment: Adjustment | None = None
