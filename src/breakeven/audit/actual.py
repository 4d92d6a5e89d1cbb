"""What an observation says about a promised metric: one function per metric, and why there may be no answer.

Cost is compared at the plan's rate. A holdout takes part of the traffic while the capacity stays up, so the rate of
answers in budget is divided by `share`, the part of the use case's traffic that the deployment received:

    cost per 1,000 in budget = 1000 x (capacity cost / up_s) / (in_budget / span_s / share)

A deployment without capacity of its own (an API) is charged per request; its cost needs no rescaling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from breakeven.audit.interval import count_interval, percentile_interval, smallest_sample, wilson
from breakeven.metric.goodput import goodput_share
from breakeven.metric.latency import percentile
from breakeven.quantity import usd_from_pico
from breakeven.schema.noun import Noun
from breakeven.schema.statement import Observation

ENOUGH = 20
"""Rows below which a share or a cost is not judged."""


class Actual(Noun, frozen=True, kw_only=True):
    """A measured figure with its interval; without one, `missing` says why and `measurable` whether more data helps."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    missing: str = ""
    measurable: bool = True
    note: str = ""


def of_percentile(seen: Observation, column: str, share: float) -> Actual:
    """A percentile of a latency column, with its order-statistic interval."""
    values: Sequence[float] = getattr(seen, column)
    n, need = len(values), smallest_sample(share)
    point, interval = percentile(values, share), percentile_interval(values, share)
    if interval is None:
        why = f"{n} values; an interval of this percentile needs {need}"
        return Actual(value=point, n=n, missing=why)
    return Actual(value=point, low=interval[0], high=interval[1], n=n)


def of_goodput_share(seen: Observation) -> Actual:
    """Share of arrived requests answered inside all targets, with its Wilson interval."""
    share = goodput_share(seen.in_budget, seen.n)
    if seen.n < ENOUGH:
        return Actual(value=share, n=seen.n, missing=f"{seen.n} requests; a share is judged from {ENOUGH}")
    low, high = wilson(seen.in_budget, seen.n)
    return Actual(value=share, low=low, high=high, n=seen.n)


def of_cost(seen: Observation, *, per: float, useful: bool) -> Actual:
    """Cost per `per` predictions that were in budget, or useful, at the rate the whole use case would bring."""
    count = seen.useful if useful else seen.in_budget
    if count is None:
        return Actual(missing="usefulness is not measurable downstream", measurable=False)
    if count < ENOUGH or seen.span_s <= 0:
        what = "useful" if useful else "in-budget"
        return Actual(n=count, missing=f"{count} {what} predictions; a cost is judged from {ENOUGH}")
    if seen.unpriced:
        why = f"{seen.unpriced} of {seen.n} predictions have no price, so that their cost is not known"
        return Actual(n=count, missing=why, measurable=False)
    if seen.capacity_pico_usd <= 0:
        return _request_cost(seen, count, per)
    if seen.up_s <= 0 or seen.share <= 0:
        return Actual(n=count, missing=f"capacity up {seen.up_s:g} s with a share of {seen.share:g} of the traffic")
    return _capacity_cost(seen, count, per)


def _capacity_cost(seen: Observation, count: int, per: float) -> Actual:
    usd_for_span = usd_from_pico(seen.capacity_pico_usd) / seen.up_s * seen.span_s * seen.share
    low, high = count_interval(count)
    rate = seen.n / seen.span_s / seen.share
    note = f"{rate:.3g} requests/s at the use case's whole traffic, of which this deployment received {seen.share:.0%}"
    return Actual(
        value=per * usd_for_span / count,
        low=per * usd_for_span / high,
        high=per * usd_for_span / low,
        n=count,
        note=note,
    )


def _request_cost(seen: Observation, count: int, per: float) -> Actual:
    usd = usd_from_pico(seen.cost_pico_usd)
    low, high = wilson(count, seen.n)
    note = "charged per request; the interval covers the share in budget, not the spread of token counts"
    return Actual(
        value=per * usd / count, low=per * usd / (high * seen.n), high=per * usd / (low * seen.n), n=count, note=note
    )


ACTUALS: Mapping[str, Callable[[Observation], Actual]] = {
    "ttft_p50_s": partial(of_percentile, column="ttft_s", share=0.50),
    "ttft_p95_s": partial(of_percentile, column="ttft_s", share=0.95),
    "tpot_p50_s": partial(of_percentile, column="tpot_s", share=0.50),
    "tpot_p95_s": partial(of_percentile, column="tpot_s", share=0.95),
    "e2e_p50_s": partial(of_percentile, column="total_s", share=0.50),
    "e2e_p95_s": partial(of_percentile, column="total_s", share=0.95),
    "goodput_share": of_goodput_share,
    "cost_per_1000_in_budget_usd": partial(of_cost, per=1000.0, useful=False),
    "cost_per_useful_prediction_usd": partial(of_cost, per=1.0, useful=True),
}
"""Every metric a plan may promise, and how the ledger answers it."""
