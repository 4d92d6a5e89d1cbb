"""What changes by a share a year or a month: its factor by month, found once for everything that follows it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from breakeven.algebra.amount import Amount, Array, number
from breakeven.algebra.unit import UnitError, Units, require
from breakeven.study.known import Known

MONTHS_PER_YEAR = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends:
    """The factors of one reading of a study."""

    units: Units
    horizon: int
    _found: dict[tuple[int, bool], tuple[Array, Amount]] = field(default_factory=dict)

    @property
    def months(self) -> Array:
        """(1, months) months since month 1."""
        return np.arange(self.horizon, dtype=np.float64).reshape(1, -1)

    def growth(self, change: Known) -> Amount:
        """(1 + change)^(months since the start), month 1 being 1; the change is per year, or per month if stated so.

        Raises:
            UnitError: it is neither, or falls by 100 % or more.
        """
        yearly = not (change.monthly and change.amount.dims)
        if not change.amount.dims and np.any(np.abs(change.amount.values) > 1):
            message = f"a trend of {change.text} says neither per what time nor that it is in per cent"
            raise UnitError(message, "write `3 %/month` or `40 %/year`")
        stated = change.amount.values
        kept, found = self._found.get((id(stated), yearly), (None, None))
        if kept is not stated or found is None:
            found = self._growth(change, yearly=yearly)
            self._found[id(stated), yearly] = (stated, found)
        return found

    def _growth(self, change: Known, *, yearly: bool) -> Amount:
        per_month = self.units.parse("1/month")
        if change.amount.dims not in {(), per_month.dims, (("month", -1),)}:
            require("a trend", change.amount.dims, per_month.dims)
        size = change.amount.values
        if change.amount.dims:
            size = size / per_month.factor * (MONTHS_PER_YEAR if yearly else 1)
        if np.any(size <= -1):
            message = f"a trend of {change.text} falls by 100 % or more"
            raise UnitError(message, "state what is left: a fall of 40 % a year is `-40 %/year`")
        exponent = self.months / MONTHS_PER_YEAR if yearly else self.months
        with np.errstate(over="ignore"):
            found = np.exp(np.log1p(size) * exponent)
        if not np.isfinite(found).all():
            message = f"a trend of {change.text} is beyond any number after {self.horizon} months"
            raise UnitError(message, "state a smaller change, such as `40 %/year`")
        return number(found)
