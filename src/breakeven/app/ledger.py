"""The ledger itself: its days and its segments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from breakeven.assembly import days as parts
from breakeven.assembly import segments
from breakeven.assembly.days import DayOfLedger
from breakeven.assembly.segments import LedgerState
from breakeven.errors import UsageError
from breakeven.ledger import correct as correcting
from breakeven.ledger import layout
from breakeven.ledger.compact import Compacted
from breakeven.ledger.correct import Corrected
from breakeven.quantity import format_count, format_usd, usd_from_pico
from breakeven.report import number
from breakeven.report.document import Align, Document, Section, Table
from breakeven.report.plain import JsonObject, figure_json, noun_json


def days(folder: Path, *, since: str | None = None, until: str | None = None) -> tuple[DayOfLedger, ...]:
    """The days of a data directory: provisional or final, of which version, and what a useful prediction cost."""
    return parts.days(folder, start_s=moment(since), end_s=moment(until))


def finalise(folder: Path, told: Callable[[str], None]) -> tuple[tuple[str, int], ...]:
    """Make the roll-ups that are due; the days that were made, with their versions. Progress goes to `told`."""
    made = []
    for step in parts.finalise_all(folder):
        if step.looked_at:
            told(f"{step.looked_at} journals looked at")
        if step.version is not None:
            made.append((layout.date(step.version.day), step.version.version))
            told(f"{made[-1][0]} version {made[-1][1]}: {step.version.reason}")
    return tuple(made)


def status(folder: Path) -> LedgerState:
    """What the ledger of a data directory holds on disk."""
    return segments.state(folder)


def compact(folder: Path) -> Compacted:
    """Make few segments of many."""
    return segments.compact_all(folder)


def correct(folder: Path, file: Path, reason: str, author: str) -> Corrected:
    """Take the corrections of a file."""
    return correcting.correct(folder, file, reason, author)


def corrected_json(found: Corrected) -> JsonObject:
    """What became of a file of corrections for scripts: money in US dollars."""
    rest = noun_json(found)
    del rest["before_pico_usd"], rest["after_pico_usd"]
    before, after = usd_from_pico(found.before_pico_usd), usd_from_pico(found.after_pico_usd)
    return rest | {"before_usd": before, "after_usd": after}


def corrected_lines(found: Corrected) -> list[str]:
    """The same for people."""
    others = {
        "say what holds already": found.unchanged,
        "name no prediction of this ledger (kept, without effect)": found.unknown,
        "bad": found.bad,
    }
    told = [f"{found.file}: {format_count(found.rows)} rows read, {format_count(found.corrected)} costs corrected"]
    told += [f"  {format_count(number)} {what}" for what, number in others.items() if number]
    if found.corrected:
        before, after = (format_usd(usd_from_pico(one)) for one in (found.before_pico_usd, found.after_pico_usd))
        unpriced = f" ({format_count(found.unpriced_before)} were unpriced)" if found.unpriced_before else ""
        told.append(f"  {before} became {after}{unpriced}")
        told.append(f"  on {', '.join(found.days)}: a final day among them is opened again")
    return told


def status_document(found: LedgerState) -> Document:
    """The state of a ledger for people."""
    rows = tuple(
        (one.table, format_count(one.segments), format_count(one.rows), format_count(one.size_bytes))
        for one in found.tables
    )
    waiting = f"{found.sealed_journals} journals sealed, {found.waiting_journals} wait"
    columns = ("table", "segments", "rows", "bytes")
    align: tuple[Align, ...] = ("left", "right", "right", "right")
    table = Table(caption=waiting, columns=columns, rows=rows, align=align)
    return Document(title="Ledger", sections=(Section(title="What the ledger holds", blocks=(table,)),))


def day_json(one: DayOfLedger) -> JsonObject:
    """A day for scripts: money in US dollars, the figure with its interval."""
    rest = noun_json(one)
    del rest["cost_pico_usd"]
    return rest | {
        "cost_usd": usd_from_pico(one.cost_pico_usd),
        "cost_per_useful_prediction_usd": one.cost_per_useful_prediction_usd.value,
        "cost_per_useful_prediction": figure_json(one.cost_per_useful_prediction_usd),
    }


def days_document(found: Sequence[DayOfLedger]) -> Document:
    """Days for people."""
    rows = tuple(
        (
            one.day,
            one.state,
            "-" if one.version is None else str(one.version),
            format_count(one.rows),
            number.figure(one.cost_per_useful_prediction_usd),
            one.reason,
        )
        for one in found
    )
    columns = ("day", "state", "version", "predictions", "per useful", "why")
    align: tuple[Align, ...] = ("left", "left", "right", "right", "right", "left")
    table = Table(caption="Days", columns=columns, rows=rows, align=align)
    return Document(title="Days", sections=(Section(title="Days of the ledger (UTC)", blocks=(table,)),))


def moment(text: str | None) -> float | None:
    """A date (its first moment in UTC) or an ISO 8601 time (UTC unless it says otherwise) in Unix seconds.

    Raises:
        UsageError: it is neither.
    """
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is neither a date nor a time"
        raise UsageError(message, "write 2026-11-24 or 2026-11-24T10:00:00Z") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
