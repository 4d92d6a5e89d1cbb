"""What to find out next: each uncertain input with what knowing it is worth, and what finding it out costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from breakeven.planner.doubt.belief import Array, Belief
from breakeven.planner.doubt.terms import Terms
from breakeven.planner.doubt.worth import evppi_usd
from breakeven.quantity import HOURS_PER_MONTH
from breakeven.schema.doubt import Beliefs, Inquiry
from breakeven.schema.noun import Noun

STAFF_HOURS = 1_760.0
"""Hours a person works in a year, for the cost of asking. Assumed."""
WAITED = ("growth", "path", "trend/")


class Means(Noun, frozen=True, kw_only=True):
    """What finding out is paid with: rents by speed key, what the runner-up costs apart a month, a year of work."""

    rent_usd_h: Mapping[str, float]
    month_apart_usd: float
    staff_usd: float
    believed: Beliefs

    @property
    def work_usd(self) -> float:
        """What the people cost who find one thing out."""
        return self.believed.work_hours * self.staff_usd / STAFF_HOURS


def inquiries(
    beliefs: Sequence[Belief], draws: Mapping[str, Array], losses: Array, means: Means, shuffle: NDArray[np.intp]
) -> tuple[Inquiry, ...]:
    """One for each input that was drawn, what is worth most first; what can be had for less than it is worth leads."""
    found = [_inquiry(one, evppi_usd(losses, [draws[one.key]], shuffle), means) for one in beliefs if one.key in draws]
    return ordered(found)


def ordered(found: Sequence[Inquiry]) -> tuple[Inquiry, ...]:
    """What is left of its worth, then its worth, then by key."""
    return tuple(sorted(found, key=_rank))


def _rank(one: Inquiry) -> tuple[bool, float, float, str]:
    net = one.net_usd
    return net is None or net <= 0, -(net or 0.0), -one.worth_usd, one.key


def _inquiry(one: Belief, worth: float, means: Means) -> Inquiry:
    how, cost = _way(one, means)
    return Inquiry(key=one.key, name=one.name, how=how, worth_usd=worth, cost_usd=cost)


def _way(one: Belief, means: Means) -> tuple[str, float | None]:
    """How an input is found out, and what that costs."""
    believed = means.believed
    if one.key.startswith(WAITED):
        return "cannot be measured today: it shows with time", None
    if one.key == "demand":
        return "more days of traffic through the gateway", 0.0
    work = f"{believed.work_hours:g} working hours"
    if one.key.startswith("speed/"):
        rent = means.rent_usd_h.get(one.key)
        how = f"{work} and {believed.bench_hours:g} hours of load on one rented replica"
        return how, None if rent is None else rent * believed.bench_hours + means.work_usd
    if one.key == "useful" or one.key.startswith("quality/"):
        how = f"{work} and a holdout of {believed.holdout_share:.0%} for {believed.holdout_days:g} days"
        part = believed.holdout_share * believed.holdout_days * 24 / HOURS_PER_MONTH
        return how, part * means.month_apart_usd + means.work_usd
    return f"a quote or a reading, {work}", means.work_usd


def unmeasured(
    excluded: Sequence[Terms], losses: Array, excluded_losses: Array, means: Means, predictions: float
) -> Iterator[Inquiry]:
    """Cheaper options that are excluded because nobody measured their latency: what measuring it could save.

    p x E[what the best choice costs more than the option], p being the believed chance that it keeps the targets;
    `predictions` are those of a month.
    """
    believed = means.believed
    best = losses[int(np.argmin(losses.mean(axis=1)))]
    for one, own in zip(excluded, excluded_losses, strict=True):
        saved = float((best - own).mean())
        if saved > 0:
            requests = believed.probe_requests
            yield Inquiry(
                key=f"latency/{one.name}",
                name=f"latency of {one.name}",
                how=f"{believed.work_hours:g} working hours and {requests:,.0f} requests through the gateway; taken to "
                f"keep the targets with a chance of {believed.unmeasured_meets:.0%}",
                worth_usd=believed.unmeasured_meets * saved,
                cost_usd=requests * one.monthly_usd / predictions + means.work_usd,
            )
