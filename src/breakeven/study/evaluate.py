"""A study evaluated once: its options, pairs and named results, each when asked for, for one or many draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, partial

import numpy as np

from breakeven.algebra.amount import Amount, Array, amount
from breakeven.catalog.find import Catalog
from breakeven.config.study.file import StudyFile
from breakeven.cost.finance import rate_per_month
from breakeven.errors import StudyError
from breakeven.study.bound import RATE, AbsentError
from breakeven.study.context import Context
from breakeven.study.costed import Costed, cost
from breakeven.study.demand import SCALE, Demand
from breakeven.study.figures import FIGURES as OF_OPTION
from breakeven.study.figures import figure, need_prices
from breakeven.study.fleet import Fleet
from breakeven.study.known import Known
from breakeven.study.naming import checked
from breakeven.study.pair import FIGURES as OF_PAIR
from breakeven.study.pair import SCALES, VOLUME, Versus, crossing_scale, demand_of, gained, scaled
from breakeven.study.scope import Scope

REFINED = 65
TIMES = ("hour", "day", "month", "year")
"""One of each, so that formulas can say `12 * month`; an input of the same name comes first."""


class Evaluated:
    """A study read with some quantities drawn; nothing is computed before it is asked for."""

    def __init__(self, study: StudyFile, catalog: Catalog, drawn: Mapping[str, Array] | None = None) -> None:
        checked(study)
        self.study, self.catalog = study, catalog
        self.scope = Scope(study=study, catalog=catalog, drawn=drawn or {})
        self.demand = Demand(self.scope)
        self._options: dict[str, Costed] = {}
        self._pairs: dict[tuple[str, str], Versus] = {}
        self._name_everything()

    def _name_everything(self) -> None:
        derived = self.scope.derived
        for name in TIMES:
            derived[name] = partial(self._one, name)
        for name, option in self.study.options.items():
            lines = [f"lines.{line}" for line in (*option.lines, *_PARTS)]
            for one in (*OF_OPTION, *_OWN_FIGURES, *lines):
                derived[f"{name}.{one}"] = partial(self._figure, name, one)
            for other in self.study.options:
                for one in (*OF_PAIR, VOLUME) if other != name else ():
                    derived[f"{name}_vs_{other}.{one}"] = partial(self._pair_figure, name, other, one)
        for name, result in self.study.results.items():
            derived[name] = partial(self._result, name, result.formula)

    def option(self, name: str) -> Costed:
        """An option, computed.

        Raises:
            StudyError: there is none of that name, or something in it cannot be computed.
        """
        if name not in self.study.options:
            message = f"there is no option `{name}`"
            raise StudyError(message, f"options are {', '.join(self.study.options)}", path=("options",))
        if name not in self._options:
            option = self.study.options[name]
            fleet = Fleet(self.scope, self.demand, name, option)
            context = Context(scope=self.scope, demand=self.demand, fleet=fleet, name=name, option=option)
            with self.scope.at("options", name):
                self._options[name] = cost(context, self.rate)
        return self._options[name]

    @cached_property
    def rate(self) -> Array:
        """(draws or 1, 1) the discount rate a month."""
        stated = self.study.conventions
        found = self.scope.read(stated.discount_rate, "conventions", "discount_rate")
        if found is None:
            return np.zeros((1, 1))
        yearly = found.amount.values
        with self.scope.at("conventions", "discount_rate"):
            if found.amount.dims:
                yearly = found.amount.to(self.scope.unit("1/year"), "the discount rate")
        self.scope.within(found.based(Amount(yearly, ()), found.text), RATE, "conventions", "discount_rate")
        each, where = np.unique(yearly[:, 0], return_inverse=True)
        return np.array([[rate_per_month(float(one), stated.compounding)] for one in each])[where]

    def pair(self, owner: str, rival: str) -> Versus:
        """Two options compared.

        Raises:
            StudyError: one of them cannot be computed.
        """
        if (owner, rival) not in self._pairs:
            self._pairs[owner, rival] = Versus(self.option(owner), self.option(rival))
        return self._pairs[owner, rival]

    def priced(self) -> tuple[Costed, ...]:
        """The options of which every part has a price, in the order of the file."""
        return tuple(one for name in self.study.options if not (one := self.option(name)).context.unpriced)

    def pairs(self) -> tuple[Versus, ...]:
        """The pairs the study names; else each with a price with each that needs less capital. None is unpriced."""
        options = self.priced()
        if self.study.pairs:
            return tuple(self._stated_pairs({one.name for one in options}))
        return tuple(
            self.pair(one.name, other.name)
            for one in options
            for other in options
            if one.capital[0] > other.capital[0] + 1e-9
        )

    def _stated_pairs(self, priced: set[str]) -> Iterator[Versus]:
        for at, pair in enumerate(self.study.pairs):
            unknown = [name for name in pair if name not in self.study.options]
            if unknown or len(set(pair)) == 1:
                message = f"the pair [{', '.join(pair)}] is no pair of two options"
                way_out = f"options are {', '.join(self.study.options)}"
                raise StudyError(message, way_out, path=("pairs", at))
            missing = [name for name in pair if name not in priced]
            if missing:
                self.scope.warnings[f"{pair[0]} is not compared with {pair[1]}: `{missing[0]}` is unpriced"] = None
                continue
            found = self.pair(*pair)
            if found.extra[0] < 0:
                told = f"`{pair[0]}` needs less capital than `{pair[1]}`: its rate is the cost of not buying"
                self.scope.warnings[f"the pair [{', '.join(pair)}]: {told}"] = None
            yield found

    def named(self, name: str) -> Known:
        """A result, a figure or an input by name.

        Raises:
            StudyError: nothing has this name, or it cannot be computed.
        """
        return self.scope.named(name)

    def _one(self, unit: str) -> Known:
        return Known(amount(1.0, self.scope.unit(unit)), (), f"1 {unit}")

    def _figure(self, option: str, name: str) -> Known:
        return figure(self.option(option), name)

    def _pair_figure(self, owner: str, rival: str, name: str) -> Known:
        for one in (owner, rival):
            need_prices(self.option(one), f"{owner}_vs_{rival}.{name}")
        if name == VOLUME:
            return self.volume(owner, rival)
        spec = OF_PAIR[name]
        found = spec.compute(self.pair(owner, rival))
        if found is None:
            reason, way_out = spec.lacking
            message = f"`{owner}_vs_{rival}.{name}` cannot be computed: {reason.format(owner=owner, rival=rival)}"
            raise AbsentError(message, way_out)
        return found

    def _result(self, name: str, text: str) -> Known:
        with self.scope.at("results", name):
            return self.scope.compute(text)

    def volume(self, owner: str, rival: str) -> Known:
        """Demand a month from which the owner's annuity is the lower one; nan is never.

        The study is asked again at 161 demands from 1/10,000 to 10,000 times the stated one, then between the two
        neighbours where it turns, twice more. Fleets that are sized from demand grow with it, so there may be several
        such volumes: this is the lowest, and 0 where the owner costs less at the lowest demand already.
        """
        flow = demand_of(self.option(owner))
        if flow is None:
            message = f"a break-even volume of `{owner}` needs a demand"
            raise StudyError(message, "state `demand: requests:` or tokens", path=("demand",))
        scales, found = SCALES, None
        for _ in range(3):
            found = crossing_scale(scales, self._gains(owner, rival, scales))
            if found is None:
                return scaled(flow, float("nan"))
            if found[0] == found[1]:
                return scaled(flow, 0.0)
            scales = np.linspace(*found, REFINED)
        return scaled(flow, float("nan") if found is None else found[1])

    def _gains(self, owner: str, rival: str, scales: Array) -> Array:
        again = Evaluated(self.study, self.catalog, {SCALE: scales})
        return np.broadcast_to(gained(again.option(owner).annuity, again.option(rival).annuity), scales.shape)


_PARTS = ("purchase", "resale", "lease", "power", "housing", "rent", "api", "provisioned", "mix")
_OWN_FIGURES = (
    *("life_months", "it_power", "units", "overflow_share", "critical_fractile", "quantile_units"),
    *("burst_hours_share", "regret_of_one_more"),
)
"""Figures that a part notes while it is computed."""
