"""Two options compared: when the dearer to start with has paid for itself, and what the extra capital earns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np

from breakeven.algebra.amount import Amount, Array, amount
from breakeven.cost.crossing import first_crossing, lasting_crossing
from breakeven.cost.finance import irr, year_effective
from breakeven.study.bound import ROUNDING
from breakeven.study.costed import Costed
from breakeven.study.flow import Flow
from breakeven.study.known import Known

ALIKE = 1e-12
"""Of two amounts, what sums of floats may differ by: a capital that comes back to the cent does come back."""


class Versus:
    """`owner` against `rival`; arrays have a row a draw, and nan is never."""

    def __init__(self, owner: Costed, rival: Costed) -> None:
        self.owner, self.rival = owner, rival
        self.name = f"{owner.name}_vs_{rival.name}"

    @cached_property
    def saved(self) -> Array:
        """(draws or 1, months + 1) cumulated saving, extra capital deducted, resale left aside."""
        return _accumulated(self._gains)

    @property
    def _gains(self) -> Array:
        """(draws or 1, months + 1) what the owner saves in each month, resale left aside."""
        return gained(self.owner.recurring, self.rival.recurring)

    @cached_property
    def extra(self) -> Array:
        """(draws or 1,) capital that the owner needs beyond the rival."""
        return -self.saved[:, 0]

    @cached_property
    def months(self) -> Array:
        """(draws or 1,) months until the extra capital has come back, linear within the month; nan is never."""
        return first_crossing(self.saved)

    @cached_property
    def lasting_months(self) -> Array:
        """(draws or 1,) the same for good: where the saving dips below zero again, the month of its last return."""
        return lasting_crossing(self.saved)

    @cached_property
    def discounted_months(self) -> Array:
        """(draws or 1,) the same at the study's discount rate."""
        return first_crossing(_accumulated(self._gains * self.owner.factors))

    @cached_property
    def npv(self) -> Array:
        """(draws or 1,) present value of owning instead of the rival."""
        return self.rival.present - self.owner.present

    @property
    def irr(self) -> Array:
        """(draws or 1,) rate a month at which the difference of both is worth nothing; nan without a sign change."""
        rows = np.atleast_2d(gained(self.owner.cash, self.rival.cash))
        found = [irr(tuple(float(flow) for flow in row)) for row in rows]
        return np.array([np.nan if rate is None else rate for rate in found])

    def money(self, values: Array, *, per: str = "") -> Known:
        """An amount that rests on the facts of both."""
        one = self.owner.money(values, per=per)
        return one.resting_on(self.rival.money(values, per=per))

    def plain(self, values: Array, unit: str = "") -> Known:
        """A number in a unit that rests on the facts of both."""
        known = self.money(values)
        return known.based(amount(np.asarray(values).reshape(-1, 1), self.owner.context.scope.unit(unit)), "")

    def hours(self) -> Known:
        """The break-even in hours of the study's month."""
        return self.plain(self.months, "month")

    def capital_annuity(self) -> Array | None:
        """Level monthly payment of the owner's purchases, resale deducted; None where it purchases nothing."""
        bought = any(flow.capital for flow in self.owner.flows)
        return self.owner.annuity_of(lambda flow: flow.capital) if bought else None

    def spend(self) -> Array:
        """What the rival must cost in month 1 for the owner to pay back exactly at the horizon, its trend kept."""
        rival, owner = self.rival.recurring.sum(axis=1), self.owner.recurring.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(rival > 0, self.rival.first_month * owner / rival, np.nan))

    def utilisation(self) -> Array | None:
        """Share of a month's hours from which owning costs less than renting those hours alone; nan above all of them.

        fixed / (rent - marginal), per month of full use; None where the rival rents nothing by the hour.
        """
        if not any(_rented(flow) for flow in self.rival.flows):
            return None
        marginal, rent = self.owner.in_all_hours(_used), self.rival.in_all_hours(_rented)
        fixed = self.owner.annuity - self.owner.annuity_of(_used)
        fixed = fixed - (self.rival.annuity - self.rival.annuity_of(_rented))
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.asarray(np.maximum(0.0, fixed) / (rent - marginal))
        return np.where((rent > marginal) & (share <= 1 + ROUNDING), np.minimum(share, 1.0), np.nan)

    def price_factor(self) -> Array:
        """What the rival's prices must be multiplied by for both to cost the same over the horizon."""
        return _ratio(self.owner.present, self.rival.present)


def _accumulated(flows: Array) -> Array:
    """Flows summed up along the months, in place; what is nothing but the rounding of floats is zero."""
    sums = np.cumsum(flows, axis=1, out=flows)
    sums[np.abs(sums) <= ALIKE * np.abs(sums).max(axis=1, keepdims=True)] = 0.0
    return sums


def gained(owner: Array, rival: Array) -> Array:
    """What the owner costs less; costs that differ by nothing but the rounding of floats are alike."""
    gains = rival - owner
    return np.where(np.abs(gains) <= ALIKE * np.maximum(np.abs(owner), np.abs(rival)), 0.0, gains)


