"""The ledger beside another account of it: both sides read for one period, under one set of names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from breakeven.audit.reconcile.items import Items
from breakeven.audit.reconcile.name import matched
from breakeven.audit.reconcile.sums import DAY_S, Sums
from breakeven.ledger import snapshot
from breakeven.ledger.against import calls
from breakeven.ledger.against.rows import Rows
from breakeven.ledger.anew import anew
from breakeven.quantity import format_usd, usd_from_pico
from breakeven.schema.noun import Noun
from breakeven.schema.reconcile import NOTHING, Amount, Reconciliation, Side

HOUR_S = 3600.0
ENDED = "requests count in the period in which they ended: so the sides agree better than by when they began"


class Scope(Noun, frozen=True, kw_only=True):
    """What of the ledger is compared, and how: None of a bound is the other side's own."""

    start_s: float | None = None
    end_s: float | None = None
    by: str = "day"
    by_key: bool = False
    deployments: tuple[str, ...] = ()
    aliases: Mapping[str, str] = {}
    every_model: bool = False
    examples: int = 3
    find_shift: bool = True

    @property
    def width_s(self) -> float:
        """Seconds of a period of sums."""
        return HOUR_S if self.by == "hour" else DAY_S


@anew
def with_invoice(folder: Path, billed: Side, scope: Scope) -> Reconciliation:
    """The ledger of a data directory against an invoice or usage export."""
    return of_snapshot(snapshot.of_folder(folder), billed, scope)


def of_snapshot(found: snapshot.Snapshot, billed: Side, scope: Scope) -> Reconciliation:
    """The same of a snapshot."""
    start_s, end_s = period(billed, scope)
    rows = Rows(found, start_s - calls.REACH_S, end_s + calls.REACH_S)
    if billed.items:
        ours, billed = same_names(calls.items(rows, scope.deployments), billed, scope)
        return Items(ledger=ours, other=billed, start_s=start_s, end_s=end_s, examples=scope.examples).run()
    return min((_sums(rows, billed, scope, ended=ended) for ended in (False, True)), key=_apart)


def _sums(rows: Rows, billed: Side, scope: Scope, *, ended: bool) -> Reconciliation:
    start_s, end_s = period(billed, scope)
    found = calls.tallies(rows, scope.deployments, by_key=scope.by_key, ended=ended)
    ours, billed = same_names(found, billed, scope)
    if ended:
        ours = msgspec.structs.replace(ours, remarks=(*ours.remarks, ENDED))
    return Sums(
        ledger=ours,
        other=billed,
        start_s=start_s,
        end_s=end_s,
        width_s=scope.width_s,
        examples=scope.examples,
        find_shift=scope.find_shift,
    ).run()


def _apart(found: Reconciliation) -> int:
    """Money that the two sides disagree about."""
    return sum(one.gross_pico_usd for one in found.differences) + found.unexplained_gross_pico_usd


def period(other: Side, scope: Scope) -> tuple[float, float]:
    """The period asked for, else what the other side spans in whole days."""
    starts = [one.start_s for one in other.tallies] + [one.time_s for one in other.items]
    ends = [one.end_s for one in other.tallies] + [one.time_s + 1 for one in other.items]
    first, last = min(starts) // DAY_S * DAY_S, -(-max(ends) // DAY_S) * DAY_S
    return (
        first if scope.start_s is None else scope.start_s,
        last if scope.end_s is None else scope.end_s,
    )


def same_names(ours: Side, theirs: Side, scope: Scope) -> tuple[Side, Side]:
    """Both sides under the ledger's names; models that only the ledger has are left out and told, unless wanted."""
    known = _models(ours)
    names = matched(sorted(known), sorted(_models(theirs)), scope.aliases)
    replace = msgspec.structs.replace
    theirs = replace(
        theirs,
        items=tuple(replace(one, model=names[one.model]) for one in theirs.items),
        tallies=tuple(
            replace(one, model=names[one.model], key=scope.aliases.get(one.key, one.key) if scope.by_key else "")
            for one in theirs.tallies
        ),
    )
    wanted = set(names.values())
    if scope.every_model or theirs.items:
        return ours, theirs
    left = sorted(known - wanted)
    kept = replace(ours, tallies=tuple(one for one in ours.tallies if one.model in wanted))
    return replace(kept, remarks=(*ours.remarks, *_left_out(ours, left))), theirs


def _models(side: Side) -> set[str]:
    return {one.model for one in side.tallies} | {one.model for one in side.items}


def _left_out(ours: Side, names: Sequence[str]) -> list[str]:
    sums = {name: sum((one.total for one in ours.tallies if one.model == name), NOTHING) for name in names}
    return [_told(name, sum_) for name, sum_ in sums.items() if sum_ != NOTHING]


def _told(name: str, amount: Amount) -> str:
    cost = format_usd(usd_from_pico(amount.pico_usd))
    return f"left out: {name or 'no model'} ({amount.calls:,} requests, {cost}) is not in the file; see --every-model"
