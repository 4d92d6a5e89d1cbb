"""The question an outlook answers: which options, which pairs, at many values of the inputs at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from breakeven.algebra.amount import Array
from breakeven.catalog.find import Catalog
from breakeven.config.study.file import StudyFile
from breakeven.errors import StudyError
from breakeven.study.evaluate import Evaluated
from breakeven.study.strain import overloaded

CELLS = 2**17
"""Draws x months computed at once: tables of a megabyte stay in the cache of a core, ten times larger ones do not."""
LEAST_ROWS = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A study with its priced options and its pairs; `best` and `compared` (may be -1) are places in `options`."""

    study: StudyFile
    catalog: Catalog
    base: Evaluated
    options: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    best: int
    compared: int

    @property
    def horizon(self) -> int:
        """Months the study looks at."""
        return self.study.conventions.horizon_months

    def margin(self, costs: Array) -> Array:
        """(rows,) the result that is explained: what `best` saves against `compared`, or its cost if it is alone."""
        return costs[self.best] if self.compared < 0 else np.asarray(costs[self.compared] - costs[self.best])


class Sampled(NamedTuple):
    """`costs` (options, rows) present cost; by pair `months` (rows,), nan is never, and `saved` (months + 1, rows)."""

    costs: Array
    months: list[Array]
    saved: list[Array]


def case_of(study: StudyFile, catalog: Catalog, compare: str) -> Case:
    """The study at base: the options that can be chosen ranked, its pairs known, its inputs read.

    Raises:
        StudyError: no option can be chosen, or the one to compare with has none.
    """
    base = Evaluated(study, catalog)
    priced = {one.name: float(one.present[0]) for one in base.priced() if not overloaded(one)[0]}
    if not priced:
        message = "no option has a price for all of its parts and a fleet that carries the demand"
        raise StudyError(message, "an outlook needs one that has", path=("options",))
    if compare and compare not in priced:
        message = f"`{compare}` is to be compared with, and is no option with a price"
        raise StudyError(message, f"options with prices are {', '.join(priced)}", path=("uncertainty", "compare"))
    pairs = ((versus.owner.name, versus.rival.name) for versus in base.pairs())
    options = tuple(priced)
    ranked = sorted(range(len(options)), key=lambda at: priced[options[at]])
    others = [at for at in ranked[1:] if options[at] == compare] or ranked[1:]
    return Case(
        study=study,
        catalog=catalog,
        base=base,
        options=options,
        pairs=tuple(pair for pair in pairs if set(pair) <= priced.keys()),
        best=ranked[0],
        compared=others[0] if others else -1,
    )


def costs(case: Case, drawn: Mapping[str, Array], rows: int) -> Array:
    """(options, rows) present cost of every option."""
    found = np.empty((len(case.options), rows))

    def keep(part: slice, again: Evaluated) -> None:
        for at, name in enumerate(case.options):
            found[at, part] = again.option(name).present

    _in_parts(case, drawn, rows, keep)
    return found


def sampled(case: Case, drawn: Mapping[str, Array], rows: int) -> Sampled:
    """Costs, and the savings of every pair by month."""
    found = Sampled(
        np.empty((len(case.options), rows)),
        [np.empty(rows) for _ in case.pairs],
        [np.empty((case.horizon + 1, rows)) for _ in case.pairs],
    )

    def keep(part: slice, again: Evaluated) -> None:
        for at, name in enumerate(case.options):
            found.costs[at, part] = again.option(name).present
        for at, pair in enumerate(case.pairs):
            versus = again.pair(*pair)
            found.months[at][part] = versus.months
            found.saved[at][:, part] = versus.saved.T

    _in_parts(case, drawn, rows, keep)
    return found


def _in_parts(case: Case, drawn: Mapping[str, Array], rows: int, keep: Callable[[slice, Evaluated], None]) -> None:
    """The study evaluated for some rows after the other."""
    size = max(LEAST_ROWS, CELLS // (case.horizon + 1))
    count = -(-rows // size)
    edges = [rows * at // count for at in range(count + 1)]
    for start, end in pairwise(edges):
        part = slice(start, end)
        with np.errstate(all="ignore"):
            keep(part, Evaluated(case.study, case.catalog, {key: values[part] for key, values in drawn.items()}))
