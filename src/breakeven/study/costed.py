"""An option with its flows: cash by month, present cost, and the figures that results may name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from breakeven.algebra.amount import Array, amount
from breakeven.cost.depreciation import by_year, declining_balance, straight_line
from breakeven.cost.finance import discount_factors
from breakeven.errors import StudyError
from breakeven.study.context import Context
from breakeven.study.flow import Flow
from breakeven.study.known import Known
from breakeven.study.part import api, line, mix, provisioned, purchase, rent, running

BUILDERS: Mapping[str, Callable[[Context, Any], None]] = {
    "purchase": purchase.build,
    "lease": running.lease,
    "power": running.power,
    "housing": running.housing,
    "rent": rent.build,
    "api": api.build,
    "provisioned": provisioned.build,
    "mix": mix.build,
}
"""Parts in the order in which they are computed: housing needs the power, lines may be shares of any."""


def cost(context: Context, rate: Array) -> Costed:
    """The option computed; `rate` is the discount rate a month, by draw.

    Raises:
        StudyError: it has neither a part nor a line, or one of them cannot be computed.
    """
    if not context.option.lines and all(getattr(context.option, name) is None for name in BUILDERS):
        message = f"option `{context.name}` has no part and no line, and would cost nothing"
        raise StudyError(message, f"add {', '.join(BUILDERS)} or `lines:`", path=context.path())
    for name, build in BUILDERS.items():
        section = getattr(context.option, name)
        if section is not None:
            build(context, section)
    for name, stated in context.option.lines.items():
        line.build(context, name, stated)
    if not context.flows and not context.unpriced:
        context.unpriced.append("everything: no part of it states a price")
    return Costed(context, rate)


class Costed:
    """One option; arrays have a row a draw. Everything is computed when asked for, once."""

    def __init__(self, context: Context, rate: Array) -> None:
        self.context, self.rate = context, rate
        self.name, self.option = context.name, context.option
        self.flows = tuple(context.flows)
        self.horizon = context.scope.horizon

    @cached_property
    def factors(self) -> Array:
        """(draws or 1, months + 1) what money of each month is worth now."""
        return discount_factors(self.rate[:, 0], self.horizon)

    @cached_property
    def cash(self) -> Array:
        """(draws or 1, months + 1) cash out by month, resale as income."""
        return self._sum(self.flows)

    @cached_property
    def recurring(self) -> Array:
        """Cash without the resale at the horizon, which comes only when all is over: what a break-even accumulates."""
        return self._sum(tuple(_before_the_end(flow) for flow in self.flows))

    def _sum(self, flows: tuple[Flow, ...]) -> Array:
        """Flows summed by shape first, so that ten thousand draws are added once and not for every line."""
        once = _by_shape([flow.once for flow in flows])
        rows = max((values.shape[0] for values in (*once, *self._monthly)), default=1)
        found = np.zeros((rows, self.horizon + 1))
        for values in once:
            found += values
        for values in self._monthly:
            found[:, 1:] += values
        return found

    @cached_property
    def _monthly(self) -> list[Array]:
        """Recurring cash by shape; what is sold comes once, so that this is the same with and without resale."""
        return _by_shape([flow.monthly for flow in self.flows])

    def present_of(self, flow: Flow) -> Array:
        """(draws or 1,) a flow's present value."""
        return self._worth([flow.once], [] if flow.monthly is None else [flow.monthly])

    @cached_property
    def present(self) -> Array:
        """(draws or 1,) present cost over the horizon."""
        return self._worth([flow.once for flow in self.flows], self._monthly)

    def _worth(self, once: list[Array | None], monthly: list[Array]) -> Array:
        """Present value, without a table of draws by months for what is level."""
        found = np.zeros(1)
        for values in _by_shape(once):
            found = found + _discounted(values, self.factors)
        for values in monthly:
            found = found + _discounted(values, self.factors[:, 1:])
        return found

    def annuity_of(self, chosen: Callable[[Flow], bool]) -> Array:
        """(draws or 1,) the level monthly amount worth the chosen lines."""
        worth = sum((self.present_of(flow) for flow in self.flows if chosen(flow)), np.zeros(1))
        return np.asarray(worth / self.factors[:, 1:].sum(axis=1))

    def in_all_hours(self, chosen: Callable[[Flow], bool]) -> Array:
        """(draws or 1,) the same if every hour of the month were used."""
        level = self.factors[:, 1:].sum(axis=1)
        lines = [flow for flow in self.flows if chosen(flow)]
        return sum((self.present_of(one) / level / (1 if one.used is None else one.used) for one in lines), np.zeros(1))

    @cached_property
    def annuity(self) -> Array:
        """(draws or 1,) the level monthly amount worth the present cost."""
        return np.asarray(self.present / self.factors[:, 1:].sum(axis=1))

    @cached_property
    def total(self) -> Array:
        """(draws or 1,) cash over the horizon."""
        return np.asarray(self.cash.sum(axis=1))

    @cached_property
    def first_month(self) -> Array:
        """(draws or 1,) recurring cash of month 1."""
        return sum((values[:, 0] for values in self._monthly), np.zeros(1))

    @cached_property
    def capital(self) -> Array:
        """(draws or 1,) paid at the start."""
        once = _by_shape([flow.once for flow in self.flows])
        return sum((values[:, 0] for values in once), np.zeros(1))

    @cached_property
    def residual(self) -> Array:
        """(draws or 1,) income from resale."""
        found = [flow.once for flow in self.flows if flow.part == "resale"]
        return np.asarray(-_total(found).sum(axis=1))

    @cached_property
    def depreciation(self) -> Array:
        """(months,) what purchases and prepayments are written off by, month by month, of the first draw."""
        written = np.zeros(self.horizon)
        for batch in (*self.context.batches, *self.context.prepaid):
            life, bought, left = (round(float(batch.life_months[0, 0])), batch.amount[0, 0], batch.residual[0, 0])
            start = int(batch.month[0, 0])
            if bought > 0 and start < self.horizon:
                written_off = straight_line if batch.prepaid else self._schedule
                schedule = np.array(written_off(float(bought), float(left), life))
                end = min(self.horizon, start + len(schedule))
                written[start:end] += schedule[: end - start]
        return written

    def _schedule(self, bought: float, left: float, life: int) -> tuple[float, ...]:
        stated = self.option.purchase
        if stated is None or stated.depreciation == "straight_line":
            return straight_line(bought, left, life)
        if stated.depreciation == "declining":
            return declining_balance(bought, left, life, stated.declining_factor)
        shares = [self.context.wanted(given, "", "purchase", "by_year", at) for at, given in enumerate(stated.by_year)]
        return by_year(bought, [share.amount.scalar for share in shares if share is not None])

    @cached_property
    def accounting(self) -> Array:
        """(months + 1,) cost by month with depreciation in place of purchase, prepayment and resale; first draw."""
        capital = _total([flow.once for flow in self.flows if flow.capital])
        found = np.array(self.cash[0] - np.broadcast_to(capital, (capital.shape[0], self.horizon + 1))[0])
        found[1:] += self.depreciation
        return found

    @cached_property
    def accounting_month(self) -> float:
        """Month 1 with depreciation in place of purchases."""
        return float(self.first_month[0] + self.depreciation[0])

    def months_of(self, flow: Flow) -> Array:
        """(draws or 1,) month 1 of a flow."""
        return np.zeros(1) if flow.monthly is None else flow.monthly[:, 0]

    def money(self, values: Array, *, per: str = "") -> Known:
        """An amount of the study's currency, in all or per month, resting on every line."""
        currency = self.context.scope.study.currency
        unit = self.context.scope.unit(f"{currency}/{per}" if per else currency)
        facts = tuple(dict.fromkeys(key for flow in self.flows for key in flow.facts))
        return Known(amount(np.asarray(values).reshape(-1, 1), unit), facts, "")


def _before_the_end(flow: Flow) -> Flow:
    """A flow without what is sold at the horizon; trade-ins before it stay."""
    if flow.part != "resale" or flow.once is None:
        return flow
    once = flow.once.copy()
    once[:, -1] = 0.0
    return replace(flow, once=once)


def _total(arrays: list[Array | None]) -> Array:
    """Arrays of unlike shapes summed: equal shapes first, then together."""
    total = np.zeros((1, 1))
    for array in _by_shape(arrays):
        total = total + array
    return total


def _by_shape(arrays: list[Array | None]) -> list[Array]:
    """One sum for each shape, the smallest first."""
    sums: dict[tuple[int, ...], Array] = {}
    for array in arrays:
        if array is not None:
            sums[array.shape] = sums[array.shape] + array if array.shape in sums else array
    return sorted(sums.values(), key=lambda one: one.size)


def _discounted(values: Array, factors: Array) -> Array:
    """(draws or 1,) values by month times their factors, summed; a level value has one column."""
    if values.shape[1] == 1:
        return np.asarray(values[:, 0] * factors.sum(axis=1))
    return np.asarray(np.einsum("dm,dm->d", *np.broadcast_arrays(values, factors)))
