"""Power of a board from what it does: a saturating share of its rated power (TDP).

    share = 1 - (1 - idle) exp(-max(memory x u_m, compute x u_c))

u_m is the share of peak memory bandwidth that a step moves, u_c the share of peak arithmetic that it does. The share
lies between `idle` and 1 and never falls when either rises. How many tokens or sequences a step has enters through
them: a law in tokens and batch alone does not carry over from one model or tensor parallelism to another.
"""

from __future__ import annotations

import math

from breakeven.perf.coefficients import Residuals
from breakeven.schema.noun import Noun

IDLE_SHARE = 0.15
"""Power over TDP of boards that hold weights and wait. Assumed: no row of our sources measures it. Three rows whose
run was mostly idle average 0.17 to 0.18 of TDP, which bounds it from above. Fitted with the rest it comes out at 0.20,
but then the law does not carry over to a model left out (14 % off instead of 6 %)."""


class Activity(Noun, frozen=True, kw_only=True):
    """Shares of peak: bytes moved / (bandwidth x time), and arithmetic / (peak x time)."""

    memory: float = 0.0
    compute: float = 0.0


class PowerLaw(Noun, frozen=True, kw_only=True):
    """The numbers of the law, with provenance; `idle` is assumed, `memory` and `compute` are fitted.

    `errors` are ln(measured / predicted) mean power of whole batches, given their measured times, each predicted by a
    fit without its (model, tensor parallelism). `coverage80` is the share of points inside an interval made from the
    errors of the other groups. `boards` are the beginnings of the ids of the measured accelerators.
    """

    idle: float
    memory: float
    compute: float
    errors: Residuals
    coverage80: float
    boards: tuple[str, ...]
    n: int
    source: str
    licence: str
    as_of: str


def share(law: PowerLaw, activity: Activity) -> float:
    """Mean power over TDP while such steps run."""
    return 1.0 - (1.0 - law.idle) * math.exp(-max(law.memory * activity.memory, law.compute * activity.compute))
