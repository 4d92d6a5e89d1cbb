"""The ledger day by day: the series in which drift is looked for, and what was spent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from breakeven.ledger import measured
from breakeven.ledger.allot import Share, allot
from breakeven.ledger.engine.port import Cell, Engine, Query
from breakeven.ledger.figures import USEFUL
from breakeven.quantity import SECONDS_PER_HOUR, usd_from_pico
from breakeven.schema.drift import Day, Direction, Scale, Series
from breakeven.schema.noun import Noun

ENOUGH_ROWS = 50
"""A day with fewer rows behind a figure is left out of its series."""
DAY_S = 24 * SECONDS_PER_HOUR
_OBSERVED = USEFUL | {"not_used"}

Value = tuple[float, int]
"""A figure and the rows behind it."""


class Metric(Noun, frozen=True, kw_only=True):
    """A figure of one day's shares of one use case; None when the day cannot say."""

    name: str
    unit: str
    of: Callable[[Sequence[Share]], Value | None]
    scale: Scale = "share"
    bad: Direction = "down"


def _n(cells: Iterable[Cell], name: str = "predictions") -> int:
    return sum(getattr(one, name) for one in cells)


def _share(part: Callable[[Cell], bool], whole: Callable[[Cell], bool]) -> Callable[[Sequence[Share]], Value | None]:
    def of(shares: Sequence[Share]) -> Value | None:
        asked = [one.cell for one in shares if whole(one.cell)]
        n = _n(asked)
        return (_n(one for one in asked if part(one)) / n, n) if n else None

    return of


def _counted(*names: str) -> Callable[[Sequence[Share]], Value | None]:
    def of(shares: Sequence[Share]) -> Value | None:
        cells = [one.cell for one in shares]
        n = _n(cells)
        return (sum(_n(cells, name) for name in names) / n, n) if n else None

    return of


def _measured(cell: Cell) -> bool:
    return cell.measurable and cell.fate != "unobserved"


def _cost_per_useful(shares: Sequence[Share]) -> Value | None:
    seen = [one for one in shares if _measured(one.cell)]
    useful = _n(one.cell for one in seen if one.cell.fate in USEFUL)
    if not useful or _n((one.cell for one in seen), "unpriced"):
        return None
    cost = usd_from_pico(sum(one.cost_pico_usd for one in seen))
    return (cost / useful, _n(one.cell for one in seen)) if cost > 0 else None


def _cost_per_prediction(shares: Sequence[Share]) -> Value | None:
    n, cost = _n(one.cell for one in shares), usd_from_pico(sum(one.cost_pico_usd for one in shares))
    return None if _n((one.cell for one in shares), "unpriced") or cost <= 0 or not n else (cost / n, n)


def _cache_gap(shares: Sequence[Share]) -> Value | None:
    """How much less often a cached answer is useful than a fresh one: what its errors cost."""
    judged = [one.cell for one in shares if one.cell.fate in _OBSERVED]
    hits = _n(judged, "cached")
    fresh = _n(judged) - hits
    if min(hits, fresh) < ENOUGH_ROWS:
        return None
    used = [one for one in judged if one.fate in USEFUL]
    good = _n(used, "cached")
    return (_n(used) - good) / fresh - good / hits, min(hits, fresh)


METRICS: tuple[Metric, ...] = (
    Metric(name="cost_per_useful_prediction", unit="USD", of=_cost_per_useful, scale="log", bad="up"),
    Metric(name="cost_per_prediction", unit="USD", of=_cost_per_prediction, scale="log", bad="up"),
    Metric(name="useful", unit="share", of=_share(lambda one: one.fate in USEFUL, _measured)),
    Metric(
        name="converted", unit="share", of=_share(lambda one: one.fate == "converted", lambda one: one.fate in USEFUL)
    ),
    Metric(name="in_budget", unit="share", of=_counted("in_budget")),
    Metric(name="not_served", unit="share", of=_counted("refused", "failed", "cancelled"), bad="up"),
    Metric(name="fallback", unit="share", of=_counted("fallback"), bad="up"),
    Metric(name="cached", unit="share", of=_counted("cached"), bad="either"),
    Metric(name="cache_error", unit="share", of=_cache_gap, bad="up"),
    Metric(
        name="identified",
        unit="share",
        of=_share(lambda one: one.fate != "unidentified", lambda one: one.fate in _OBSERVED | {"unidentified"}),
    ),
    Metric(
        name="used",
        unit="share",
        of=_share(lambda one: one.fate in USEFUL, lambda one: one.fate in _OBSERVED),
    ),
)
"""By use case and day. The last two are tracking's health: who, and whether it was seen."""


