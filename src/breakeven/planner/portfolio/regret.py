"""Choices against scenarios: what each costs where, what it costs beyond the best there, and the value of knowing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from breakeven.schema.plan import Level
from breakeven.schema.portfolio import Regret, RegretTable

TAIL = 0.2
"""The share of the probability whose dearest scenarios a tail cost is the mean of, unless another is asked for."""


def regret_table(
    costs: Mapping[str, Sequence[float | None]],
    scenarios: Sequence[str],
    probabilities: Sequence[float],
    *,
    tail_share: float = TAIL,
) -> RegretTable:
    """Regret of each choice in each scenario; None is a cost that is unknown, or a load that is not carried.

    A choice without a cost somewhere has no expected cost, and is none that a rule names; ties go to the first.

    Raises:
        ValueError: probabilities that are negative or do not sum to 1, or a row of another length.
    """
    _check(costs, scenarios, probabilities, tail_share)
    least = [_least(row[at] for row in costs.values()) for at in range(len(scenarios))]
    rows = tuple(_row(name, row, least, probabilities, tail_share) for name, row in costs.items())
    best = _first(rows, "expected_cost_usd")
    known = [cost for cost in least if cost is not None]
    informed = sum(p * cost for p, cost in zip(probabilities, known, strict=True)) if len(known) == len(least) else None
    expected = next((row.expected_cost_usd for row in rows if row.option == best), None)
    return RegretTable(
        scenarios=tuple(scenarios),
        probabilities=tuple(probabilities),
        rows=rows,
        least_expected=best,
        least_regret=_first(rows, "max_regret_usd"),
        least_tail=_first(rows, "tail_cost_usd"),
        tail_share=tail_share,
        perfect_information_usd=None if informed is None or expected is None else max(0.0, expected - informed),
    )


def level_regret(
    levels: Sequence[Level], probabilities: Mapping[str, float], *, tail_share: float = TAIL
) -> RegretTable:
    """Regret of a plan's single options at its levels of load; one that misses its objective there has no cost.

    Raises:
        ValueError: a level has no probability, or they do not sum to 1.
    """
    names = tuple(dict.fromkeys(level.name for level in levels))
    unknown = [name for name in names if name not in probabilities]
    if unknown:
        message = f"level {unknown[0]!r} has no probability; there are {', '.join(probabilities)}"
        raise ValueError(message)
    known = {(level.option, level.name): level.monthly_cost_usd for level in levels if level.feasible}
    options = dict.fromkeys(level.option for level in levels)
    costs = {option: [known.get((option, name)) for name in names] for option in options}
    return regret_table(costs, names, [probabilities[name] for name in names], tail_share=tail_share)


def _least(costs: Iterable[float | None]) -> float | None:
    return min((cost for cost in costs if cost is not None), default=None)


def _row(
    name: str,
    costs: Sequence[float | None],
    least: Sequence[float | None],
    probabilities: Sequence[float],
    tail_share: float,
) -> Regret:
    regrets = tuple(None if cost is None or low is None else cost - low for cost, low in zip(costs, least, strict=True))
    known = [cost for cost in costs if cost is not None]
    lost = [regret for regret in regrets if regret is not None]
    whole = len(known) == len(costs)
    return Regret(
        option=name,
        cost_usd=tuple(costs),
        regret_usd=regrets,
        max_regret_usd=max(lost) if whole else None,
        expected_cost_usd=_mean(known, probabilities) if whole else None,
        expected_regret_usd=_mean(lost, probabilities) if whole else None,
        tail_cost_usd=tail_cost(known, probabilities, tail_share) if whole else None,
    )


def _mean(values: Sequence[float], probabilities: Sequence[float]) -> float:
    return sum(p * value for p, value in zip(probabilities, values, strict=True))


def tail_cost(costs: Sequence[float], probabilities: Sequence[float], tail_share: float) -> float:
    """Mean cost of the dearest `tail_share` of the probability (CVaR); a scenario on its edge counts in part."""
    left, total = tail_share, 0.0
    for cost, probability in sorted(zip(costs, probabilities, strict=True), reverse=True):
        part = min(left, probability)
        total, left = total + part * cost, left - part
    return total / (tail_share - left) if tail_share > left else max(costs)


def _first(rows: Sequence[Regret], field: str) -> str:
    """The row with the least figure; "" where none has one."""
    known = [row for row in rows if getattr(row, field) is not None]
    return min(known, key=lambda row: float(getattr(row, field))).option if known else ""


def _check(
    costs: Mapping[str, Sequence[float | None]],
    scenarios: Sequence[str],
    probabilities: Sequence[float],
    tail_share: float,
) -> None:
    total = sum(probabilities)
    sound = all(math.isfinite(p) and p >= 0 for p in probabilities) and math.isclose(total, 1.0, abs_tol=1e-9)
    if len(probabilities) != len(scenarios) or not sound:
        message = f"{len(scenarios)} scenarios need as many probabilities that sum to 1, got {tuple(probabilities)}"
        raise ValueError(message)
    if not 0 < tail_share <= 1:
        message = f"a tail is a share of the probability above 0, got {tail_share}"
        raise ValueError(message)
    wrong = next((name for name, row in costs.items() if len(row) != len(scenarios)), None)
    if wrong is not None:
        message = f"{wrong!r} has {len(costs[wrong])} costs for {len(scenarios)} scenarios"
        raise ValueError(message)
