"""Names of a study that formulas could not use, or that would mean two things."""

from __future__ import annotations

import keyword
from collections.abc import Iterator

from breakeven.algebra.formula import CONSTANTS
from breakeven.algebra.unit import COUNTS, PHYSICAL
from breakeven.config.study.file import StudyFile
from breakeven.errors import StudyError
from breakeven.study import exchange
from breakeven.study.demand import DERIVED
from breakeven.study.flow import PARTS

RESERVED = frozenset({*CONSTANTS, *keyword.kwlist})
"""Words that a formula reads as something else."""
HOURS_PER_DAY = 24.5
"""730 hours are 30 days of 24.3; a day that is longer is none."""


def checked(study: StudyFile) -> None:
    """Nothing where every name means one thing, every currency is one, and days hold the hours of a month.

    Raises:
        StudyError: a name is a word of formulas, a unit, a part, or given twice.
    """
    exchange.checked(study)
    for path, what in _doubtful(study):
        message = f"`{path[-1] if path[0] != 'units' else study.units[int(path[-1])]}` is {what}"
        raise StudyError(message, "choose another name", path=path)
    _days(study)


def _doubtful(study: StudyFile) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where a name means two things, and what it means besides."""
    named = [(section, name) for section in ("inputs", "options", "results") for name in getattr(study, section)]
    lines = [(option, line) for option, stated in study.options.items() for line in stated.lines]
    yield from ((path, "a word that formulas use themselves") for path in named if path[1] in RESERVED)
    yield from ((("results", name), "an input and a result") for name in study.results if name in study.inputs)
    yield from (
        (("demand", "flows", name), "a flow that a demand has already")
        for name in study.demand.flows
        if name in DERIVED
    )
    yield from (
        (("options", name), "what the demand, or a pair of options, is called")
        for name in study.options
        if name == "demand" or "_vs_" in name
    )
    yield from ((("options", option, "lines", line), "a part of an option") for option, line in lines if line in PARTS)
    yield from (
        (("units", at), "a unit already") for at, name in enumerate(study.units) if name in PHYSICAL or name in COUNTS
    )


def _days(study: StudyFile) -> None:
    hours, days = study.conventions.hours_per_month, study.conventions.days_per_month
    if hours is not None and days is not None and hours > HOURS_PER_DAY * days:
        message = f"a month of {hours:g} hours and {days:g} days has days of {hours / days:.4g} hours"
        raise StudyError(message, "state days that hold the hours", path=("conventions", "days_per_month"))