def _used(flow: Flow) -> bool:
    """Whether a flow is paid for used hours alone."""
    return flow.used is not None


def _rented(flow: Flow) -> bool:
    """Whether a flow is paid for used hours, or is rent that could be."""
    return _used(flow) or (flow.part == "rent" and flow.monthly is not None)


def _ratio(one: Array, other: Array) -> Array:
    """One over the other; nan where there is nothing to divide by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(other != 0, one / other, np.nan))


class Spec(NamedTuple):
    """How a figure of a pair is computed, the unit it is shown in, its meaning, and why it may be never.

    `lacking` says why there may be none, and the way out; `beside` names the figure that it is shown beside only where
    the two differ.
    """

    compute: Callable[[Versus], Known | None]
    unit: str
    meaning: str
    never: str = ""
    lacking: tuple[str, str] = ("", "")
    beside: str = ""


NOT_WITHIN = "the extra capital does not come back within the horizon"
NOT_LASTING = "the saving is below zero at the horizon, though it has been above it"
NO_SIGN = "the difference of both cash flows never changes sign, so that no rate makes it worth nothing"
FIGURES: Mapping[str, Spec] = {
    "months": Spec(lambda one: one.plain(one.months, "month"), "month", "break-even, linear in the month", NOT_WITHIN),
    "lasting_months": Spec(
        lambda one: one.plain(one.lasting_months, "month"),
        "month",
        "month from which the extra capital has come back for good",
        NOT_LASTING,
        beside="months",
    ),
    "whole_months": Spec(
        lambda one: one.plain(np.ceil(np.round(one.months, 9)), "month"), "month", "first whole month", NOT_WITHIN
    ),
    "hours": Spec(lambda one: one.hours(), "h", "break-even in hours of the study's month", NOT_WITHIN),
    "discounted_months": Spec(
        lambda one: one.plain(np.ceil(np.round(one.discounted_months, 9)), "month"),
        "month",
        "first whole month at the discount rate",
        NOT_WITHIN,
    ),
    "extra_capital": Spec(lambda one: one.money(one.extra), "CUR", "capital needed beyond the rival's"),
    "saving_first_month": Spec(
        lambda one: one.money(one.rival.first_month - one.owner.first_month, per="month"),
        "CUR/month",
        "recurring cash saved in month 1",
    ),
    "npv": Spec(lambda one: one.money(one.npv), "CUR", "present value of owning instead of the rival"),
    "irr_month": Spec(lambda one: one.plain(one.irr), "%", "rate a month the extra capital earns", NO_SIGN),
    "irr_year": Spec(
        lambda one: one.plain(
            np.array([np.nan if np.isnan(rate) else year_effective(float(rate)) for rate in one.irr])
        ),
        "%",
        "rate a year, effective",
        NO_SIGN,
    ),
    "capital_annuity": Spec(
        lambda one: None if (paid := one.capital_annuity()) is None else one.money(paid, per="month"),
        "CUR/month",
        "level monthly payment of the capital",
        lacking=("`{owner}` purchases nothing", "compare an option that has a `purchase:`"),
    ),
    "spend": Spec(
        lambda one: one.money(one.spend(), per="month"),
        "CUR/month",
        "rival's month 1 from which owning has paid back at the horizon",
    ),
    "utilisation": Spec(
        lambda one: None if (share := one.utilisation()) is None else one.plain(share),
        "%",
        "share of the hours from which owning is cheaper than renting those hours alone",
        "owning stays dearer even when every hour is used",
        lacking=("`{rival}` rents nothing by the hour", "compare with an option that has a `rent:`"),
    ),
    "price_factor": Spec(
        lambda one: one.plain(one.price_factor()), "", "x the rival's prices at which both cost alike"
    ),
    "cost_ratio": Spec(
        lambda one: one.plain(_ratio(one.rival.annuity, one.owner.annuity)), "", "rival's annuity / owner's"
    ),
}
"""Figures of a pair that results, rules and expectations may name as `OWNER_vs_RIVAL.FIGURE`."""

VOLUME = "volume"
"""Demand a month from which the owner costs less; found by asking the study again at other demands."""
SCALES = np.geomspace(1e-4, 1e4, 161)


def crossing_scale(scales: Array, gains: Array) -> tuple[float, float] | None:
    """The neighbouring scales between which the owner starts to gain; None where it never does."""
    gaining = np.flatnonzero(gains >= 0)
    if not len(gaining):
        return None
    first = int(gaining[0])
    return float(scales[max(0, first - 1)]), float(scales[first])


def demand_of(costed: Costed) -> Known | None:
    """What volume is counted in: requests where there are any, else tokens; of the whole demand."""
    demand = costed.context.demand
    return demand.flow("requests") if demand.flow("requests") is not None else demand.flow("tokens")


def scaled(flow: Known, factor: float) -> Known:
    """Month 1 of a flow, multiplied."""
    values = flow.amount.values[:, :1] * factor
    return flow.based(Amount(values, flow.amount.dims), flow.text)
