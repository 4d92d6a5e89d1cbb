"""The tornado: every input alone at its low and at its high end, in one evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from breakeven.schema.outlook import Swing
from breakeven.study.outlook.case import Case, costs
from breakeven.study.outlook.chance import rounded
from breakeven.study.outlook.draw import Range
from breakeven.study.outlook.name import in_unit, name_of
from breakeven.study.outlook.sobol import Index

UNKNOWN: tuple[float | None, float | None] = (None, None)


def tornado(case: Case, found: Sequence[Range], indices: Mapping[str, Index]) -> tuple[Swing, ...]:
    """The swings, widest first: 2 N + 1 rows, of which row 0 is base, 2 i + 1 has input i low and 2 i + 2 high."""
    if not found:
        return ()
    rows = 2 * len(found) + 1
    drawn = {one.key: np.full(rows, one.leaf.base) for one in found}
    for at, one in enumerate(found):
        drawn[one.key][2 * at + 1 : 2 * at + 3] = one.low, one.high
    results = case.margin(costs(case, drawn, rows))
    swings = (
        _swing(one, float(results[2 * at + 1]), float(results[2 * at + 2]), indices.get(one.key, UNKNOWN))
        for at, one in enumerate(found)
    )
    return tuple(sorted(swings, key=lambda swing: (-swing.width, swing.name)))


def _swing(one: Range, at_low: float, at_high: float, index: tuple[float | None, float | None]) -> Swing:
    leaf = one.leaf
    return Swing(
        name=name_of(leaf),
        unit=leaf.unit.text,
        low=in_unit(leaf, one.low),
        base=in_unit(leaf, leaf.base),
        high=in_unit(leaf, one.high),
        at_low=rounded(at_low),
        at_high=rounded(at_high),
        first_order=index[0],
        total_order=index[1],
        facts=(leaf.fact.key,),
    )
