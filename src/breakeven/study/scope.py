"""What a study's quantities are worth: read once, in order of need, from numbers, formulas and catalog facts."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

import numpy as np

from breakeven.algebra import formula
from breakeven.algebra.amount import Amount, Array, amount, number
from breakeven.algebra.unit import CURRENCIES, Calendar, Unit, UnitError, Units, currencies, require
from breakeven.catalog.find import Catalog
from breakeven.config.study.file import StudyFile
from breakeven.config.study.given import Given
from breakeven.errors import BreakevenError, StudyError
from breakeven.schema.fact import Fact
from breakeven.schema.noun import Basis
from breakeven.study.known import Known
from breakeven.study.trend import Trends

Path = tuple[str | int, ...]
"""Where a quantity stands in the file."""

_QUANTITY = re.compile(
    r"\s*(?P<number>[-+]?(?:[0-9][0-9_,]*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*(?P<unit>.*?)\s*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A quantity that the file states: what it is in the file, its unit, and its ends in base units."""

    path: Path
    given: Given
    unit: Unit
    base: float
    low: float | None
    high: float | None
    fact: Fact


@dataclass(slots=True, kw_only=True)
class Scope:
    """One reading of a study. `drawn` replaces stated quantities by arrays of draws, in base units, by dotted path."""

    study: StudyFile
    catalog: Catalog
    drawn: Mapping[str, Array] = field(default_factory=dict)
    derived: dict[str, Callable[[], Known]] = field(default_factory=dict)
    leaves: dict[str, Leaf] = field(default_factory=dict)
    warnings: dict[str, None] = field(default_factory=dict)
    facts: dict[str, Fact] = field(default_factory=dict)
    undrawable: dict[str, None] = field(default_factory=dict)
    """Keys of the facts that what has one value only (a term, the bound of a tier) rests on."""
    units: Units = field(init=False)
    trends: Trends = field(init=False)
    _known: dict[str, Known] = field(default_factory=dict)
    _reading: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        stated = self.study.conventions
        calendar = Calendar(hours_per_month=stated.hours_per_month, days_per_month=stated.days_per_month)
        self.units = Units(calendar, frozenset(self.study.units))
        self.trends = Trends(units=self.units, horizon=self.horizon)

    @property
    def horizon(self) -> int:
        """Months the study looks at."""
        return self.study.conventions.horizon_months

    @property
    def on(self) -> str:
        """The day prices are of."""
        return self.study.as_of or self.study.source.published

    def unit(self, text: str) -> Unit:
        """A unit in the study's calendar."""
        return self.units.parse(text)

    def read(self, given: Given | None, *path: str | int) -> Known | None:
        """The quantity at a path; None where it is absent or unpriced.

        Raises:
            StudyError: it cannot be read or computed; names the path.
        """
        if given is None:
            return None
        key = dotted(path)
        if key not in self._known:
            with self.at(*path):
                found = self._read(given, path)
            if found is None:
                return None
            self._known[key] = found
        return self._known[key]

    def need(self, given: Given | None, *path: str | int) -> Known:
        """The quantity at a path.

        Raises:
            StudyError: there is none.
        """
        found = self.read(given, *path)
        if found is None:
            message = f"`{dotted(path)}` has no value"
            raise StudyError(message, "state it with its unit and source", path=path)
        return found

    def wanted(self, given: Given | None, unit: str, *path: str | int) -> Known | None:
        """The quantity at a path, which must be in a unit like `unit`.

        Raises:
            StudyError: it has another unit.
        """
        found = self.read(given, *path)
        if found is not None:
            with self.at(*path):
                require(f"`{dotted(path)}`", found.amount.dims, self.unit(unit).dims)
        return found

    def single(self, found: Known) -> Known:
        """A quantity that has one value, whatever is drawn: a term, the bound of a tier.

        Raises:
            UnitError: it differs between draws.
        """
        self.undrawable.update(dict.fromkeys(found.facts))
        if np.ptp(found.amount.values) > 0:
            message = f"{found.text} has one value in a study, and cannot be drawn"
            raise UnitError(message, "leave out its range (`distribution: fixed`), and state `variants:` instead")
        return found

    def quantity(self, given: Given) -> Known:
        """A quantity that stands nowhere in the file, such as the end of a search.

        Raises:
            UnitError: it is no quantity.
        """
        base, unit = self._parsed(given.value or 0.0, given.unit)
        return Known(Amount(np.array([[base]]), unit.dims), (), str(given.value))

    def unit_of(self, given: Given, *path: str | int) -> Unit:
        """The unit that a stated quantity is written in.

        Raises:
            StudyError: it is a formula, which has none of its own.
        """
        self.read(given, *path)
        if (leaf := self.leaves.get(dotted(path))) is None:
            message = f"`{dotted(path)}` is a formula"
            raise StudyError(message, "vary one of the inputs it is computed from", path=path)
        return leaf.unit

    def named(self, name: str) -> Known:
        """The quantity of a name in a formula: an input, or something derived such as `demand.requests`.

        Raises:
            StudyError: there is no such name, or it depends on itself.
        """
        if name in self._reading:
            circle = " -> ".join([*self._reading[self._reading.index(name) :], name])
            message = f"`{name}` depends on itself: {circle}"
            raise StudyError(message, "break the circle", path=("inputs", name))
        self._reading.append(name)
        try:
            return self._named(name)
        finally:
            self._reading.pop()

    def _named(self, name: str) -> Known:
        if name in self.study.inputs:
            return self.need(self.study.inputs[name], "inputs", name)
        if name in self.derived:
            return self.derived[name]()
        known = [*self.study.inputs, *self.derived]
        near = get_close_matches(name, known, n=2, cutoff=0.6)
        message = f"the name `{name}` stands for nothing"
        ways = f"did you mean {' or '.join(f'`{one}`' for one in near)}?" if near else "add it under `inputs:`"
        raise StudyError(message, ways)

    def compute(self, text: str) -> Known:
        """A formula over names.

        Raises:
            UnitError: units do not fit.
            StudyError: a name is unknown.
        """
        tree = formula.parse(text)
        if formula.names(tree) == (text.strip(),):
            return self.named(text.strip())
        used = [self.named(name) for name in formula.names(tree)]
        found = formula.evaluate(tree, lambda name: self.named(name).amount)
        facts = tuple(dict.fromkeys(key for one in used for key in one.facts))
        basis: Basis = "assumed" if any(one.basis == "assumed" for one in used) else "derived"
        return Known(found, facts, text, basis, any(one.varies for one in used))

    @contextmanager
    def at(self, *path: str | int) -> Iterator[None]:
        """Errors inside are errors of this path."""
        try:
            yield
        except UnitError as error:
            raise StudyError(f"{dotted(path)}: {error.message}", error.way_out, path=path) from error
        except StudyError as error:
            if not error.path:
                error.path = path
            raise
        except BreakevenError as error:
            raise StudyError(f"{dotted(path)}: {error.message}", error.way_out, path=path) from error

    def month(self, found: Known) -> Known:
        """A flow as an amount a month, in currency (or whatever flows) alone.

        Raises:
            UnitError: hours and months meet, and the study has no convention.
        """
        per_month = self.unit("1/month")
        one = amount(1.0, self.unit("month"))
        if any(name == "s" for name, _ in found.amount.dims) and per_month.dims != (("s", -1),):
            message = (
                f"{found.text or 'an hourly figure'} becomes a monthly amount, and the study has no month convention"
            )
            raise UnitError(
                message, "state `conventions: hours_per_month: 730` (8760/12), 720 (30 days) or 176 (22 x 8 h)"
            )
        return found.based(found.amount * one, found.text)

    # -- reading one quantity -------------------------------------------------------------------------------------

    def _read(self, given: Given, path: Path) -> Known | None:
        if given.formula is not None:
            return self._trended(self.compute(given.formula), given, path)
        leaf = self._leaf(given, path)
        if leaf is None:
            return None
        key = dotted(path)
        self.leaves[key] = leaf
        self.facts[leaf.fact.key] = leaf.fact
        drawn = self.drawn.get(key)
        values = np.array([[leaf.base]]) if drawn is None else drawn.reshape(-1, 1)
        basis = "assumed" if given.low is not None or leaf.fact.basis == "assumption" else "derived"
        found = Known(Amount(values, leaf.unit.dims), (leaf.fact.key,), _shown(leaf), basis)  # type: ignore[arg-type]
        return self._trended(self.converted(found), given, path)

    def _leaf(self, given: Given, path: Path) -> Leaf | None:
        if given.fact:
            return self._from_fact(given, path)
        if given.value is None:
            return None
        base, unit = self._parsed(given.value, given.unit)
        low, high = (None if end is None else self._end(end, unit, path) for end in (given.low, given.high))
        _ordered(path, low, base, high)
        return Leaf(
            path=path, given=given, unit=unit, base=base, low=low, high=high, fact=self._stated(given, path, unit, base)
        )

    def _from_fact(self, given: Given, path: Path) -> Leaf | None:
        fact = self.catalog.fact(given.fact)
        if fact.value is None:
            return None
        unit = self.unit(given.unit or unit_of_fact(fact.unit))
        low, high = (None if end is None else end * unit.factor for end in (fact.low, fact.high))
        if low is not None and low == high:
            low = high = None
        low = low if given.low is None else self._end(given.low, unit, path)
        high = high if given.high is None else self._end(given.high, unit, path)
        base = fact.value * unit.factor
        _ordered(path, low, base, high)
        return Leaf(path=path, given=given, unit=unit, base=base, low=low, high=high, fact=fact)

    def _parsed(self, value: str | float, unit: str) -> tuple[float, Unit]:
        """Base value and unit of `98.32 USD/h` or of a number with its unit beside it."""
        if not isinstance(value, str):
            found = self.unit(unit)
            return value * found.factor, found
        match = _QUANTITY.fullmatch(value)
        if match is None:
            message = f"`{value}` is no quantity"
            raise UnitError(message, "write a number and its unit, such as `98.32 USD/h`, or `= a formula`")
        if match["unit"] and unit:
            message = f"`{value}` has the unit {match['unit']}, and `unit:` says {unit}"
            raise UnitError(message, "keep one of them")
        size = float(match["number"].replace(",", "").replace("_", ""))
        if not math.isfinite(size):
            message = f"`{value}` is not finite"
            raise UnitError(message, "write a finite number")
        found = self.unit(match["unit"] or unit)
        return size * found.factor, found

    def _end(self, value: str | float, unit: Unit, path: Path) -> float:
        if not isinstance(value, str):
            return value * unit.factor
        base, stated = self._parsed(value, "")
        if stated.dims == () and unit.dims and not re.search(r"[A-Za-z%]", value):
            return base * unit.factor
        require(f"an end of `{dotted(path)}`", stated.dims, unit.dims)
        return base

    def _stated(self, given: Given, path: Path, unit: Unit, base: float) -> Fact:
        source = self.study.source
        return Fact(
            key=f"study/{self.study.id}/{dotted(path)}",
            value=base / unit.factor,
            unit=unit.text,
            source=given.source or source.title,
            as_of=given.as_of or source.published,
            url=given.url or ("" if given.source else source.url),
            licence="" if given.source else source.licence,
            basis=given.basis,
            note=given.note,
        )

    def converted(self, found: Known) -> Known:
        """Other currencies by their dated rates, to the study's own."""
        for name in currencies(found.amount.dims):
            if name != self.study.currency:
                found = self._exchanged(found, name)
        return found

    def _exchanged(self, found: Known, name: str) -> Known:
        own = self.study.currency
        for rate in self.study.fx:
            if (rate.from_, rate.to) in {(name, own), (own, name)}:
                size = rate.rate if rate.to == own else 1 / rate.rate
                power = dict(found.amount.dims)[name]
                key = f"study/{self.study.id}/fx/{rate.from_}-{rate.to}"
                self.facts[key] = Fact(
                    key=key, value=rate.rate, unit=f"{rate.to}/{rate.from_}", source=rate.source, as_of=rate.as_of
                )
                factor = amount(size, Unit(((name, -1), (own, 1)) if name < own else ((own, 1), (name, -1)), 1.0, ""))
                one = factor if power > 0 else number(1.0) / factor
                text = f"{found.text} at {rate.rate:g} {rate.to}/{rate.from_} of {rate.as_of}"
                return replace(found.based(found.amount * one, text), facts=(*found.facts, key))
        message = f"{found.text} is in {name}, and the study is in {own}"
        raise UnitError(
            message, f"state a dated rate: `fx: [{{from: {name}, to: {own}, rate: ..., as_of: ..., source: ...}}]`"
        )

    def _trended(self, found: Known, given: Given, path: Path) -> Known:
        months = self.trends.months
        if given.trend is not None:
            change = self.read(Given(value=given.trend), *path, "trend")
            if change is not None:
                text = f"{found.text}, {change.text} from month 1 on"
                found = found.resting_on(change).based(found.amount * self.trends.growth(change), text)
        for month, value in given.steps:
            later = self.read(Given(value=value, source=given.source, as_of=given.as_of), *path, "steps", month)
            if later is not None:
                require(f"the step from month {month}", later.amount.dims, found.amount.dims)
                values = np.where(months + 1 >= month, later.amount.values, found.amount.values)
                text = f"{found.text}, {later.text} from month {month} on"
                found = found.resting_on(later).based(Amount(values, found.amount.dims), text)
        return found


