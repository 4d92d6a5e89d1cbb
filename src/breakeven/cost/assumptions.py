"""Operating assumptions at one scenario: what no price list states, from the catalog's low, base and high."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Literal

import msgspec

from breakeven.errors import FactError
from breakeven.schema.fact import Fact
from breakeven.schema.noun import Noun

Scenario = Literal["low", "base", "high"]
PREFIX = "assumption/"
RESIDUAL_AGES = (12, 24, 36, 60)
"""Months at which the market's resale shares are stated."""
SAVES = frozenset({"residual_12m", "residual_24m", "residual_36m", "residual_60m", "useful_life"})
"""Assumptions whose higher value makes owning cheaper: the scenario of low cost takes their high value."""


class Assumptions(Noun, frozen=True, kw_only=True):
    """Every operating assumption of a bill at one scenario; `low` is low cost. Field names are fact keys.

    Fractions are of purchase price (residual_*, maintenance a year), of rent (goodput_loss, autoscaling_overhead,
    support_uplift_hyperscaler) or a year (cost_of_capital, *_decay). `useful_life` is in years,
    `server_power_ratio` is server power / TDP of its accelerators while serving.
    """

    scenario: Scenario
    electricity_us_commercial: float
    pue: float
    maintenance: float
    colocation_per_kw: float
    staff_loaded: float
    staff_fte_per_8gpu_node: float
    residual_12m: float
    residual_24m: float
    residual_36m: float
    residual_60m: float
    useful_life: float
    cost_of_capital: float
    api_price_decay: float
    cloud_gpu_price_decay: float
    goodput_loss: float
    support_uplift_hyperscaler: float
    autoscaling_overhead: float
    server_power_ratio: float
    idle_power_ratio: float

    @property
    def life_months(self) -> int:
        """Months of use over which a purchase is written off."""
        return round(self.useful_life * 12)

    def residual_fraction(self, months: float) -> float:
        """Share of the purchase price a server still fetches: linear between the stated ages, 1 at 0, flat after 60."""
        ages = ((0, 1.0), *((age, float(getattr(self, f"residual_{age}m"))) for age in RESIDUAL_AGES))
        for (young, before), (old, after) in pairwise(ages):
            if months <= old:
                return before + (after - before) * (months - young) / (old - young)
        return ages[-1][1]

    def residual_keys(self, months: float) -> tuple[str, ...]:
        """Keys of the assumptions that `residual_fraction` rests on at an age."""
        above = next((age for age in RESIDUAL_AGES if months <= age), RESIDUAL_AGES[-1])
        below = max((age for age in RESIDUAL_AGES if age < above and months < above), default=above)
        return tuple(f"{PREFIX}residual_{age}m" for age in dict.fromkeys((below, above)))


def assumptions(facts: Iterable[Fact], scenario: Scenario) -> Assumptions:
    """The assumptions of a scenario; facts of other keys are left alone.

    Raises:
        FactError: an assumption is missing or has no value.
    """
    known = {fact.key.removeprefix(PREFIX): fact for fact in facts if fact.key.startswith(PREFIX)}
    names = [name for name in Assumptions.__struct_fields__ if name != "scenario"]
    values = {name: _at(name, known.get(name), scenario) for name in names}
    return msgspec.convert({"scenario": scenario, **values}, Assumptions)


def _at(name: str, fact: Fact | None, scenario: Scenario) -> float:
    if fact is None or fact.value is None:
        message = f"{PREFIX}{name} has no value"
        raise FactError(message, f"state assumptions: {name}: with low, base, high, unit, source and as_of")
    cheap, dear = fact.low, fact.high
    if name in SAVES:
        cheap, dear = dear, cheap
    chosen = {"low": cheap, "base": fact.value, "high": dear}[scenario]
    return fact.value if chosen is None else chosen
