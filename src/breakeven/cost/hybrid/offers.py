"""What a mix is made of, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass

Price = float | tuple[float, ...]
"""USD per hour: one for the whole horizon, or one per period (prices fall, and rise)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """Machines that are owned or reserved: paid every hour of their term, used or not.

    `usd_per_machine_h` is the price in the period the term starts in, kept for the whole term. A machine provides
    `units_per_machine` units of load. At most `most` run at a time (None: no limit). A term of `term_periods` starts
    at any period from `first_period` on that leaves room for it; None is the whole horizon, or with `to_the_end` from
    any period to the last. `used_usd_per_unit_h` is paid on top for each unit-hour that serves.
    """

    name: str
    usd_per_machine_h: Price
    units_per_machine: float = 1.0
    most: int | None = None
    term_periods: int | None = None
    first_period: int = 0
    to_the_end: bool = False
    used_usd_per_unit_h: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Interruptible capacity, paid per unit-hour used, for at most `most_share` of the need of any hour."""

    usd_per_unit_h: Price
    most_share: float
    name: str = "spot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One source of a mix over the horizon.

    `machines` run in each period and `started` begin their term in it; both are empty for what is paid by use.
    Committed sources serve in the order of what a used unit-hour costs, then of their price per unit.
    """

    name: str
    machines: tuple[int, ...]
    started: tuple[int, ...]
    served_unit_h: float
    paid_unit_h: float
    cost_usd: float

    @property
    def idle_share(self) -> float | None:
        """Share of the unit-hours paid for that serve nothing; None where nothing is paid for."""
        return 1 - self.served_unit_h / self.paid_unit_h if self.paid_unit_h else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """The cheapest mix found; `cost_usd` is computed on every hour, not on blocks.

    No mix costs less than `bound_usd` (the solver's bound on a relaxation), so `gap` is what could still be saved at
    most, as a share of the cost. `blocks` is the size of the load-duration curves solved last, all periods together.
    """

    parts: tuple[Part, ...]
    cost_usd: float
    bound_usd: float
    need_unit_h: float
    all_on_demand_usd: float
    blocks: int

    @property
    def gap(self) -> float:
        """(cost - bound) / cost, at least 0."""
        return max(0.0, 1 - self.bound_usd / self.cost_usd) if self.cost_usd > 0 else 0.0
