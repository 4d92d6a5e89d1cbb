"""The question that every candidate is weighed against."""

from __future__ import annotations

from breakeven.quantity import SECONDS_PER_MONTH
from breakeven.schema.noun import Noun
from breakeven.schema.objective import Objective
from breakeven.schema.workload import Workload


class Question(Noun, frozen=True, kw_only=True):
    """Demand and targets of one use case. `used_share` is useful / in budget where the ledger measured it."""

    workload: Workload
    objective: Objective
    used_share: float | None = None

    @property
    def monthly_predictions(self) -> float:
        """Requests in a month of 730 hours at the mean rate."""
        return self.workload.rate_mean_rps * SECONDS_PER_MONTH
