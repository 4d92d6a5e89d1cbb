"""The months of an option's bill at many values of its inputs at once: the lines of `cost.tco`, as columns.

Arrays are (months, rows); an input is (rows,). Scaled to the plan's bill, so that nothing is lost at base.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np

from breakeven.cost.assumptions import PREFIX, RESIDUAL_AGES
from breakeven.cost.finance import MONTHS_PER_YEAR
from breakeven.cost.owned import ACCELERATORS_PER_NODE
from breakeven.cost.tco import HYPERSCALERS
from breakeven.planner.doubt.belief import Array
from breakeven.planner.doubt.terms import Terms
from breakeven.quantity import HOURS_PER_MONTH
from breakeven.schema.offer import OfferKind

Inputs = Mapping[str, Array]
"""Every input by key, (rows,) or (1,)."""

TREND: dict[OfferKind, str] = {
    "api": "trend/api",
    "accelerator_hour": "trend/rent",
    "cpu_hour": "trend/rent",
    "server_purchase": "trend/purchase",
    "provisioned": "trend/api",
}


class Months:
    """The months looked at, and what changes over them; growth and trends are worked out once for all options."""

    def __init__(self, inputs: Inputs, level: Array, start: int, end: int) -> None:
        self.inputs = inputs
        self.start, self.end = start, end
        self.at = np.arange(start, end, dtype=np.float64)[:, None]
        self.level = level
        self._trends: dict[tuple[str, int], Array] = {}

    def __len__(self) -> int:
        return self.end - self.start

    def assumed(self, name: str) -> Array:
        """An operating assumption."""
        return self.inputs[PREFIX + name]

    def trend(self, key: str, term: int) -> Array:
        """Prices against today's: followed month by month, or for a term fixed when the term begins."""
        if (key, term) not in self._trends:
            since = self.start + (self.at - self.start) // term * term if term else self.at
            self._trends[key, term] = np.exp(np.log1p(self.inputs[key]) * (since / MONTHS_PER_YEAR))
        return self._trends[key, term]

    def price(self, one: Terms, field: str) -> Array:
        """A price of the option's offer today, against the listed one."""
        return self.inputs[price_key(one, field)] / float(getattr(one.offer, field))


def price_key(one: Terms, field: str) -> str:
    """The key of a price as an input."""
    return f"price/{one.offer.id}/{field}"


def cost_usd(one: Terms, months: Months, replicas: Array) -> Array:
    """USD of every month, (months, rows)."""
    return COSTS[one.offer.kind](one, months, replicas)


def _api(one: Terms, months: Months, replicas: Array) -> Array:
    del replicas
    parts = (amount * months.price(one, field) if field else amount for field, amount in one.lines)
    today = sum(parts, start=np.zeros(1))
    return np.asarray(today * months.level * months.trend(TREND["api"], 0))


def _machines(one: Terms, replicas: Array) -> Array:
    return np.ceil(replicas * (one.accelerators / one.offer.count) - 1e-9)


def filled(one: Terms, replicas: Array) -> Array:
    """As many replicas as the machines hold that so many need."""
    return np.floor(_machines(one, replicas) * (one.offer.count / one.accelerators) + 1e-9)


def _rented(one: Terms, months: Months, replicas: Array) -> Array:
    on_top = 1.0 + months.assumed("autoscaling_overhead") + months.assumed("goodput_loss")
    if one.offer.provider in HYPERSCALERS:
        on_top = on_top + months.assumed("support_uplift_hyperscaler")
    hourly = (one.offer.usd_per_hour or 0.0) * months.price(one, "usd_per_hour") * on_top
    rent = _machines(one, replicas + one.spare) * (hourly * HOURS_PER_MONTH)
    return np.asarray(rent * months.trend(TREND["accelerator_hour"], one.term_months))


def _cpu(one: Terms, months: Months, replicas: Array) -> Array:
    hourly = (one.offer.usd_per_hour or 0.0) * months.price(one, "usd_per_hour")
    return np.asarray((replicas + one.spare) * (hourly * HOURS_PER_MONTH) * months.trend(TREND["cpu_hour"], 0))


