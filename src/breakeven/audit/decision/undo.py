"""What a rollback takes back: the latest decisions that changed files, and what the files were before them."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.errors import EvidenceError, UsageError
from breakeven.schema.decision import Decision, FileChange
from breakeven.schema.noun import Noun

CHANGING = frozenset({"apply", "stage"})


class Undoing(Noun, frozen=True, kw_only=True):
    """The decisions to take back, latest first, and each file as it must be now and will be then."""

    decisions: tuple[Decision, ...]
    files: tuple[FileChange, ...]


def in_force(entries: Sequence[Decision]) -> tuple[Decision, ...]:
    """The decisions that changed files and were not taken back, oldest first."""
    gone = {name for entry in entries for name in entry.undoes.split()}
    return tuple(entry for entry in entries if entry.kind in CHANGING and entry.id not in gone)


def undoing(entries: Sequence[Decision], decision_id: str | None = None) -> Undoing:
    """What taking back the last decision (or all since and with `decision_id`) restores.

    Raises:
        EvidenceError: nothing is there to take back.
        UsageError: that decision is not in force.
    """
    standing = in_force(entries)
    if not standing:
        message = "no applied decision is in force"
        raise EvidenceError(message, "`breakeven decisions` lists what was decided")
    wanted = decision_id or standing[-1].id
    position = next((at for at, entry in enumerate(standing) if entry.id == wanted), None)
    if position is None:
        message = f"{wanted} is not in force; in force are {', '.join(entry.id for entry in standing)}"
        raise UsageError(message, "take back one of these")
    taken = standing[position:]
    return Undoing(decisions=tuple(reversed(taken)), files=_joined(taken))


def _joined(taken: Sequence[Decision]) -> tuple[FileChange, ...]:
    """Per file: what the latest of them made of it, and what it was before the first that touched it."""
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for change in (change for entry in taken for change in entry.files):
        first.setdefault(change.path, change.before_sha256)
        last[change.path] = change.after_sha256
    return tuple(FileChange(path=path, before_sha256=first[path], after_sha256=last[path]) for path in sorted(first))
