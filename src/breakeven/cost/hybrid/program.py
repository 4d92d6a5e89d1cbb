"""The mixed-integer program of a market over load-duration curves, solved by HiGHS through scipy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from breakeven.cost.hybrid.load import Curve
from breakeven.cost.hybrid.market import Market, Matrix
from breakeven.errors import InfeasibleError, UsageError

RELATIVE_GAP = 1e-7
"""How close to its own optimum the solver goes."""

Counts = NDArray[np.int64]


def solve(market: Market, curves: Sequence[Curve]) -> tuple[Counts, float]:
    """Machines of each term, and a lower bound in USD on the cost of any purchase.

    Variables: whole machines per term; on-demand and spot units per block. Every block is served: capacity of the
    terms that run + spot + on-demand >= its level; spot <= its share of the level; no more machines than an offer has.

    Raises:
        UsageError: scipy is not installed.
        InfeasibleError: the solver found no answer.
    """
    try:
        from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415 - an extra, a second to load
        from scipy.sparse import csr_array, eye_array, hstack  # noqa: PLC0415
    except ImportError as error:
        message = f"a mix of several offers needs scipy, which is not installed ({error})"
        raise UsageError(message, "run: pip install 'breakeven[plan]'") from error
    level, hours, period = _blocks(curves)
    terms, blocks = market.term_usd.size, level.size
    one = eye_array(blocks)
    serve = LinearConstraint(hstack([csr_array(market.units[period]), one, one], format="csc"), lb=level)
    limits, most = _limits(market)
    cost = np.concatenate([market.term_usd, market.on_demand_usd[period] * hours, market.spot_usd[period] * hours])
    upper = np.concatenate([_enough(market, curves), np.full(blocks, np.inf), market.spot_share * level])
    pad = csr_array((most.size, 2 * blocks))
    limit = [LinearConstraint(hstack([csr_array(limits), pad], format="csc"), ub=most)] if most.size else []
    found = milp(
        cost,
        integrality=np.repeat([1, 0], [terms, 2 * blocks]),
        bounds=Bounds(0, upper),
        constraints=[serve, *limit],
        options={"mip_rel_gap": RELATIVE_GAP},
    )
    if found.x is None:
        message = f"the solver found no mix: {found.message}"
        raise InfeasibleError(message, "check the prices, sizes and limits of the offers")
    bound = found.fun if found.mip_dual_bound is None else found.mip_dual_bound
    return np.rint(found.x[:terms]).astype(np.int64), float(bound)


def _blocks(curves: Sequence[Curve]) -> tuple[Matrix, Matrix, NDArray[np.intp]]:
    """Level, hours and period of every block of every period."""
    levels = [curve.level for curve in curves]
    period = np.repeat(np.arange(len(curves)), [level.size for level in levels])
    return np.concatenate(levels), np.concatenate([curve.hours for curve in curves]), period


def _limits(market: Market) -> tuple[Matrix, Matrix]:
    """One row per offer and period with a limit: how many of its machines may run."""
    running = market.running()
    limited = [(index, offer.most) for index, offer in enumerate(market.offers) if offer.most is not None]
    rows = [running[period] & (market.offer == index) for index, _ in limited for period in range(market.periods)]
    most = np.repeat([float(limit) for _, limit in limited], market.periods)
    return np.array(rows, dtype=np.float64).reshape(len(rows), market.offer.size), most


def _enough(market: Market, curves: Sequence[Curve]) -> Matrix:
    """More machines of a term than carry the highest need alone are never worth their price."""
    highest = max(float(curve.need[-1]) for curve in curves)
    return np.asarray(np.ceil(highest / market.units.max(axis=0, initial=0.0)))
