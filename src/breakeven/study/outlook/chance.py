"""Draws condensed: bands, how often each option is the cheapest, and what it costs to choose without knowing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from breakeven.algebra.amount import Array
from breakeven.schema.outlook import Band, Chance, Recovery
from breakeven.study.outlook.case import Case, Sampled

SHARES = (0.05, 0.5, 0.95)
ALIKE = 1e-9
"""Costs that differ relatively by less than this are the same cost."""
DIGITS = 6
"""Money and months are rounded to a millionth, which no figure of a study is known to."""


def bands(values: Array) -> tuple[Band, ...]:
    """The band of every row over its columns, linear between neighbouring draws; infinite draws are never."""
    places = [round(share * (values.shape[1] - 1), DIGITS) for share in SHARES]
    wanted = sorted({end for place in places for end in (math.floor(place), math.ceil(place))})
    ranked = np.partition(values, wanted, axis=1)
    return tuple(_band(row) for row in np.stack([_at(ranked, place) for place in places], axis=1))


def _at(ranked: Array, place: float) -> Array:
    before, after = ranked[:, math.floor(place)], ranked[:, math.ceil(place)]
    with np.errstate(invalid="ignore"):
        return np.where(before == after, before, before + (after - before) * (place - math.floor(place)))


def _band(row: Array) -> Band:
    p5, p50, p95 = (rounded(value) if math.isfinite(value) else None for value in row)
    return Band(p5=p5, p50=p50, p95=p95)


def rounded(value: float) -> float:
    """To a millionth, without a negative zero."""
    return round(float(value), DIGITS) + 0.0


def chances(options: Sequence[str], costs: Array) -> tuple[Chance, ...]:
    """Each option's present cost, how often it is the cheapest (ties are split), and its expected regret."""
    best = costs.min(axis=0)
    cheapest = costs <= best + ALIKE * np.abs(best)
    often = (cheapest / cheapest.sum(axis=0)).mean(axis=1)
    regrets = expected_regrets(costs)
    return tuple(
        Chance(option=name, present_cost=band, probability_best=float(share), expected_regret=rounded(regret))
        for name, band, share, regret in zip(options, bands(costs), often, regrets, strict=True)
    )


def expected_regrets(costs: Array) -> Array:
    """Mean over the draws of what each option costs more than the cheapest one; the least of them is the EVPI."""
    return np.asarray((costs - costs.min(axis=0)).mean(axis=1))


def recoveries(case: Case, found: Sampled) -> tuple[Recovery, ...]:
    """When each pair breaks even, and what it has saved by month."""
    return tuple(_recovery(*one) for one in zip(case.pairs, found.months, found.saved, strict=True))


def _recovery(pair: tuple[str, str], months: Array, saved: Array) -> Recovery:
    never = np.isnan(months)
    return Recovery(
        owner=pair[0],
        rival=pair[1],
        probability=float((~never).mean()),
        months=bands(np.where(never, np.inf, months).reshape(1, -1))[0],
        saved=bands(saved),
    )
