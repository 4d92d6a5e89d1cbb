"""Bad events that the plan in force finds sound become outcomes, once each, whenever it is interrupted.

What was replayed is known from the ledger alone: an event is bad until an outcome carries its identity (tenant, source,
id). The replayed events go through a journal like all others, written under a name that no sealer takes up and renamed
once it is on the disk. A crash before the rename leaves nothing; a crash after it leaves a journal that readers see at
once and the sealer seals; running again finds those events replayed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from breakeven.errors import LedgerError
from breakeven.ledger import layout
from breakeven.ledger.anew import anew
from breakeven.ledger.disk import Disk, exclusive
from breakeven.ledger.sieve import sieve_of
from breakeven.ledger.snapshot import of_folder
from breakeven.ledger.tracking.rows import Asked, still_bad
from breakeven.metric.tracking_plan import outcome_of
from breakeven.schema.journal import frame
from breakeven.schema.noun import Noun
from breakeven.schema.outcome import Outcome

LOCK = "replay.lock"
NODE = "replay"


class Replayed(Noun, frozen=True, kw_only=True):
    """What a replay did, or would do: events found sound and those still bad, by rule; the plan that judged them."""

    replayed: int
    by_type: dict[str, int]
    still_bad: int
    by_rule: dict[str, int]
    plan: str
    journal: str = ""
    dry_run: bool = False


def replay(data_dir: Path, asked: Asked, name: str, *, dry_run: bool = False, disk: Disk | None = None) -> Replayed:
    """Judge the bad events again and journal those that are sound, with the times and identity they came with.

    Args:
        data_dir: of the ledger.
        asked: which bad events.
        name: unique to this run; it names the journal.
        dry_run: only say what would be done.
        disk: replaced by tests.

    Raises:
        LedgerError: there is no ledger, or another replay is at work in it.
    """
    with _alone(data_dir):
        sound, rules = _judged(data_dir, asked)
        journal = "" if dry_run or not sound else _journal(data_dir, name, sound, disk or Disk())
        return Replayed(
            replayed=len(sound),
            by_type=dict(sorted(Counter(one.event_type for one in sound).items())),
            still_bad=sum(rules.values()),
            by_rule=dict(sorted(rules.items())),
            plan=sieve_of(data_dir).plan.id,
            journal=journal,
            dry_run=dry_run,
        )


@anew
def _judged(data_dir: Path, asked: Asked) -> tuple[list[Outcome], Counter[str]]:
    judge = sieve_of(data_dir).judge
    sound: list[Outcome] = []
    rules: Counter[str] = Counter()
    for row in still_bad(of_folder(data_dir), asked):
        try:
            outcome = outcome_of(row)
        except msgspec.MsgspecError:
            rules["unreadable"] += 1
            continue
        violation = judge(outcome)
        if violation is None:
            sound.append(outcome)
        else:
            rules[violation.rule] += 1
    return sound, rules


def _journal(data_dir: Path, name: str, sound: Sequence[Outcome], disk: Disk) -> str:
    """A closed journal of a node of its own: the numbers that the events came with stay with the bad rows."""
    node = f"{NODE}-{name}"
    seated = (msgspec.structs.replace(one, node=node, sequence=at) for at, one in enumerate(sound, 1))
    target = layout.journals(data_dir) / f"{node}-00000001{layout.CLOSED}"
    draft = target.with_suffix(".replay")
    with draft.open("wb") as file:
        file.writelines(map(frame, seated))
        file.flush()
        os.fsync(file.fileno())
    disk.rename(draft, target)
    return target.stem


@contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    if not data_dir.is_dir():
        of_folder(data_dir)  # says that there is none
    layout.journals(data_dir).mkdir(parents=True, exist_ok=True)
    with exclusive(data_dir / LOCK, create=True) as held:
        if not held:
            message = f"another replay is at work in {data_dir}"
            raise LedgerError(message, "wait until it is done, and run this one again")
        for left in layout.journals(data_dir).glob(f"{NODE}-*.replay"):
            left.unlink(missing_ok=True)
        yield
