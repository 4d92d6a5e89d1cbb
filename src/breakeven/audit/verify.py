"""Did it come true? Each promise of a plan against what the ledger measured.

The rule: a promise came true when the 80 % interval of the actual figure overlaps the predicted interval; otherwise the
actual is better or worse by the metric's direction. Too few rows are "not enough evidence", a figure that no event can
tell is "not measurable"; neither counts for or against the plan.
"""

from __future__ import annotations

import msgspec

from breakeven.audit.actual import ACTUALS, Actual
from breakeven.errors import UsageError
from breakeven.schema.finding import Finding, Verdict
from breakeven.schema.noun import Figure
from breakeven.schema.plan import Plan, Promise
from breakeven.schema.statement import Observation

HIGHER_IS_BETTER = frozenset({"goodput_share"})


def verify(plan: Plan, observation: Observation, holdout: Observation | None = None) -> tuple[Finding, ...]:
    """One finding for every promise the plan makes about the observed use case and deployment, in the plan's order.

    With a holdout, each has the same figure of what served before, measured at the same time.

    Raises:
        UsageError: the plan promises nothing about that deployment.
    """
    promises = [promise for promise in plan.promises if _about(promise, observation)]
    if not promises:
        seen = f"{observation.use_case} on {observation.deployment}"
        promised = sorted({f"{promise.use_case} on {promise.deployment}" for promise in plan.promises})
        message = f"plan {plan.id} promises nothing about {seen}; it does about {', '.join(promised) or 'nothing'}"
        raise UsageError(message, "observe the deployment that the plan chose")
    found = (check(plan.id, promise, observation) for promise in promises)
    return tuple(found if holdout is None else (beside(one, holdout) for one in found))


def beside(finding: Finding, holdout: Observation) -> Finding:
    """The finding with the same figure of the holdout, where it can be measured."""
    measure = ACTUALS.get(finding.metric)
    if measure is None or not holdout.n:
        return finding
    held = measure(holdout)
    return msgspec.structs.replace(
        finding, holdout=held.value, holdout_low=held.low, holdout_high=held.high, holdout_n=held.n
    )


def _about(promise: Promise, seen: Observation) -> bool:
    return (promise.use_case, promise.deployment) == (seen.use_case, seen.deployment)


def check(plan_id: str, promise: Promise, seen: Observation) -> Finding:
    """One promise against one observation."""
    measure = ACTUALS.get(promise.metric)
    unknown = Actual(missing="no way to measure this metric is known", measurable=False)
    return finding(plan_id, promise, seen, unknown if measure is None else measure(seen))


def finding(plan_id: str, promise: Promise, seen: Observation, actual: Actual) -> Finding:
    """A promise against a measured figure."""
    return Finding(
        plan_id=plan_id,
        metric=promise.metric,
        unit=promise.predicted.unit,
        predicted=promise.predicted.value,
        predicted_low=promise.predicted.low,
        predicted_high=promise.predicted.high,
        actual=actual.value,
        low=actual.low,
        high=actual.high,
        verdict=judge(promise.metric, promise.predicted, actual),
        n=actual.n,
        basis="measured" if actual.value is not None else "unknown",
        use_case=seen.use_case,
        deployment=seen.deployment,
        note=_note(actual, seen),
    )


def judge(metric: str, predicted: Figure, actual: Actual) -> Verdict:
    """The verdict of the rule above."""
    if not actual.measurable:
        return "not_measurable"
    expected = _bounds(predicted)
    if expected is None or actual.low is None or actual.high is None:
        return "not_enough_evidence"
    low, high = expected
    if actual.low <= high and actual.high >= low:
        return "came_true"
    return "better" if (actual.low > high) == (metric in HIGHER_IS_BETTER) else "worse"


def _bounds(figure: Figure) -> tuple[float, float] | None:
    if figure.low is not None and figure.high is not None:
        return figure.low, figure.high
    return None if figure.value is None else (figure.value, figure.value)


def _note(actual: Actual, seen: Observation) -> str:
    emulated = "the deployment is emulated" if seen.emulated else ""
    part = f"measured with {seen.share:.0%} of the use case's traffic" if seen.share < 1 and not actual.note else ""
    return "; ".join(text for text in (actual.missing, actual.note, part, emulated) if text)
