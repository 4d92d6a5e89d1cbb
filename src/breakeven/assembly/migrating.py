"""A cut-over checked: the measures of tracking by day, from a ledger."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from breakeven.assembly import files
from breakeven.audit.reconcile.migration import Measure, check, lengths, shares
from breakeven.errors import EvidenceError, UsageError
from breakeven.ledger import snapshot
from breakeven.ledger.against import days as by_day
from breakeven.ledger.against.rows import Rows
from breakeven.ledger.anew import anew
from breakeven.schema.migration import Migration

_EPOCH = date(1970, 1, 1).toordinal()
_DAY_S = 86_400.0


@anew
def migration(folder: Path, cut_over: str, *, around: int = 28, use_case: str | None = None) -> Migration:
    """So many days before and after a cut-over (ISO date; the day itself is after).

    Raises:
        UsageError: it is no date.
        EvidenceError: there is nothing on one side of it.
    """
    try:
        cut = date.fromisoformat(cut_over).toordinal() - _EPOCH
    except ValueError as error:
        message = f"--cut-over {cut_over!r} is no date"
        raise UsageError(message, "write it as 2026-10-15") from error
    windows = {name: one.window_s for name, one in files.use_cases(folder).items()}
    rows = Rows(snapshot.of_folder(folder), (cut - around) * _DAY_S, (cut + around) * _DAY_S)
    return of_rows(rows, windows, cut, cut_over, use_case)


def of_rows(rows: Rows, windows: dict[str, float], cut: int, cut_over: str, use_case: str | None = None) -> Migration:
    """The same of rows that are open."""
    found = _whole(by_day.days(rows, windows, use_case))
    if not [one for one in found if one.day < cut] or not [one for one in found if one.day >= cut]:
        message = f"no days with data on one side of {cut_over}"
        raise EvidenceError(message, "name a cut-over within the ledger's time, and wait for days after it")
    told = "the first and the last day are left out: they are not whole"
    return check([*_measures(found), *_arms(rows, use_case, {one.day for one in found})], cut, cut_over, [told])


def _whole(found: tuple[by_day.Day, ...]) -> tuple[by_day.Day, ...]:
    return found[1:-1]


def _measures(found: tuple[by_day.Day, ...]) -> list[Measure]:
    def count(name: str) -> dict[int, int]:
        return {one.day: getattr(one, name) for one in found}

    def length(name: str) -> dict[int, float | None]:
        return {one.day: getattr(one, name) for one in found}

    predictions, events, named = count("predictions"), count("events"), count("named")
    return [
        lengths("volume", {day: float(n) for day, n in predictions.items()}, "predictions/day"),
        lengths("events", {day: float(n) for day, n in events.items()}, "events/day"),
        lengths("event timing: exposure after prediction", length("exposure_s")),
        lengths("event timing: outcome after prediction", length("outcome_s")),
        lengths("event timing: outcome, slowest tenth", length("outcome_p90_s")),
        lengths("event timing: arrival after event", length("delivery_s")),
        shares("attribution window: outcomes after it", count("after_window"), named),
        shares("identity rate", count("identified"), predictions),
        shares("consent denied", count("denied"), predictions),
        shares("order: events before their prediction", count("early"), named),
        shares("match rate", count("matched"), events),
    ]


def _arms(rows: Rows, use_case: str | None, days: set[int]) -> list[Measure]:
    """The sample ratio: the share of each arm but the last, which follows from the others."""
    arms = by_day.arms(rows, use_case)
    wholes: dict[int, int] = {}
    for counts in arms.values():
        for day, n in counts.items():
            if day in days:
                wholes[day] = wholes.get(day, 0) + n
    return [shares(f"sample ratio: arm {name}", arms[name], wholes) for name in sorted(arms)[:-1]]
