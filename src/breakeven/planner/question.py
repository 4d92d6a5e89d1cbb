"""The question that every candidate is weighed against."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from breakeven.quantity import SECONDS_PER_MONTH
from breakeven.schema.noun import Noun
from breakeven.schema.objective import Objective
from breakeven.schema.statement import Statement
from breakeven.schema.workload import Workload

FACTORS: Mapping[str, float] = {"low": 0.5, "medium": 1.0, "peak": 2.0}
"""Levels of load, as multiples of the observed demand; its shape stays."""

OUTSIDE = frozenset({"idle", "over_attributed", "unobserved", "not_served", "late"})
"""Steps of a statement's waterfall whose predictions were not in budget, or not observed."""


class Question(Noun, frozen=True, kw_only=True):
    """Demand and targets of one use case.

    `used_share` is useful / in budget where the ledger measured it, over `used_n` predictions. `rates_rps` are requests
    per second in windows of `rates_s` seconds where demand is known for longer than the trace that is simulated.
    """

    workload: Workload
    objective: Objective
    used_share: float | None = None
    used_n: int = 0
    rates_rps: tuple[float, ...] = ()
    rates_s: float = 0.0

    @property
    def sized_rps(self) -> float:
        """Requests per second that replicas are to carry in budget: the 95th percentile of demand, and the margin."""
        return self.workload.rate_p95_rps * (1.0 + self.objective.margin)

    @property
    def monthly_predictions(self) -> float:
        """Requests in a month of 730 hours at the mean rate."""
        return self.workload.rate_mean_rps * SECONDS_PER_MONTH


def part_of(question: Question, factor: float) -> Question:
    """The same question for a multiple of the demand."""
    load = question.workload
    rates = {name: getattr(load, name) * factor for name in ("rate_mean_rps", "rate_p95_rps", "rate_max_rps")}
    return msgspec.structs.replace(question, workload=msgspec.structs.replace(load, **rates))


def used_share(statement: Statement, use_case: str) -> float | None:
    """Useful / in-budget predictions of a use case, over the rows whose use could be observed; None when unmeasured.

    From the use case's waterfall: what was used or converted, over all that was in budget and not unobserved.
    """
    cuts = (cut for cut in statement.cuts if (cut.dimension, cut.key) == ("use_case", use_case))
    cut = next(cuts, None)
    if cut is None or cut.useful is None:
        return None
    inside = observed_count(statement, use_case)
    return cut.useful / inside if inside else None


def observed_count(statement: Statement, use_case: str) -> int:
    """Predictions of a use case that were in budget and whose use could be observed: what its used share rests on."""
    cuts = (cut for cut in statement.cuts if (cut.dimension, cut.key) == ("use_case", use_case))
    return sum(step.predictions or 0 for cut in list(cuts)[:1] for step in cut.waterfall if step.name not in OUTSIDE)
