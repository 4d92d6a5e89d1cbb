"""Experiments and off-policy evaluations, from files or from the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from breakeven.assembly import log_file, trial_file, trial_ledger
from breakeven.audit.lift import judge
from breakeven.audit.lift.judge import Asked
from breakeven.audit.offpolicy import judge as offpolicy
from breakeven.report import evaluated as evaluated_report
from breakeven.report import lift as lift_report
from breakeven.report.document import Document
from breakeven.schema.evaluation import Evaluated
from breakeven.schema.experiment import Lift


def lift_file(path: Path, asked: Asked) -> Lift:
    """The effect of the treatment in a file of predictions."""
    rows, bad = trial_file.read(path)
    control, treatment = trial_file.arms_of(tuple(rows.arms), asked.control, asked.treatment)
    found = _lift(rows, replace(asked, control=control, treatment=treatment))
    return replace(found, bad_rows=bad.count, bad=tuple(bad.named))


def lift_ledger(folder: Path, use_case: str, asked: Asked, *, policy_id: str | None = None, segment: str = "") -> Lift:
    """The effect of an arm of a use case's route; the split is what the logged propensities meant, unless stated."""
    seen = trial_ledger.ledgered(folder, use_case, policy_id)
    rows, left_out = trial_ledger.trial_rows(seen, segment)
    control, treatment = trial_file.arms_of(tuple(rows.arms), asked.control, asked.treatment)
    split = asked.split or trial_ledger.expected_split(seen, control, treatment)
    lost = max(asked.lost_share, seen.lost_share)
    found = _lift(rows, replace(asked, control=control, treatment=treatment, split=split, lost_share=lost))
    notes = (f"{left_out:,} predictions without an arm or a subject are left out",) if left_out else ()
    return replace(found, notes=(*found.notes, *notes))


def _lift(rows: trial_file.Rows, asked: Asked) -> Lift:
    trial, others = rows.trial(asked.control, asked.treatment)
    found = judge.lift(trial, asked)
    notes = (f"{others:,} rows of other arms are left out",) if others else ()
    return replace(found, notes=(*found.notes, *notes))


def evaluate_file(log: Path, target: Path) -> Evaluated:
    """What a target policy would have earned, told from a log."""
    seen, bad = log_file.read(log, target)
    return replace(offpolicy.evaluate(seen), bad_rows=bad.count, bad=tuple(bad.named))


def evaluate_ledger(
    folder: Path,
    use_case: str,
    weights: Mapping[str, float],
    *,
    reward: str = "useful",
    decisions: bool = False,
    policy_id: str | None = None,
) -> Evaluated:
    """What a use case would have earned with other weights of its targets (or of the actions of its decisions)."""
    seen = trial_ledger.ledgered(folder, use_case, policy_id)
    weighed, left_out = trial_ledger.choices(seen, weights, reward, decisions=decisions)
    found = offpolicy.evaluate(weighed)
    notes = (f"{left_out:,} predictions without propensities or reward are left out",) if left_out else ()
    return replace(found, notes=(*found.notes, *notes))


def lift_document(found: Lift) -> Document:
    """An experiment for people."""
    return lift_report.lift_document(found)


def evaluated_document(found: Evaluated) -> Document:
    """An off-policy evaluation for people."""
    return evaluated_report.evaluated_document(found)
