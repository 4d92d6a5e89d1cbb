"""Which options nothing beats on every dimension, and for each other one which option does, and in what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from breakeven.metric.energy import carbon_gco2, energy_kwh
from breakeven.quantity import format_seconds, format_usd
from breakeven.schema.noun import Noun
from breakeven.schema.plan import Option
from breakeven.schema.portfolio import ParetoEntry

Z95 = 1.6448536269514722
"""The standard normal quantile at 0.95."""


class Dimension(Noun, frozen=True, kw_only=True):
    """A figure of an entry, whether less of it is better, and how a difference is said."""

    field: str
    less_is_better: bool
    told: Callable[[float, float], str]

    def of(self, entry: ParetoEntry) -> float | None:
        """The figure; None is unknown."""
        value: float | None = getattr(entry, self.field)
        return value

    def lead(self, one: ParetoEntry, other: ParetoEntry) -> float | None:
        """How far `one` is ahead, in the dimension's unit; below 0 where it is behind, None where one is unknown."""
        mine, theirs = self.of(one), self.of(other)
        if mine is None or theirs is None:
            return None
        return theirs - mine if self.less_is_better else mine - theirs


def _cheaper(value: float, lead: float) -> str:
    whole = value + lead
    return f"cheaper by {lead / whole:.1%}" if whole else f"cheaper by {format_usd(lead)}"


DIMENSIONS = (
    Dimension(field="cost_per_useful_prediction_usd", less_is_better=True, told=_cheaper),
    Dimension(field="latency_p95_s", less_is_better=True, told=lambda _, by: f"p95 lower by {format_seconds(by)}"),
    Dimension(field="latency_sd_s", less_is_better=True, told=lambda _, by: f"steadier by {format_seconds(by)}"),
    Dimension(field="quality", less_is_better=False, told=lambda _, by: f"quality higher by {by:.3g}"),
    Dimension(field="carbon_g_per_1000", less_is_better=True, told=lambda _, by: f"{by:.3g} g less carbon per 1,000"),
    Dimension(field="tracking_share", less_is_better=False, told=lambda _, by: f"{by:.1%} more of it is tracked"),
)


def pareto(entries: Sequence[ParetoEntry]) -> tuple[ParetoEntry, ...]:
    """Every entry with its dominator, in the order given.

    One dominates another if it is nowhere worse and somewhere better. A dimension that is unknown for an entry is not
    compared for it; so that this stays an order (what dominates a dominator dominates), an entry is dominated only by
    one that knows every dimension it knows. Of several dominators on the front the one with the most leads is named,
    then the cheaper one, then the first name.

    Raises:
        ValueError: two entries have one name.
    """
    names = [entry.name for entry in entries]
    if len(set(names)) < len(names):
        message = f"entries have different names, got {names}"
        raise ValueError(message)
    beaten = _beaten(entries)
    front = [entry for entry, lost in zip(entries, beaten, strict=True) if not lost]
    return tuple(_explained(entry, front) if lost else entry for entry, lost in zip(entries, beaten, strict=True))


def _beaten(entries: Sequence[ParetoEntry]) -> list[bool]:
    """Whether any entry dominates each: `dominates` for all pairs, a row of them at a time."""
    figures = [[dimension.of(entry) for dimension in DIMENSIONS] for entry in entries]
    table = np.array(figures, dtype=np.float64).reshape(len(figures), len(DIMENSIONS))
    table *= [1.0 if dimension.less_is_better else -1.0 for dimension in DIMENSIONS]
    return [_beats(table, row) for row in table]


def _beats(table: NDArray[np.float64], row: NDArray[np.float64]) -> bool:
    known = ~np.isnan(row)
    others, mine = table[:, known], row[known]
    return bool(((others <= mine).all(axis=1) & (others < mine).any(axis=1)).any())


def dominates(one: ParetoEntry, other: ParetoEntry) -> bool:
    """Whether `one` knows all that `other` knows, is nowhere worse there, and somewhere better."""
    leads = [dimension.lead(one, other) for dimension in DIMENSIONS if dimension.of(other) is not None]
    return bool(leads) and all(lead is not None and lead >= 0 for lead in leads) and any(lead for lead in leads)


def _explained(entry: ParetoEntry, front: Sequence[ParetoEntry]) -> ParetoEntry:
    able = [one for one in front if dominates(one, entry)]
    best = min(able, key=lambda one: (-len(_leads(one, entry)), one.cost_per_useful_prediction_usd or 0.0, one.name))
    told = ", ".join(_leads(best, entry))
    return msgspec.structs.replace(entry, dominated_by=best.name, reason=f"dominated by {best.name}: {told}")


def _leads(one: ParetoEntry, other: ParetoEntry) -> list[str]:
    """The dimensions in which `one` is ahead, in words."""
    found = []
    for dimension in DIMENSIONS:
        lead, value = dimension.lead(one, other), dimension.of(one)
        if lead is not None and value is not None and lead > 0:
            found.append(dimension.told(value, lead))
    return found


def entries_of(
    options: Sequence[Option],
    *,
    rate_rps: float,
    quality: Mapping[str, float] | None = None,
    tracking: Mapping[str, float] | None = None,
    grid_gco2_per_kwh: Mapping[str, float] | None = None,
    power_overhead: float | None = None,
) -> tuple[ParetoEntry, ...]:
    """An entry for each option that meets its objective. What is not given stays unknown.

    `quality` is by model, `tracking` (the share of requests whose outcome is known) and the grid's intensity by option.
    Carbon is power x `power_overhead` x grid / requests: the accelerators' predicted watts, and how much more the meter
    shows (the rest of the server, and PUE). The latency is that of the whole answer; its deviation is
    (p95 - p50) / 1.645 of the time to the first token, as of a normal law.
    """
    return tuple(
        ParetoEntry(
            name=option.name,
            cost_per_useful_prediction_usd=option.cost_per_useful_prediction_usd,
            latency_p95_s=_latency(option),
            latency_sd_s=_deviation(option),
            quality=(quality or {}).get(option.deployment.model),
            carbon_g_per_1000=_carbon(option, rate_rps, (grid_gco2_per_kwh or {}).get(option.name), power_overhead),
            tracking_share=(tracking or {}).get(option.name),
        )
        for option in options
        if option.feasible
    )


def _latency(option: Option) -> float | None:
    return None if option.performance is None else option.performance.e2e_p95_s.value


def _deviation(option: Option) -> float | None:
    if option.performance is None:
        return None
    middle, high = option.performance.ttft_p50_s.value, option.performance.ttft_p95_s.value
    return None if middle is None or high is None else max(0.0, high - middle) / Z95


def _carbon(option: Option, rate_rps: float, grid: float | None, overhead: float | None) -> float | None:
    watts = None if option.performance is None else option.performance.power_w.value
    if watts is None or grid is None or overhead is None or rate_rps <= 0:
        return None
    return carbon_gco2(energy_kwh(watts, 1000 / rate_rps, overhead), grid)
