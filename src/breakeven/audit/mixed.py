"""A mix held to its promises: what its parts did together, and each part's share and money.

Together they are one observation at the use case's whole rate: capacity of any part costs by the time it is up, what is
charged by the request is added at the rate at which it came. So everything that is asked of one deployment, such as its
unit cost or whether a rollout may go on, can be asked of a mix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from breakeven.audit.actual import ACTUALS, ENOUGH, Actual
from breakeven.audit.interval import wilson
from breakeven.audit.verify import beside, finding
from breakeven.quantity import SECONDS_PER_MONTH, usd_from_pico
from breakeven.schema.finding import Finding
from breakeven.schema.plan import MIX, Plan
from breakeven.schema.statement import Observation

SHARE = "share_of_requests"
DUST = 1e-6
"""Relative: prices are kept in whole pico-dollars a second, so that what is charged as promised may differ by this."""


class Seen(NamedTuple):
    """One part's observation, and that of the whole mix."""

    part: Observation
    whole: Observation


def together(parts: Sequence[Observation], named: str = MIX) -> Observation:
    """The parts as one observation.

    `share` is that of all of them in the use case's traffic. What is charged by the request becomes capacity at the
    whole rate, where any part has capacity: the two are then summed as money a second. A part is up for as long as the
    longest: one that follows the load costs while it runs, over the time that the mix is in force.
    """
    first, share = parts[0], min(1.0, sum(one.share for one in parts))
    span_s = max(one.span_s for one in parts)
    up_s = max(one.up_s for one in parts)
    by_request = sum(one.cost_pico_usd for one in parts if one.capacity_pico_usd <= 0)
    capacity = sum(one.capacity_pico_usd for one in parts)
    added = by_request / (span_s * share) if span_s > 0 and share > 0 else 0.0
    useful = [one.useful for one in parts if one.n]
    return msgspec.structs.replace(
        first,
        deployment=named,
        n=sum(one.n for one in parts),
        answered=sum(one.answered for one in parts),
        in_budget=sum(one.in_budget for one in parts),
        useful=None if None in useful else sum(count for count in useful if count is not None),
        span_s=span_s,
        up_s=up_s,
        cost_pico_usd=sum(one.cost_pico_usd for one in parts),
        capacity_pico_usd=round(capacity + added * up_s) if capacity else 0,
        ttft_s=_merged(parts, "ttft_s"),
        tpot_s=_merged(parts, "tpot_s"),
        total_s=_merged(parts, "total_s"),
        emulated=any(one.emulated for one in parts),
        share=share,
        unpriced=sum(one.unpriced for one in parts),
        input_tokens=sum(one.input_tokens for one in parts),
        output_tokens=sum(one.output_tokens for one in parts),
    )


def _merged(parts: Sequence[Observation], column: str) -> tuple[float, ...]:
    return tuple(sorted(value for one in parts for value in getattr(one, column)))


def verify_mix(plan: Plan, parts: Sequence[Observation], holdout: Observation | None = None) -> tuple[Finding, ...]:
    """One finding for every promise of the plan's mix, in its order; the holdout stands beside those of the whole.

    `parts` are observations of all its deployments, also of those that served nothing.
    """
    promised = () if plan.mix is msgspec.UNSET else plan.mix.promises
    whole, by_name = together(parts), {one.deployment: one for one in parts}
    found = []
    for promise in promised:
        part = by_name.get(promise.deployment)
        seen = whole if part is None else part
        measure = ALONE.get(promise.metric)
        actual = measure(Seen(seen, whole)) if measure is not None else ACTUALS[promise.metric](seen)
        one = finding(plan.id, promise, seen, actual)
        if promise.metric == SHARE and one.verdict == "better":
            one = msgspec.structs.replace(one, verdict="worse")  # either way it is not what the mix was priced for
        found.append(one if holdout is None or part is not None else beside(one, holdout))
    return tuple(found)


def _share(seen: Seen) -> Actual:
    """The part's share of what the mix served, with its Wilson interval."""
    n, every = seen.part.n, seen.whole.n
    if every < ENOUGH:
        return Actual(n=every, missing=f"{every} requests; a share is judged from {ENOUGH}")
    low, high = wilson(n, every)
    return Actual(value=n / every, low=low, high=high, n=every, note=f"{n} of {every} requests of the mix")


def _monthly(seen: Seen) -> Actual:
    """USD a month at the rate at which money was charged: capacity while it is up, requests at the whole traffic."""
    part, whole = seen
    if part.unpriced:
        why = f"{part.unpriced} of {part.n} predictions have no price, so that their cost is not known"
        return Actual(n=part.n, missing=why, measurable=False)
    if whole.n < ENOUGH or whole.span_s <= 0 or whole.share <= 0:
        return Actual(n=whole.n, missing=f"{whole.n} requests; money is judged from {ENOUGH}")
    if part.capacity_pico_usd > 0 and whole.up_s > 0:
        usd = usd_from_pico(part.capacity_pico_usd) / whole.up_s * SECONDS_PER_MONTH
        low, high = usd * (1 - DUST), usd * (1 + DUST)
        note = "at the rate at which its capacity was charged"
        return Actual(value=usd, low=low, high=high, n=part.n, note=note)
    usd = usd_from_pico(part.cost_pico_usd) / whole.span_s / whole.share * SECONDS_PER_MONTH
    low, high = wilson(part.n, whole.n)
    share = part.n / whole.n
    ends = (usd * low / share, usd * high / share) if share else (0.0, 0.0)
    return Actual(value=usd, low=ends[0], high=ends[1], n=part.n, note="at the rate of what was served")


ALONE: Mapping[str, Callable[[Seen], Actual]] = {SHARE: _share, "monthly_cost_usd": _monthly}
"""What only a mix is asked."""
