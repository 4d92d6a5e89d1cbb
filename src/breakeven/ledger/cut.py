"""A cut: the totals of one group of cells, and its waterfall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

from breakeven.ledger import figures, worth
from breakeven.ledger.allot import Share
from breakeven.ledger.engine.port import BASES, MICRO, Cell, Fate, Metric, Spread
from breakeven.schema.noun import Noun
from breakeven.schema.statement import Cut, Latency, Step

STATUSES = ("answered", "cached", "fallback", "refused", "failed", "cancelled")
_FATES: tuple[Fate, ...] = get_args(Fate)
_NO_LATENCY = Latency(n=0, p50_s=None, p95_s=None, p99_s=None, mean_s=None)


class Context(Noun, frozen=True, kw_only=True):
    """What cuts need beside their cells: percentiles by (dimension, key, metric), grid intensity by deployment."""

    spreads: dict[tuple[str, str, Metric], Latency]
    grid_gco2_per_kwh: dict[str, float]


def context(spreads: Sequence[Spread], grid_gco2_per_kwh: Mapping[str, float]) -> Context:
    """Percentiles and intensities, ready to be looked up."""
    found = {(one.dimension, one.key, one.metric): one.latency for one in spreads}
    return Context(spreads=found, grid_gco2_per_kwh=dict(grid_gco2_per_kwh))


def cut(dimension: str, key: str, shares: Sequence[Share], around: Context) -> Cut:
    """Totals of the shares that have `key` in `dimension` ("total" is everything)."""
    cells = [one.cell for one in shares]
    seen = [cell for cell in cells if cell.measurable]
    place = ("", "") if dimension == "total" else (dimension, key)
    over = sum(one.over_pico_usd + one.measured_pico_usd for one in shares)
    statuses = {status: sum(getattr(cell, status) for cell in cells) for status in STATUSES}
    return Cut(
        dimension=dimension,
        key=key,
        predictions=_sum(cells, "predictions"),
        answered=statuses["answered"] + statuses["cached"] + statuses["fallback"],
        in_budget=_sum(cells, "in_budget"),
        used=sum(cell.used for cell in seen if cell.fate != "unobserved") if seen else None,
        converted=sum(cell.predictions for cell in seen if cell.fate == "converted") if seen else None,
        useful=figures.useful_of(shares) if seen else None,
        unobserved=sum(cell.predictions for cell in cells if cell.fate == "unobserved"),
        unpriced=_sum(cells, "unpriced"),
        cost_pico_usd=sum(one.cost_pico_usd for one in shares),
        served_cost_pico_usd=_sum(cells, "cost_pico_usd") + over,
        idle_pico_usd=sum(one.idle_pico_usd for one in shares),
        unobserved_cost_pico_usd=sum(one.cost_pico_usd for one in shares if one.cell.fate == "unobserved"),
        cost_per_useful_prediction_usd=figures.cost_per_useful(shares),
        conversion_rate=figures.conversion_rate(shares),
        revenue=_sum(cells, "revenue_micro") / MICRO,
        ttft=around.spreads.get((*place, "ttft_s"), _NO_LATENCY),
        tpot=around.spreads.get((*place, "tpot_s"), _NO_LATENCY),
        total=around.spreads.get((*place, "total_s"), _NO_LATENCY),
        goodput_rps=figures.goodput_rps(shares),
        input_tokens=_sum(cells, "input_tokens"),
        output_tokens=_sum(cells, "output_tokens"),
        emulated=_sum(cells, "emulated"),
        energy_kwh=figures.energy_kwh(shares),
        gco2=figures.gco2(shares, around.grid_gco2_per_kwh),
        statuses={status: count for status, count in statuses.items() if count},
        worth=worth.of(shares),
        waterfall=waterfall(shares) if dimension in ("total", "use_case") else (),
    )


def waterfall(shares: Sequence[Share]) -> tuple[Step, ...]:
    """Where the money went: idle, over-attribution (negative), what became of the predictions; sums to the cost."""
    idle = sum(one.idle_pico_usd for one in shares)
    over = sum(one.over_pico_usd for one in shares)
    standing = BASES[max((one.idle_basis for one in shares), default=0)]
    steps = [Step(name="idle", cost_pico_usd=idle, predictions=None, basis=standing)]
    if over:
        steps.append(Step(name="over_attributed", cost_pico_usd=over, predictions=None, basis=standing))
    if fixed := sum(one.measured_pico_usd for one in shares):
        steps.append(Step(name="measured_work", cost_pico_usd=fixed, predictions=None, basis="measured"))
    for fate in _FATES:
        found = [one for one in shares if one.cell.fate == fate and one.cell.predictions]
        if found:
            steps.append(_step(fate, found))
    return tuple(steps)


def _step(fate: Fate, shares: Sequence[Share]) -> Step:
    cells = [one.cell for one in shares]
    return Step(
        name=fate,
        cost_pico_usd=_sum(cells, "cost_pico_usd"),
        predictions=_sum(cells, "predictions"),
        basis=BASES[max(one.basis for one in shares)],
    )


def _sum(cells: Sequence[Cell], name: str) -> int:
    return sum(getattr(cell, name) for cell in cells)
