"""The tracking plan in force: the one of the compiled policy in the data directory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from breakeven.metric.tracking_plan import Judge, bad_of, judge_of
from breakeven.schema.journal import Record
from breakeven.schema.outcome import Outcome
from breakeven.schema.tracking import Bad, TrackingPlan, Violation

LOCK_FILE = "policy.lock.json"


class _Lock(msgspec.Struct):
    tracking: TrackingPlan = TrackingPlan()


_decoder = msgspec.json.Decoder(_Lock)


class Sieve:
    """Parts what violates a plan from what does not; without a policy, and so without a plan, nothing does."""

    def __init__(self, plan: TrackingPlan | None) -> None:
        self.plan = plan or TrackingPlan()
        self.judge: Judge = judge_of(plan) if plan is not None else _sound

    def part(self, records: Iterable[Record]) -> tuple[list[Record], list[Bad]]:
        """The records that stay what they are, in order, and the events that are bad."""
        kept: list[Record] = []
        bad: list[Bad] = []
        for record in records:
            violation = self.judge(record) if isinstance(record, Outcome) else None
            if violation is None:
                kept.append(record)
            else:
                bad.append(bad_of(record, violation, self.plan.id))  # type: ignore[arg-type] # only outcomes have any
        return kept, bad


def _sound(_outcome: Outcome) -> Violation | None:
    return None


_kept: dict[Path, tuple[tuple[int, int, int], Sieve]] = {}
_NONE = Sieve(None)


def sieve_of(data_dir: Path) -> Sieve:
    """The plan in force, compiled; without a policy, or with one that cannot be read, the last good one, else none."""
    path = data_dir / LOCK_FILE
    last = _kept.get(path)
    try:
        state = path.stat()
        stamp = (state.st_ino, state.st_size, state.st_mtime_ns)
        if last is None or last[0] != stamp:
            last = _kept[path] = (stamp, Sieve(_decoder.decode(path.read_bytes()).tracking))
    except (OSError, msgspec.MsgspecError):
        pass
    return _NONE if last is None else last[1]
