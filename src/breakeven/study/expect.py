"""Published values against computed ones: a study that does not reproduce its source says so."""

from __future__ import annotations

import math
from functools import cached_property

from breakeven.catalog.find import Catalog
from breakeven.config.study.file import Expected, StudyFile
from breakeven.errors import StudyError
from breakeven.schema.check import Checked
from breakeven.study.evaluate import Evaluated
from breakeven.study.scope import Scope
from breakeven.study.vary import changed, variants


class _Readings:
    """The study and its variants, each evaluated once."""

    def __init__(self, study: StudyFile, catalog: Catalog) -> None:
        self.study, self.catalog = study, catalog
        self.found: dict[str, Evaluated] = {}

    @cached_property
    def variants(self) -> dict[str, StudyFile]:
        return {name: changed(self.study, name, inputs) for name, inputs in variants(self.study)}

    def of(self, variant: str) -> Evaluated:
        if variant not in self.found:
            if variant and variant not in self.variants:
                message = f"an expectation names the variant `{variant}`"
                raise StudyError(
                    message, f"variants are {', '.join(list(self.variants)[:8]) or 'none'}", path=("expected",)
                )
            self.found[variant] = Evaluated(self.variants[variant] if variant else self.study, self.catalog)
        return self.found[variant]


def check(study: StudyFile, catalog: Catalog) -> tuple[Checked, ...]:
    """Every expectation of a study, computed from its inputs alone.

    Raises:
        StudyError: a name stands for nothing, or its unit does not fit.
    """
    readings = _Readings(study, catalog)
    readings.of("").pairs()  # a study without expectations is computed all the same
    return tuple(_checked(study.id, readings, wanted, at) for at, wanted in enumerate(study.expected))


def _checked(case: str, readings: _Readings, wanted: Expected, at: int) -> Checked:
    variant, _, name = wanted.name.rpartition(":")
    found = readings.of(variant.strip())
    with found.scope.at("expected", at):
        actual = number(found.scope, found, name.strip(), wanted.unit)
    return Checked(
        case=case,
        name=wanted.name,
        expected=wanted.value,
        actual=actual,
        unit=wanted.unit,
        passed=_agree(wanted, actual),
        published=wanted.published,
        inferred=wanted.inferred,
    )


def number(scope: Scope, found: Evaluated, name: str, unit: str) -> float | None:
    """A named result in a unit; None is never.

    Raises:
        UnitError: the unit does not fit.
    """
    value = float(found.named(name).amount.to(scope.unit(unit), f"`{name}`").flat[0])
    return None if math.isnan(value) else value


def _agree(wanted: Expected, actual: float | None) -> bool:
    if wanted.value is None or actual is None:
        return wanted.value is None and actual is None
    return abs(actual - wanted.value) <= max(wanted.tolerance * abs(wanted.value), wanted.within)
