"""What the parts of an option are computed from."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np

from breakeven.algebra.amount import Amount, Array
from breakeven.config.study.given import Given
from breakeven.config.study.option import Option, When
from breakeven.errors import StudyError
from breakeven.study.bound import MULTIPLE, Bound, UnpricedError
from breakeven.study.demand import Demand
from breakeven.study.fleet import Fleet
from breakeven.study.flow import Flow, one_off, recurring
from breakeven.study.held import agreed, held
from breakeven.study.known import Known
from breakeven.study.reading import dotted
from breakeven.study.scope import Scope


@dataclass(frozen=True, slots=True)
class Term:
    """How long a commitment holds, in months; for good where there is no end."""

    months: int | None = None


NO_TERM = Term(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One purchase: the amount paid in a month, written off over a life to a residual; what it fetches at an age.

    Arrays have a row a draw and one column; `month` is 0 for the start.
    """

    month: Array
    amount: Array
    life_months: Array
    residual: Array
    resale_share: Callable[[Array, Array], Array]
    prepaid: bool = False
    """Whether it is paid ahead for a term: written off in a straight line, and worth nothing to others."""


@dataclass(slots=True, kw_only=True)
class Context:
    """One option being costed: its section, counts and demand, and the flows found so far."""

    scope: Scope
    demand: Demand
    fleet: Fleet
    name: str
    option: Option
    flows: list[Flow] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    prepaid: list[Batch] = field(default_factory=list)
    figures: dict[str, Known] = field(default_factory=dict)
    unpriced: list[str] = field(default_factory=list)

    def read(self, given: Given | None, *where: str | int) -> Known | None:
        """A quantity of this option; None where it is absent."""
        return self.scope.read(given, "options", self.name, *where)

    def wanted(self, given: Given | None, unit: str, *where: str | int) -> Known | None:
        """A quantity of this option in a unit like `unit`."""
        return self.scope.wanted(given, unit, "options", self.name, *where)

    def within(self, given: Given | None, bound: Bound, unit: str, *where: str | int) -> Known | None:
        """A quantity of this option in a unit like `unit`, inside a bound where it is stated."""
        return self.scope.within(self.wanted(given, unit, *where), bound, *self.path(*where))

    def priced(self, given: Given | None, *where: str | int, needed: bool = False) -> Known | None:
        """A price: None where it is not stated, or stated as unpriced, which is noted; `needed` ones are unpriced then.

        Raises:
            StudyError: it is negative.
        """
        found = None
        with suppress(UnpricedError):
            found = self.read(given, *where)
        if found is None and (needed or given is not None):
            self.unpriced.append(dotted(where))
        if found is not None and not found.amount.values.min() >= 0:
            drawn = ", and falls below 0 where it is drawn or searched" if self.scope.drawn else ""
            message = f"`{dotted(where)}` of option `{self.name}` is {found.text}{drawn}: a price is not negative"
            raise StudyError(message, "write income as a line of its own with a negative rate", path=self.path(*where))
        return found

    def path(self, *where: str | int) -> tuple[str | int, ...]:
        """Where something of this option stands in the file."""
        return ("options", self.name, *where)

    def share_of_hours(self, when: When | None, price: Known, *where: str) -> Known | None:
        """The used share of the month for an hourly price in used hours; None for one that is paid in all hours.

        Raises:
            StudyError: used hours are asked for by name, and the price is not hourly.
        """
        hourly = price.hourly and any(name == "s" for name, _ in price.amount.dims)
        if when == "used_hours" and not hourly:
            message = f"`{dotted(where)}` is {price.text}, which is no price an hour, and `when: used_hours` needs one"
            raise StudyError(message, "leave out `when:`, or state the price an hour", path=self.path(*where))
        if when == "used_hours" and self.option.fleet.used_hours is None:
            message = f"`{dotted(where)}` is paid in used hours, and option `{self.name}` does not say how many"
            raise StudyError(message, "state `fleet: {used_hours: 176 h/month}`", path=self.path(*where))
        chosen = when or self.scope.study.conventions.opex
        return self.fleet.used_share if chosen == "used_hours" and hourly else None

    def charge(
        self, name: str, part: str, price: Known, *where: str, hours: Known | None = None, term: Term = NO_TERM
    ) -> Flow:
        """A recurring price, times what it is per and the share of `hours` it is paid for, as a flow that is noted.

        What is committed to for a term keeps the price of the month in which it began.
        """
        paid = price if hours is None else price * hours
        with self.scope.at(*self.path(*where)):
            whole = self.fleet.extended(paid, *where)
            if term is not NO_TERM and paid.amount.values.shape[1] > 1:
                units = self.fleet.units(paid, *where)
                kept = agreed(units, paid.amount.values, self.scope.horizon, term.months)
                whole = whole.based(Amount(kept, whole.amount.dims), f"{whole.text}, kept for the term")
            flow = recurring(self.scope, name, part, whole)
        flow = flow if hours is None else replace(flow, used=hours.amount.values[:, 0])
        self.flows.append(flow)
        return flow

    def prepay(self, name: str, part: str, price: Known, term: int | None, *where: str) -> None:
        """A flow paid ahead for what begins in a month, at its price, and anew after a term, written off over it.

        Raises:
            UnitError: it is no amount of the study's currency.
        """
        horizon = self.scope.horizon
        with self.scope.at(*self.path(*where)):
            whole = self.fleet.extended(price, *where)
            flow = one_off(self.scope, name, part, whole, (), category="capital")
            units = self.fleet.units(price, *where)
        began = held(units, horizon, term).began * price.amount.values
        once = np.concatenate((began, np.zeros((began.shape[0], 1))), axis=1)
        self.flows.append(replace(flow, once=once, capital=True))
        for month in np.flatnonzero(began.any(axis=0)):
            life = np.full((began.shape[0], 1), float(term or horizon - month))
            amount = began[:, month : month + 1]
            start, nothing = np.full_like(life, float(month)), np.zeros_like(life)
            self.prepaid.append(
                Batch(
                    month=start,
                    amount=amount,
                    life_months=life,
                    residual=nothing,
                    resale_share=_worthless,
                    prepaid=True,
                )
            )

    def uplift(self, name: str, part: str, given: Given | None, base: Flow | None, *where: str) -> None:
        """A share of another flow as a line of its own."""
        share = self.within(given, MULTIPLE, "", *where)
        if share is None or base is None or base.monthly is None:
            return
        self.flows.append(
            Flow(
                name=name,
                part=part,
                category=base.category,
                formula=f"{share.text} of {base.name}",
                monthly=base.monthly * share.amount.values,
                fixed=base.fixed,
                basis=share.basis,
                used=base.used,
                facts=tuple(dict.fromkeys((*base.facts, *share.facts))),
            )
        )

    def months(self, given: Given | None, *where: str, beyond: bool = False, least: int = 1) -> int | None:
        """A term in whole months, at least one unless `least` says otherwise (a notice may be none).

        Raises:
            StudyError: it is longer than the horizon, shorter than the least, or no time.
        """
        found = self.read(given, *where)
        if found is None:
            return None
        with self.scope.at(*self.path(*where)):
            exact = float(months_of(self.scope, self.scope.single(found))[0, 0])
        size = round(exact)
        if size >= least and abs(exact - size) > WHOLE:
            message = f"the term of {found.text} is {exact:g} months, and no whole number of them"
            raise StudyError(message, "state it in whole months, such as `36 month`", path=self.path(*where))
        if size < least:
            message = f"the term of {found.text} is less than {'a month' if least else 'nothing'}"
            raise StudyError(message, "state it in whole months, such as `36 month`", path=self.path(*where))
        if size > self.scope.horizon and not beyond:
            message = f"the term of {found.text} is longer than the horizon of {self.scope.horizon} months"
            raise StudyError(message, f"state `conventions: horizon_months: {size}`", path=self.path(*where))
        return size


def _worthless(age: Array, life: Array) -> Array:
    """What is paid ahead fetches nothing."""
    return np.zeros(np.broadcast_shapes(age.shape, life.shape))


WHOLE = 0.01
"""How far a term may lie from whole months: 1095 days are 36 months of 730 hours and a little."""


def months_of(scope: Scope, found: Known) -> Array:
    """A duration in months, by draw.

    Raises:
        UnitError: it is no duration, or in hours without a month convention.
    """
    return found.amount.to(scope.unit("month"), f"`{found.text}`")
