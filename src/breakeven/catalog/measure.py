"""Figures in the unit the catalog keeps them in: converted where that is arithmetic, else refused with both units."""

from __future__ import annotations

import re
from difflib import get_close_matches

from breakeven.algebra.unit import Unit, UnitError, Units, currencies
from breakeven.catalog.fields import FACTS, KINDS, PRICE_UNITS, Measure, measure_of
from breakeven.catalog.node import Node

UNITS = Units(own=frozenset({"parameter", "layer", "dimension", "head", "expert", "OP"}))
WORDS = {
    "byte": "B",
    "bytes": "B",
    "percent": "%",
    "hours": "hour",
    "gCO2e": "gCO2",
    "gCO2eq": "gCO2",
    "kgCO2e": "kgCO2",
    "kgCO2eq": "kgCO2",
    "tCO2e": "tCO2",
    "vCPU": "vcpu",
    **{f"{prefix}OP": f"{size:g} OP" for prefix, size in (("G", 1e9), ("T", 1e12), ("P", 1e15))},
}
"""How people write units -> how the algebra of units does."""
_WORD = re.compile(r"[A-Za-z0-9_%]+")
_QUALIFIER = re.compile(r", .*| of(?: (?!per\b)[A-Za-z]+)+| replaced")
"""What a unit says beyond its dimension: `dense`, `one direction`, `of capex`."""


def known_key(key: str, node: Node) -> Measure | None:
    """The measure of a fact's key; None for a kind of the user's own.

    Raises:
        FactError: the key is none of its kind, or its kind is one of the catalog's misspelt.
    """
    kind = key.partition("/")[0]
    found = measure_of(key)
    if found is not None or kind == "assumption":
        return found
    if kind in KINDS:
        names = [pattern.rpartition("/")[2] for pattern in FACTS if pattern.startswith(f"{kind}/")]
        near = get_close_matches(key.partition("@")[0].rpartition("/")[2], names, n=1, cutoff=0.4) or names
        node.fail("", f"{key} is no fact of its kind", f"write {kind}/<id>/{near[0]}; fields: {', '.join(names)}")
    meant = get_close_matches(kind, KINDS, n=1, cutoff=0.75)
    if meant:
        node.fail("", f"{key}: there is no kind of facts {kind!r}", f"did you mean {key.replace(kind, meant[0], 1)}?")
    return None


def in_measure(
    entry: Node, names: tuple[str, ...], measure: Measure | None
) -> tuple[dict[str, float | None], str, str]:
    """The figures of an entry in the unit that is kept, that unit, and what to note of a conversion.

    Raises:
        FactError: another unit that cannot be converted, or a figure outside the believable.
    """
    stated = entry.text("unit", measure.unit if measure else None)
    if measure is None:
        price = stated.startswith(PRICE_UNITS)
        return {name: entry.number(name, price=price) for name in names}, stated, ""
    factor = _factor(entry, stated, measure.unit)
    values = {name: _figure(entry, name, factor, stated, measure) for name in names}
    note = "" if factor == 1.0 else f"stated as {entry.number(names[0]):g} {stated}"
    return values, measure.unit, note


def _figure(entry: Node, name: str, factor: float, stated: str, measure: Measure) -> float | None:
    price = measure.unit.startswith(PRICE_UNITS) and measure.least > 0
    number = entry.number(name, price=price, low=-float("inf"))
    value = None if number is None else _scaled(number, factor)
    if value is not None and not measure.least <= value <= measure.most:
        was = "" if factor == 1.0 else f", stated as {number:g} {stated},"
        problem = f"{value:g} {measure.unit}{was} lies outside {measure.least:g}..{measure.most:g}"
        entry.fail(name, problem, f"state it in {measure.unit}, or name its own unit in `unit:`")
    return value


def _scaled(number: float, factor: float) -> float:
    """The product without the noise of binary fractions: 120 of 0.001 is 0.12."""
    return number if factor == 1.0 else float(f"{number * factor:.12g}")


def _factor(entry: Node, stated: str, needed: str) -> float:
    """What to multiply by to have the needed unit of the stated one."""
    if _spaced(stated) == _spaced(needed):
        return 1.0
    theirs, ours = _parsed(stated), _parsed(needed)
    if theirs is None or ours is None or theirs.dims != ours.dims or not _same_kind(stated, needed):
        entry.fail("unit", f"is in {stated}, and {needed} is needed", _way_out(theirs, needed))
    return theirs.factor / ours.factor


def _way_out(theirs: Unit | None, needed: str) -> str:
    money = currencies(theirs.dims) if theirs is not None else ()
    if money and needed.startswith("USD") and "USD" not in money:
        return f"convert it to {needed} at a dated rate, and say the rate and {money[0]} figure in `note:`"
    return f"state the figure in {needed}, or correct `unit:`"


def _same_kind(stated: str, needed: str) -> bool:
    """Whether what the stated unit says beyond its dimension (sparse) is what the needed one says, or nothing."""
    said = _spaced("".join(found.group() for found in _QUALIFIER.finditer(stated)))
    return not said or said == _spaced("".join(found.group() for found in _QUALIFIER.finditer(needed)))


def _parsed(text: str) -> Unit | None:
    plain = "ratio" if text.startswith("power of ") else _QUALIFIER.sub("", text).strip()
    if plain.startswith("per "):
        plain = f"1/{plain.removeprefix('per ')}"
    words = _WORD.sub(lambda found: WORDS.get(found.group(), found.group()), plain.replace(" per ", "/"))
    try:
        return UNITS.parse(words)
    except UnitError:
        return None


def _spaced(text: str) -> str:
    return " ".join(text.split()).casefold()
