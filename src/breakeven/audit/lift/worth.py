"""What better answers are worth against what they cost, and what testing on would be worth.

When an upgrade is worth it, `metric.worth` defines. With n more subjects an arm the estimate, normal around its mean mu
with standard error SE now and SE' then, moves by s = sqrt(SE^2 - SE'^2); over N predictions to come the expected value
of that information is N s [phi(u) - u (1 - Phi(u))] with u = abs(mu) / s (Raiffa and Schlaifer 1961, section 5.4).
"""

from __future__ import annotations

import math

import numpy as np
from msgspec.structs import replace

from breakeven.audit import normal
from breakeven.audit.lift import metrics
from breakeven.audit.lift.effect import BETTER, TOO_LITTLE, WORSE, Level, effect
from breakeven.audit.lift.metrics import Metric
from breakeven.audit.lift.sequence import per_arm
from breakeven.audit.lift.trial import Trial
from breakeven.metric.worth import threshold_usd
from breakeven.schema.experiment import Effect, Worth
from breakeven.schema.noun import Noun

_NET = Metric(over="revenue", per="row", unit="USD", higher_is_better=True)
_COST = Metric(over="cost", per="row", unit="USD", higher_is_better=False)
_WORDS = {BETTER: "worth it", WORSE: "not worth it", TOO_LITTLE: TOO_LITTLE}


class Stakes(Noun, frozen=True, kw_only=True):
    """USD a useful prediction brings and a wrong one costs; predictions still to come; more subjects an arm."""

    value_usd: float
    loss_usd: float = 0.0
    predictions_to_come: float | None = None
    more_subjects: int | None = None


def worth(trial: Trial, stakes: Stakes, level: Level) -> Worth:
    """The net gain per prediction with its interval, the value at which it is none, and the worth of testing on."""
    told, _ = metrics.told(trial, Metric(over="cost", per="useful", unit="USD", higher_is_better=False))
    net = effect(_net(told, stakes), "net_value", _NET, level)
    cost = effect(told, "cost_per_prediction", _COST, level).estimate
    useful = effect(told, "useful_share", metrics.METRICS["useful_share"], level).estimate
    more = stakes.more_subjects or int(per_arm(np.asarray(net.subjects_control), np.asarray(net.subjects_treatment)))
    known = Worth(
        value_usd=stakes.value_usd,
        loss_usd=stakes.loss_usd,
        extra_cost_usd=cost,
        extra_useful=useful,
        net=net,
        threshold_usd=threshold_usd(cost, useful),
        verdict=_WORDS.get(net.verdict, "not shown"),
    )
    return replace(known, **_future(net, stakes, more, len(told)))


def evsi_usd(mean_usd: float, shift_usd: float, predictions: float) -> float:
    """The expected value of a test that moves the estimate by `shift_usd` (a standard deviation)."""
    if shift_usd <= 0:
        return 0.0
    u = abs(mean_usd) / shift_usd
    return max(0.0, predictions * shift_usd * (normal.density(u) - u * normal.upper(u)))


def _net(trial: Trial, stakes: Stakes) -> Trial:
    """The trial with what each prediction brought less what it cost as its revenue, but for a constant of both arms."""
    gained = (stakes.value_usd + stakes.loss_usd) * trial.useful - trial.cost
    names = [name for name in trial.__slots__ if name != "revenue"]
    return Trial(**{name: getattr(trial, name) for name in names}, revenue=gained)


def _future(net: Effect, stakes: Stakes, more: int, rows: int) -> dict[str, object]:
    to_come = stakes.predictions_to_come
    if to_come is None or net.estimate is None or net.se is None or not more:
        return {}
    now = net.subjects_control + net.subjects_treatment
    m = float(per_arm(np.asarray(net.subjects_control), np.asarray(net.subjects_treatment)))
    shift = net.se * math.sqrt(more / (m + more))
    tested = min(rows / now * 2 * more, to_come)
    return {
        "predictions_to_come": to_come,
        "more_subjects": more,
        "evsi_usd": evsi_usd(net.estimate, shift, max(0.0, to_come - tested)),
        "testing_usd": abs(net.estimate) * tested / 2,
    }
