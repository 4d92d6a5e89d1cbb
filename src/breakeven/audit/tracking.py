"""Is tracking sound? Shares of the hours judged against limits, and against the hours before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from breakeven.audit.interval import wilson
from breakeven.schema.tracking_health import Arrivals, Coverage, Health, HealthCheck, TrackingHealth

LEAST = 20
"""Fewer predictions or events than this are no evidence."""
CHANGE = 0.05
"""A share that moved by less is no news, however sure it is."""
WORST: tuple[Health, ...] = ("bad", "warn", "not_enough_evidence", "ok")
Row = TypeVar("Row", Coverage, Arrivals)


class Measure(NamedTuple):
    """A share, the limits beyond which it is worth a warning or bad in itself, and whether more of it is good."""

    name: str
    warn: float
    bad: float
    good_is_high: bool = False


OF_PREDICTIONS: dict[str, tuple[Measure, Callable[[Coverage], int]]] = {
    "exposed": (Measure("predictions with an exposure", 0.0, 0.0, good_is_high=True), lambda row: row.exposed),
    "touched": (Measure("predictions with an outcome", 0.0, 0.0, good_is_high=True), lambda row: row.touched),
    "identified": (
        Measure("predictions for somebody identified", 0.8, 0.5, good_is_high=True),
        lambda row: row.identified,
    ),
    "granted": (Measure("predictions with consent", 0.0, 0.0, good_is_high=True), lambda row: row.granted),
    "denied": (Measure("predictions whose consent was denied", 1.01, 1.01), lambda row: row.denied),
}
OF_EVENTS: dict[str, tuple[Measure, Callable[[Arrivals], int]]] = {
    "bad": (Measure("events that violate the plan", 0.01, 0.05), lambda row: row.bad),
    "unknown": (Measure("events of predictions that there are not", 0.01, 0.05), lambda row: row.unknown),
    "repeated": (Measure("events sent again", 0.02, 0.2), lambda row: row.repeated),
    "late": (Measure("events after the window", 0.05, 0.2), lambda row: row.late),
    "early": (Measure("events before their prediction", 0.01, 0.05), lambda row: row.early),
    "ahead": (Measure("events from the future", 0.01, 0.05), lambda row: row.ahead),
}
"""Limits of our own choosing, stated in docs/tracking.md; a baseline of the same source says more."""


def health(
    coverage: Sequence[Coverage], arrivals: Sequence[Arrivals], *, lost: int, from_hour: int, to_hour: int
) -> TrackingHealth:
    """Judge the hours from `from_hour` to `to_hour` (hours since 1970); those before are the baseline."""
    checks = [*_of_predictions(coverage, from_hour), *_of_events(arrivals, from_hour), *_losses(lost)]
    checks.sort(key=lambda one: (WORST.index(one.verdict), -one.count, one.use_case, one.source, one.measure))
    verdict: Health = checks[0].verdict if checks else "not_enough_evidence"
    return TrackingHealth(
        verdict="ok" if verdict == "not_enough_evidence" and any(one.verdict == "ok" for one in checks) else verdict,
        checks=tuple(checks),
        lost=lost,
        from_hour=from_hour,
        to_hour=to_hour,
        hours=tuple(coverage),
        arrivals=tuple(arrivals),
    )


def _of_predictions(rows: Iterable[Coverage], from_hour: int) -> Iterator[HealthCheck]:
    groups: dict[str, list[Coverage]] = defaultdict(list)
    for row in rows:
        groups[row.use_case].append(row)
    for use_case, some in sorted(groups.items()):
        for key, (measure, of) in OF_PREDICTIONS.items():
            yield _check((use_case, "", key), measure, some, (of, lambda row: row.delivered), from_hour)


def _of_events(rows: Iterable[Arrivals], from_hour: int) -> Iterator[HealthCheck]:
    groups: dict[tuple[str, str], list[Arrivals]] = defaultdict(list)
    for row in rows:
        groups[row.use_case, row.source].append(row)
    for (use_case, source), some in sorted(groups.items()):
        for key, (measure, of) in OF_EVENTS.items():
            yield _check((use_case, source, key), measure, some, (of, lambda row: row.events + row.bad), from_hour)


def _losses(lost: int) -> Iterator[HealthCheck]:
    if lost:
        why = f"{lost} sequence numbers that gateways gave out are in no record"
        yield HealthCheck(
            use_case="",
            source="",
            measure="lost",
            count=lost,
            of=lost,
            share=None,
            baseline=None,
            verdict="bad",
            why=why,
        )


def _check(
    who: tuple[str, str, str],
    measure: Measure,
    rows: Sequence[Row],
    counted: tuple[Callable[[Row], int], Callable[[Row], int]],
    from_hour: int,
) -> HealthCheck:
    part, whole = counted
    now = [row for row in rows if row.hour >= from_hour]
    before = [row for row in rows if row.hour < from_hour]
    count, of = sum(map(part, now)), sum(map(whole, now))
    count_before, of_before = sum(map(part, before)), sum(map(whole, before))
    verdict, why = _verdict(measure, (count, of), (count_before, of_before))
    return HealthCheck(
        use_case=who[0],
        source=who[1],
        measure=who[2],
        count=count,
        of=of,
        share=count / of if of else None,
        baseline=count_before / of_before if of_before >= LEAST else None,
        verdict=verdict,
        why=why,
        worst_hour=_worst(measure, now, part, whole) if verdict in {"warn", "bad"} else None,
    )


def _worst(
    measure: Measure, rows: Sequence[Row], part: Callable[[Row], int], whole: Callable[[Row], int]
) -> int | None:
    sign = 1 if measure.good_is_high else -1
    return (
        min((row for row in rows if whole(row)), key=lambda row: sign * part(row) / whole(row)).hour if rows else None
    )


def _verdict(measure: Measure, now: tuple[int, int], before: tuple[int, int]) -> tuple[Health, str]:
    count, of = now
    if of < LEAST:
        if before[1] >= LEAST:
            return "bad", f"{measure.name}: {of} to count in the hours judged, {before[1]} before: has the source gone?"
        return "not_enough_evidence", f"{measure.name}: {of} to count, at least {LEAST} are needed"
    said = f"{measure.name}: {count:,} of {of:,} ({count / of:.1%})"
    if before[1] >= LEAST and (moved := _moved(measure, now, before)):
        return moved, f"{said}, {before[0] / before[1]:.1%} in the time before"
    low, high = wilson(count, of)
    limits: tuple[tuple[float, Health], ...] = ((measure.bad, "bad"), (measure.warn, "warn"))
    for limit, verdict in limits:
        if (high < limit) if measure.good_is_high else (low > limit):
            return verdict, f"{said}, {'less' if measure.good_is_high else 'more'} than {limit:.0%}"
    return "ok", said


def _moved(measure: Measure, now: tuple[int, int], before: tuple[int, int]) -> Health | None:
    """Whether the share got worse: intervals (80 %) that do not meet, and a difference that matters."""
    here, there = wilson(*now), wilson(*before)
    share, base = now[0] / now[1], before[0] / before[1]
    worse = here[1] < there[0] if measure.good_is_high else here[0] > there[1]
    if not worse or abs(share - base) < (min(CHANGE, base / 2) if measure.good_is_high else CHANGE):
        return None
    return "bad" if abs(share - base) >= 4 * CHANGE else "warn"
