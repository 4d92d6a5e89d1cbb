"""The sentences that stand where a number cannot."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from breakeven.report import number
from breakeven.schema.noun import Figure
from breakeven.schema.statement import Cut, Statement

NOT_MEASURABLE = "not measurable downstream"
NO_EVIDENCE = "not enough evidence"

STEPS = {
    "idle": "idle capacity",
    "over_attributed": "attributed beyond capacity",
    "measured_work": "work measured beyond what was derived",
    "not_served": "refused, failed or cancelled",
    "late": "answered late",
    "unobserved": "unobserved by replay",
    "unidentified": "in budget, for nobody identified",
    "not_measurable": "in budget, use not measurable downstream",
    "not_used": "in budget, not used",
    "used": "used, not converted",
    "converted": "converted",
}
"""How the steps of the waterfall are written; an unknown step keeps its name."""

REVIEW_DAYS = 90
"""How long after the date of its prices a decision is read again, unless something calls for it earlier."""


def capital(sentence: str) -> str:
    """A sentence that begins with a capital letter, whatever the name it begins with."""
    return sentence[:1].upper() + sentence[1:]


def review(as_of: str, days: int = REVIEW_DAYS) -> str:
    """When to read the decision again; `as_of` is an ISO date, and of a month or a year its first day counts."""
    since = date.fromisoformat(f"{as_of}-01-01"[:10])
    by = since + timedelta(days=days)
    return (
        f"Review by {by.isoformat()}, {days} days after the date of the prices; earlier when a price, the demand or "
        f"another figure under what would change the decision has moved past its mark."
    )


def useful_cost(cut: Cut) -> str:
    """Cost per useful prediction of a cut, or why there is none."""
    if cut.useful is None:
        return NOT_MEASURABLE
    return number.figure(cut.cost_per_useful_prediction_usd, unknown=NO_EVIDENCE)


def conversion(cut: Cut) -> str:
    """Conversion rate with n and interval, or why there is none."""
    if cut.converted is None:
        return NOT_MEASURABLE
    rate, count = cut.conversion_rate, f"{cut.converted} converted"
    if not enough(rate):
        return f"{NO_EVIDENCE}: {count}"
    return f"{number.share(rate.value)} ({number.interval(rate.low, rate.high, 'share')}; {count})"


def enough(figure: Figure) -> bool:
    """Whether a figure has a value and an interval, so that it may be compared."""
    return figure.value is not None and figure.low is not None and figure.high is not None


def instant(time_s: float | None) -> str:
    """A Unix time in UTC to the second."""
    return "" if time_s is None else f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M:%S} UTC"


def period(statement: Statement) -> str:
    """From when to when, or that there is nothing."""
    if statement.start_s is None or statement.end_s is None:
        return "no predictions"
    return f"{instant(statement.start_s)} to {instant(statement.end_s)}"
