"""An experiment read from a file: one row a prediction, which columns it may have, and which arms are compared."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from breakeven.assembly.rows_file import Bad, BadRowError, RowsFile, instant, number, open_rows, text
from breakeven.audit.lift.trial import Trial
from breakeven.errors import EvidenceError, UsageError

NUMBERS = {"cost": (0.0, np.inf), "useful": (0.0, 1.0), "converted": (0.0, 1.0), "revenue": (-np.inf, np.inf)} | {
    "covariate": (-np.inf, np.inf)
}
"""Columns that hold numbers, and between which bounds; each may be missing, and each field may be empty (not told)."""


class Rows:
    """Rows that are being gathered, with subjects, arms and segments as codes in order of appearance."""

    def __init__(self) -> None:
        self.subjects: dict[str, int] = {}
        self.arms: dict[str, int] = {}
        self.segments: dict[str, int] = {}
        self.codes = {name: array("q") for name in ("subject", "arm", "segment")}
        self.numbers = {name: array("d") for name in (*NUMBERS, "time_s")}

    def add(self, subject: str, arm: str, segment: str, numbers: dict[str, float]) -> None:
        """One prediction."""
        self.codes["subject"].append(self.subjects.setdefault(subject, len(self.subjects)))
        self.codes["arm"].append(self.arms.setdefault(arm, len(self.arms)))
        self.codes["segment"].append(self.segments.setdefault(segment, len(self.segments)) if segment else -1)
        for name, value in numbers.items():
            self.numbers[name].append(value)

    def trial(self, control: str, treatment: str) -> tuple[Trial, int]:
        """The rows of two arms, and how many belong to others."""
        arms = np.frombuffer(self.codes["arm"], dtype=np.int64) if self.codes["arm"] else np.zeros(0, dtype=np.int64)
        keep = (arms == self.arms[control]) | (arms == self.arms[treatment])
        columns = {name: np.array(values)[keep] for name, values in self.numbers.items() if len(values)}
        segments = tuple(self.segments)
        found = Trial(
            subject=np.array(self.codes["subject"], dtype=np.intp)[keep],
            arm=(arms[keep] == self.arms[treatment]).astype(np.int8),
            segment=np.array(self.codes["segment"], dtype=np.intp)[keep] if segments else np.zeros(0, dtype=np.intp),
            segments=segments,
            **columns,
        )
        return found, int((~keep).sum())


def read(path: Path) -> tuple[Rows, Bad]:
    """Every good row of a file.

    Raises:
        LedgerError: the file cannot be read, or lacks `subject` or `arm`.
        EvidenceError: bad rows leave fewer than two arms.
    """
    file, rows = open_rows(path, ("subject", "arm")), Rows()
    for line, fields in file.rows:
        try:
            _add(rows, file, fields)
        except BadRowError as error:
            file.bad.add(path, line, str(error))
    if file.bad.count and len(rows.arms) < 2:  # noqa: PLR2004 - a comparison needs two, and bad rows may be why there are not
        message = f"{path}: {file.bad.count} bad rows, and the rest is in {len(rows.arms)} arms; {file.bad.named[0]}"
        raise EvidenceError(message, "correct the rows, or export them again")
    return rows, file.bad


def _add(rows: Rows, file: RowsFile, fields: Sequence[object]) -> None:
    numbers = {
        name: number(fields[place], name, low=low, high=high)
        for name, (low, high) in NUMBERS.items()
        if (place := file.place(name)) is not None
    }
    at, time = file.place("segment"), file.place("time")
    if time is not None:
        numbers["time_s"] = instant(fields[time])
    subject, arm = (text(fields[file.columns.index(name)], name) for name in ("subject", "arm"))
    rows.add(subject, arm, "" if at is None or fields[at] is None else str(fields[at]).strip(), numbers)


def arms_of(known: Sequence[str], control: str, treatment: str) -> tuple[str, str]:
    """Which arm is held against which: those stated, else `control` (or the first by name) and the only other.

    Raises:
        UsageError: there is no such arm, or it is not clear which are meant.
    """
    found = sorted(known)
    for option, name in (("--control", control), ("--treatment", treatment)):
        if name and name not in found:
            message = f"{option} {name}: no row is in that arm; the arms are {', '.join(found) or 'none'}"
            raise UsageError(message, "name one of them")
    base = control or ("control" if "control" in found else next((one for one in found if one != treatment), ""))
    others = [one for one in found if one != base]
    chosen = treatment or (others[0] if len(others) == 1 else "")
    if not base or not chosen or base == chosen:
        message = f"two arms are compared; there are {len(found)}: {', '.join(found) or 'none'}"
        way_out = (
            "name two with --control and --treatment" if len(found) > 1 else "give rows of a control and a treatment"
        )
        raise UsageError(message, way_out)
    return base, chosen
