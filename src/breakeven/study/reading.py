"""One stated quantity read: its number, its unit, the ends of its range, and the fact it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from breakeven.algebra.unit import COUNTS, NUMBER, Unit, UnitError, Units, mismatch, multiply, parse_number, require
from breakeven.catalog.find import Catalog
from breakeven.config.study.file import StudyFile
from breakeven.config.study.given import Given
from breakeven.schema.fact import Fact

Path = tuple[str | int, ...]
"""Where a quantity stands in the file."""

MAX_LENGTH = 200
LARGEST = 1e60
"""Five such numbers may be multiplied before a float ends."""
_QUANTITY = re.compile(rf"(?P<sign>[-+]?)(?P<number>{NUMBER}|\.[0-9]+(?:[eE][-+]?[0-9]+)?)(?![0-9.,_])\s*(?P<unit>.*)")
_SHARES = {"fraction": "%", "ratio": "%", "1/year": "%/year"}
"""Units of the catalog that people write in per cent."""
_EXACT = 1e15
"""Above this a float has no digit left for a fraction."""


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

    @property
    def text(self) -> str:
        """The value as people write it."""
        size, unit = self.base / self.unit.factor, self.unit.text
        if unit in _SHARES and abs(size) <= 1:
            size, unit = size * 100, _SHARES[unit]
        number = f"{size:,.10g}" if abs(size) < _EXACT else f"{size:g}"
        return f"{number} {unit.removeprefix('fraction').removeprefix('ratio')}".strip()


def dotted(path: Path) -> str:
    """A path as text: `options.own.purchase.price`."""
    return ".".join(str(part) for part in path)


def parsed(value: str | float, unit: str, units: Units) -> tuple[float, Unit]:
    """Base value and unit of `98.32 USD/h`, or of a number with its unit beside it.

    Raises:
        UnitError: it is no quantity, or has two units.
    """
    size, stated = (value, "") if not isinstance(value, str) else split(value)
    if stated and unit:
        message = f"`{value}` has the unit {stated}, and `unit:` says {unit}"
        raise UnitError(message, "keep one of them")
    found = units.parse(stated or unit)
    base = size * found.factor
    if not abs(base) < LARGEST:
        message = f"`{value}` is larger than anything that is counted"
        raise UnitError(message, "write a finite number, and mind its unit")
    return base, found


def split(text: str) -> tuple[float, str]:
    """Number and unit of a text such as `98.32 USD/h`.

    Raises:
        UnitError: it does not begin with a number.
    """
    match = _QUANTITY.fullmatch(text.strip()) if len(text) <= MAX_LENGTH else None
    if match is None:
        message = f"`{text.strip()[:MAX_LENGTH]}` is no quantity"
        way_out = "write a number and its unit, such as `98.32 USD/h` or `1,500.5 USD`, or `= a formula`"
        raise UnitError(message, way_out)
    unit = match["unit"].strip()
    if unit[:1].isdigit():
        message = f"`{text.strip()}` has a space inside its number"
        raise UnitError(message, f"write {match['number']}{unit}, or part thousands by commas")
    return float(match["sign"] + "1") * parse_number(match["number"]), unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads the quantities of one study in its calendar."""

    study: StudyFile
    catalog: Catalog
    units: Units

    def leaf(self, given: Given, path: Path) -> Leaf | None:
        """What a file states; None where it is unpriced.

        Raises:
            UnitError: it is no quantity, or its range does not hold it.
            FactError: the catalog has no such fact.
        """
        if given.fact:
            return self._of_fact(given, path)
        if given.value is None:
            return None
        base, unit = parsed(given.value, given.unit, self.units)
        fact = self._stated(given, path, unit, base)
        return self._ranged(given, path, unit, base, fact, (None, None))

    def _of_fact(self, given: Given, path: Path) -> Leaf | None:
        fact = self.catalog.fact(given.fact)
        if fact.value is None:
            return None
        own, unit = self._units_of(fact, given)
        low, high = (None if end is None else end * own.factor for end in (fact.low, fact.high))
        ends = (None, None) if low == high else (low, high)
        return self._ranged(given, path, unit, fact.value * own.factor, fact, ends)

    def _units_of(self, fact: Fact, given: Given) -> tuple[Unit, Unit]:
        """The unit of a fact, and the one it is used in: another size, or per something that the fact leaves unsaid.

        Raises:
            UnitError: the two do not fit.
        """
        text = unit_of_fact(fact.unit)
        if not given.unit:
            return self.units.parse(text), self.units.parse(text)
        unit = self.units.parse(given.unit)
        own = self.units.parse(text) if self.units.knows(text) else unit
        counted = {*COUNTS, *self.units.own}
        if any(name not in counted or power < 0 for name, power in multiply(own.dims, unit.dims, -1)):
            named = f"the fact `{given.fact}`"
            raise mismatch(named, own.dims, unit.dims)
        if given.fact.startswith("accelerator/") and ("server", -1) in unit.dims:
            message = f"the fact `{given.fact}` is of one accelerator, and `unit:` says {given.unit}"
            raise UnitError(message, "write `/accelerator`: servers have several")
        return own, unit

    def _ranged(
        self, given: Given, path: Path, unit: Unit, base: float, fact: Fact, ends: tuple[float | None, float | None]
    ) -> Leaf:
        low, high = (
            known if stated is None else self._end(stated, unit, path)
            for stated, known in zip((given.low, given.high), ends, strict=True)
        )
        if (low is not None and low > base) or (high is not None and high < base):
            told = ", ".join(
                f"{name} {end / unit.factor:g}"
                for name, end in (("low", low), ("value", base), ("high", high))
                if end is not None
            )
            message = f"the range of `{dotted(path)}` does not hold its value: {told} {unit.text}".rstrip()
            raise UnitError(message, "put low below and high above the value")
        return Leaf(path=path, given=given, unit=unit, base=base, low=low, high=high, fact=fact)

    def _end(self, value: str | float, unit: Unit, path: Path) -> float:
        """One end of a range in base units; a bare number is in the unit of the value."""
        size, stated = (value, "") if not isinstance(value, str) else split(value)
        if not stated:
            return size * unit.factor
        found = self.units.parse(stated)
        require(f"an end of `{dotted(path)}`", found.dims, unit.dims)
        return size * found.factor

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
            layer="study",
        )


def unit_of_fact(text: str) -> str:
    """The unit of a catalog fact in this grammar: `fraction of capex per year` is 1/year."""
    words = text.strip().lower()
    if words.startswith(("fraction", "ratio", "share", "power of")) or words in {"per year", "1/year"}:
        return "1/year" if "year" in words else "fraction"
    return {"gco2/kwh": "gCO2/kWh", "gco2e/kwh": "gCO2/kWh", "years": "year"}.get(words, text)