def _owned(one: Terms, months: Months, replicas: Array) -> Array:
    """What is bought later is bought at the price of the day; every purchase is paid for over its life."""
    serving = _machines(one, replicas)
    spare = float(_machines(one, np.array([float(one.spare)]))[0])
    price = (one.offer.purchase_usd or 0.0) * months.price(one, "purchase_usd")
    trend = months.trend(TREND["server_purchase"], 0)
    bought = np.diff(serving + spare, axis=0, prepend=0.0)
    capex = np.cumsum(bought * trend, axis=0) * price
    kw = one.tdp_w * one.offer.count * months.assumed("server_power_ratio") / 1000.0
    energy = kw * months.assumed("pue") * HOURS_PER_MONTH * months.assumed("electricity_us_commercial")
    people = months.assumed("staff_fte_per_8gpu_node") * months.assumed("staff_loaded") / MONTHS_PER_YEAR
    standing = kw * months.assumed("colocation_per_kw") + people * (one.offer.count / ACCELERATORS_PER_NODE)
    upkeep = months.assumed("maintenance") / MONTHS_PER_YEAR
    return np.asarray(capex * (_capital(months) + upkeep) + serving * energy + (serving + spare) * standing)


def _capital(months: Months) -> Array:
    """The level monthly payment for 1 USD of purchase: the annuity over its life down to what it fetches then."""
    life = np.round(months.assumed("useful_life") * MONTHS_PER_YEAR)
    rate = months.assumed("cost_of_capital") / MONTHS_PER_YEAR
    left = _residual(months, life)
    shrunk = np.exp(-life * np.log1p(rate))
    with np.errstate(invalid="ignore", divide="ignore"):
        paid = (1.0 - left * shrunk) * rate / (1.0 - shrunk)
    return np.where(rate > 0, paid, (1.0 - left) / life)


def _residual(months: Months, life: Array) -> Array:
    """As `Assumptions.residual_fraction`."""
    ages = [(0.0, np.ones(1)), *((float(age), months.assumed(f"residual_{age}m")) for age in RESIDUAL_AGES)]
    found = ages[-1][1] + np.zeros_like(life)
    for (young, before), (old, after) in reversed(list(pairwise(ages))):
        found = np.where(life <= old, before + (after - before) * (life - young) / (old - young), found)
    return found


def _units(one: Terms, months: Months, replicas: Array) -> Array:
    """Units at the price of the day, or of the day their term began; what overflows is the rest's."""
    hourly = (one.offer.usd_per_hour or 0.0) * months.price(one, "usd_per_hour")
    return np.asarray(replicas * (hourly * HOURS_PER_MONTH) * months.trend(TREND["provisioned"], one.term_months))


def _devices(one: Terms, months: Months, replicas: Array) -> Array:
    """As many devices as there are, bought once; energy for answers follows the demand."""
    del replicas
    held = one.devices
    if held is None:
        return np.zeros((len(months), 1))
    upkeep = held.upkeep_usd * months.price(one, "usd_per_device_month") if held.upkeep_usd else np.zeros(1)
    bought = np.zeros(1)
    if held.bought_usd:
        bought = held.bought_usd * months.price(one, "purchase_usd") * _annuity(months, held.life_months)
    tariff = months.assumed("electricity_us_commercial")
    return np.asarray((upkeep + bought + held.standby_kwh * tariff) + held.busy_kwh * tariff * months.level)


def _annuity(months: Months, life: int) -> Array:
    """The level monthly payment for 1 USD over a life, down to nothing."""
    rate = months.assumed("cost_of_capital") / MONTHS_PER_YEAR
    with np.errstate(invalid="ignore", divide="ignore"):
        paid = rate / (1.0 - np.exp(-life * np.log1p(rate)))
    return np.where(rate > 0, paid, 1.0 / life)


COSTS: dict[OfferKind, Callable[[Terms, Months, Array], Array]] = {
    "api": _api,
    "accelerator_hour": _rented,
    "cpu_hour": _cpu,
    "server_purchase": _owned,
    "provisioned": _units,
    "edge": _devices,
}
