"""A flow of money: what one line of an option costs, in which month, in the study's currency."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from breakeven.algebra.amount import Array
from breakeven.algebra.unit import Dims, UnitError, currencies, shown
from breakeven.schema.noun import Basis
from breakeven.study.known import Known
from breakeven.study.scope import Scope

_BY_HOUR = re.compile(r"/h(our)?\b|/[kMG]?Wh\b")
"""What is paid by the hour, or by the energy of hours."""
PARTS = ("purchase", "resale", "lease", "power", "housing", "rent", "api", "provisioned", "mix")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One line. `monthly` is (draws or 1, months or 1) a month; `once` is (draws or 1, months + 1), month 0 first."""

    name: str
    part: str
    category: str
    formula: str
    monthly: Array | None = None
    once: Array | None = None
    fixed: bool = True
    capital: bool = False
    """Purchase and resale: the accounting view has depreciation in their place."""
    used: Array | None = None
    """(draws or 1,) share of the month's hours that it is paid for; None where it does not depend on hours used."""
    basis: Basis = "derived"
    facts: tuple[str, ...] = ()

    def cash(self, horizon: int) -> Array:
        """(draws or 1, months + 1) cash out by month."""
        rows = max(1 if part is None else part.shape[0] for part in (self.monthly, self.once))
        found = np.zeros((rows, horizon + 1))
        if self.monthly is not None:
            found[:, 1:] += self.monthly
        if self.once is not None:
            found += self.once
        return found


def recurring(scope: Scope, name: str, part: str, known: Known, *, category: str = "inference") -> Flow:
    """A flow of an amount per time.

    Raises:
        UnitError: it is no amount of the study's currency per time.
    """
    monthly = scope.month(known)
    _money(monthly.amount.dims, scope.study.currency, known)
    hours = scope.study.conventions.hours_per_month
    told = f" x {hours:g} h" if hours is not None and _BY_HOUR.search(known.text) and "in use" not in known.text else ""
    return Flow(
        name=name,
        part=part,
        category=category,
        formula=f"{known.text}{told}",
        monthly=monthly.amount.values,
        fixed=not known.varies,
        basis=known.basis,
        facts=known.facts,
    )


def one_off(
    scope: Scope, name: str, part: str, known: Known, months: Sequence[int] = (0,), *, category: str = "inference"
) -> Flow:
    """A flow of an amount that falls due in single months.

    Raises:
        UnitError: it is no amount of the study's currency.
    """
    _money(known.amount.dims, scope.study.currency, known)
    values = known.amount.values
    once = np.zeros((values.shape[0], scope.horizon + 1))
    for month in months:
        if month <= scope.horizon:
            once[:, month] += values[:, 0 if values.shape[1] == 1 else max(0, month - 1)]
    return Flow(
        name=name,
        part=part,
        category=category,
        formula=known.text,
        once=once,
        basis=known.basis,
        facts=known.facts,
    )


def _money(dims: Dims, currency: str, known: Known) -> None:
    if dims != ((currency, 1),):
        message = f"{known.text} comes to {shown(dims)}, not to an amount of {currency}"
        named = currencies(dims)
        way_out = "check what its unit is per, and add `count:` for what is missing"
        raise UnitError(message, way_out if named else f"prices are in {currency}, such as `100 {currency}/month`")
