"""Closed months and checked cut-overs as documents."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.quantity import format_count, format_usd, usd_from_pico
from breakeven.report.document import Align, Document, Items, Section, Table, Verdict
from breakeven.schema.close import Standing
from breakeven.schema.migration import Change, Compared, Migration

_LEFT: Align = "left"
_RIGHT: Align = "right"
_WORDS: dict[Change, str] = {"same": "the same", "changed": "changed", "not_enough_evidence": "not enough evidence"}


def closes_document(found: Sequence[Standing]) -> Document:
    """What `reconcile closes` prints."""
    broken = [one for one in found if not one.sound]
    moved = [one for one in found if one.adjustment is not None]
    sentence = (
        f"{len(found)} months closed; the chain holds." if not broken else f"The chain is broken: {broken[0].wrong}."
    )
    figure = f"{len(moved)} with an adjustment since"
    table = Table(
        caption="Months in the order in which they were closed",
        columns=("month", "closed", "predictions", "cost", "adjustment", "hash", "holds"),
        rows=tuple(map(_row, found)),
        align=(_LEFT, _LEFT, _RIGHT, _RIGHT, _RIGHT, _LEFT, _LEFT),
    )
    verdict = Verdict(sentence=sentence, figure=figure, tone="bad" if broken else "good")
    forced = [
        f"{one.close.month} was forced: {one.close.forced} ({'; '.join(one.close.against)})"
        for one in found
        if one.close.forced
    ]
    more = (Section(title="What to know about it", blocks=(Items(items=tuple(forced)),)),) if forced else ()
    return Document(title="Closed months", sections=(Section(title="Answer", blocks=(verdict, table)), *more))


def _row(one: Standing) -> tuple[str, ...]:
    frozen, since = one.close.statement, one.adjustment
    moved = "none" if since is None else f"{since.predictions:+,} ({format_usd(usd_from_pico(since.cost_pico_usd))})"
    return (
        one.close.month,
        one.close.closed_at,
        format_count(frozen.predictions),
        format_usd(usd_from_pico(frozen.cost_pico_usd)),
        moved,
        one.close.hash[:12],
        one.wrong or "yes",
    )


def migration_document(found: Migration) -> Document:
    """What `reconcile migration` prints."""
    changed = [one.name for one in found.measures if one.verdict == "changed"]
    sentence = f"Changed at {found.cut_over}: {', '.join(changed)}." if changed else "Tracking is the same as before."
    if found.verdict == "not_enough_evidence":
        sentence = "Not enough evidence: too few whole days on one side of the cut-over."
    table = Table(
        caption="Days before against days after",
        columns=("measure", "before", "after", "unit", "days", "change", "p", "verdict"),
        rows=tuple(map(_measure, found.measures)),
        align=(_LEFT, _RIGHT, _RIGHT, _LEFT, _RIGHT, _RIGHT, _RIGHT, _LEFT),
    )
    verdict = Verdict(sentence=sentence, tone="bad" if changed else "good" if found.verdict == "same" else "warn")
    section = Section(title="Answer", blocks=(verdict, table, Items(items=found.remarks)))
    return Document(title=f"Migration at {found.cut_over}", sections=(section,))


def _measure(one: Compared) -> tuple[str, ...]:
    change = "" if one.change is None else f"{one.change:+.2%}"
    chance = "" if one.p is None else f"{one.p:.4f}"
    days = f"{one.days_before} + {one.days_after}"
    return one.name, _figure(one.before), _figure(one.after), one.unit, days, change, chance, _WORDS[one.verdict]


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
