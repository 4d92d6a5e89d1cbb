"""What a study's quantities are worth: read once, in order of need, from numbers, formulas and catalog facts."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches

import numpy as np

from breakeven.algebra import formula
from breakeven.algebra.amount import Amount, Array, amount
from breakeven.algebra.unit import Calendar, Dims, Unit, UnitError, Units, currencies, require, shown
from breakeven.catalog.find import Catalog
from breakeven.config.study.file import StudyFile
from breakeven.config.study.given import Given
from breakeven.errors import BreakevenError, StudyError
from breakeven.schema.fact import Fact
from breakeven.schema.noun import Basis
from breakeven.study.bound import Bound, UnpricedError
from breakeven.study.exchange import converted
from breakeven.study.known import Known
from breakeven.study.reading import Leaf, Path, Reader, dotted, parsed
from breakeven.study.trend import Trends

MOST_NESTED = 40
"""Names that rest on each other in a row; Python's own stack ends soon after."""
_TIMES = frozenset({"s", "month", "day"})
_PER_MONTH = re.compile(r"/\s*months?(?![A-Za-z0-9_])")
_PER_HOUR = re.compile(r"/\s*(h|hours?|min|s|seconds?)(?![A-Za-z0-9_])")


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
    reader: Reader = field(init=False)
    _known: dict[str, Known] = field(default_factory=dict)
    _reading: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        stated = self.study.conventions
        calendar = Calendar(hours_per_month=stated.hours_per_month, days_per_month=stated.days_per_month)
        self.units = Units(calendar, frozenset(self.study.units))
        self.trends = Trends(units=self.units, horizon=self.horizon)
        self.reader = Reader(study=self.study, catalog=self.catalog, units=self.units)

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
            raise UnpricedError(message, "state it with its unit and source", path=path)
        return found

    def within(self, found: Known | None, bound: Bound, *path: str | int) -> Known | None:
        """The quantity read at a path, which must lie inside a bound where it is stated.

        Raises:
            StudyError: it lies outside.
        """
        if found is None or self.drawn:
            return found
        values = found.amount.values
        if not bound.holds(float(values.min()), float(values.max())):
            message = f"`{dotted(path)}` is {found.text or 'undefined'}, and must be {bound.told}"
            raise StudyError(message, "correct the number, or its unit (`%` and plain numbers differ)", path=path)
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
        base, unit = parsed(given.value or 0.0, given.unit, self.units)
        stated = Known(Amount(np.array([[base]]), unit.dims), (), str(given.value))
        return converted(stated, self.study)[0]

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
            raise StudyError(message, "break the circle", path=self._input(name))
        if len(self._reading) >= MOST_NESTED:
            message = f"`{self._reading[0]}` rests on `{name}` through {MOST_NESTED} names in a row"
            raise StudyError(message, "state one of them as a number", path=self._input(name))
        self._reading.append(name)
        try:
            return self._named(name)
        finally:
            self._reading.pop()

    def _input(self, name: str) -> Path:
        return ("inputs", name) if name in self.study.inputs else ()

    def _named(self, name: str) -> Known:
        if name in self.study.inputs:
            return self.need(self.study.inputs[name], "inputs", name)
        if name in self.derived:
            return self.derived[name]()
        known = [*self.study.inputs, *self.derived]
        near = get_close_matches(name, known, n=2, cutoff=0.6)
        message = f"the name `{name}` stands for nothing"
        ways = f"did you mean {' or '.join(f'`{one}`' for one in near)}?" if near else "add it under `inputs:`"
        if "." in name and not near:
            ways = "names are `OPTION.FIGURE` and `OWNER_vs_RIVAL.FIGURE`; `breakeven tco CASE --all` lists them"
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
        used = {name: self.named(name) for name in formula.names(tree)}
        found = formula.evaluate(tree, lambda name: used[name].amount)
        self._defined(tree, found, used)
        facts = tuple(dict.fromkeys(key for one in used.values() for key in one.facts))
        basis: Basis = "assumed" if any(one.basis == "assumed" for one in used.values()) else "derived"
        kinds = ("varies", "hourly", "monthly")
        varies, hourly, monthly = (any(getattr(one, kind) for one in used.values()) for kind in kinds)
        return Known(found, facts, text, basis, varies, hourly, monthly)

    def _defined(self, tree: ast.expr, found: Amount, used: Mapping[str, Known]) -> None:
        """Raise where what the study states has no value; `never` (nan) and the far ends of draws pass on."""
        if self.drawn or np.isfinite(found.values).all():
            return
        if all(np.isfinite(one.amount.values).all() for one in used.values()):
            cause = formula.undefined(tree, lambda name: used[name].amount)
            raise UnitError(cause, "change what makes it so, or choose another value there with `where(a > 0, ..., 0)`")

    @contextmanager
    def at(self, *path: str | int) -> Iterator[None]:
        """Errors inside are errors of this path."""
        try:
            yield
        except UnitError as error:
            message = f"{dotted(path)}: {error.message}"
            raise StudyError(message, error.way_out, path=path) from error
        except StudyError as error:
            if not error.path:
                error.path = path
            raise
        except BreakevenError as error:
            message = f"{dotted(path)}: {error.message}"
            raise StudyError(message, error.way_out, path=path) from error
        except (ValueError, ArithmeticError) as error:
            message = f"{dotted(path)}: {error}"
            raise StudyError(message, "correct the figures it is computed from", path=path) from error

    def month(self, found: Known) -> Known:
        """A flow as an amount a month, in currency (or whatever flows) alone.

        Raises:
            UnitError: hours and months meet, and the study has no convention.
        """
        monthly = found.amount * amount(1.0, self.unit("month"))
        left = {name for name, _ in monthly.dims} & _TIMES
        if not left:
            return found.based(monthly, found.text)
        if "day" not in left and (self.units.calendar.month_s is not None or not _timed(found.amount.dims)):
            message = f"{found.text or 'it'} comes to {shown(found.amount.dims)}, and an amount per time is needed"
            raise UnitError(
                message, f"say per what time: `/h`, `/month` or `/year`, such as `2 {self.study.currency}/h`"
            )
        message = f"{found.text or 'an hourly figure'} becomes a monthly amount, and the study has no month convention"
        way_out = "state `conventions: hours_per_month: 730` (8760/12), 720 (30 days) or 176 (22 x 8 h)"
        if "day" in left and self.units.calendar.month_s is not None:
            way_out = "state `conventions: days_per_month: 22`, the days that your month of work has"
        raise UnitError(message, way_out)

    def _read(self, given: Given, path: Path) -> Known | None:
        if given.formula is not None:
            found = self.compute(given.formula)
            if given.unit:
                require(f"`{given.formula}`", found.amount.dims, self.unit(given.unit).dims)
            return self._trended(found, given, path)
        leaf = self.reader.leaf(given, path)
        return None if leaf is None else self._trended(self.leaf(dotted(path), leaf), given, path)

    def leaf(self, key: str, leaf: Leaf) -> Known:
        """A stated quantity, noted under its key and drawn where it is, in the study's currency.

        Raises:
            UnitError: it is in another currency, and the study states no rate.
        """
        self.leaves[key] = leaf
        self.facts[leaf.fact.key] = leaf.fact
        drawn = self.drawn.get(key)
        values = np.array([[leaf.base]]) if drawn is None else drawn.reshape(-1, 1)
        basis: Basis = "assumed" if leaf.given.low is not None or leaf.fact.basis == "assumption" else "derived"
        hourly, monthly = _hourly(leaf.unit), _PER_MONTH.search(leaf.unit.text) is not None
        found = Known(
            Amount(values, leaf.unit.dims), (leaf.fact.key,), leaf.text, basis, hourly=hourly, monthly=monthly
        )
        found, rates = converted(found, self.study)
        self.facts.update({rate.key: rate for rate in rates})
        return found

    def _trended(self, found: Known, given: Given, path: Path) -> Known:
        months = self.trends.months
        if given.trend is not None:
            change = self.read(Given(value=given.trend), *path, "trend")
            if change is not None:
                text = f"{found.text}, {change.text} from month 1 on"
                found = found.resting_on(change).based(found.amount * self.trends.growth(change), text)
        for month, value in sorted(given.steps, key=lambda step: step[0]):
            later = self.read(Given(value=value, source=given.source, as_of=given.as_of), *path, "steps", month)
            if later is not None:
                require(f"the step from month {month}", later.amount.dims, found.amount.dims)
                values = np.where(months + 1 >= month, later.amount.values, found.amount.values)
                text = f"{found.text}, {later.text} from month {month} on"
                found = found.resting_on(later).based(Amount(values, found.amount.dims), text)
        return found


def _timed(dims: Dims) -> bool:
    """Whether something is per time."""
    return any(name in _TIMES and power < 0 for name, power in dims)


def _hourly(unit: Unit) -> bool:
    """Money an hour, or power: what used hours make less of."""
    if currencies(unit.dims):
        return _PER_HOUR.search(unit.text) is not None
    return {("J", 1), ("s", -1)} <= set(unit.dims)
