"""Tracking: is what comes in sound, and what to fix first?"""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.console import words
from breakeven.console.overview import known_use_cases
from breakeven.console.query import Query
from breakeven.console.source import Source
from breakeven.console.view import Cell, Column, Empty, Labelled, Row, Table, Tone, View, Words, count, number
from breakeven.quantity import format_count
from breakeven.schema.noun import Figure
from breakeven.schema.tracking import BadCount
from breakeven.schema.tracking_health import Health, HealthCheck, TrackingHealth

TITLE = "Tracking"
HOURS = 24.0
"""Judged where the reader chose no period; the week before is the baseline."""
TONES: dict[Health, Tone] = {"ok": "good", "warn": "warn", "bad": "bad", "not_enough_evidence": "plain"}
SAID: dict[Health, str] = {"ok": "sound", "warn": "watch", "bad": "fix", "not_enough_evidence": "not enough evidence"}
MEASURES = {
    "exposed": "Predictions with an exposure",
    "touched": "Predictions with an outcome",
    "identified": "Predictions for somebody identified",
    "granted": "Predictions with consent",
    "denied": "Consent denied",
    "bad": "Events that violate the plan",
    "unknown": "Events of unknown predictions",
    "repeated": "Events sent again",
    "late": "Events after the window",
    "early": "Events before their prediction",
    "ahead": "Events from the future",
    "lost": "Records lost",
}
WAYS = {
    "bad": "list them with breakeven events bad, mend the producer or the plan, then breakeven events replay",
    "unknown": "the producer sends ids that no gateway gave out: pass on x-breakeven-prediction-id as it came",
    "repeated": "a producer makes new requests for old events; they count once, and cost what they cost",
    "late": "raise attribution_window_s if outcomes really take so long, or send them sooner",
    "early": "compare the clocks of the producer and of the gateway",
    "ahead": "compare the clocks of the producer and of the gateway",
    "exposed": "has the page lost its marks, or its key?",
    "touched": "has a producer stopped sending clicks or conversions?",
    "identified": "send x-breakeven-subject or x-breakeven-session with every request",
    "granted": "has the consent banner changed?",
    "lost": "a disk failed, or journals were removed: see the gateway's log",
}
SHOWN = 3


def build(source: Source, query: Query) -> View:
    """The view of tracking."""
    hours = query.hours_back or HOURS
    found = _of(source.tracking(hours), query.use_case)
    counted = source.bad(query.hours_back)
    known = known_use_cases(source, query)
    if not found.checks and not counted:
        empty = Empty(text="No event and no prediction came in lately.", commands=words.EVENTS)
        return View(page="tracking", title=TITLE, verdict="Nothing to judge yet.", empty=empty, use_cases=known)
    return View(
        page="tracking",
        title=TITLE,
        verdict=_verdict(found),
        tone=TONES[found.verdict],
        reason=_period(hours),
        numbers=_numbers(found, counted),
        tables=(*_first(found), *_violations(counted), _checks(found)),
        use_cases=known,
    )


def _of(found: TrackingHealth, use_case: str) -> TrackingHealth:
    if not use_case:
        return found
    checks = tuple(one for one in found.checks if one.use_case == use_case)
    some = {one.verdict for one in checks}
    verdict: Health = (
        "bad" if "bad" in some else "warn" if "warn" in some else "ok" if "ok" in some else "not_enough_evidence"
    )
    return TrackingHealth(
        verdict=verdict,
        checks=checks,
        lost=found.lost,
        from_hour=found.from_hour,
        to_hour=found.to_hour,
        hours=tuple(row for row in found.hours if row.use_case == use_case),
        arrivals=tuple(row for row in found.arrivals if row.use_case == use_case),
    )


def _period(hours: float) -> str:
    return f"Judged: the last {hours:g} hours, against the week before them."


def _wrong(found: TrackingHealth) -> list[HealthCheck]:
    return [one for one in found.checks if one.verdict in {"bad", "warn"}]


def _verdict(found: TrackingHealth) -> str:
    wrong = _wrong(found)
    if not wrong:
        sound = any(one.verdict == "ok" for one in found.checks)
        return "Tracking is sound." if sound else "There is not enough evidence yet to judge tracking."
    rest = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return f"{_name(wrong[0])}: {wrong[0].why}{rest}."


