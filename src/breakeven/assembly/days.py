"""Days of a data directory: finalised by the sealer or by hand, and listed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from breakeven.assembly import files
from breakeven.assembly.stating import statement
from breakeven.errors import LedgerError
from breakeven.ledger import layout
from breakeven.ledger.days import finalise
from breakeven.ledger.days.chore import Chore
from breakeven.ledger.days.finalise import Made, Work
from breakeven.ledger.days.shelf import Shelf, Version
from breakeven.ledger.disk import Disk
from breakeven.ledger.engine.port import Measure
from breakeven.ledger.statement import measures
from breakeven.ledger.store import opener
from breakeven.schema.noun import Figure, Noun

_PATIENCE_S = 60.0


class OldVersion(Noun, frozen=True, kw_only=True):
    """A roll-up of a day: which, why it was made and when (Unix seconds), and of how many predictions."""

    version: int
    reason: str
    made_at_s: float
    rows: int


class DayOfLedger(Noun, frozen=True, kw_only=True):
    """A UTC day with what it says now; `versions` are oldest first."""

    day: str
    state: str
    version: int | None
    reason: str
    rows: int
    useful: int | None
    cost_pico_usd: int
    cost_per_useful_prediction_usd: Figure
    versions: tuple[OldVersion, ...] = ()


def rules(data_dir: Path) -> tuple[Measure, ...]:
    """How every use case ever served here tells that a prediction was used."""
    return measures(files.use_cases(data_dir))


def chore(data_dir: Path) -> Chore:
    """What the sealer does beside sealing."""
    return Chore(data_dir, lambda: rules(data_dir), opener("duckdb"))


def finalise_all(data_dir: Path) -> Iterator[Made]:
    """Make every roll-up that is due by the clock, without waiting for later rows; a step at a time.

    Raises:
        LedgerError: there is no ledger there, or the sealer does not let go of the days.
    """
    if not data_dir.is_dir():
        message = f"no ledger at {data_dir}: there is no such folder"
        raise LedgerError(message, "name the data directory of `breakeven serve` with --data-dir, or serve first")
    work = Work(
        data_dir=data_dir,
        now_s=time.time(),
        measures=rules(data_dir),
        opener=opener("duckdb"),
        disk=Disk(),
        by_hand=True,
    )
    until_s = time.monotonic() + _PATIENCE_S
    while True:
        made = finalise.step(work)
        if made.busy and time.monotonic() > until_s:
            message = f"another process has been finalising days of {data_dir} for {_PATIENCE_S:.0f} s"
            raise LedgerError(message, "wait for it, or stop it")
        if made.busy:
            time.sleep(0.1)
            continue
        yield made
        if not made.more:
            return


def days(data_dir: Path, *, start_s: float | None = None, end_s: float | None = None) -> tuple[DayOfLedger, ...]:
    """Every day with predictions, as a statement of the period shows it, and its roll-ups so far."""
    found = statement(data_dir, start_s=start_s, end_s=end_s)
    states = {one.day: one for one in found.days}
    with Shelf.reading(data_dir) as shelf:
        kept: dict[str, list[Version]] = {}
        for one in shelf.versions():
            kept.setdefault(layout.date(one.day), []).append(one)
    return tuple(
        DayOfLedger(
            day=cut.key,
            state=states[cut.key].state,
            version=states[cut.key].version,
            reason=states[cut.key].reason,
            rows=cut.predictions,
            useful=cut.useful,
            cost_pico_usd=cut.cost_pico_usd,
            cost_per_useful_prediction_usd=cut.cost_per_useful_prediction_usd,
            versions=tuple(_old(one) for one in kept.get(cut.key, ())),
        )
        for cut in found.cuts
        if cut.dimension == "day"
    )


def _old(one: Version) -> OldVersion:
    return OldVersion(version=one.version, reason=one.reason, made_at_s=one.made_at_s, rows=one.rows)
