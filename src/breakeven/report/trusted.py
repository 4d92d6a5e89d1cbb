"""One line each for what the ledger says about its own numbers: tracking, agreement, experiments, drift, spending."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.quantity import format_count, format_usd
from breakeven.report import number
from breakeven.report.lift import NAMES
from breakeven.schema.drift import Drift, Spending
from breakeven.schema.experiment import Lift
from breakeven.schema.reconcile import Amount, Reconciliation
from breakeven.schema.tracking import BadCount
from breakeven.schema.tracking_health import TrackingHealth


def bad_line(found: Sequence[BadCount]) -> str:
    """How many events violate the tracking plan, and the first reasons."""
    if not found:
        return "no event violates the tracking plan"
    total = sum(one.events for one in found)
    reasons = "; ".join(f"{format_count(one.events)} x {_reason(one)}" for one in found[:2])
    return f"{format_count(total)} events violate the tracking plan and are kept aside: {reasons}"


def _reason(one: BadCount) -> str:
    said = one.examples[0].reason if one.examples else one.rule.replace("_", " ")
    return said if one.event_type in said else f"{one.path} of {one.event_type} {said}"


def health_line(found: TrackingHealth) -> str:
    """The verdict, and the worst measure."""
    wrong = [one for one in found.checks if one.verdict in {"bad", "warn"}]
    if not wrong:
        return found.verdict.replace("_", " ")
    more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return f"{found.verdict}: {wrong[0].why}{more}"


def reconciled_line(found: Reconciliation) -> str:
    """Whether the two sides agree, in requests and tokens."""
    if found.ledger == found.other or (not found.alarms and _counts(found.ledger) == _counts(found.other)):
        return f"the ledger agrees with the provider's own count to the token: {_counts(found.other)}"
    apart = f"the ledger has {_counts(found.ledger)}, the other side {_counts(found.other)}"
    return f"differs ({', '.join(found.alarms)}): {apart}" if found.alarms else f"agrees but for trifles: {apart}"


def _counts(one: Amount) -> str:
    tokens = f"{format_count(one.input_tokens)} + {format_count(one.output_tokens)} tokens"
    return f"{format_count(one.calls)} requests, {tokens}"


def lift_line(found: Lift) -> str:
    """The verdict on the metric that was asked for, with both sides and the interval."""
    name = NAMES.get(found.metric, found.metric)
    main = next((one for one in found.effects if one.metric == found.metric), None)
    if main is None or main.estimate is None or found.verdict.startswith("blocked"):
        return f"{name}: {found.verdict}{f', {found.why}' if found.why else ''}"
    sides = " against ".join(number.number(one, main.unit) for one in (main.treatment, main.control))
    bounds = number.interval(main.low, main.high, main.unit)
    relative = "" if main.relative is None else f" ({main.relative:+.0%})"
    return f"{name} {sides}{relative}: {found.verdict}{f'; difference {bounds} at every look' if bounds else ''}"


def drift_line(drifts: Sequence[Drift]) -> str:
    """How many series changed, or that there are too few days."""
    judged = [one for one in drifts if one.verdict != "not_enough_evidence"]
    if not judged:
        return "too few days to say whether anything changed"
    worse = sum(one.verdict == "worse" for one in judged)
    return f"{len(judged)} series judged, {worse} of them worse"


def spending_line(spending: Sequence[Spending]) -> str:
    """This month's money, and what it will come to."""
    if not spending:
        return "nothing spent"
    whole = spending[0]
    spent = f"{format_usd(whole.spent_usd)} spent"
    if whole.p50_usd is None:
        return f"{spent}; too few days to say what it will come to"
    return f"{spent}, {format_usd(whole.p50_usd)} expected ({number.interval(whole.p5_usd, whole.p95_usd, 'USD')})"
