"""Ready to decide? The checklist of every use case, from the policy and the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from breakeven.assembly import files, project, readying
from breakeven.audit.readiness.judge import premature
from breakeven.errors import GateError, UsageError
from breakeven.report.document import Document
from breakeven.report.plain import JsonObject, noun_json
from breakeven.report.readiness import readiness_document
from breakeven.schema.readiness import Readiness


def look(config: Path, data_dir: str | None = None, use_case: str | None = None) -> Readiness:
    """The checklist as it can be answered now; of all use cases it is kept for the console.

    Raises:
        UsageError: the policy has no such use case.
    """
    loaded = project.load(config)
    known = [case.name for case in loaded.policy_file.use_cases]
    if use_case is not None and use_case not in known:
        message = f"the policy has no use case {use_case}; there are {', '.join(known)}"
        raise UsageError(message, "name one of these")
    folder = Path(data_dir) if data_dir else loaded.data_dir
    found = readying.readiness(loaded, folder, use_case)
    if use_case is None and folder.exists():
        files.keep_readiness(found, folder)
    return found


def document(found: Readiness) -> Document:
    """The checklist for people."""
    return readiness_document(found, premature(found))


def plain(found: Readiness) -> JsonObject:
    """What `readiness --json` prints; `instrument_first` is in order."""
    first: Sequence[str] = premature(found)
    cases = [{**noun_json(case), "ready": case.ready} for case in found.cases]
    return {"ready": found.ready, "policy_id": found.policy_id, "use_cases": [*cases], "instrument_first": [*first]}


def gate(found: Readiness) -> None:
    """Refuse a decision that would be premature.

    Raises:
        GateError: a question is open.
    """
    if not found.ready:
        first = premature(found)
        message = f"{len(first)} things to instrument before a decision; first: {first[0]}"
        raise GateError(message, "`breakeven readiness` lists all of them")
