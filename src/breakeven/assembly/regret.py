"""What choosing a layout by the model costs against the best measured one.

Groups of rows share engine, version, model, accelerator, precision and lengths, and differ in boards. The score of a
choice is measured output tokens per second and board, offline; or under a limit on TPOT load / TPOT per board over the
layouts and loads that meet it. The chosen one may miss the limit by 10 %; beyond that it scores 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from breakeven.perf.calibrate import Row
from breakeven.schema.noun import Noun

LIMITS_S = (0.010, 0.020, 0.033)
MISSED = 1.10
MARGINS = {None: 0.0, 0.010: 0.08, 0.020: 0.08, 0.033: 0.08}
"""Share by which a predicted TPOT has to stay below its limit to be chosen: half of the error that was measured."""


class Regret(Noun, frozen=True, kw_only=True):
    """1 - score of the chosen / best, by the model and by the smallest layout that is feasible."""

    group: str
    limit_s: float | None
    choices: int
    regret: float
    smallest: float


def regrets(rows: Sequence[Row], errors: NDArray[np.float64]) -> list[Regret]:
    """Every group with two layouts or more; `errors` are ln(measured / predicted) of each row."""
    said = [row.value / float(np.exp(error)) for row, error in zip(rows, errors, strict=True)]
    found: list[Regret] = []
    for name, some in _groups(rows).items():
        members = [(rows[number], said[number]) for number in some]
        if len({_boards(row) for row, _ in members}) > 1:
            limits: Iterable[float | None] = (None,) if members[0][0].outcome == "throughput" else LIMITS_S
            found += [one for limit in limits if (one := _regret(name, members, limit)) is not None]
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


def _regret(name: str, members: Sequence[tuple[Row, float]], limit: float | None) -> Regret | None:
    best = max((_score(row, row.value) for row, _ in members if limit is None or row.value <= limit), default=0.0)
    if best <= 0:
        return None
    chosen = _chosen(members, limit)
    least = _smallest(members, limit)
    return Regret(
        group=name, limit_s=limit, choices=len({_boards(row) for row, _ in members}),
        regret=1.0 - _earned(chosen, limit) / best, smallest=1.0 - _earned(least, limit) / best,
    )  # fmt: skip


def _earned(row: Row, limit: float | None) -> float:
    return 0.0 if limit is not None and row.value > MISSED * limit else _score(row, row.value)


def _chosen(members: Sequence[tuple[Row, float]], limit: float | None) -> Row:
    """The best score among those said to meet the limit with a margin; none: the fastest."""
    allowed = [one for one in members if limit is None or one[1] <= limit * (1 - MARGINS[limit])]
    if not allowed:
        return min(members, key=lambda one: one[1])[0]
    return max(allowed, key=lambda one: _score(*one))[0]


def _smallest(members: Sequence[tuple[Row, float]], limit: float | None) -> Row:
    """The fewest boards with a load that meets the limit as measured, at its largest such load."""
    allowed = [row for row, _ in members if limit is None or row.value <= limit] or [row for row, _ in members]
    return min(allowed, key=lambda row: (_boards(row), -_score(row, row.value)))
