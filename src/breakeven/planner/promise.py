"""What the plan will be held to. Each promise can be measured in the ledger from an `Observation`.

The promised cost is stated at the demand: 1,000 x cost per hour / (requests per hour x share in budget). The ledger
sees a shorter period and, with a holdout, a part of the traffic; `audit.actual` brings its figure to the same rate by
dividing the measured rate by that part. The interval holds what a period as long as the observed demand can differ by
chance (arrivals are as dispersed as the workload says) and the interval of the share in budget.
"""

from __future__ import annotations

import math

from breakeven.quantity import HOURS_PER_MONTH
from breakeven.schema.noun import Basis, Figure
from breakeven.schema.performance import Performance
from breakeven.schema.plan import Option, Promise
from breakeven.schema.workload import Workload

Z80 = 1.2815515655446004
"""The standard normal quantile at 0.9: intervals are 80 %."""


LEAST_SHARE = 1e-3
"""Of the predictions: cost is shared by no fewer, where none might come in time."""


def promises(option: Option, workload: Workload, used_share: float | None) -> tuple[Promise, ...]:
    """Cost, latency and goodput of the chosen option; a figure nobody knows is not promised."""
    figures = {**_costs(option, workload, used_share), **_speeds(option.performance)}
    return tuple(
        Promise(metric=metric, predicted=figure, use_case=option.use_case, deployment=option.deployment.id)
        for metric, figure in figures.items()
        if figure.value is not None
    )


def _speeds(speed: Performance | None) -> dict[str, Figure]:
    if speed is None:
        return {}
    return {
        "ttft_p50_s": speed.ttft_p50_s,
        "ttft_p95_s": speed.ttft_p95_s,
        "tpot_p50_s": speed.tpot_p50_s,
        "goodput_share": speed.goodput_share,
    }


def _costs(option: Option, workload: Workload, used_share: float | None) -> dict[str, Figure]:
    reached = _reached(option)
    cost = {"cost_per_1000_in_budget_usd": cost_figure(option, workload, reached, per=1000.0)}
    if used_share is not None:
        useful = _scaled(reached, used_share)
        cost["cost_per_useful_prediction_usd"] = cost_figure(option, workload, useful, per=1.0)
    return cost


def _reached(option: Option) -> Figure:
    if option.performance is not None:
        return option.performance.goodput_share
    return Figure(value=1.0, unit="share", basis="assumed", how="no latency target is stated")


def _scaled(share: Figure, factor: float) -> Figure:
    low, high = (None if bound is None else bound * factor for bound in (share.low, share.high))
    value = None if share.value is None else share.value * factor
    return Figure(value=value, unit=share.unit, basis=share.basis, low=low, high=high, facts=share.facts)


def cost_figure(option: Option, workload: Workload, share: Figure, *, per: float) -> Figure:
    """USD per `per` predictions that count, with its interval; unknown when a part of it is."""
    total, rate = charged_monthly_usd(option), workload.rate_mean_rps
    if total is None or not share.value or rate <= 0:
        return Figure(value=None, unit="USD", note="unpriced, or no predictions to share the cost")
    hourly, hour_requests = total / HOURS_PER_MONTH, rate * 3600.0
    by_request = option.placement == "api"
    luck = 0.0 if by_request else rate_error(workload)
    low, high = (share.value if bound is None else bound for bound in (share.low, share.high))
    least = max(low, LEAST_SHARE) * max(1.0 - luck, 1e-9)
    most = min(1.0, high) * (1.0 + luck)
    basis: Basis = "derived"
    return Figure(
        value=per * hourly / (hour_requests * share.value),
        low=per * hourly / (hour_requests * most),
        high=per * hourly / (hour_requests * least),
        unit="USD",
        basis=basis,
        how=f"{per:g} x monthly cost / {HOURS_PER_MONTH:g} h / ({rate:.4g} requests/s x 3,600 s x {share.value:.4g})",
        facts=tuple(sorted({key for line in option.bill.lines for key in line.facts})),
        note=(
            "compared at the use case's whole rate: verify divides the measured rate by the deployment's share;"
            " the bill's allowances on top of the rent are left out, since the ledger charges the rent alone"
        ),
    )


def charged_monthly_usd(option: Option) -> float | None:
    """The part of the monthly cost that the ledger charges as it happens, in USD; None when unpriced.

    Rented capacity is charged at its listed rate. Allowances of the bill (autoscaling overhead, goodput loss, support)
    are expectations on top of it that no hour of capacity shows, so a promise that counted them could not be checked.
    """
    rent = sum(line.amount_usd for line in option.bill.lines if line.name in {"rent", "provisioned_units"})
    return option.monthly_cost_usd if option.monthly_cost_usd is None or not rent else rent


def rate_error(workload: Workload) -> float:
    """Relative 80 % error of the mean rate between two equally long periods: z sqrt(2 dispersion / n)."""
    if workload.n <= 0:
        return 0.0
    dispersion = workload.idc if workload.idc is not None and workload.idc > 0 else 1.0
    return min(0.9, Z80 * math.sqrt(2.0 * dispersion / workload.n))
