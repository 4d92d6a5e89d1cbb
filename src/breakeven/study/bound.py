"""What a quantity that a file states can be at all; draws and searches go beyond it and are not refused."""

from __future__ import annotations

import math
from dataclasses import dataclass

from breakeven.errors import StudyError

ROUNDING = 1e-9
"""What 730 hours of a month of 730 hours may come to above 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """From `least` to `most` in base units; `open` excludes the least. `told` is how it is said."""

    least: float
    told: str
    most: float = math.inf
    open: bool = False

    def holds(self, least: float, most: float) -> bool:
        """Whether all values from the least to the most lie inside; nan does not."""
        inside = least > self.least if self.open else least >= self.least
        return inside and most <= self.most * (1 + ROUNDING)


SHARE = Bound(least=0.0, most=1.0, told="between 0 and 100 %")
USED = Bound(least=0.0, most=1.0, open=True, told="above 0 and at most 100 % of the month")
COUNT = Bound(least=0.0, told="0 or more")
POSITIVE = Bound(least=0.0, open=True, told="above 0")
RATE = Bound(least=-1.0, most=5.0, open=True, told="above -100 % and at most 500 % a year")
"""A cost of capital; above it, per cent were left out."""
MULTIPLE = Bound(least=0.0, most=10.0, told="between 0 and 1,000 %")
"""A share of something that may be more than all of it; above this, per cent were left out."""
PART = Bound(least=-10.0, most=10.0, told="between -1,000 and 1,000 %")
"""The same of a line, which may be income."""
PUE = Bound(least=1.0, most=5.0, told="between 1 and 5")
SERVER_RATIO = Bound(least=1.0, most=10.0, told="between 1 and 10")
FROM_ONE = Bound(least=1.0, told="1 or more")


class AbsentError(StudyError):
    """A figure that rests on something the study does not state; what it states wrongly is another error."""


class UnpricedError(StudyError):
    """Something that is asked for rests on a price that nobody has stated: it is unpriced, and never nothing."""