def series(engine: Engine, query: Query) -> tuple[Series, ...]:
    """Every series of the query's period, by use case, by deployment within one (routing), and latencies.

    The period's first and last day should be whole.
    """
    shares = _shares(engine, query)
    found = [_series(one, key, days) for key, days in _by_use_case(shares).items() for one in METRICS]
    found += _routing(shares)
    found += _latencies(engine, query, sorted({one.cell.day for one in shares}))
    return tuple(one for one in found if one.days)


def spent_pico_usd(engine: Engine, query: Query) -> Mapping[tuple[str, str, int], int]:
    """What predictions were charged (direct and their work, idle not in it) by tenant, use case and UTC day."""
    spent: dict[tuple[str, str, int], int] = defaultdict(int)
    for one in engine.cells(query):
        spent[one.tenant, one.use_case, one.day] += one.cost_pico_usd
    return spent


def _shares(engine: Engine, query: Query) -> list[Share]:
    standby = engine.standby(query)
    found = allot(engine.cells(query), standby, measured.of(engine.loads(query), standby))
    return [one for one in found if one.cell.predictions]


def _by_use_case(shares: Iterable[Share]) -> dict[str, dict[int, list[Share]]]:
    groups: dict[str, dict[int, list[Share]]] = defaultdict(lambda: defaultdict(list))
    for one in shares:
        groups[one.cell.use_case][one.cell.day].append(one)
    return groups


def _series(metric: Metric, key: str, days: Mapping[int, Sequence[Share]]) -> Series:
    values = [(day, metric.of(days[day])) for day in sorted(days)]
    kept = tuple(
        Day(day=day, value=found[0], n=found[1])
        for day, found in values
        if found is not None and found[1] >= ENOUGH_ROWS
    )
    return Series(metric=metric.name, key=key, unit=metric.unit, days=kept, scale=metric.scale, bad=metric.bad)


def _routing(shares: Iterable[Share]) -> list[Series]:
    """Which share of a use case's predictions each deployment served."""
    found: list[Series] = []
    for use_case, days in _by_use_case(shares).items():
        names = sorted({one.cell.deployment for day in days.values() for one in day})
        for name in names if len(names) > 1 else ():
            of = _share(lambda cell, name=name: cell.deployment == name, lambda _: True)  # type: ignore[misc]
            metric = Metric(name="routed", unit="share", of=of, bad="either")
            found.append(_series(metric, f"{use_case} to {name or 'nobody'}", days))
    return found


def _latencies(engine: Engine, query: Query, days: Sequence[int]) -> list[Series]:
    """The p95 of the whole answer, and of TTFT where it is told, by use case."""
    values: dict[tuple[str, str], list[Day]] = defaultdict(list)
    for day in days:
        asked = msgspec.structs.replace(query, start_s=day * DAY_S, end_s=(day + 1) * DAY_S)
        for one in engine.spreads(asked):
            p95_s = one.latency.p95_s
            if one.dimension == "use_case" and one.metric != "tpot_s" and p95_s and one.latency.n >= ENOUGH_ROWS:
                values[one.metric, one.key].append(Day(day=day, value=p95_s, n=one.latency.n))
    names = {"total_s": "latency_p95", "ttft_s": "ttft_p95"}
    return [
        Series(metric=names[metric], key=key, unit="s", days=tuple(found))
        for (metric, key), found in sorted(values.items())
    ]
