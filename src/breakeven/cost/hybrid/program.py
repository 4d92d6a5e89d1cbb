"""The mixed-integer program of a market over load-duration curves, solved by HiGHS through scipy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from breakeven.cost.hybrid.load import Curve
from breakeven.cost.hybrid.market import Market, Matrix
from breakeven.errors import InfeasibleError, UsageError

RELATIVE_GAP = 1e-7
"""How close to its own optimum the solver goes."""

Counts = NDArray[np.int64]


def solve(market: Market, curves: Sequence[Curve], relative_gap: float = RELATIVE_GAP) -> tuple[Counts, float]:
    """Machines of each term, and a lower bound in USD on the cost of any purchase.

    Variables: whole machines per term; on-demand and spot units per block, and what offers that cost something in use
    serve of it. Every block is served: capacity of the terms that run (what they serve, where use costs) + spot +
    on-demand >= its level; spot <= its share of the level; no more machines than an offer has.

    Raises:
        UsageError: scipy is not installed.
        InfeasibleError: the solver found no answer.
    """
    try:
        from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415 - an extra, a second to load
        from scipy.sparse import csr_array, hstack  # noqa: PLC0415
    except ImportError as error:
        message = f"a mix of several offers needs scipy, which is not installed ({error})"
        raise UsageError(message, "run: pip install 'breakeven[plan]'") from error
    level, hours, period = _blocks(curves)
    terms, blocks, used = market.term_usd.size, level.size, np.flatnonzero(market.used_usd > 0)
    served = _served(market, period, used)
    constraints = [LinearConstraint(rows, lb=level if at == 0 else 0) for at, rows in enumerate(served)]
    by_use = [market.on_demand_usd[period], market.spot_usd[period]]
    by_use.extend(np.full(blocks, usd) for usd in market.used_usd[used])
    cost = np.concatenate([market.term_usd, *(price * hours for price in by_use)])
    limits, most = _limits(market)
    if most.size:
        pad = csr_array((most.size, cost.size - terms))
        constraints.append(LinearConstraint(hstack([csr_array(limits), pad], format="csc"), ub=most))
    upper = [_enough(market, curves), np.full(blocks, np.inf), market.spot_share * level]
    upper.append(np.full(blocks * used.size, np.inf))
    found = milp(
        cost,
        integrality=np.repeat([1, 0], [terms, cost.size - terms]),
        bounds=Bounds(0, np.concatenate(upper)),
        constraints=constraints,
        options={"mip_rel_gap": relative_gap},
    )
    if found.x is None:
        message = f"the solver found no mix: {found.message}"
        raise InfeasibleError(message, "check the prices, sizes and limits of the offers")
    bound = found.fun if found.mip_dual_bound is None else found.mip_dual_bound
    return np.rint(found.x[:terms]).astype(np.int64), float(bound)


def _served(market: Market, period: NDArray[np.intp], used: NDArray[np.intp]) -> list[Any]:
    """What serves each block, over (terms, on-demand, spot, served by each offer whose use costs).

    Then, for each of those offers, what its running terms can serve less what they do.
    """
    from scipy.sparse import csr_array, eye_array, hstack  # noqa: PLC0415 - loaded already

    one, none = eye_array(period.size), csr_array((period.size, period.size))
    free = market.units * ~np.isin(market.offer, used)
    rows = [hstack([csr_array(free[period]), *[one] * (2 + used.size)], format="csc")]
    for place, offer in enumerate(used):
        taken = [-one if place == other else none for other in range(used.size)]
        able = csr_array((market.units * (market.offer == offer))[period])
        rows.append(hstack([able, none, none, *taken], format="csc"))
    return rows


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
