"""Experiments and off-policy evaluations, from files or from the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from breakeven.assembly import log_file, retargeting, trial_file, trial_ledger
from breakeven.assembly.lifting import lift
from breakeven.assembly.lifting import lift_ledger as lift_ledger
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
    found = lift(rows, replace(asked, control=control, treatment=treatment))
    return replace(found, bad_rows=bad.count, bad=tuple(bad.named))


def evaluate_file(log: Path, target: Path) -> Evaluated:
    """What a target policy would have earned, told from a log."""
    seen, bad = log_file.read(log, target)
    return replace(offpolicy.evaluate(seen), bad_rows=bad.count, bad=tuple(bad.named))


def evaluate_ledger(
    folder: Path,
    use_case: str,
    weights: Mapping[str, float],
    *,
    threshold: float | None = None,
    reward: str = "useful",
    decisions: bool = False,
    policy_id: str | None = None,
) -> Evaluated:
    """What a use case would have earned with other weights of its targets (or of the actions of its decisions).

    With a `threshold`: with its learned route at that one instead.
    """
    seen = trial_ledger.ledgered(folder, use_case, policy_id)
    by = retargeting.by_weights(weights)
    if threshold is not None:
        by = retargeting.by_threshold(folder, use_case, threshold)
    weighed, left_out = trial_ledger.choices(seen, by, reward, decisions=decisions)
    found = offpolicy.evaluate(weighed)
    notes = (f"{left_out:,} predictions without propensities or reward are left out",) if left_out else ()
    return replace(found, notes=(*found.notes, *notes))


def lift_document(found: Lift) -> Document:
    """An experiment for people."""
    return lift_report.lift_document(found)


def evaluated_document(found: Evaluated) -> Document:
    """An off-policy evaluation for people."""
    return evaluated_report.evaluated_document(found)