def dotted(path: Path) -> str:
    """A path as text: `options.own.purchase.price`."""
    return ".".join(str(part) for part in path)


def unit_of_fact(text: str) -> str:
    """The unit of a catalog fact in this grammar: `fraction of capex per year` is 1/year."""
    words = text.strip().lower()
    if words.startswith(("fraction", "ratio", "share", "power of")) or words in {"per year", "1/year"}:
        return "1/year" if "year" in words else "fraction"
    return {"gco2/kwh": "gCO2/kWh", "gco2e/kwh": "gCO2/kWh", "years": "year"}.get(words, text)


def _ordered(path: Path, low: float | None, base: float, high: float | None) -> None:
    if (low is not None and low > base) or (high is not None and high < base):
        message = (
            f"the range of `{dotted(path)}` does not hold its value: low {low}, value {base}, high {high} (base units)"
        )
        raise UnitError(message, "put low below and high above the value")


def _shown(leaf: Leaf) -> str:
    size = leaf.base / leaf.unit.factor
    number_text = f"{size:,.10g}" if abs(size) < 1e15 else f"{size:g}"  # noqa: PLR2004 - where digits end
    return f"{number_text} {leaf.unit.text}".strip()


def own_currency(dims: tuple[tuple[str, int], ...], currency: str) -> bool:
    """Whether dimensions hold this currency and no other."""
    return any(name == currency for name, _ in dims) and not any(
        name in CURRENCIES and name != currency for name, _ in dims
    )
