"""What changed, what it will come to, and who should be told: the ledger's days, judged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from breakeven.assembly import files
from breakeven.audit.drift.alerting import Limit, alerts
from breakeven.audit.drift.judge import Limits, judge
from breakeven.audit.drift.spending import Outlook, forecast
from breakeven.config.settings import AlertSettings
from breakeven.ledger import layout
from breakeven.ledger.anew import anew
from breakeven.ledger.engine.port import Engine, Query
from breakeven.ledger.statement import build, measures
from breakeven.ledger.store import open_ledger
from breakeven.ledger.trends import DAY_S, series, spent_pico_usd
from breakeven.quantity import usd_from_pico
from breakeven.schema.drift import Alert, Drift, Series, Spending
from breakeven.schema.noun import Noun
from breakeven.schema.policy import Budget, UseCase

HISTORY_DAYS = 31
"""Whole days that drift looks back, and that a forecast draws from."""
Extra = Callable[[Engine, int, int], tuple[Series, ...]]
"""More series, of the days `first` <= day < `end`."""


class Watch(Noun, frozen=True, kw_only=True):
    """What one look found."""

    drifts: tuple[Drift, ...]
    spending: tuple[Spending, ...]
    alerts: tuple[Alert, ...]


@anew
def watch(
    data_dir: Path,
    now_s: float,
    *,
    limits: Limits | None = None,
    settings: AlertSettings | None = None,
    more: Extra = lambda *_: (),
) -> Watch:
    """Look at the whole days before `now_s` (Unix seconds), and at this month's money.

    Raises:
        LedgerError: there is no ledger.
    """
    engine, use_cases = open_ledger(data_dir), files.use_cases(data_dir)
    today = layout.day_of(now_s)
    found = (*_series(engine, use_cases, today), *more(engine, today - HISTORY_DAYS, today))
    drifts = judge(found, layout.date, limits)
    spending = spendings(engine, _budgets(data_dir), today)
    yesterday = build(engine, use_cases, start_s=(today - 1) * DAY_S, end_s=(today + 1) * DAY_S)
    told = alerts(drifts, spending, found, _bounds(settings or AlertSettings()), yesterday)
    return Watch(drifts=drifts, spending=spending, alerts=told)


def _series(engine: Engine, use_cases: Mapping[str, UseCase], today: int) -> tuple[Series, ...]:
    start_s, end_s = (today - HISTORY_DAYS) * DAY_S, today * DAY_S
    return series(engine, Query(measures=measures(use_cases), start_s=start_s, end_s=end_s))


def _budgets(data_dir: Path) -> tuple[Budget, ...]:
    policy = files.current_policy(data_dir)
    return () if policy is None else policy.budgets


def _bounds(settings: AlertSettings) -> Iterator[Limit]:
    for one in settings.limits:
        yield Limit(metric=one.metric, over=one.over, under=one.under, use_case=one.use_case, critical=one.critical)


def spendings(engine: Engine, budgets: Iterable[Budget], today: int) -> tuple[Spending, ...]:
    """This month's money of every monthly budget, and of everything: charges and work, idle capacity not in it."""
    first, end = _month(today)
    start_s = min(first, today - HISTORY_DAYS) * DAY_S
    spent = spent_pico_usd(engine, Query(start_s=start_s, end_s=(today + 1) * DAY_S))
    everything = [_spending("", "", None, _daily(spent, "", ""), first, today, end)]
    for one in budgets:
        if one.period == "month":
            days = _daily(spent, one.tenant, one.use_case)
            scope = " ".join(filter(None, (one.tenant, one.use_case)))
            everything.append(_spending(one.name, scope, one.limit_pico_usd, days, first, today, end))
    return tuple(everything)


def _daily(spent: Mapping[tuple[str, str, int], int], tenant: str, use_case: str) -> dict[int, float]:
    days: dict[int, int] = defaultdict(int)
    for (one, case, day), amount in spent.items():
        if tenant in ("", one) and use_case in ("", case):
            days[day] += amount
    return {day: usd_from_pico(amount) for day, amount in days.items()}


def _spending(
    name: str, scope: str, limit_pico_usd: int | None, days: Mapping[int, float], first: int, today: int, end: int
) -> Spending:
    began = min(days, default=today)
    whole = {day: days.get(day, 0.0) for day in range(began, today + 1)}
    limit_usd = None if limit_pico_usd is None else usd_from_pico(limit_pico_usd)
    found = forecast(whole, first, today, end, limit_usd=limit_usd)
    spent = sum(usd for day, usd in days.items() if first <= day <= today)
    return _told(name, scope, spent, limit_usd, found, first=first, known=today - began)


def _told(
    name: str, scope: str, spent_usd: float, limit_usd: float | None, found: Outlook | None, *, first: int, known: int
) -> Spending:
    plain = Spending(
        budget=name,
        scope=scope,
        month=layout.date(first)[:7],
        spent_usd=spent_usd,
        limit_usd=limit_usd,
        days=known,
    )
    if found is None:
        note = f"{known} whole days are too few to say what the month will come to"
        return msgspec.structs.replace(plain, note=note)
    return msgspec.structs.replace(
        plain,
        p5_usd=found.p5_usd,
        p50_usd=found.p50_usd,
        p95_usd=found.p95_usd,
        over=found.over,
        day_reached="" if found.day_reached is None else layout.date(found.day_reached),
    )


def _month(today: int) -> tuple[int, int]:
    """The first day of a day's month, and that of the next."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=today)
    first = at.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return today - (at - first).days, today + (following - at).days
