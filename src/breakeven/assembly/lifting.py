"""The effect of an arm, from the rows of a file or of the ledger."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from breakeven.assembly import trial_file, trial_ledger
from breakeven.audit.lift import judge
from breakeven.audit.lift.judge import Asked
from breakeven.schema.experiment import Lift


def lift_ledger(folder: Path, use_case: str, asked: Asked, *, policy_id: str | None = None, segment: str = "") -> Lift:
    """The effect of an arm of a use case's route; the split is what the logged propensities meant, unless stated."""
    seen = trial_ledger.ledgered(folder, use_case, policy_id)
    rows, left_out = trial_ledger.trial_rows(seen, segment)
    control, treatment = trial_file.arms_of(tuple(rows.arms), asked.control, asked.treatment)
    split = asked.split or trial_ledger.expected_split(seen, control, treatment)
    lost = max(asked.lost_share, seen.lost_share)
    broken = max(asked.violation_share, seen.violation_share)
    meant = replace(asked, control=control, treatment=treatment, split=split, lost_share=lost, violation_share=broken)
    found = lift(rows, meant)
    notes = (f"{left_out:,} predictions without an arm or a subject are left out",) if left_out else ()
    return replace(found, notes=(*found.notes, *notes))


def lift(rows: trial_file.Rows, asked: Asked) -> Lift:
    """The effect of the treatment in rows of arms."""
    trial, others = rows.trial(asked.control, asked.treatment)
    found = judge.lift(trial, asked)
    notes = (f"{others:,} rows of other arms are left out",) if others else ()
    return replace(found, notes=(*found.notes, *notes))
