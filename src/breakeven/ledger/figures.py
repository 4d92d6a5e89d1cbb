"""The figures of a cut, each with how it was computed, on which basis, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from breakeven.ledger.allot import Share
from breakeven.ledger.engine.port import ATTO_KWH, BASES
from breakeven.metric import energy, goodput, unit_cost
from breakeven.quantity import usd_from_pico
from breakeven.schema.noun import Basis, Figure

Z95 = 1.959963984540054
USEFUL = frozenset({"used", "converted"})
ENOUGH_CONVERSIONS = 5
WIDEST = 1.0
"""A conversion rate is shown when at least five conversions were seen and its 95 % interval is no wider than itself."""

UNMEASURED = "not measurable downstream: no use case here says when a prediction is used"
_COST_HOW = "cost of measurable use cases, idle included, less their unobserved rows / useful predictions"


def wilson(successes: int, n: int, z: float = Z95) -> tuple[float, float]:
    """The Wilson (1927) score interval of a share at normal quantile `z`; (0, 1) without observations."""
    if n == 0:
        return 0.0, 1.0
    share, spread = successes / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / n / 4)
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == n else min(1.0, middle + half)
    return low, high


def weakest(shares: Iterable[Share]) -> Basis:
    """The weakest basis of what the shares cost; "unknown" when a row is unpriced."""
    return BASES[max((max(one.basis, one.idle_basis) for one in shares), default=BASES.index("unknown"))]


def useful_of(shares: Iterable[Share]) -> int:
    """Useful predictions."""
    return sum(one.cell.predictions for one in shares if one.cell.fate in USEFUL)


def cost_per_useful(shares: Sequence[Share]) -> Figure:
    """Cost per useful prediction in USD, with the 95 % Wilson interval of the useful share of observed rows."""
    measured = [one for one in shares if one.cell.measurable]
    seen = [one for one in measured if one.cell.fate != "unobserved"]
    n, useful = sum(one.cell.predictions for one in seen), useful_of(seen)
    if not measured:
        return Figure(value=None, unit="USD", how=_COST_HOW, note=UNMEASURED)
    cost = sum(one.cost_pico_usd for one in measured)
    unobserved = cost - sum(one.cost_pico_usd for one in seen)
    value = unit_cost.cost_per_useful_usd(cost, unobserved, useful)
    unpriced = sum(one.cell.unpriced for one in seen)
    if value is None:
        return Figure(value=None, unit="USD", how=_COST_HOW, note=f"no useful prediction among {n} observed")
    if unpriced:
        # A price of zero for what nobody priced would flatter; the priced part is a lower bound and is shown as one.
        note = f"{unpriced} of {n} observed predictions are unpriced: at least the lower bound"
        return Figure(value=None, unit="USD", low=value if cost > unobserved else None, how=_COST_HOW, note=note)
    low, high = wilson(useful, n)
    per_row = usd_from_pico(cost - unobserved) / n
    note = f"95 % Wilson interval of the useful share, {useful} of {n} observed; the cost itself is taken as exact"
    return Figure(
        value=value,
        unit="USD",
        basis=weakest(seen),
        low=per_row / high,
        high=per_row / low if low > 0 else None,
        how=_COST_HOW,
        note=note,
    )


def conversion_rate(shares: Iterable[Share]) -> Figure:
    """Converted / useful predictions, with its 95 % Wilson interval; no value while the interval says too little."""
    measured = [one for one in shares if one.cell.measurable]
    useful = useful_of(measured)
    converted = sum(one.cell.predictions for one in measured if one.cell.fate == "converted")
    how = "converted / useful predictions"
    if not measured:
        return Figure(value=None, unit="share", how=how, note=UNMEASURED)
    if not useful:
        return Figure(value=None, unit="share", how=how, note="not enough evidence: no useful predictions")
    low, high = wilson(converted, useful)
    rate = converted / useful
    enough = converted >= ENOUGH_CONVERSIONS and high - low <= WIDEST * rate
    said = f"{converted} of {useful}, 95 % Wilson interval"
    note = said if enough else f"not enough evidence: {said} {low:.2%} to {high:.2%}"
    value = rate if enough else None
    return Figure(value=value, unit="share", basis="measured", low=low, high=high, how=how, note=note)


def goodput_rps(shares: Iterable[Share]) -> Figure:
    """Predictions answered inside all their targets, per second from the first to the last arrival."""
    cells = [one.cell for one in shares if one.cell.predictions]
    how = "in budget / seconds from first to last arrival"
    if not cells:
        return Figure(value=None, unit="1/s", how=how)
    span_s = max(cell.last_s for cell in cells) - min(cell.first_s for cell in cells)
    value = goodput.goodput_rps(sum(cell.in_budget for cell in cells), span_s)
    return Figure(value=value, unit="1/s", basis="measured" if value is not None else "unknown", how=how)


def energy_kwh(shares: Iterable[Share]) -> Figure:
    """Energy in kWh: what telemetry measured of a deployment, else the sum of its predictions' where it is known."""
    found = [one for one in shares if one.cell.predictions]
    cells = [one.cell for one in found]
    known, n = sum(cell.energy_rows for cell in cells), sum(cell.predictions for cell in cells)
    amounts, seen = _energy(found)
    how = (
        "measured where telemetry covers a deployment, idle included; else the sum of the predictions', idle not in it"
    )
    if not amounts:
        return Figure(value=None, unit="kWh", how=how)
    derived = [cell for cell in cells if cell.energy_rows and cell.deployment not in seen]
    basis = BASES[max((cell.energy_basis for cell in derived), default=0)]
    note = "" if seen or known == n else f"known for {known} of {n}"
    return Figure(value=sum(amounts.values()) / ATTO_KWH, unit="kWh", basis=basis, how=how, note=note)


def _energy(shares: Iterable[Share]) -> tuple[dict[str, int], set[str]]:
    """Energy by deployment in 1e-15 kWh, and the deployments whose energy was measured."""
    measured: dict[str, int] = {}
    derived: dict[str, int] = {}
    for one in shares:
        name = one.cell.deployment
        if one.energy_atto_kwh:
            measured[name] = measured.get(name, 0) + one.energy_atto_kwh
        if one.cell.energy_rows:
            derived[name] = derived.get(name, 0) + one.cell.energy_atto_kwh
    return derived | measured, set(measured)


def gco2(shares: Iterable[Share], grid_gco2_per_kwh: Mapping[str, float]) -> Figure:
    """Location-based emissions in grams of CO2 equivalent; unknown unless every deployment with energy has a grid."""
    amounts, _ = _energy(one for one in shares if one.cell.predictions)
    how = "energy x grid intensity of each deployment"
    missing = sorted(set(amounts) - set(grid_gco2_per_kwh))
    if not amounts or missing:
        note = f"no grid intensity for {', '.join(missing)}" if missing else ""
        return Figure(value=None, unit="gCO2e", how=how, note=note)
    value = sum(energy.carbon_gco2(kwh / ATTO_KWH, grid_gco2_per_kwh[name]) for name, kwh in sorted(amounts.items()))
    return Figure(value=value, unit="gCO2e", basis="derived", how=how)
