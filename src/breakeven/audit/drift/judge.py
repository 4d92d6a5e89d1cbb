"""Drift: the last days of a metric against the days before, with the variance that days have among themselves.

Rows of one day share the day's mix and load, so that a test over rows cries wolf. Days are compared as wholes: the
difference of means against the spread of the baseline days, Student's t with their degrees of freedom. With two weeks
of baseline or more, what belongs to the weekday is taken out first. All series of one look are corrected together
(Holm 1979), and a change must also be large enough to matter.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import msgspec

from breakeven.audit.student import two_sided_p, two_sided_quantile
from breakeven.schema.drift import Day, Drift, DriftVerdict, Series
from breakeven.schema.noun import Noun

_WEEK = 7


class Limits(Noun, frozen=True, kw_only=True):
    """How many days are recent, how many must stand before them, and what counts as a change.

    `alpha` bounds the chance of any false alarm in one look; `ratio` and `share` are the least changes that matter.
    """

    recent_days: int = 3
    baseline_days: int = 7
    alpha: float = 0.01
    ratio: float = 0.1
    share: float = 0.02


def judge(series: Sequence[Series], date: Callable[[int], str], limits: Limits | None = None) -> tuple[Drift, ...]:
    """A drift for each series, those that got worse first. `date` writes a day for people."""
    rules = limits or Limits()
    found = [_compare(one, date, rules) for one in series]
    order = {"worse": 0, "changed": 1, "better": 2, "steady": 3, "not_enough_evidence": 4}
    return tuple(sorted(_holm(found, series, rules), key=lambda one: (order[one.verdict], one.p or 0.0, one.metric)))


def _compare(one: Series, date: Callable[[int], str], rules: Limits) -> Drift:
    empty = Drift(metric=one.metric, key=one.key, unit=one.unit, verdict="not_enough_evidence", days=len(one.days))
    if not one.days:
        return msgspec.structs.replace(empty, note="no day has enough rows")
    edge = one.days[-1].day - rules.recent_days
    before = [day for day in one.days if day.day <= edge]
    after = [day for day in one.days if day.day > edge]
    if len(before) < rules.baseline_days:
        note = f"{len(before)} days before the last {rules.recent_days}, fewer than {rules.baseline_days}"
        return msgspec.structs.replace(empty, note=note)
    scaled = _scaled(one, before)
    old, new = [scaled[day.day] for day in before], [scaled[day.day] for day in after]
    gap = statistics.fmean(new) - statistics.fmean(old)
    df = max(1, len(old) - 1 - (_WEEK - 1 if _seasonal(before) else 0))
    spread = math.sqrt(sum((value - statistics.fmean(old)) ** 2 for value in old) / df)
    error = spread * math.sqrt(1 / len(old) + 1 / len(new))
    half = error * two_sided_quantile(0.05, df)
    plain = _plain(one)
    return msgspec.structs.replace(
        empty,
        verdict="steady",
        baseline=plain[0](statistics.fmean(plain[1](day.value) for day in before)),
        recent=plain[0](statistics.fmean(plain[1](day.value) for day in after)),
        change=_told(one, gap),
        low=_told(one, gap - half),
        high=_told(one, gap + half),
        p=two_sided_p(gap / error, df) if error > 0 else float(gap == 0),
        since=date(_began(scaled, one.days)),
    )


def _plain(one: Series) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """From the scale and to the scale."""
    return (math.exp, math.log) if one.scale == "log" else (float, float)


def _told(one: Series, gap: float) -> float:
    return math.expm1(gap) if one.scale == "log" else gap


def _scaled(one: Series, before: Sequence[Day]) -> Mapping[int, float]:
    """Values on the series' scale by day, less what their weekday differs by where there is enough to know it."""
    to_scale = _plain(one)[1]
    values = {day.day: to_scale(day.value) for day in one.days}
    if not _seasonal(before):
        return values
    level = statistics.fmean(values[day.day] for day in before)
    weekdays: dict[int, list[float]] = defaultdict(list)
    for day in before:
        weekdays[day.day % _WEEK].append(values[day.day])
    return {day: value - statistics.fmean(weekdays[day % _WEEK]) + level for day, value in values.items()}


def _seasonal(before: Sequence[Day]) -> bool:
    counts = [sum(day.day % _WEEK == weekday for day in before) for weekday in range(_WEEK)]
    return min(counts) > 1


def _began(scaled: Mapping[int, float], days: Sequence[Day]) -> int:
    """The day that splits the series into the two most different means, each part of two days at least."""
    values = [scaled[day.day] for day in days]

    def contrast(at: int) -> float:
        left, right = values[:at], values[at:]
        gap = abs(statistics.fmean(left) - statistics.fmean(right))
        return gap * math.sqrt(len(left) * len(right) / len(values))

    return days[max(range(2, len(values) - 1), key=contrast, default=len(values) - 1)].day


def _holm(found: Sequence[Drift], series: Sequence[Series], rules: Limits) -> list[Drift]:
    """Verdicts, the smallest p first, each against what is left of alpha (Holm)."""
    judged = list(found)
    asked = sorted((at for at, one in enumerate(found) if one.p is not None), key=lambda at: found[at].p or 0.0)
    for rank, at in enumerate(asked):
        one = found[at]
        if one.p is None or one.p > rules.alpha / (len(asked) - rank):
            break
        if abs(one.change or 0.0) >= (rules.ratio if series[at].scale == "log" else rules.share):
            judged[at] = msgspec.structs.replace(one, verdict=_verdict(series[at], one.change or 0.0))
    return [
        msgspec.structs.replace(one, since="") if one.verdict in {"steady", "not_enough_evidence"} else one
        for one in judged
    ]


def _verdict(one: Series, change: float) -> DriftVerdict:
    if one.bad == "either":
        return "changed"
    return "worse" if (change > 0) == (one.bad == "up") else "better"
