"""What choosing a layout by the model costs against the best measured one.

Groups of rows share engine, version, model, accelerator, precision and lengths, and differ in boards. The score of a
choice is measured output tokens per second and board, offline; or under a limit on TPOT load / TPOT per board over the
layouts and loads that meet it. The chosen one may miss the limit by 10 %; beyond that it scores 0. So the choice is the
one with the highest predicted score times the chance to stay within that, for errors as wide as they were.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from breakeven.perf.calibrate import Row
from breakeven.schema.noun import Noun

LIMITS_S = (0.010, 0.020, 0.033)
MISSED = 1.10
EIGHTY = 2.563
"""Deviations of a normal between its 10 % and 90 % quantiles."""


class Regret(Noun, frozen=True, kw_only=True):
    """1 - score of the chosen / best, by the model and by the smallest layout that is feasible."""

    group: str
    limit_s: float | None
    choices: int
    regret: float
    smallest: float


def regrets(rows: Sequence[Row], errors: NDArray[np.float64]) -> list[Regret]:
    """Every group with two layouts or more; `errors` are ln(measured / predicted) of each row."""
    tpot = errors[[row.outcome == "tpot" for row in rows]]
    width = float(np.diff(np.quantile(tpot, [0.1, 0.9]))[0]) / EIGHTY if len(tpot) else 0.0
    said = [row.value / float(np.exp(error)) for row, error in zip(rows, errors, strict=True)]
    found: list[Regret] = []
    for name, some in _groups(rows).items():
        members = [(rows[number], said[number]) for number in some]
        if len({_boards(row) for row, _ in members}) > 1:
            limits: Iterable[float | None] = (None,) if members[0][0].outcome == "throughput" else LIMITS_S
            found += [one for limit in limits if (one := _regret(name, members, limit, width)) is not None]
    return found


def _groups(rows: Sequence[Row]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        if row.outcome != "ttft":
            at = row.at
            key = (row.outcome, at.family, at.version, at.model, at.accelerator, at.precision, row.prompt, row.output)
            found.setdefault("/".join(map(str, key)), []).append(number)
    return found


def _boards(row: Row) -> float:
    return float(row.size.boards * row.size.stages)


def _score(row: Row, value: float) -> float:
    return (value if row.outcome == "throughput" else row.in_flight / value) / _boards(row)


def _regret(name: str, members: Sequence[tuple[Row, float]], limit: float | None, width: float) -> Regret | None:
    best = max((_score(row, row.value) for row, _ in members if limit is None or row.value <= limit), default=0.0)
    if best <= 0:
        return None
    chosen = _chosen(members, limit, width)
    least = _smallest(members, limit)
    return Regret(
        group=name, limit_s=limit, choices=len({_boards(row) for row, _ in members}),
        regret=1.0 - _earned(chosen, limit) / best, smallest=1.0 - _earned(least, limit) / best,
    )  # fmt: skip


def _earned(row: Row, limit: float | None) -> float:
    return 0.0 if limit is not None and row.value > MISSED * limit else _score(row, row.value)


def _chosen(members: Sequence[tuple[Row, float]], limit: float | None, width: float) -> Row:
    """The highest predicted score times the chance to earn it."""
    return max(members, key=lambda one: _score(*one) * _chance(one[1], limit, width))[0]


def _chance(said: float, limit: float | None, width: float) -> float:
    """That a TPOT said to be `said` is at most 10 % over the limit, its log error being normal with that deviation."""
    if limit is None:
        return 1.0
    away = math.log(MISSED * limit / said) / max(width, 1e-6)
    return 0.5 * (1.0 + math.erf(away / math.sqrt(2.0)))


def _smallest(members: Sequence[tuple[Row, float]], limit: float | None) -> Row:
    """The fewest boards with a load that meets the limit as measured, at its largest such load."""
    allowed = [row for row, _ in members if limit is None or row.value <= limit] or [row for row, _ in members]
    return min(allowed, key=lambda row: (_boards(row), -_score(row, row.value)))