def _name(check: HealthCheck) -> str:
    return " from ".join(filter(None, (check.use_case or "No use case", check.source)))


def _numbers(found: TrackingHealth, counted: Sequence[BadCount]) -> tuple[Labelled, ...]:
    hours = [row for row in found.hours if row.hour >= found.from_hour]
    delivered = sum(row.delivered for row in hours)
    arrivals = [row for row in found.arrivals if row.hour >= found.from_hour]
    came = sum(row.events + row.bad for row in arrivals)
    return (
        Labelled(
            key="bad",
            label="Bad events to mend",
            number=count(sum(one.events for one in counted), "events that violate the plan and were not mended since"),
            detail=f"{format_count(sum(row.bad for row in arrivals))} of {format_count(came)} that came in",
        ),
        _share("exposed", "With an exposure", sum(row.exposed for row in hours), delivered),
        _share("touched", "With an outcome", sum(row.touched for row in hours), delivered),
        _share("identified", "Identified", sum(row.identified for row in hours), delivered),
        Labelled(key="lost", label="Lost", number=count(found.lost, "sequence numbers that no record carries")),
    )


def _share(key: str, label: str, part: int, whole: int) -> Labelled:
    value = part / whole if whole else None
    figure = Figure(value=value, unit="share", basis="measured" if whole else "unknown", how="of delivered predictions")
    detail = f"{format_count(part)} of {format_count(whole)} delivered"
    return Labelled(key=key, label=label, number=number(figure, "-"), detail=detail)


def _first(found: TrackingHealth) -> tuple[Table, ...]:
    columns = (
        Column(key="who", title="Use case and source", numeric=False),
        Column(key="why", title="What is wrong", numeric=False),
        Column(key="way", title="Way out", numeric=False),
    )
    rows = tuple(
        Row(cells=(Words(text=_name(one)), Words(text=one.why), Words(text=_way(one)))) for one in _wrong(found)[:SHOWN]
    )
    return (Table(key="first", title="What to fix first", columns=columns, rows=rows),) if rows else ()


def _way(check: HealthCheck) -> str:
    way = WAYS.get(check.measure, "")
    return f"{way[:1].upper()}{way[1:]}" if way else ""


def _violations(counted: Sequence[BadCount]) -> tuple[Table, ...]:
    if not counted:
        return ()
    columns = (
        Column(key="rule", title="Reason", numeric=False),
        Column(key="type", title="Event type", numeric=False),
        Column(key="path", title="Where", numeric=False),
        Column(key="events", title="Events"),
        Column(key="such", title="The latest of them", numeric=False),
    )
    rows = tuple(
        Row(
            cells=(
                Words(text=one.rule.replace("_", " ")),
                Words(text=one.event_type),
                Words(text=one.path),
                count(one.events, "distinct events not mended since"),
                Words(text=one.examples[0].reason if one.examples else ""),
            )
        )
        for one in counted
    )
    note = "What is mended under the same source and id, or replayed, leaves this table."
    return (Table(key="violations", title="Violations of the tracking plan", columns=columns, rows=rows, note=note),)


def _checks(found: TrackingHealth) -> Table:
    columns = (
        Column(key="who", title="Use case and source", numeric=False),
        Column(key="measure", title="Measure", numeric=False),
        Column(key="count", title="Count"),
        Column(key="share", title="Share"),
        Column(key="baseline", title="Before"),
        Column(key="verdict", title="Verdict", numeric=False),
    )
    rows = tuple(Row(cells=_cells(one)) for one in found.checks)
    return Table(key="health", title="Every measure", columns=columns, rows=rows, folded=bool(_wrong(found)))


def _cells(one: HealthCheck) -> tuple[Cell, ...]:
    share = Figure(value=one.share, unit="share", basis="measured", how=one.why)
    before = Figure(value=one.baseline, unit="share", basis="measured", how="the same in the hours before")
    return (
        Words(text=_name(one)),
        Words(text=MEASURES.get(one.measure, one.measure)),
        count(one.count, f"of {one.of:,}"),
        number(share, "-"),
        number(before, "-"),
        Words(text="", badge=SAID[one.verdict], tone=TONES[one.verdict]),
    )
