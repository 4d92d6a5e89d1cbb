"""May a rollout go on? The plan's arm must be shown to be no worse than the holdout, within margins that are stated.

A measure did harm when the 80 % interval of the difference lies wholly on its bad side; it did none when the interval's
bad end is within the margin; in between there is not enough evidence. Shares differ with Newcombe's interval
(1998, method 10: each share's Wilson bounds); costs by the ratio of their intervals' ends, which is wider than needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from breakeven.audit.actual import ENOUGH, of_cost
from breakeven.audit.interval import wilson
from breakeven.quantity import format_usd
from breakeven.schema.guard import Followed, Guard, Guarded, GuardName, GuardVerdict
from breakeven.schema.statement import Observation

SHARE_MARGIN = 0.05
"""Five points of attainment or tracking: what `audit.tracking` calls no news."""
COST_MARGIN = 0.10
"""A tenth of the cost. Both margins are this project's assumptions, stated in docs/decision-log.md."""

Counts = tuple[int, int]
"""How many of how many."""


def guard(plan: Observation, holdout: Observation, followed: Sequence[Followed]) -> Guard:
    """All measures of the two deployments of one use case; `followed` are rows about both."""
    measures = (
        shares("attainment", (plan.in_budget, plan.n), (holdout.in_budget, holdout.n)),
        *_costs(plan, holdout),
        _tracking(_tracked(followed, plan.deployment), _tracked(followed, holdout.deployment)),
    )
    return Guard(plan_deployment=plan.deployment, holdout_deployment=holdout.deployment, measures=measures)


def newcombe(one: Counts, other: Counts) -> tuple[float, float]:
    """The 80 % interval of the first share less the second.

    Raises:
        ValueError: one of them is of nothing.
    """
    (low_1, high_1), (low_2, high_2) = wilson(*one), wilson(*other)
    share_1, share_2 = one[0] / one[1], other[0] / other[1]
    difference = share_1 - share_2
    low = difference - math.hypot(share_1 - low_1, high_2 - share_2)
    return low, difference + math.hypot(high_1 - share_1, share_2 - low_2)


def shares(measure: GuardName, plan: Counts, holdout: Counts, *, margin: float = SHARE_MARGIN) -> Guarded:
    """A share of which more is good, in both arms."""
    fewest = min(plan[1], holdout[1])
    if fewest < ENOUGH:
        said = f"{plan[1]} predictions of the plan and {holdout[1]} of the holdout; each needs {ENOUGH}"
        return _told(measure, None, None, None, (margin, "not_enough_evidence", said))
    low, high = newcombe(plan, holdout)
    verdict: GuardVerdict = "harm" if high < 0 else "no_harm" if low > -margin else "not_enough_evidence"
    here, there = plan[0] / plan[1], holdout[0] / holdout[1]
    said = f"{here:.1%} against {there:.1%}: a difference of {low * 100:+.1f} to {high * 100:+.1f} points"
    return _told(measure, here, there, (low, high), (margin, verdict, said))


def _costs(plan: Observation, holdout: Observation, margin: float = COST_MARGIN) -> Iterator[Guarded]:
    useful = plan.useful is not None and holdout.useful is not None
    mine, theirs = (of_cost(one, per=1.0, useful=useful) for one in (plan, holdout))
    if not mine.low or not mine.high or not theirs.low or not theirs.high:
        measurable = mine.measurable and theirs.measurable
        verdict: GuardVerdict = "not_enough_evidence" if measurable else "not_measurable"
        why = f"of the plan: {mine.missing or 'known'}; of the holdout: {theirs.missing or 'known'}"
        yield _told("cost", mine.value, theirs.value, None, (margin, verdict, why))
        return
    low, high = mine.low / theirs.high - 1, mine.high / theirs.low - 1
    verdict = "harm" if low > 0 else "no_harm" if high < margin else "not_enough_evidence"
    said = (
        f"{format_usd(mine.value)} against {format_usd(theirs.value)} per {'useful' if useful else 'in-budget'} "
        f"prediction: {low:+.1%} to {high:+.1%}"
    )
    yield _told("cost", mine.value, theirs.value, (low, high), (margin, verdict, said))


def _tracking(plan: Counts, holdout: Counts) -> Guarded:
    if not plan[0] and not holdout[0]:
        said = "no exposure and no outcome was heard of in either arm"
        return _told("tracking", None, None, None, (SHARE_MARGIN, "not_measurable", said))
    return shares("tracking", plan, holdout)


def _tracked(rows: Sequence[Followed], deployment: str) -> Counts:
    mine = [row for row in rows if row.deployment == deployment]
    return sum(row.tracked for row in mine), sum(row.delivered for row in mine)


def _told(
    measure: GuardName,
    plan: float | None,
    holdout: float | None,
    bounds: tuple[float, float] | None,
    judged: tuple[float, GuardVerdict, str],
) -> Guarded:
    low, high = bounds if bounds is not None else (None, None)
    margin, verdict, said = judged
    return Guarded(
        measure=measure, plan=plan, holdout=holdout, low=low, high=high, margin=margin, verdict=verdict, said=said
    )
