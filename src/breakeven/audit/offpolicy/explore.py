"""What exploration a log would have needed for a target policy to be judged from it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from breakeven.audit.offpolicy.log import Floats, Weighed
from breakeven.schema.evaluation import Exploration

TENTH = 0.1
_STEPS = 40


def needed(seen: Weighed, gate: float) -> Exploration:
    """The smallest share of uniform choices with which as many rows would have had an effective size of `gate`.

    With a share e of uniform choices among K actions an action's propensity is p' = (1 - e) p + e / K, and
    E[w^2] = sum target^2 / p', which the log tells as mean(target^2 / (p p')).
    """
    n, target = len(seen.log), seen.target[seen.log.stratum, seen.log.action]
    even = 1 / _actions(seen)[seen.log.stratum]

    def size(share: float) -> float:
        mixed = (1 - share) * seen.log.propensity + share * even
        square = float((target * target / (seen.log.propensity * mixed)).mean())
        return draws(seen) / square if square > 0 else 0.0

    tenth = size(TENTH)
    rows = math.ceil(gate * n / tenth) if tenth > 0 else None
    return Exploration(share=_smallest(size, gate), rows_at_tenth=rows)


def _smallest(size: Callable[[float], float], gate: float) -> float | None:
    if size(1.0) < gate:
        return None
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if size(middle) >= gate else (middle, high)
    return high


def expected_size(seen: Weighed) -> float:
    """The effective sample size that the propensities let expect: n / E[w^2], E over what the log could have chosen.

    That of the sample itself is too hopeful where the heavy rows happened not to be drawn.
    """
    count = seen.table()
    propensity = np.divide(seen.table(seen.log.propensity), count, out=np.zeros_like(count), where=count > 0)
    parts = np.divide(seen.target**2, propensity, out=np.zeros_like(count), where=count > 0)
    square = float((count.sum(axis=1) * parts.sum(axis=1)).sum()) / len(seen.log)
    return draws(seen) / square if square > 0 else 0.0


def draws(seen: Weighed) -> int:
    """How many choices were drawn independently: those of one subject on a sticky route count once."""
    return len(seen.log) if seen.log.cluster is None else len(np.unique(seen.log.cluster))


def _actions(seen: Weighed) -> Floats:
    """How many actions there are in each stratum: those that the target or the log takes."""
    found: Floats = np.maximum(((seen.target > 0) | (seen.table() > 0)).sum(axis=1), 1).astype(np.float64)
    return found
