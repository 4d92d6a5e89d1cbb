"""Experiments and off-policy evaluations, from files or from the ledger."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from breakeven.assembly import log_file, trial_file
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
    trial, others = rows.trial(control, treatment)
    found = judge.lift(trial, replace(asked, control=control, treatment=treatment))
    notes = (f"{others:,} rows of other arms are left out",) if others else ()
    return replace(found, bad_rows=bad.count, bad=tuple(bad.named), notes=(*found.notes, *notes))


def evaluate_file(log: Path, target: Path) -> Evaluated:
    """What a target policy would have earned, told from a log."""
    seen, bad = log_file.read(log, target)
    return replace(offpolicy.evaluate(seen), bad_rows=bad.count, bad=tuple(bad.named))


def lift_document(found: Lift) -> Document:
    """An experiment for people."""
    return lift_report.lift_document(found)


def evaluated_document(found: Evaluated) -> Document:
    """An off-policy evaluation for people."""
    return evaluated_report.evaluated_document(found)
